"""Runs the tests of projects and remembers what came of them.

A test run depends on the tree, the test files and the hash seed alone, so each is made once and
kept. Nothing here decides a reward but `grade`, which is the sandbox's; the other runs say what
tests report, which is enough to check an artifact whose author gains nothing by a false report
that `grade` would not find.
"""

from __future__ import annotations

import json
import os
import threading
import weakref
from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from arenas.games.bug_repair.project import Project
from arenas.sandbox import (
    CommandRun,
    Limits,
    Policy,
    Runner,
    SandboxError,
    Suite,
    TestRun,
    Tree,
    Verdict,
    admit,
    grade,
)

T = TypeVar("T")

LIMITS = Limits(wall_s=60.0, cpu_s=4.0)
"""Of one run. Processor time decides; what the clock stops is run again under `PATIENT`."""

PATIENT = replace(LIMITS, wall_s=600.0)
"""Of a run that a loaded machine has kept waiting, so that it comes to the same verdicts."""

POLICY = Policy()
"""What a repair may change: at most 8 Python files, 400 lines, and no new means of reaching into
the interpreter."""

SCRIPT_LIMITS = Limits(wall_s=600.0, cpu_s=30.0, output_bytes=1 << 20)
"""Of an artifact's own script and parser, which start cold."""

KEPT = 4_096
"""Runs, grades and coverages that are remembered, each."""

_COVER = """
import json, os, sys
sys.path[:0] = json.loads(sys.argv[1])
import pytest
root = os.getcwd() + os.sep
seen, now = {}, None
def line(frame, event, argument):
    if event == "line":
        now.add((frame.f_code.co_filename[len(root):], frame.f_lineno))
    return line
def call(frame, event, argument):
    name = frame.f_code.co_filename
    if now is None or not name.startswith(root) or name[len(root):] in tests:
        return None
    now.add((name[len(root):], frame.f_lineno))
    return line
class Cover:
    @pytest.hookimpl(hookwrapper=True)
    def pytest_runtest_protocol(self, item):
        global now
        now = seen.setdefault(item.nodeid, set())
        sys.settrace(call)
        yield
        sys.settrace(None)
tests = json.loads(sys.argv[2])
out = os.dup(1)
os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
plain = ["-q", "-p", "no:cacheprovider", "-c", "/dev/null", "--rootdir", root]
pytest.main([*plain, *tests], plugins=[Cover()])
files = sorted({file for lines in seen.values() for file, _ in lines})
places = {file: number for number, file in enumerate(files)}
found = {test: sorted([places[f], n] for f, n in lines) for test, lines in seen.items()}
with os.fdopen(out, "w") as file:
    json.dump([files, found], file)
"""
"""Runs tests with a trace function and prints which lines of the tree each test reaches."""


Coverage = Mapping[str, frozenset[tuple[str, int]]]
"""The lines (file, number from 1) that each test reaches, by test id."""


