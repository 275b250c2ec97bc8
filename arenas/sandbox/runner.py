"""Runs test suites and commands of a tree behind walls."""

from __future__ import annotations

import contextlib
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

from arenas.sandbox.limits import Limits
from arenas.sandbox.results import CommandRun, ExitReason, Outcome, TestRun
from arenas.sandbox.tree import Tree
from arenas.sandbox.walls import TooWeak, walls


class SandboxError(RuntimeError):
    """The sandbox itself failed, not what it ran; the message says how."""


class Runner:
    """Owns workers that run tests and commands of trees; used as a context manager.

    Calls may come from several threads; each takes a worker of its own and waits for one while all
    are busy.

    Args:
        limits: Bounds of each run, unless a call brings its own.
        python_path: Directories of the tree that stand on `sys.path`, first to last.
        packages: Installed distributions, besides pytest and what it needs, that tests may
            import (`("hypothesis",)`). No others are there inside, least of all the project's own
            installed copy.
        options: More arguments for pytest, such as `("-o", "xfail_strict=true")`. Configuration
            files of the tree are not read.
        workers: Workers that are kept; by default one a processor.
        allow_weak: Run even where the machine lacks a wall of the minimum.

    Raises:
        TooWeak: it lacks one, and `allow_weak` is not set.
    """

    def __init__(
        self,
        *,
        limits: Limits | None = None,
        python_path: Sequence[str] = (".",),
        packages: Sequence[str] = (),
        options: Sequence[str] = (),
        workers: int | None = None,
        allow_weak: bool = False,
    ) -> None:
        self.limits = limits or Limits()
        self.python_path = tuple(python_path)
        self.packages = tuple(packages)
        self.options = tuple(options)
        self.workers = workers or os.cpu_count() or 1
        self.report = walls()
        if not self.report.enough and not allow_weak:
            raise TooWeak(f"this machine lacks: {', '.join(self.report.missing)}")

    def __enter__(self) -> Runner:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Ends the workers; nothing of them is left. May be called twice."""

    def run_tests(
        self,
        tree: Tree,
        test_files: Sequence[str],
        *,
        select: Sequence[str] | None = None,
        limits: Limits | None = None,
        seed: int = 0,
    ) -> TestRun:
        """Runs test files of a tree and reports each test.

        Args:
            tree: The project; it is written afresh for the run, so there is no stale bytecode.
            test_files: Paths in the tree, in the order of running.
            select: Ids of tests to run; None runs all. Ids that are not found are `missing`.
            limits: Bounds of this run.
            seed: Hash seed (`PYTHONHASHSEED`) and the seed of `random` before each test.

        Raises:
            ValueError: a test file is not in the tree.
            SandboxError: the sandbox failed.
        """
        _check_files(tree, test_files)
        with tempfile.TemporaryDirectory() as folder:
            root = Path(folder, "tree")
            tree.write(root)
            plugin = Path(folder, "plugin")
            plugin.mkdir()
            (plugin / "thin_reporter.py").write_text(_REPORTER)
            results = Path(folder, "results")
            argv = [sys.executable, "-m", "pytest", "-q", "-p", "thin_reporter"]
            argv += ["-p", "no:cacheprovider", "-c", os.devnull, "--rootdir", str(root)]
            argv += [*self.options, *test_files]
            env = {"PYTHONPATH": os.pathsep.join([str(plugin), *self._paths(root)])}
            code, output, reason, wall, cpu = self._spawn(
                argv, root, limits or self.limits, {**env, "RESULTS": str(results)}, seed
            )
            outcomes: dict[str, Outcome] = {}
            durations: dict[str, float] = {}
            messages: dict[str, str] = {}
            if results.exists():
                for line in results.read_text().splitlines():
                    test, outcome, duration, message = json.loads(line)
                    if select is None or test in select:
                        outcomes[test], durations[test] = outcome, duration
                        if message:
                            messages[test] = message
            for test in select or ():
                outcomes.setdefault(test, "missing")
            if reason == "ok" and code not in (0, 1):
                reason = "exited"
        return TestRun(outcomes, durations, messages, reason, "", output, wall, cpu)

    def run_command(
        self,
        tree: Tree,
        argv: Sequence[str],
        *,
        limits: Limits | None = None,
        seed: int = 0,
        stdin: bytes = b"",
    ) -> CommandRun:
        """Runs a command in the root of a tree; what it writes is gone afterwards.

        `argv[0]` is looked up in `/usr/bin` and `/bin`; `python` is this interpreter.

        Raises:
            SandboxError: the sandbox failed.
        """
        argv = [sys.executable if argv[0] == "python" else argv[0], *argv[1:]]
        with tempfile.TemporaryDirectory() as folder:
            tree.write(folder)
            env = {"PYTHONPATH": os.pathsep.join(self._paths(Path(folder)))}
            code, output, reason, wall, cpu = self._spawn(
                argv, Path(folder), limits or self.limits, env, seed, stdin
            )
        return CommandRun(code if reason == "ok" else None, output, reason, "", wall, cpu)

    def _paths(self, root: Path) -> list[str]:
        return [os.path.normpath(root / path) for path in self.python_path]

    def _spawn(
        self,
        argv: Sequence[str],
        folder: Path,
        limits: Limits,
        env: Mapping[str, str],
        seed: int,
        stdin: bytes = b"",
    ) -> tuple[int | None, str, ExitReason, float, float]:
        began = time.monotonic()
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        env = {
            "PATH": "/usr/bin:/bin",
            "PYTHONHASHSEED": str(seed % 2**32),
            "PYTHONDONTWRITEBYTECODE": "1",
            "LC_ALL": "C.UTF-8",
            "TZ": "UTC",
            **env,
        }
        reason: ExitReason = "ok"
        code: int | None = None
        with subprocess.Popen(
            argv,
            cwd=folder,
            env=env,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=_bounds(limits),
        ) as process:
            try:
                output, _ = process.communicate(stdin, limits.wall_s)
                code = process.returncode
            except subprocess.TimeoutExpired:
                reason = "timeout"
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, 9)
                output, _ = process.communicate()
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        text = output.decode(errors="replace")[-limits.output_bytes :]
        return code, text, reason, time.monotonic() - began, cpu


def _check_files(tree: Tree, test_files: Sequence[str]) -> None:
    missing = [path for path in test_files if path not in tree]
    if missing or not test_files:
        raise ValueError(
            f"no such test files in the tree: {missing}" if missing else "no test files"
        )


def _bounds(limits: Limits) -> Callable[[], Any]:
    def set_limits() -> None:
        resource.setrlimit(resource.RLIMIT_AS, (limits.memory_bytes,) * 2)
        resource.setrlimit(resource.RLIMIT_CPU, (int(limits.cpu_s) + 1,) * 2)
        resource.setrlimit(resource.RLIMIT_FSIZE, (limits.file_bytes,) * 2)
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))

    return set_limits


_REPORTER = """
import json, os

def pytest_runtest_logreport(report):
    if report.when == "call" or (report.when == "setup" and not report.passed):
        outcome = report.outcome
        if report.when == "setup" and outcome == "failed":
            outcome = "error"
        with open(os.environ["RESULTS"], "a") as file:
            row = [report.nodeid, outcome, report.duration, report.longreprtext[-2000:]]
            file.write(json.dumps(row) + "\\n")

def pytest_collectreport(report):
    if report.failed:
        with open(os.environ["RESULTS"], "a") as file:
            row = [report.nodeid, "error", 0.0, report.longreprtext[-2000:]]
            file.write(json.dumps(row) + "\\n")
"""
