"""Self-play SWE-RL as a game: an injector breaks a project, k solvers repair it, tests decide."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from arenas.core.controls import Controls
from arenas.core.game import IllegalMove, Move, whole
from arenas.core.rng import Rng
from arenas.games.bug_repair import controls as at_hand
from arenas.games.bug_repair import text
from arenas.games.bug_repair.acting import WAYS, Pick
from arenas.games.bug_repair.artifact import Artifact, check_move
from arenas.games.bug_repair.checks import Demands, Task, validate
from arenas.games.bug_repair.desk import Desk
from arenas.games.bug_repair.menu import Menu, injector_menu, solver_menu
from arenas.games.bug_repair.project import Project, load, shipped
from arenas.games.bug_repair.workbench import Workbench
from arenas.kernels.propose_solve import (
    PROPOSER,
    Check,
    Grade,
    Noted,
    Part,
    ProposeSolve,
    Submitted,
    TaskState,
)
from arenas.kernels.tool_calls import quoted
from arenas.sandbox import PatchRefused, TestRun, Tree

WAGES = (-1.0, 1.0)
MAX_CHOICES = 1_024
MAX_TREES = 4_096
MAX_MENUS = 512
"""What a game remembers; what came first goes first."""


@dataclass(frozen=True)
class Goal:
    """What a match is about: the project, how it is to be broken, and a seed for the choices."""

    project: str
    strategy: str
    word: int


@dataclass(frozen=True)
class Found:
    """What was found of an answer.

    Attributes:
        tree: hash of the repaired tree; "" if the diff does not apply.
        refused: why it was not run; "" if it was.
        failing: tests of the project that do not pass with it.
        patch: the answer as a diff of the solver's tree.
    """

    tree: str
    refused: str
    failing: tuple[str, ...]
    patch: str


class BugRepair(ProposeSolve):
    """An injector breaks a project and hides it from its tests; solvers repair it.

    Args:
        projects: names of projects, one of which each match draws; None for all that are shipped.
        acting: how seats act: "structured" (choose a mutation by number), "one-shot" (one diff),
            or "agentic" (tool calls).
        solvers: attempts at each bug, 8 as published; fewer than 4 leave the published pay no
            optimum.
        pay: what a valid bug earns by its solve rate, a shape of `kernels.proposer_pay`.
        invalid: what an invalid one earns: 0, or -1 as published.
        strategy: "direct", "remove", "history", or "mixed" (drawn for each match).
        min_passing, min_files, min_failing: thresholds of the checks, see `checks.Demands`.
        choices: structured: how many mutations there are to choose from, at most 1,024.
        mutations: structured: how many an injector makes, 1 to 4.
        tries: structured: how often a solver may choose.
        injector_turns, solver_turns: agentic: tool calls of each seat, submitting included.
        order: "parallel" or "turn", see `ProposeSolve`.
        given: bugs as `to_given` writes them, in place of the injector's turn.
        allow_weak: run on a machine that lacks walls of the sandbox; for code that you trust.

    Raises:
        ValueError: a value is out of range, or there is no such project.
    """

    def __init__(
        self,
        projects: Sequence[str] | None = None,
        acting: str = "structured",
        solvers: int = 8,
        pay: str = "ssr",
        invalid: float = 0.0,
        strategy: str = "direct",
        min_passing: int = 10,
        min_files: int = 1,
        min_failing: int = 1,
        choices: int = 64,
        mutations: int = 1,
        tries: int = 3,
        injector_turns: int = 24,
        solver_turns: int = 24,
        order: str = "parallel",
        given: Sequence[Any] | None = None,
        allow_weak: bool = False,
    ) -> None:
        if isinstance(projects, str) or (projects is not None and not projects):
            raise ValueError("projects: a list of names, or None for all that are shipped")
        if acting not in WAYS:
            raise ValueError(f"acting={acting!r}: one of {', '.join(WAYS)}")
        if strategy not in (*text.STRATEGIES, "mixed"):
            known = ", ".join((*text.STRATEGIES, "mixed"))
            raise ValueError(f"strategy={strategy!r}: one of {known}")
        bounds = {
            "min_passing": (min_passing, 0, 100_000),
            "min_files": (min_files, 1, 8),
            "min_failing": (min_failing, 1, 100_000),
            "choices": (choices, 1, MAX_CHOICES),
            "mutations": (mutations, 1, 4),
            "tries": (tries, 1, 100),
            "injector_turns": (injector_turns, 1, 1_000),
            "solver_turns": (solver_turns, 1, 1_000),
        }
        for name, (value, low, high) in bounds.items():
            number = whole(value)
            if number is None or not low <= number <= high:
                raise ValueError(f"{name}={value!r}: a whole number from {low} to {high}")
            setattr(self, name, number)
        if type(allow_weak) is not bool:
            raise ValueError(f"allow_weak={allow_weak!r}: true or false")
        self.projects = None if projects is None else [load(name).name for name in projects]
        self.acting = acting
        self.strategy = strategy
        self.allow_weak = allow_weak
        self.demands = Demands(self.min_passing, self.min_files, self.min_failing)
        self._drawn = self.projects or list(shipped())
        self._bench: Workbench | None = None
        self._trees: dict[str, Tree] = {}
        self._owners: dict[str, str] = {}
        self._menus: dict[Any, Menu] = {}
        self._way = way = WAYS[acting](self)
        super().__init__(
            name="BugRepair",
            version="1",
            observation_space=way.observation_space,
            action_space=way.action_space,
            max_reply_chars=way.max_reply_chars,
            proposer="injector",
            solvers=solvers,
            pay=pay,
            invalid=invalid,
            wages=WAGES,
            turns=way.turns,
            order=order,
            given=given,
        )

    min_passing: int
    min_files: int
    min_failing: int
    choices: int
    mutations: int
    tries: int
    injector_turns: int
    solver_turns: int

    # -- shared things -------------------------------------------------------------------------

    @property
    def bench(self) -> Workbench:
        """Runs tests; opened when first needed, one for all matches."""
        if self._bench is None:
            self._bench = Workbench(allow_weak=self.allow_weak)
        return self._bench

    def close(self) -> None:
        if self._bench is not None:
            self._bench.close()

    def tree(self, digest: str) -> Tree:
        """A tree that a desk names by its hash."""
        return self._trees[digest]

    def _keep(self, tree: Tree) -> Tree:
        """The tree, to be had by its hash; the ones that came first go first."""
        if tree.hash not in self._trees:
            while len(self._trees) >= MAX_TREES:
                self._trees.pop(next(iter(self._trees)), None)
            self._trees[tree.hash] = tree
        return self._trees.get(tree.hash, tree)

    # -- rules ---------------------------------------------------------------------------------

    def begin(self, rng: Rng) -> Goal:
        name = rng.choice(self._drawn)
        mixed = self.strategy == "mixed"
        strategy = rng.choice(list(text.STRATEGIES)) if mixed else self.strategy
        return Goal(name, strategy, rng.bits())

    def take(self, given: Any) -> tuple[Goal, Artifact]:
        wanted = {"project", "artifact", "failed"}
        if not isinstance(given, dict) or set(given) != wanted:
            raise ValueError(f"a given bug is an object with {', '.join(sorted(wanted))}")
        try:
            check_move(given["artifact"])
        except IllegalMove as error:
            raise ValueError(f"a given bug: {error}") from None
        artifact = Artifact.of_move(given["artifact"], str(given["failed"]))
        return Goal(load(given["project"]).name, "direct", 0), artifact

    def act(self, state: TaskState, seat: int, move: Move) -> Noted | Submitted:
        return self._way.act(state, seat, move)

    def leave(self, state: TaskState, seat: int) -> Any:
        return self._way.leave(state, seat)

    def validate(self, state: TaskState, proposal: Any) -> tuple[tuple[Check, ...], Any]:
        project = load(state.goal.project)
        checks, task, trees = validate(self.bench, project, proposal, self.demands)
        for tree in trees:
            self._keep(tree)
        return checks, task

    def grade(self, state: TaskState, seat: int, answer: Any) -> Grade:
        project, start = load(state.goal.project), self._start(state)
        try:
            candidate = start.apply(answer)
        except PatchRefused as error:
            return Grade(False, Found("", f"the diff: {error}", (), answer))
        verdict = self.bench.grade(project, start, candidate)
        if verdict.status == "refused":
            return Grade(False, Found(candidate.hash, verdict.reason, (), answer))
        # What a grade says of single tests hangs on coins, so evidence has what they report.
        suite = self.bench.suite(project)
        run = self.bench.run(project, suite.restore(candidate), project.test_files)
        failing = tuple(
            test for test in suite.passing if run.outcomes.get(test, "missing") != "passed"
        )
        return Grade(verdict.passed, Found(candidate.hash, "", failing, answer))

    def evidence(self, state: TaskState) -> dict[str, Any]:
        project, artifact = load(state.goal.project), state.parts[PROPOSER].answer
        found: dict[str, Any] = {
            "project": {"name": project.name, "tree": project.tree.hash},
            "strategy": state.goal.strategy,
            "artifact": artifact and artifact.to_move(),
        }
        if artifact and artifact.failed:
            found["failed"] = artifact.failed
        picks = [note for note in state.parts[PROPOSER].notes if isinstance(note, Pick)]
        if picks:
            found["picks"] = [_pick_facts(pick) for pick in picks]
        if state.task is None:
            return found
        task: Task = state.task
        found["trees"] = {"buggy": task.buggy, "start": task.start}
        found["tests"] = {
            "passing": task.passing,
            "fail_to_pass": list(task.fail_to_pass),
            "hidden": list(task.hidden),
        }
        found["inverse"] = {path: list(flipped) for path, flipped in task.flips}
        found["attempts"] = [_attempt_facts(part) for part in state.parts[1:]]
        return found

    # -- trees ---------------------------------------------------------------------------------

    def _start(self, state: TaskState) -> Tree:
        """The tree that solvers begin with."""
        task: Task = state.task
        kept = self._trees.get(task.start)
        if kept is not None:
            return kept
        artifact: Artifact = state.parts[PROPOSER].answer
        tree = load(state.goal.project).tree.apply(artifact.bug).apply(artifact.weaken)
        return self._keep(tree.apply(artifact.failed) if artifact.failed else tree)

    def base(self, state: TaskState, seat: int) -> Tree:
        """The tree that a seat begins with."""
        return load(state.goal.project).tree if seat == PROPOSER else self._start(state)

    def work(self, state: TaskState, seat: int) -> Tree:
        """The tree of a seat as its moves have left it."""
        return self._way.work(self.base(state, seat), seat, state.parts[seat].notes)

    @staticmethod
    def with_spec(project: Project, tree: Tree) -> Tree:
        """A solver's tree with the tests that its specification gives."""
        return tree.replace({path: project.tree.get(path) for path in project.test_files})

    # -- what players may do for themselves ----------------------------------------------------

    def try_out(self, desk: Desk, tree: Tree) -> TestRun:
        """What tests report on a tree, as the tool `run` does for the seat of a desk."""
        project = self._owner(desk)
        given = tree if desk.role != "solver" else self.with_spec(project, tree)
        return self.bench.run(project, given, project.test_files)

    def menu_of(self, desk: Desk) -> Menu:
        """What the seat of a desk chooses from in the structured view."""
        project = self._owner(desk)
        if desk.role != "solver":
            return self._menu((project.name, desk.word), project, None, desk.word)
        tree = self.with_spec(project, self.tree(desk.tree))
        return self._menu((project.name, tree.hash), project, tree, 0)

    def code_files(self, desk: Desk) -> tuple[str, ...]:
        """The files of a desk's tree that a bug or a repair may change."""
        project = self._owner(desk)
        return tuple(path for path in self.tree(desk.tree) if project.is_code(path))

    def _owner(self, desk: Desk) -> Project:
        return load(self._owners[desk.base])

    def menu(self, state: TaskState, seat: int) -> Menu:
        """What a seat chooses from in the structured view."""
        project, word = load(state.goal.project), state.goal.word
        if seat == PROPOSER:
            return self._menu((project.name, word), project, None, word)
        tree = self.with_spec(project, self.work(state, seat))
        return self._menu((project.name, tree.hash), project, tree, 0)

    def _menu(self, key: Any, project: Project, tree: Tree | None, word: int) -> Menu:
        found = self._menus.get(key)
        if found is None:
            if tree is None:
                found = injector_menu(self.bench, project, self.choices, word)
            else:
                code = tuple(path for path in tree if project.is_code(path))
                found = solver_menu(self.bench, project, tree, code, self.choices)
            while len(self._menus) >= MAX_MENUS:
                self._menus.pop(next(iter(self._menus)), None)
            self._menus[key] = found
        return found

    # -- moves and views -----------------------------------------------------------------------

    def legal(self, state: TaskState, seat: int) -> Sequence[int] | None:
        return self._way.legal(state, seat)

    def check(self, state: TaskState, seat: int, move: Move) -> None:
        self._way.check(state, seat, move)

    def sample(self, state: TaskState, seat: int, rng: Rng) -> Move:
        return self._way.sample(state, seat, rng)

    def parse(self, state: TaskState, seat: int, text: str) -> Move:
        return self._way.parse(state, seat, text)

    def format(self, state: TaskState, seat: int, move: Move) -> str:
        return self._way.format(state, seat, move)

    def grammar(self, state: TaskState, seat: int) -> str:
        return self._way.grammar(state, seat)

    def reply_examples(self) -> tuple[str, ...]:
        return self._way.examples()

    def view(self, state: TaskState, seat: int) -> np.ndarray:
        """What the seat sees, float32 in 0..1.

        structured: (choices + 1, FEATURES), see `menu.FEATURES`; the last row has the header.
        else: (4,), the header: 1 for the injector and 0.5 for a solver, whether the task is there,
        the share of its moves that are left, and whether it is done.
        """
        part = state.parts[seat]
        header = (
            1.0 if seat == PROPOSER else 0.5,
            float(state.valid),
            self.turns_left(state, seat) / self._turns[seat != PROPOSER],
            float(part.done),
        )
        return self._way.view(state, seat, header)

    def desk(self, state: TaskState, seat: int) -> Desk:
        """All that a seat knows."""
        part = state.parts[seat]
        role = self.spec.roles[seat]
        if not self.movers(state):
            return Desk(role, "over", results=(self.ending(state, seat),))
        if seat != PROPOSER and not state.valid:
            return Desk(role, "wait")
        phase = "done" if part.done else "work"
        base, work = (self._keep(t) for t in (self.base(state, seat), self.work(state, seat)))
        self._owners[base.hash] = state.goal.project
        return Desk(
            role,
            phase,
            work.hash,
            base.hash,
            state.task.spec if seat != PROPOSER else "",
            state.goal.project if seat == PROPOSER else "",
            state.goal.strategy if seat == PROPOSER else "",
            part.turns,
            tuple(map(self._way.told, part.notes)),
            self._way.taken(state, seat) if phase == "work" else (),
            state.goal.word if seat == PROPOSER else 0,
        )

    def info_state(self, state: TaskState, seat: int) -> str:
        return self.desk(state, seat).write()

    def resample_task(self, state: TaskState, seat: int, rng: Rng) -> TaskState:
        """The injector's strategy and moves drawn anew; its bug is told by what a solver is shown.

        What a solver is shown of it is the broken tree and the reversed weakening.
        """
        injector = state.parts[PROPOSER]
        goal = replace(state.goal, strategy=rng.choice(list(text.STRATEGIES)), word=rng.bits())
        other = Part(rng.below(9), (), injector.answer, done=injector.done)
        return replace(state, goal=goal, parts=(other, *state.parts[1:]))

    # -- words ---------------------------------------------------------------------------------

    def brief(self, seat: int) -> str:
        how = self._way.how(seat)
        if seat == PROPOSER:
            return text.injector_brief(self.demands, self.solvers, self.pay, self.invalid, how)
        return text.solver_brief(self._wages, how)

    def tell(self, state: TaskState, seat: int) -> str:
        if not self.movers(state):
            return self.ending(state, seat)
        part = state.parts[seat]
        if part.done:
            return "You are done. The others are still at work."
        if seat != PROPOSER and not state.valid:
            return "The injector is at work. Wait for the task."
        pieces = [self._situation(state, seat), *map(self._way.told, part.notes)]
        return "\n\n".join([*pieces, self._way.ask(state, seat)])

    def tell_new(self, state: TaskState, seat: int) -> str:
        part = state.parts[seat]
        if not part.notes or part.done or not self.movers(state):
            return self.tell(state, seat)
        return f"{self._way.told(part.notes[-1])}\n\n{self._way.ask(state, seat)}"

    def draw(self, state: TaskState, seat: int | None = None) -> np.ndarray:
        from arenas.games.bug_repair.draw import draw_repair

        return draw_repair(self, state, seat)

    def controls(self, state: TaskState, seat: int) -> Controls:
        return at_hand.controls(self, state, seat)

    def compose(self, state: TaskState, seat: int, form: str, values: Mapping[str, Any]) -> str:
        return at_hand.compose(self, state, seat, form, self.filled(state, seat, form, values))

    def _situation(self, state: TaskState, seat: int) -> str:
        if seat == PROPOSER:
            name = load(state.goal.project).name
            head = f"The project is {name}. {text.STRATEGIES[state.goal.strategy]}"
        else:
            head = "Improve the tests with this diff:\n" + quoted(state.task.spec)
        return self._way.situation(state, seat, head)


