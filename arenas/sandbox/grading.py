"""Decides whether a candidate passes a suite, against an author who wants to be paid for less."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Literal

from arenas.sandbox.admission import Suite
from arenas.sandbox.limits import Limits
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
        allow: Patterns (`fnmatch`) of paths that may differ from the base.
        max_files: Files that may differ.
        max_lines: Lines that may be added and removed, together.
        max_bytes: Size of any changed file.
        lint: Refuse new ways of reaching the interpreter that the code did not have before (see
            `lint`).
    """

    allow: tuple[str, ...] = ("*.py",)
    max_files: int = 8
    max_lines: int = 400
    max_bytes: int = 256 * 1024
    lint: bool = True


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
) -> Verdict:
    """Grades a candidate: the files it may change, from `candidate`; all others from the suite.

    Args:
        runner: Runs the tests.
        suite: The admitted tests.
        base: The tree that the author of the candidate was given.
        candidate: The tree that came back.
        policy: What may differ between the two.
        select: Ids of the suite's tests that decide; all of `suite.passing` by default.
        limits: Bounds of the run.
        seed: Hash seed of the run.
    """
    restored = candidate.replace(dict(suite.tree.only(suite.test_files)))
    wanted = tuple(suite.passing if select is None else select)
    run = runner.run_tests(restored, suite.test_files, select=wanted, limits=limits, seed=seed)
    if run.reason != "ok":
        return Verdict("stopped", run.detail or run.reason, run.outcomes, run)
    bad = run.ids("failed", "error", "missing", "skipped")
    if bad:
        return Verdict(
            "failed", f"{len(bad)} tests did not pass, {bad[0]} first", run.outcomes, run
        )
    return Verdict("passed", f"{len(run.outcomes)} tests passed", run.outcomes, run)
