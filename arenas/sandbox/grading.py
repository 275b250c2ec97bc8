"""Decides whether a candidate passes a suite, against an author who wants to be paid for less.

The candidate's code runs in the process that reports on it, so no report is believed for itself.

1. What the candidate changed is looked at: only allowed files, of bounded size, none that decides
   how tests are run, and (`lint`) no new means of reaching into the interpreter. Else `refused`.
2. The test files and everything else of the suite are put back, and the tests are run blind: see
   `twins`. A report that honest code cannot make is `forged`: a twin that passes along with its
   test, a canary that should have failed, a test reported twice or where it is not.
3. Every test of the suite has to pass, in a run that came to its end.
4. A pass is confirmed by further runs with fresh coins.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Literal

from arenas.sandbox.admission import Suite, decides_runs
from arenas.sandbox.blind import Blinding, blind_run
from arenas.sandbox.limits import Limits
from arenas.sandbox.lint import new_means
from arenas.sandbox.results import Outcome, TestRun
from arenas.sandbox.runner import Runner
from arenas.sandbox.tree import Tree

Status = Literal["passed", "failed", "refused", "forged", "stopped"]
"""`passed`: every test of the suite passed. `failed`: one did not. `refused`: the candidate changes
what it may not; nothing was run. `forged`: the run claims what cannot be. `stopped`: a limit ended
the run, or it ended itself; `Verdict.run.reason` has it."""


@dataclass(frozen=True)
class Policy:
    """What a candidate may change.

    Attributes:
        allow: Patterns (`fnmatch`, where `*` also spans `/`) of paths that may differ.
        max_files: Files that may differ.
        max_lines: Lines that may be added and removed, together.
        max_bytes: Size of any changed file.
        lint: Refuse new ways of reaching into the interpreter; see `lint`.
    """

    allow: tuple[str, ...] = ("*.py",)
    max_files: int = 8
    max_lines: int = 400
    max_bytes: int = 256 * 1024
    lint: bool = True

    def refuse(self, suite: Suite, base: Tree, candidate: Tree) -> str:
        """Why the changes from `base` to `candidate` are refused; empty where they are not.

        Protected files may be changed: they are put back, so nothing comes of it.
        """
        changed = [path for path in base.changed(candidate) if not _put_back(suite, path)]
        if len(changed) > self.max_files:
            return f"{len(changed)} files are changed; at most {self.max_files} may be"
        lines = 0
        for path in changed:
            if decides_runs(path):
                return f"{path} decides how tests are run"
            if not any(fnmatchcase(path, pattern) for pattern in self.allow):
                return f"{path} is not among the files that may be changed: {', '.join(self.allow)}"
            data = candidate.get(path, b"")
            if len(data) > self.max_bytes:
                return f"{path} has {len(data)} bytes; at most {self.max_bytes} may be"
            lines += _lines_changed(base.get(path, b""), data)
            if lines > self.max_lines:
                return f"more than {self.max_lines} lines are changed"
            if self.lint and path.endswith(".py"):
                before = [tree[path] for tree in (base, suite.tree) if path in tree]
                try:
                    means = new_means(before, data)
                except SyntaxError:
                    continue  # it will not import, and the tests will say so
                if means:
                    return f"{path} newly {'; '.join(means[:3])}"
        return ""


@dataclass(frozen=True)
class Verdict:
    """A grade.

    Attributes:
        status: What was decided.
        reason: Why, in words.
        outcomes: Outcome of each test of the suite; empty where nothing was run.
        run: The run that was decided from.
    """

    status: Status
    reason: str
    outcomes: Mapping[str, Outcome] = field(default_factory=dict)
    run: TestRun | None = None

    @property
    def passed(self) -> bool:
        """Whether the candidate passes."""
        return self.status == "passed"


def grade(
    runner: Runner,
    suite: Suite,
    *,
    base: Tree,
    candidate: Tree,
    policy: Policy | None = None,
    select: Collection[str] | None = None,
    limits: Limits | None = None,
    seed: int = 0,
    confirm: int = 1,
) -> Verdict:
    """Grades a candidate.

    Args:
        runner: Runs the tests.
        suite: The admitted tests.
        base: The tree that the author of the candidate was given.
        candidate: The tree that came back.
        policy: What may differ between the two.
        select: Ids of the suite's tests that decide; all of `suite.passing` by default.
        limits: Bounds of each run.
        seed: Hash seed of the runs, and the seed of `random`.
        confirm: Runs that must repeat a pass. Code that reports at a guess for `k` failing tests
            that have twins wins with a chance of at most 2**-(k * (1 + confirm)).
    """
    refusal = (policy or Policy()).refuse(suite, base, candidate)
    if refusal:
        return Verdict("refused", refusal)
    tree = suite.restore(candidate)
    wanted = suite.passing if select is None else tuple(select)
    verdict = _decide(runner, suite, tree, wanted, limits, seed)
    while verdict.passed and confirm > 0:
        confirm -= 1
        verdict = _decide(runner, suite, tree, wanted, limits, seed)
    return verdict


def _decide(
    runner: Runner,
    suite: Suite,
    tree: Tree,
    wanted: tuple[str, ...],
    limits: Limits | None,
    seed: int,
) -> Verdict:
    blinding = Blinding(suite.tree, suite.test_files, suite.twins)
    result = blind_run(runner, tree, suite.test_files, wanted, blinding, limits, seed)
    run, outcomes = result.run, result.outcomes
    if run.reason == "refused":
        return Verdict("refused", run.detail)
    impossible = result.impossible
    for test in suite.twins.intersection(wanted):
        twin = result.twins[test]
        if outcomes[test] == "passed" and (
            twin == "passed" or (twin == "missing" and run.reason == "ok")
        ):
            impossible = impossible or f"{test} and its opposite: {twin}"
    if impossible:
        return Verdict("forged", impossible, outcomes, run)
    if run.reason != "ok":
        return Verdict("stopped", run.detail or run.reason, outcomes, run)
    bad = [test for test in wanted if outcomes[test] != "passed"]
    if bad:
        return Verdict("failed", f"{len(bad)} of {len(wanted)} tests did not pass", outcomes, run)
    return Verdict("passed", f"{len(wanted)} tests passed", outcomes, run)


def _put_back(suite: Suite, path: str) -> bool:
    """Whether a changed file is one of the suite's own, which are put back without a word."""
    return path in suite.tree and suite.protects(path) and not decides_runs(path)


def _lines_changed(before: bytes, after: bytes) -> int:
    """Lines that are only in one of the two, counted with their repetitions."""
    counts: dict[bytes, int] = {}
    for lines, sign in ((before, -1), (after, 1)):
        for line in lines.splitlines():
            counts[line] = counts.get(line, 0) + sign
    return sum(map(abs, counts.values()))
