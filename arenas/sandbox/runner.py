"""Runs test suites and commands of a tree behind walls."""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import TracebackType
from typing import TYPE_CHECKING, Any

from arenas.sandbox.inside.suite import OUT_OF_MEMORY
from arenas.sandbox.limits import Limits
from arenas.sandbox.machine import interpreter, make_plan
from arenas.sandbox.results import CommandRun, ExitReason, Outcome, TestRun
from arenas.sandbox.tree import Tree
from arenas.sandbox.walls import Level, TooWeak, walls
from arenas.sandbox.worker import RawRun, Worker, WorkerError

if TYPE_CHECKING:
    from arenas.sandbox.inside.house import Plan


class SandboxError(RuntimeError):
    """The sandbox itself failed, not what it ran; the message says how."""


@dataclass(frozen=True)
class Report:
    """What the tested process said of one test: `variant` is the version of its file, from 0."""

    variant: int
    test: str
    outcome: Outcome
    seconds: float
    message: str


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
        level: Which walls to use: `namespaces`, `landlock` or `limits`, see `walls`; by default
            the strongest that stands.

    Raises:
        ValueError: there is no such level, or a package is not installed.
        TooWeak: it lacks one, and `allow_weak` is not set.
        SandboxError: this is not Linux.
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
        level: Level | None = None,
    ) -> None:
        self.limits = limits or Limits()
        self.python_path = tuple(python_path)
        self.packages = tuple(packages)
        self.options = tuple(options)
        self.workers = workers or os.cpu_count() or 1
        if sys.platform != "linux":
            raise SandboxError("the sandbox needs Linux: its walls are the kernel's")
        report = walls()
        self.level: Level = level or report.level
        missing = report.missing_at(self.level)
        if missing and not allow_weak:
            raise TooWeak(
                f"hostile code needs what is not here ({', '.join(missing)}); see `arenas sandbox "
                "doctor`, or set allow_weak=True for code that you trust"
            )
        self._plan = make_plan(self.level, self.packages, self.options)
        self._names = _names_inside(self._plan)
        self._free = threading.Condition()
        self._idle: list[Worker] = []
        self._busy = 0
        self._closed = False

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
        with self._free:
            self._closed = True
            while self._idle:
                self._idle.pop().close()

    def run_tests(
        self,
        tree: Tree,
        test_files: Sequence[str],
        *,
        select: Sequence[str] | None = None,
        limits: Limits | None = None,
        seed: int = 0,
        explain: bool = True,
    ) -> TestRun:
        """Runs test files of a tree and reports each test.

        Args:
            tree: The project; it is written afresh for the run, so there is no stale bytecode.
            test_files: Paths in the tree, in the order of running.
            select: Ids of tests to run; None runs all. Ids that are not found are `missing`.
            limits: Bounds of this run.
            seed: Hash seed (`PYTHONHASHSEED`) and the seed of `random` before each test.
            explain: Say in `messages` why tests fail, with the values that an assertion saw. That
                rewrites the test files, which takes half as long as to run them.

        Raises:
            ValueError: a test file is not in the tree.
            SandboxError: the sandbox failed.
        """
        missing = [path for path in test_files if path not in tree]
        if missing or not test_files:
            raise ValueError(f"not in the tree: {missing}" if missing else "no test files")
        run, reports = self.run_given(
            tree, test_files, {}, select=select, limits=limits, seed=seed, explain=explain
        )
        outcomes: dict[str, Outcome] = {}
        durations: dict[str, float] = {}
        messages: dict[str, str] = {}
        for report in reports:
            outcomes[report.test], durations[report.test] = report.outcome, report.seconds
            if report.message:
                messages[report.test] = report.message
        for test in select or ():
            outcomes.setdefault(test, "missing")
        return replace(run, outcomes=outcomes, durations=durations, messages=messages)

    def run_given(
        self,
        tree: Tree,
        test_files: Sequence[str],
        given: Mapping[str, Sequence[bytes]],
        *,
        select: Sequence[str] | None = None,
        limits: Limits | None = None,
        seed: int = 0,
        explain: bool = False,
    ) -> tuple[TestRun, list[Report]]:
        """Runs test files, some of which are given as code, and returns each report as it came.

        This is what `grade` stands on.

        Args:
            tree: As in `run_tests`.
            test_files: As in `run_tests`.
            given: Versions of test modules, as marshalled code, by path. All versions of a file
                are run, and reports name which one they come from.
            select: As in `run_tests`.
            limits: As in `run_tests`.
            seed: As in `run_tests`.
            explain: As in `run_tests`.

        Returns:
            The run without outcomes, and the reports.
        """
        shadowed = sorted(self._names & _top_level(tree, self.python_path))
        if shadowed:
            detail = (
                f"the tree has modules of its own named {', '.join(shadowed)}, which are loaded"
            )
            return TestRun({}, reason="refused", detail=f"{detail} from elsewhere"), []
        head = {"tests": list(test_files), "select": None if select is None else list(select)}
        raw = self._do(tree, head, given, b"", limits, seed, explain=explain)
        reports, complete, wall = _read_reports(raw.results)
        if wall:
            raise SandboxError(f"the walls could not be put up: {wall}")
        reason, detail = _how_it_ended(raw, limits or self.limits)
        if reason == "ok" and not complete:
            reason = "exited"
            detail = f"the process ended with status {os.waitstatus_to_exitcode(raw.status)}"
        run = TestRun(
            {}, reason=reason, detail=detail, output=raw.output, wall_s=raw.wall_s, cpu_s=raw.cpu_s
        )
        return run, reports

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

        `argv[0]` is looked up in `/usr/bin` and `/bin`; `python` is this interpreter. With
        `Limits(processes=1)` it is a program that starts no others: not a shell.

        Raises:
            SandboxError: the sandbox failed.
        """
        if not argv:
            raise ValueError("a command has at least a name")
        program = interpreter() if argv[0] == "python" else argv[0]
        head = {"command": [program, *argv[1:]]}
        raw = self._do(tree, head, {}, stdin, limits, seed)
        _, _, wall = _read_reports(raw.results)
        if wall:
            raise SandboxError(f"the walls could not be put up: {wall}")
        reason, detail = _how_it_ended(raw, limits or self.limits)
        code = os.waitstatus_to_exitcode(raw.status)
        if reason == "killed":
            reason = "ok"
        return CommandRun(
            code if reason == "ok" else None, raw.output, reason, detail, raw.wall_s, raw.cpu_s
        )

    def _do(
        self,
        tree: Tree,
        head: Mapping[str, Any],
        given: Mapping[str, Sequence[bytes]],
        stdin: bytes,
        limits: Limits | None,
        seed: int,
        *,
        explain: bool = False,
    ) -> RawRun:
        blobs: list[bytes] = [*tree.values()]
        whole = {
            "command": None,
            "tests": [],
            "select": None,
            "explain": explain,
            "seed": seed,
            "python_path": self.python_path,
            "files": [(path, len(data)) for path, data in tree.items()],
            "given": [(path, [len(code) for code in codes]) for path, codes in given.items()],
            "stdin": len(stdin),
            **head,
        }
        blobs += [code for codes in given.values() for code in codes]
        job = b"".join([json.dumps(whole).encode(), b"\n", *blobs, stdin])
        worker = self._take(seed % 2**32)
        try:
            run = worker.run(job, limits or self.limits)
        except BaseException as error:
            worker.close()
            self._give_back(None)
            if isinstance(error, WorkerError):
                raise SandboxError(str(error)) from None
            raise
        self._give_back(worker)
        return run

    def _take(self, hash_seed: int) -> Worker:
        """A worker with this hash seed: an idle one, or a new one in place of another's."""
        with self._free:
            self._free.wait_for(lambda: self._closed or self._busy < self.workers)
            if self._closed:
                raise SandboxError("the runner is closed")
            self._busy += 1
            for worker in reversed(self._idle):
                if worker.hash_seed == hash_seed:
                    self._idle.remove(worker)
                    return worker
            spare = self._idle.pop(0) if len(self._idle) + self._busy > self.workers else None
        try:
            if spare:
                spare.close()
            return Worker(self._plan, hash_seed)
        except BaseException as error:
            self._give_back(None)
            if isinstance(error, WorkerError):
                raise SandboxError(str(error)) from None
            raise

    def _give_back(self, worker: Worker | None) -> None:
        with self._free:
            self._busy -= 1
            if worker:
                if self._closed:
                    worker.close()
                else:
                    self._idle.append(worker)
            self._free.notify()


