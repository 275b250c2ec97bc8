"""Admits a project's test suite: runs it several times and names what is not steady."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from arenas.sandbox.limits import Limits
from arenas.sandbox.results import Outcome
from arenas.sandbox.runner import Runner
from arenas.sandbox.tree import Tree


@dataclass(frozen=True)
class Suite:
    """The oracle tests of a project, as admitted.

    Attributes:
        tree: The project as it should be, tests included.
        test_files: Paths of the test files; with everything else under `protected`, they are
            restored before a candidate is graded.
        passing: Ids of tests that passed in every run: the tests that decide a grade.
        flaky: Outcomes, run by run, of tests that did not always come out the same.
        other: Outcome of tests that steadily did not pass.
        twins: Ids of tests among `passing` whose altered twin was seen to fail; see `twins`.
    """

    tree: Tree
    test_files: tuple[str, ...]
    passing: tuple[str, ...]
    flaky: Mapping[str, tuple[Outcome, ...]]
    other: Mapping[str, Outcome]
    twins: frozenset[str] = frozenset()


def admit(
    runner: Runner,
    tree: Tree,
    test_files: Sequence[str],
    *,
    runs: int = 3,
    limits: Limits | None = None,
) -> Suite:
    """Runs a suite `runs` times, each with another hash seed, and keeps what is steady.

    Raises:
        ValueError: a run did not end well, or no test passed in all of them.
    """
    seen: dict[str, list[Outcome]] = {}
    for seed in range(runs):
        run = runner.run_tests(tree, test_files, limits=limits, seed=seed)
        if run.reason != "ok":
            raise ValueError(f"the suite did not run: {run.reason}. {run.detail}\n{run.output}")
        for test, outcome in run.outcomes.items():
            seen.setdefault(test, ["missing"] * seed).append(outcome)
        for outcomes in seen.values():
            outcomes += ["missing"] * (seed + 1 - len(outcomes))
    flaky = {test: tuple(outcomes) for test, outcomes in seen.items() if len(set(outcomes)) > 1}
    steady = {test: outcomes[0] for test, outcomes in seen.items() if test not in flaky}
    passing = tuple(test for test, outcome in steady.items() if outcome == "passed")
    if not passing:
        raise ValueError(f"no test passed in all of {runs} runs: {steady}")
    other = {test: outcome for test, outcome in steady.items() if outcome != "passed"}
    return Suite(tree, tuple(test_files), passing, flaky, other)
