"""The consistency checks of a bug artifact (SSR, section 2.3), in order, each with its reason.

1. `patches`: both diffs can be read and applied, the second after the first; an empty one changes
   nothing, which later checks refuse.
2. `test files`: all listed files exist, and the weakening touches no others.
3. `script`: the tests run on the project as it is, and more than `min_passing` of them pass.
4. `parser`: it turns the script's output into the JSON map of outcomes, twice alike.
5. `scope`: the bug changes `min_files` code files or more, nothing else, and not too much.
6. `bug`: `min_failing` tests or more that passed now fail, and the tests still run to their end.
7. `partial`: some test still passes, so that not everything was broken at once (ours; the paper's
   prompt asks for it).
8. `weakening`: some test that fails under the bug no longer does after the weakening.
9. `inverse mutation`: with any one changed file put back, some failing test passes, so that every
   file is part of the bug.
10. `steady`: another hash seed gives the same outcomes (ours: a bug that depends on chance cannot
    be repaired reliably).
11. `failed repair`, of second-order bugs: the repair applies and tests still fail.

The paper names 2 to 6, 8 and 9, with `script` after `parser`; the output that is parsed is the
script's, so it comes first here.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from arenas.games.bug_repair.artifact import Artifact
from arenas.games.bug_repair.project import Project
from arenas.games.bug_repair.workbench import POLICY, Workbench
from arenas.kernels.propose_solve import Check
from arenas.kernels.tool_calls import named
from arenas.sandbox import PatchRefused, Tree


class Refused(Exception):
    """A check that failed; `str()` of it is the reason."""


class Demands(NamedTuple):
    """Thresholds of the checks, as the paper names them; the defaults are SSR Studio's.

    Attributes:
        min_passing: tests that must pass before; more than so many.
        min_files: code files that the bug must change.
        min_failing: tests that the bug must make fail.
    """

    min_passing: int = 10
    min_files: int = 1
    min_failing: int = 1


@dataclass(frozen=True)
class Task:
    """What the solvers work on, and what the checks found; an immutable value.

    Attributes:
        start: hash of the tree that solvers get: broken and with weakened tests.
        buggy: hash of the broken tree with the project's own tests.
        spec: the reversed weakening: the diff that gives the tests back.
        fail_to_pass: tests that passed before and fail under the bug.
        hidden: those of them that the weakening hides.
        passing: how many tests passed before.
        flips: for each changed file, tests that pass with it alone put back.
    """

    start: str
    buggy: str
    spec: str
    fail_to_pass: tuple[str, ...]
    hidden: tuple[str, ...]
    passing: int
    flips: tuple[tuple[str, tuple[str, ...]], ...]


@dataclass
class _Findings:
    """What earlier checks found, for later ones."""

    buggy: Tree = field(default_factory=lambda: Tree({}))
    weakened: Tree = field(default_factory=lambda: Tree({}))
    files: tuple[str, ...] = ()
    output: str = ""
    passing: frozenset[str] = frozenset()
    failing: tuple[str, ...] = ()
    hidden: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    flips: tuple[tuple[str, tuple[str, ...]], ...] = ()
    start: Tree = field(default_factory=lambda: Tree({}))


def validate(
    bench: Workbench, project: Project, artifact: Artifact, demands: Demands
) -> tuple[tuple[Check, ...], Task | None, tuple[Tree, ...]]:
    """The checks up to the first that fails, the solvers' task, and the trees it speaks of.

    Returns:
        The checks; the task if all passed, else None; the start tree and the broken tree of a task.
    """
    found = _Findings()
    checks: list[Check] = []
    for name, check in _checks(artifact):
        try:
            check(bench, project, artifact, demands, found)
        except Refused as refusal:
            return (*checks, Check(name, False, str(refusal))), None, ()
        checks.append(Check(name, True))
    task = Task(
        start=found.start.hash,
        buggy=found.buggy.hash,
        spec=found.weakened.diff(found.buggy),
        fail_to_pass=found.failing,
        hidden=found.hidden,
        passing=len(found.passing),
        flips=found.flips,
    )
    return tuple(checks), task, (found.start, found.buggy)


_Checker = Callable[[Workbench, Project, Artifact, Demands, _Findings], None]


def _checks(artifact: Artifact) -> Iterator[tuple[str, _Checker]]:
    yield "patches", _patches
    yield "test files", _test_files
    yield "script", _script
    yield "parser", _parser
    yield "scope", _scope
    yield "bug", _bug
    yield "partial", _partial
    yield "weakening", _weakening
    yield "inverse mutation", _inverse
    yield "steady", _steady
    if artifact.failed:
        yield "failed repair", _failed_repair


def _patches(
    bench: Workbench, project: Project, artifact: Artifact, demands: Demands, found: _Findings
) -> None:
    try:
        found.buggy = project.tree.apply(artifact.bug) if artifact.bug else project.tree
    except PatchRefused as error:
        raise Refused(f"the bug: {error}") from None
    try:
        found.weakened = found.buggy.apply(artifact.weaken) if artifact.weaken else found.buggy
    except PatchRefused as error:
        raise Refused(f"the weakening: {error}") from None
    found.start = found.weakened


def _test_files(
    bench: Workbench, project: Project, artifact: Artifact, demands: Demands, found: _Findings
) -> None:
    found.files = project.test_files if artifact.files is None else artifact.files
    if not found.files:
        raise Refused("no test file is listed")
    for path in found.files:
        if path not in project.tree:
            raise Refused(f"{named(path)} is not in the project")
        if path not in project.test_files:
            raise Refused(f"{named(path)} is not a test file of the project")
    for path in found.buggy.changed(found.weakened):
        if path not in found.files:
            raise Refused(f"the weakening changes {named(path)}, which is not listed")


def _script(
    bench: Workbench, project: Project, artifact: Artifact, demands: Demands, found: _Findings
) -> None:
    suite = bench.suite(project)
    found.passing = frozenset(
        test for test in suite.passing if test.partition("::")[0] in found.files
    )
    if artifact.script is not None:
        try:
            argv = artifact.argv
        except ValueError as error:
            raise Refused(str(error)) from None
        run = bench.command(project, project.tree, argv)
        if run.reason != "ok" or run.exit_code != 0:
            how = f"exit status {run.exit_code}" if run.reason == "ok" else run.reason
            raise Refused(f"the script does not succeed on the project: {how}")
        found.output = run.output
    if len(found.passing) <= demands.min_passing:
        raise Refused(f"{len(found.passing)} tests pass, not more than {demands.min_passing}")


def _parser(
    bench: Workbench, project: Project, artifact: Artifact, demands: Demands, found: _Findings
) -> None:
    if artifact.script is None and artifact.parser is None:
        return  # The engine's own results need none.
    if artifact.script is None or artifact.parser is None:
        raise Refused("a script needs a parser, and a parser a script")
    maps: list[dict[str, str]] = []
    for _ in range(2):
        argv = ["python", "-c", artifact.parser]
        run = bench.command(project, project.tree, argv, found.output.encode(), len(maps))
        if run.reason != "ok" or run.exit_code != 0:
            raise Refused("the parser does not succeed")
        maps.append(_outcomes(run.output))
    if maps[0] != maps[1]:
        raise Refused("the parser gives two maps of one output")
    wrong = sorted(test for test in found.passing if maps[0].get(test) != "passed")
    if wrong:
        raise Refused(
            f"the parser does not say that {named(wrong[0])} passed, and {len(wrong) - 1} more"
        )


def _outcomes(text: str) -> dict[str, str]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        raise Refused("the parser's output is no JSON") from None
    if not isinstance(found, dict) or not all(
        value in ("passed", "failed") for value in found.values()
    ):
        raise Refused('the parser\'s output is no map of test ids to "passed" or "failed"')
    return found


def _scope(
    bench: Workbench, project: Project, artifact: Artifact, demands: Demands, found: _Findings
) -> None:
    found.changed = project.tree.changed(found.buggy)
    for path in found.changed:
        if not project.is_code(path):
            raise Refused(f"the bug changes {named(path)}, which is no code file")
    if len(found.changed) < demands.min_files:
        raise Refused(f"{len(found.changed)} files are changed, fewer than {demands.min_files}")
    refusal = POLICY.refuse(bench.suite(project), project.tree, found.buggy)
    if refusal:
        raise Refused(f"the bug: {refusal}")


def _bug(
    bench: Workbench, project: Project, artifact: Artifact, demands: Demands, found: _Findings
) -> None:
    run = bench.run(project, found.buggy, found.files)
    if run.reason != "ok":
        raise Refused(f"under the bug the tests do not run to their end: {run.reason}")
    found.failing = tuple(
        test
        for test in sorted(found.passing)
        if run.outcomes.get(test, "missing") not in ("passed", "skipped")
    )
    if len(found.failing) < demands.min_failing:
        raise Refused(
            f"{len(found.failing)} tests that passed fail under the bug, "
            f"fewer than {demands.min_failing}"
        )


def _partial(
    bench: Workbench, project: Project, artifact: Artifact, demands: Demands, found: _Findings
) -> None:
    if len(found.failing) == len(found.passing):
        raise Refused("no test passes any more under the bug")


def _weakening(
    bench: Workbench, project: Project, artifact: Artifact, demands: Demands, found: _Findings
) -> None:
    run = bench.run(project, found.weakened, found.files)
    if run.reason != "ok":
        raise Refused(f"after the weakening the tests do not run to their end: {run.reason}")
    broken = [test for test in run.ids("error") if "::" not in test]
    if broken:
        raise Refused(f"after the weakening {named(broken[0])} cannot be collected")
    failing = set(run.ids("failed", "error"))
    found.hidden = tuple(test for test in found.failing if test not in failing)
    if not found.hidden:
        raise Refused("every test that fails under the bug still fails after the weakening")


def _inverse(
    bench: Workbench, project: Project, artifact: Artifact, demands: Demands, found: _Findings
) -> None:
    flips = []
    for path in found.changed:
        restored = found.buggy.replace({path: project.tree.get(path)})
        if len(found.changed) == 1:
            flipped = found.failing  # What is left is the project itself.
        else:
            run = bench.run(project, restored, found.files)
            flipped = tuple(test for test in found.failing if run.outcomes.get(test) == "passed")
        if not flipped:
            raise Refused(f"with {named(path)} alone put back no failing test passes")
        flips.append((path, flipped))
    found.flips = tuple(flips)


def _steady(
    bench: Workbench, project: Project, artifact: Artifact, demands: Demands, found: _Findings
) -> None:
    first = bench.run(project, found.buggy, found.files)
    again = bench.run(project, found.buggy, found.files, seed=1)
    other = sorted(
        test for test in found.passing if first.outcomes.get(test) != again.outcomes.get(test)
    )
    if other or again.reason != "ok":
        which = f": {named(other[0])}" if other else ""
        raise Refused(f"under the bug another hash seed gives other outcomes{which}")


def _failed_repair(
    bench: Workbench, project: Project, artifact: Artifact, demands: Demands, found: _Findings
) -> None:
    try:
        found.start = found.weakened.apply(artifact.failed)
        broken = found.buggy.apply(artifact.failed)
    except PatchRefused as error:
        raise Refused(f"the failed repair: {error}") from None
    for path in found.weakened.changed(found.start):
        if not project.is_code(path):
            raise Refused(f"the failed repair changes {named(path)}, which is no code file")
    run = bench.run(project, broken, found.files)
    if run.reason != "ok":
        raise Refused(f"with the failed repair the tests do not run to their end: {run.reason}")
    found.failing = tuple(
        test for test in sorted(found.passing) if run.outcomes.get(test, "missing") != "passed"
    )
    if len(found.failing) < demands.min_failing:
        raise Refused("with the failed repair all tests pass")
    found.buggy = broken
    found.weakened = found.start