def _names_inside(plan: Plan) -> frozenset[str]:
    """Top-level modules that a tree cannot replace."""
    site = {name.partition(".")[0] for name in plan["site"] if "-" not in name}
    return frozenset(site | sys.stdlib_module_names)


def _top_level(tree: Tree, python_path: Sequence[str]) -> frozenset[str]:
    names: set[str] = set()
    for folder in python_path:
        prefix = "" if folder in ("", ".") else f"{folder.strip('/')}/"
        for path in tree:
            if path.startswith(prefix):
                name, _, rest = path[len(prefix) :].partition("/")
                if rest.endswith(".py") and f"{prefix}{name}/__init__.py" in tree:
                    names.add(name)
                elif not rest and name.endswith((".py", ".so")):
                    names.add(name.partition(".")[0])
    return frozenset(names)


def _read_reports(results: bytes) -> tuple[list[Report], bool, str]:
    """The reports, whether the end was reached, and a wall that fell.

    Tested code may have written anything, so what is not a report is an end that was not reached.
    """
    reports: list[Report] = []
    for line in results.split(b"\n"):
        if not line:
            continue
        try:
            kind, *words = json.loads(line)
            if kind == "wall":
                return [], False, str(words[0])
            if kind == "end":
                return reports, words == [0], ""
            variant, test, outcome, seconds, message = words
            if outcome not in ("passed", "failed", "error", "skipped"):
                raise ValueError(outcome)
            reports.append(Report(int(variant), str(test), outcome, float(seconds), str(message)))
        except (ValueError, TypeError, RecursionError):
            return reports, False, ""
    return reports, False, ""


def _how_it_ended(raw: RawRun, limits: Limits) -> tuple[ExitReason, str]:
    code = os.waitstatus_to_exitcode(raw.status)
    if raw.reason == "timeout":
        return "timeout", f"not done after {raw.wall_s:.1f} s"
    if raw.reason == "output":
        return "output", "more output than a run may write"
    if code == OUT_OF_MEMORY:
        return "memory", "no memory was left"
    if code == -signal.SIGXCPU or (code == -signal.SIGKILL and raw.cpu_s >= limits.cpu_s):
        return "timeout", f"more than {limits.cpu_s} s of processor time"
    if code < 0:
        return "killed", f"ended by {signal.Signals(-code).name}"
    return "ok", ""