def to_given(evidence: Mapping[str, Any], attempt: int | None = None) -> dict[str, Any]:
    """A bug of a finished match as an item of the option `given`, to be solved again.

    Args:
        evidence: of the match's outcome or record.
        attempt: a solver (0 to k - 1) whose failed repair is laid on top: a second-order bug.

    Raises:
        ValueError: the match had no valid bug, it is of second order already, or that attempt is
            no repair that failed.
    """
    if "attempts" not in evidence:
        raise ValueError("the match had no valid bug")
    failed = str(evidence.get("failed", ""))
    if attempt is not None:
        facts = evidence["attempts"][attempt]
        if failed:
            raise ValueError("the bug is of second order; there is no third")
        if facts["solved"] or not facts["patch"] or facts["refused"]:
            raise ValueError(f"attempt {attempt} is no repair that was run and failed")
        failed = facts["patch"]
    artifact = json.loads(json.dumps(evidence["artifact"]))
    return {"project": evidence["project"]["name"], "artifact": artifact, "failed": failed}


def _pick_facts(pick: Pick) -> dict[str, Any]:
    m = pick.mutation
    return {"choice": pick.index, "kind": m.kind, "path": m.path, "line": m.line}


def _attempt_facts(part: Part) -> dict[str, Any]:
    found = part.grade.found if part.grade else None
    facts: dict[str, Any] = {"solved": bool(part.grade and part.grade.solved), "turns": part.turns}
    if isinstance(found, Found):
        facts.update(
            tree=found.tree, patch=found.patch, refused=found.refused, failing=list(found.failing)
        )
    else:
        facts.update(tree="", patch="", refused="", failing=[])
    return facts
