"""Runs a suite blind: the tested process does not know which of its tests are twins."""

from __future__ import annotations

import marshal
import secrets
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from arenas.sandbox.limits import Limits
from arenas.sandbox.results import Outcome, TestRun
from arenas.sandbox.runner import Runner
from arenas.sandbox.tree import Tree
from arenas.sandbox.twins import Twins, file_of, function_of

CANARIES = 4
"""Tests of random names that pass, and as many that fail, in every blind run."""

_BAD: tuple[Outcome, ...] = ("passed", "skipped", "missing", "failed", "error")


@dataclass(frozen=True)
class BlindResult:
    """What a blind run says.

    Attributes:
        run: The run, with `outcomes` as below.
        outcomes: Outcome of each wanted test, the worse where it ran twice.
        twins: Outcome of the twin of each wanted test that has one.
        impossible: What was reported that cannot be true; empty for honest code.
    """

    run: TestRun
    outcomes: Mapping[str, Outcome]
    twins: Mapping[str, Outcome]
    impossible: str


class Blinding:
    """Where the tests and twins of a run are: a secret of this process.

    Args:
        tree: Holds the test files as they should be.
        test_files: Their paths.
        twinned: Ids of tests that get a twin.
    """

    def __init__(self, tree: Tree, test_files: Sequence[str], twinned: Collection[str]) -> None:
        self._files = {path: _parse(path, tree[path]) for path in test_files}
        self._twinned = {path: set[str]() for path in test_files}
        for test in twinned:
            if self.knows(test):
                self._twinned[file_of(test)].add(function_of(test))
        bits = secrets.SystemRandom()
        self._coins = {
            path: {name: bits.random() < 0.5 for name in twins.functions}
            for path, twins in self._files.items()
        }
        self.canary = f"test_{secrets.token_hex(6)}.py"
        outcomes = [True, False] * CANARIES
        bits.shuffle(outcomes)
        self.canaries = {f"test_{secrets.token_hex(4)}": outcome for outcome in outcomes}

    def mirrored(self) -> Blinding:
        """The same with every coin turned over."""
        other = object.__new__(Blinding)
        vars(other).update(vars(self))
        other._coins = {
            path: {name: not coin for name, coin in coins.items()}
            for path, coins in self._coins.items()
        }
        return other

    def knows(self, test: str) -> bool:
        """Whether a test's function stands in its file as such (not inherited or made)."""
        return function_of(test) in self._files[file_of(test)].functions

    def versions(self) -> dict[str, tuple[bytes, ...]]:
        """Compiled versions of each test file, and of the canaries'."""
        given: dict[str, tuple[bytes, ...]] = {self.canary: (self._canary_code(),)}
        for path, twins in self._files.items():
            if self._twinned[path]:
                given[path] = twins.versions(self._coins[path].__getitem__, self._twinned[path])
            else:
                given[path] = (twins.whole(),)
        return given

    def places(self, test: str) -> tuple[set[int], set[int]]:
        """Versions of its file in which a test stands, and those in which its twin does."""
        path, name = file_of(test), function_of(test)
        if not self._twinned[path]:
            return {0}, set()
        if name not in self._twinned[path]:
            return {0, 1}, set()
        here = int(self._coins[path][name])
        return {here}, {1 - here}

    def _canary_code(self) -> bytes:
        lines = []
        for name, passes in self.canaries.items():
            left = secrets.randbelow(10**6)
            right = left if passes else left + 1 + secrets.randbelow(10**6)
            lines.append(f"def {name}():\n    assert {left} == int('{right}')\n")
        return marshal.dumps(compile("\n".join(lines), self.canary, "exec", dont_inherit=True))


@lru_cache(maxsize=256)
def _parse(path: str, source: bytes) -> Twins:
    return Twins(path, source)


def blind_run(
    runner: Runner,
    tree: Tree,
    test_files: Sequence[str],
    wanted: Iterable[str],
    blinding: Blinding,
    limits: Limits | None,
    seed: int,
) -> BlindResult:
    """Runs test files of a tree with their twins and canaries."""
    wanted = tuple(wanted)
    canaries = {f"{blinding.canary}::{name}": passes for name, passes in blinding.canaries.items()}
    # The files on disk are empty: what is expected is not there to be read.
    names = [*test_files, blinding.canary]
    run, reports = runner.run_given(
        tree.replace(dict.fromkeys(names, b"")),
        [blinding.canary, *test_files],
        blinding.versions(),
        select=(*wanted, *canaries),
        limits=limits,
        seed=seed,
    )
    said: dict[tuple[str, int], Outcome] = {}
    impossible = ""
    for report in reports:
        key = (report.test, report.variant)
        if key in said and "::" in report.test:
            impossible = f"{report.test} was reported twice"
        said[key] = report.outcome
    outcomes: dict[str, Outcome] = {}
    twins: dict[str, Outcome] = {}
    for test in wanted:
        here, there = blinding.places(test)
        found = [said.pop((test, version), "missing") for version in here]
        outcomes[test] = max(found, key=_BAD.index)
        for version in there:
            twins[test] = said.pop((test, version), "missing")
    for test, passes in canaries.items():
        outcome = said.pop((test, 0), "missing")
        if outcome == "passed" and not passes:
            impossible = "a canary that fails was reported to pass"
        elif run.reason == "ok" and outcome == "missing":
            impossible = "a canary was not reported"
    for test, _ in said:
        if "::" in test:
            impossible = f"{test} was reported where it is not"
    run = TestRun(
        outcomes,
        {report.test: report.seconds for report in reports},
        {},
        run.reason,
        run.detail,
        run.output,
        run.wall_s,
        run.cpu_s,
    )
    return BlindResult(run, outcomes, twins, impossible)