class _Memory:
    """Values by key, the ones used last; made once, also when several threads ask."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._values: OrderedDict[Hashable, Any] = OrderedDict()
        self._lock = threading.Lock()
        self._making: dict[Hashable, threading.Lock] = {}

    def get(self, key: Hashable, make: Callable[[], T]) -> T:
        with self._lock:
            if key in self._values:
                self._values.move_to_end(key)
                return self._values[key]  # type: ignore[no-any-return]
            making = self._making.setdefault(key, threading.Lock())
        with making:
            with self._lock:
                if key in self._values:
                    return self._values[key]  # type: ignore[no-any-return]
            value = make()
            with self._lock:
                self._values[key] = value
                self._making.pop(key, None)
                while len(self._values) > self._most:
                    self._values.popitem(last=False)
        return value


_SUITES = _Memory(256)
"""Admitted suites of this process. A project is the same for every game, and admission is dear."""


@dataclass
class Spent:
    """What a workbench has done so far: runs of tests or commands, and their processor seconds."""

    runs: int = 0
    cpu_s: float = 0.0


class Workbench:
    """Sandboxed runners, opened when first needed and closed by `close`, and a memory of runs.

    Args:
        workers: warm workers of each runner; by default two a processor.
        allow_weak: run even where the machine lacks walls, see `arenas.sandbox.walls`.
    """

    def __init__(self, workers: int | None = None, allow_weak: bool = False) -> None:
        self._workers = workers or 2 * (os.cpu_count() or 1)
        self._allow_weak = allow_weak
        self._runners: dict[tuple[tuple[str, ...], tuple[str, ...], int], Runner] = {}
        self._opening = threading.Lock()
        self._runs = _Memory(KEPT)
        self._commands = _Memory(256)
        self._grades = _Memory(KEPT)
        self._covers = _Memory(256)
        self.spent = Spent()
        # Whoever forgets to close a game leaves no processes behind.
        weakref.finalize(self, _close, self._runners)

    def runner(self, project: Project, seed: int = 0) -> Runner:
        """The runner of a project's kind. Other hash seeds have one of their own.

        A worker has one hash seed for life, so that seeds in turn would cost a new one each time.

        Raises:
            TooWeak: the machine lacks a wall.
        """
        key = (project.python_path, project.packages, seed)
        with self._opening:
            if key not in self._runners:
                self._runners[key] = Runner(
                    limits=LIMITS,
                    python_path=project.python_path,
                    packages=project.packages,
                    workers=1 if seed else self._workers,
                    allow_weak=self._allow_weak,
                )
            return self._runners[key]

    def close(self) -> None:
        """Ends the workers; what is remembered stays."""
        with self._opening:
            _close(self._runners)

    def suite(self, project: Project) -> Suite:
        """The project's tests as admitted: run several times, without those that are not steady.

        Raises:
            ValueError: the suite does not run.
        """
        key = (project.tree.hash, project.test_files, project.python_path, project.packages)
        return _SUITES.get(key, lambda: self._admit(project))

    def _admit(self, project: Project) -> Suite:
        self.spent.runs += 5
        return admit(self.runner(project), project.tree, project.test_files, limits=PATIENT)

    def run(
        self, project: Project, tree: Tree, test_files: tuple[str, ...], seed: int = 0
    ) -> TestRun:
        """What the tests of a tree report; files that the tree lacks are left out."""
        there = tuple(path for path in test_files if path in tree)
        key = (tree.hash, there, project.python_path, project.packages, seed)
        return self._runs.get(key, lambda: self._run(project, tree, there, seed))

    def _run(self, project: Project, tree: Tree, there: tuple[str, ...], seed: int) -> TestRun:
        if not there:
            return TestRun({}, detail="there are no test files")
        runner = self.runner(project, seed)
        run = _insist(lambda: runner.run_tests(tree, there, seed=seed))
        if _starved(run):
            run = _insist(lambda: runner.run_tests(tree, there, seed=seed, limits=PATIENT))
        self._count(run.cpu_s)
        return run

    def command(
        self,
        project: Project,
        tree: Tree,
        argv: Sequence[str],
        stdin: bytes = b"",
        number: int = 0,
    ) -> CommandRun:
        """A command's run in a tree; `number` tells runs apart that are to be made anew."""
        key = (tree.hash, tuple(argv), stdin, number, project.python_path, project.packages)
        return self._commands.get(key, lambda: self._command(project, tree, argv, stdin))

    def _command(
        self, project: Project, tree: Tree, argv: Sequence[str], stdin: bytes
    ) -> CommandRun:
        run = _insist(
            lambda: self.runner(project).run_command(tree, argv, limits=SCRIPT_LIMITS, stdin=stdin)
        )
        self._count(run.cpu_s)
        return run

    def grade(self, project: Project, base: Tree, candidate: Tree) -> Verdict:
        """Whether a candidate, made from `base`, passes the project's own tests."""
        key = (project.name, project.tree.hash, base.hash, candidate.hash)
        return self._grades.get(key, lambda: self._grade(project, base, candidate))

    def _grade(self, project: Project, base: Tree, candidate: Tree) -> Verdict:
        suite = self.suite(project)
        verdict = self._graded(project, suite, base, candidate, LIMITS)
        if _starved(verdict.run):
            verdict = self._graded(project, suite, base, candidate, PATIENT)
        if verdict.run:
            self._count(verdict.run.cpu_s * (1 + verdict.passed))
        return verdict

    def _graded(
        self, project: Project, suite: Suite, base: Tree, candidate: Tree, limits: Limits
    ) -> Verdict:
        return _insist(
            lambda: grade(
                self.runner(project),
                suite,
                base=base,
                candidate=candidate,
                policy=POLICY,
                limits=limits,
            )
        )

    def coverage(self, project: Project, tree: Tree, test_files: tuple[str, ...]) -> Coverage:
        """The lines that each test reaches; empty where the tests do not run to their end.

        It guides players and counts for nothing.
        """
        there = tuple(path for path in test_files if path in tree)
        key = (tree.hash, there, project.python_path, project.packages)
        return self._covers.get(key, lambda: self._cover(project, tree, there))

    def _cover(self, project: Project, tree: Tree, there: tuple[str, ...]) -> Coverage:
        limits = Limits(wall_s=600.0, cpu_s=20.0, output_bytes=8 << 20, output_max_bytes=16 << 20)
        arguments = (json.dumps(project.python_path), json.dumps(there))
        argv = ["python", "-c", _COVER, *arguments]
        run = _insist(lambda: self.runner(project).run_command(tree, argv, limits=limits))
        self._count(run.cpu_s)
        try:
            files, found = json.loads(run.output)
            return {
                str(test): frozenset((str(files[place]), int(line)) for place, line in lines)
                for test, lines in found.items()
            }
        except (ValueError, TypeError, AttributeError, IndexError):
            return {}

    def _count(self, cpu_s: float) -> None:
        with self._opening:
            self.spent.runs += 1
            self.spent.cpu_s += cpu_s


def _starved(run: TestRun | None) -> bool:
    """Whether the clock ended a run that had used little processor time."""
    return run is not None and run.reason == "timeout" and run.cpu_s < LIMITS.cpu_s / 2


def _insist(run: Callable[[], T]) -> T:
    """What a run gives; made again if the sandbox itself fails, as on a machine out of breath."""
    for _ in range(2):
        try:
            return run()
        except SandboxError:
            continue
    return run()


def _close(runners: dict[Any, Runner]) -> None:
    while runners:
        runners.popitem()[1].close()


def suspicion(coverage: Coverage, failing: frozenset[str]) -> dict[tuple[str, int], float]:
    """Ochiai's suspicion of each line: f / sqrt(F (f + p)), from 0 to 1.

    f and p count the failing and passing tests that reach the line, F all failing tests (Abreu,
    Zoeteweij and van Gemund, PRDC 2006).
    """
    failed: dict[tuple[str, int], int] = {}
    reached: dict[tuple[str, int], int] = {}
    for test, lines in coverage.items():
        for line in lines:
            reached[line] = reached.get(line, 0) + 1
            if test in failing:
                failed[line] = failed.get(line, 0) + 1
    total = sum(test in failing for test in coverage)
    if not total:
        return {}
    return {line: count / (total * reached[line]) ** 0.5 for line, count in failed.items()}
