"""Admits a project's test suite: runs it several times and names what is not steady."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from arenas.sandbox.blind import Blinding, blind_run
from arenas.sandbox.limits import Limits
from arenas.sandbox.results import Outcome
from arenas.sandbox.runner import Runner
from arenas.sandbox.tree import Tree
from arenas.sandbox.twins import file_of, function_of

_DECIDES_RUNS = re.compile(
    r"(.*/)?(conftest\.py|pytest\.ini|\.pytest\.ini|pytest\.toml|\.pytest\.toml|tox\.ini|setup\.cfg"
    r"|pyproject\.toml|sitecustomize\.py|usercustomize\.py|[^/]*\.pth|pyvenv\.cfg|__main__\.py"
    r"|\.coveragerc|noxfile\.py|setup\.py|_?tests?\.py)"
)
_TESTS = re.compile(r"(.*/)?_?tests?/.*")


@dataclass(frozen=True)
class Suite:
    """The oracle tests of a project, as admitted.

    Attributes:
        tree: The project as it should be, tests included.
        test_files: Paths of the test files.
        passing: Ids of tests that passed in every run: the tests that decide a grade.
        flaky: Outcomes, run by run, of tests that did not always come out the same.
        other: Outcome of tests that steadily did not pass.
        twins: Ids of tests among `passing` whose twin was seen to fail; see `twins`.
    """

    tree: Tree
    test_files: tuple[str, ...]
    passing: tuple[str, ...]
    flaky: Mapping[str, tuple[Outcome, ...]]
    other: Mapping[str, Outcome]
    twins: frozenset[str] = frozenset()

    def protects(self, path: str) -> bool:
        """Whether a file is restored before grading, whatever a candidate makes of it.

        These are the test files, all in directories named `test` or `tests`, and files that decide
        how tests are run.
        """
        return path in self.test_files or bool(_TESTS.fullmatch(path)) or decides_runs(path)

    def restore(self, tree: Tree) -> Tree:
        """A tree with every protected file as the suite has it, and none that it has not."""
        paths = [path for path in {*tree, *self.tree} if self.protects(path)]
        return tree.replace({path: self.tree.get(path) for path in paths})


def decides_runs(path: str) -> bool:
    """Whether a file of that name decides how tests or the interpreter run."""
    return bool(_DECIDES_RUNS.fullmatch(path))


def admit(
    runner: Runner,
    tree: Tree,
    test_files: Sequence[str],
    *,
    runs: int = 3,
    limits: Limits | None = None,
) -> Suite:
    """Runs a suite `runs` times, each with another hash seed, and keeps what is steady.

    Two and more runs with twins follow, until it is known which tests have a twin that fails and
    does not disturb the others.

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
        raise ValueError(f"no test passed in all of {runs} runs: {steady or 'there is none'}")
    other = {test: outcome for test, outcome in steady.items() if outcome != "passed"}
    suite = Suite(tree, tuple(test_files), passing, flaky, other)
    return replace(suite, twins=_find_twins(runner, suite, limits))


def _find_twins(runner: Runner, suite: Suite, limits: Limits | None) -> frozenset[str]:
    """Ids whose twin fails while every test passes, wherever the coin puts the two."""
    twins = frozenset(suite.passing)
    for _ in range(4):
        blinding = Blinding(suite.tree, suite.test_files, twins)
        results = [
            blind_run(runner, suite.tree, suite.test_files, suite.passing, side, limits, 0)
            for side in (blinding, blinding.mirrored())
        ]
        disturbed = {
            test
            for result in results
            for test in suite.passing
            if result.outcomes[test] != "passed"
        }
        if any(result.run.reason != "ok" for result in results):
            break
        if not disturbed:
            return frozenset(
                test
                for test in twins
                if all(
                    result.twins.get(test, "passed") in ("failed", "error") for result in results
                )
            )
        # By the last name alone: tests that a class inherits are disturbed by its parent's twins.
        names = {(file_of(test), _last_name(test)) for test in disturbed}
        twinned = {(file_of(test), _last_name(test)) for test in twins}
        files = {file for file, name in names - twinned}
        twins = frozenset(
            test
            for test in twins
            if (file_of(test), _last_name(test)) not in names and file_of(test) not in files
        )
    return frozenset()


def _last_name(test: str) -> str:
    return function_of(test).rpartition("::")[2]
