"""Self-play SWE-RL as a game: an injector breaks a project, k solvers repair it, tests decide."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from gymnasium import spaces

from arenas.core.game import IllegalMove, Move, whole
from arenas.core.rng import Rng
from arenas.core.spaces import TextSpace
from arenas.games.bug_repair import text
from arenas.games.bug_repair.artifact import (
    Artifact,
    artifact_grammar,
    check_move,
    check_repair,
    format_artifact,
    format_repair,
    read_artifact,
    read_repair,
    repair_grammar,
)
from arenas.games.bug_repair.checks import Demands, Task, validate
from arenas.games.bug_repair.desk import Desk
from arenas.games.bug_repair.menu import (
    FEATURES,
    Menu,
    broken_by,
    injector_menu,
    overlap,
    solver_menu,
    without_tests,
)
from arenas.games.bug_repair.mutations import Mutation, mutations_of
from arenas.games.bug_repair.project import Project, load, shipped
from arenas.games.bug_repair.tools import Use, history, look, report, toolbox
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

ACTING = ("structured", "one-shot", "agentic")
WAGES = (-1.0, 1.0)
MAX_CHOICES = 1_024
MAX_REPLY = 200_000


@dataclass(frozen=True)
class Goal:
    """What a match is about: the project, how it is to be broken, and a seed for the choices."""

    project: str
    strategy: str
    word: int


@dataclass(frozen=True)
class Pick:
    """A choice of the structured view: the mutation, and for a solver what came of it.

    Attributes:
        index: its number.
        mutation: what it does.
        failing: tests that fail with it, -1 if they do not run to their end; None for injectors.
        kept: a solver's tree has it.
    """

    index: int
    mutation: Mutation
    failing: int | None = None
    kept: bool = True


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
        if acting not in ACTING:
            raise ValueError(f"acting={acting!r}: one of {', '.join(ACTING)}")
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
        if acting == "structured":
            observation: spaces.Space[Any] = spaces.Box(
                0.0, 1.0, (self.choices + 1, FEATURES), np.float32
            )
            action: spaces.Space[Any] = spaces.Discrete(self.choices)
        else:
            observation = spaces.Box(0.0, 1.0, (4,), np.float32)
            action = TextSpace(MAX_REPLY)
        super().__init__(
            name="BugRepair",
            version="1",
            observation_space=observation,
            action_space=action,
            max_reply_chars=4_096 if acting == "structured" else MAX_REPLY,
            proposer="injector",
            solvers=solvers,
            pay=pay,
            invalid=invalid,
            wages=WAGES,
            turns={
                "structured": (self.mutations, self.tries),
                "one-shot": (1, 1),
                "agentic": (self.injector_turns, self.solver_turns),
            }[acting],
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
            while len(self._trees) >= 4_096:
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
        if self.acting == "structured":
            return self._pick(state, seat, move)
        if self.acting == "one-shot":
            return Submitted(Artifact.of_move(move) if seat == PROPOSER else move["patch"])
        if move["tool"] == "submit":
            return Submitted(self._handed_in(state, seat))
        return Noted(self._use(state, seat, move))

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

    def leave(self, state: TaskState, seat: int) -> Any:
        # The structured injector's last choice hands the bug in.
        chosen = self.acting == "structured" and seat == PROPOSER
        return self._handed_in(state, seat) if chosen else None

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

    def _base(self, state: TaskState, seat: int) -> Tree:
        return load(state.goal.project).tree if seat == PROPOSER else self._start(state)

    def _work(self, state: TaskState, seat: int) -> Tree:
        """The tree of a seat as its moves have left it."""
        tree, picks = self._base(state, seat), []
        for note in state.parts[seat].notes:
            if isinstance(note, Use) and note.path:
                tree = tree.replace({note.path: note.text})
            elif isinstance(note, Pick) and seat == PROPOSER:
                picks.append(note.mutation)
            elif isinstance(note, Pick) and note.kept:
                tree = note.mutation.apply(tree)
        return broken_by(tree, picks)

    @staticmethod
    def _with_spec(project: Project, tree: Tree) -> Tree:
        """A solver's tree with the tests that its specification gives."""
        return tree.replace({path: project.tree.get(path) for path in project.test_files})

    def _handed_in(self, state: TaskState, seat: int) -> Any:
        """The answer that a seat's tree is."""
        base, work = self._base(state, seat), self._work(state, seat)
        if seat != PROPOSER:
            return base.diff(work)
        project = load(state.goal.project)
        code = base.replace(
            {path: work.get(path) for path in base.changed(work) if project.is_code(path)}
        )
        if self.acting == "structured":
            run = self.bench.run(project, code, project.test_files)
            work = without_tests(code, run.ids("failed", "error"))
        return Artifact(base.diff(code), code.diff(work))

    # -- what players may do for themselves ----------------------------------------------------

    def try_out(self, desk: Desk, tree: Tree) -> TestRun:
        """What tests report on a tree, as the tool `run` does for the seat of a desk."""
        project = self._owner(desk)
        given = tree if desk.role != "solver" else self._with_spec(project, tree)
        return self.bench.run(project, given, project.test_files)

    def menu_of(self, desk: Desk) -> Menu:
        """What the seat of a desk chooses from in the structured view."""
        project = self._owner(desk)
        if desk.role != "solver":
            return self._menu((project.name, desk.word), project, None, desk.word)
        tree = self._with_spec(project, self.tree(desk.tree))
        return self._menu((project.name, tree.hash), project, tree, 0)

    def code_files(self, desk: Desk) -> tuple[str, ...]:
        """The files of a desk's tree that a bug or a repair may change."""
        project = self._owner(desk)
        return tuple(path for path in self.tree(desk.tree) if project.is_code(path))

    def _owner(self, desk: Desk) -> Project:
        return load(self._owners[desk.base])

    # -- structured ----------------------------------------------------------------------------

    def menu(self, state: TaskState, seat: int) -> Menu:
        """What a seat chooses from in the structured view."""
        project, word = load(state.goal.project), state.goal.word
        if seat == PROPOSER:
            return self._menu((project.name, word), project, None, word)
        tree = self._with_spec(project, self._work(state, seat))
        return self._menu((project.name, tree.hash), project, tree, 0)

    def _menu(self, key: Any, project: Project, tree: Tree | None, word: int) -> Menu:
        found = self._menus.get(key)
        if found is None:
            if tree is None:
                found = injector_menu(self.bench, project, self.choices, word)
            else:
                code = tuple(path for path in tree if project.is_code(path))
                found = solver_menu(self.bench, project, tree, code, self.choices)
            while len(self._menus) >= 512:
                self._menus.pop(next(iter(self._menus)), None)
            self._menus[key] = found
        return found

    def _pick(self, state: TaskState, seat: int, move: int) -> Noted | Submitted:
        menu = self.menu(state, seat)
        if move >= len(menu.choices):
            return Submitted(None)  # There was nothing to choose from.
        mutation = menu.choices[move]
        if seat == PROPOSER:
            return Noted(Pick(move, mutation))
        project, work = load(state.goal.project), self._work(state, seat)
        changed = mutation.apply(work)
        before, after = (
            self.bench.run(project, self._with_spec(project, tree), project.test_files)
            for tree in (work, changed)
        )
        failing = len(after.ids("failed", "error")) if after.reason == "ok" else -1
        if after.passed:
            return Submitted(self._start(state).diff(changed))
        kept = 0 <= failing < len(before.ids("failed", "error"))
        return Noted(Pick(move, mutation, failing, kept))

    def _chosen(self, state: TaskState, seat: int) -> tuple[int, ...]:
        """Choices of the present menu that were made already, or contradict one that was."""
        picks = [note for note in state.parts[seat].notes if isinstance(note, Pick)]
        if seat == PROPOSER:
            return (
                tuple(
                    number
                    for number, each in enumerate(self.menu(state, seat).choices)
                    if any(each == p.mutation or overlap(each, p.mutation) for p in picks)
                )
                if picks
                else ()
            )
        recent: list[int] = []
        for pick in picks:
            recent = [] if pick.kept else [*recent, pick.index]
        return tuple(sorted(recent))

    # -- agentic -------------------------------------------------------------------------------

    @cached_property
    def _boxes(self) -> tuple[Any, Any]:
        return toolbox(history=True), toolbox(history=False)

    def _box(self, seat: int) -> Any:
        return self._boxes[seat != PROPOSER]

    def _use(self, state: TaskState, seat: int, call: Mapping[str, Any]) -> Use:
        project, tree = load(state.goal.project), self._work(state, seat)
        found = look(tree, call)
        if found is None and seat == PROPOSER:
            found = history(project.history, call)
        if found is None:
            shown = tree if seat == PROPOSER else self._with_spec(project, tree)
            found = Use(report(self.bench.run(project, shown, project.test_files)))
        return found

    # -- moves ---------------------------------------------------------------------------------

    def legal(self, state: TaskState, seat: int) -> Sequence[int] | None:
        if self.acting != "structured":
            return None
        taken = set(self._chosen(state, seat))
        count = len(self.menu(state, seat).choices)
        return [n for n in range(count) if n not in taken] or [self.choices - 1]

    def check(self, state: TaskState, seat: int, move: Move) -> None:
        if self.acting == "structured":
            super().check(state, seat, move)
        elif self.acting == "agentic":
            self._box(seat).check(move)
        elif seat == PROPOSER:
            check_move(move)
        else:
            check_repair(move)

    def sample(self, state: TaskState, seat: int, rng: Rng) -> Move:
        """A random choice; else a random mutation as a diff, or a random tool call."""
        if self.acting == "structured":
            return super().sample(state, seat, rng)
        if self.acting == "agentic":
            tools = list(self._box(seat).tools.values())
            call = rng.choice(tools).example()
            if "path" in call:
                call["path"] = rng.choice(list(self._work(state, seat)))
            return call
        base = self._base(state, seat)
        code = tuple(path for path in base if load(state.goal.project).is_code(path))
        mutation = rng.choice(mutations_of(base, code))
        broken = mutation.apply(base)
        if seat != PROPOSER:
            return {"patch": base.diff(broken)}
        files = load(state.goal.project).test_files
        tests = [f"{path}::{name}" for path in files for name in _functions(base, path)]
        weaker = without_tests(broken, [rng.choice(tests)] if tests else [])
        return Artifact(base.diff(broken), broken.diff(weaker)).to_move()

    def parse(self, state: TaskState, seat: int, text: str) -> Move:
        limit = self.spec.max_reply_chars
        if self.acting == "structured":
            return super().parse(state, seat, text)
        if self.acting == "agentic":
            return self._box(seat).read(text, limit)
        if seat == PROPOSER:
            return read_artifact(text, load(state.goal.project), limit)
        return read_repair(text, limit)

    def format(self, state: TaskState, seat: int, move: Move) -> str:
        if self.acting == "structured":
            return f"[{move}]"
        if self.acting == "agentic":
            return str(self._box(seat).format(move))
        return format_artifact(move) if seat == PROPOSER else format_repair(move)

    def grammar(self, state: TaskState, seat: int) -> str:
        if self.acting == "structured":
            return super().grammar(state, seat)
        if self.acting == "agentic":
            return str(self._box(seat).grammar())
        return artifact_grammar() if seat == PROPOSER else repair_grammar()

    def reply_examples(self) -> tuple[str, ...]:
        if self.acting == "structured":
            return tuple(f"[{number}]" for number in range(min(8, self.choices)))
        if self.acting == "agentic":
            return tuple(
                self._box(1).format(tool.example()) for tool in self._box(1).tools.values()
            )
        return ("--- a/x.py\n+++ b/x.py\n@@ -1 +1 @@\n-a\n+b\n",)

    # -- views ---------------------------------------------------------------------------------

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
        if self.acting != "structured":
            return np.array(header, np.float32)
        if part.done or (seat != PROPOSER and not state.valid):
            return Menu((), (), (), ()).array(self.choices, (), header)
        taken = self._chosen(state, seat)
        return self.menu(state, seat).array(self.choices, taken, header)

    def desk(self, state: TaskState, seat: int) -> Desk:
        """All that a seat knows."""
        part = state.parts[seat]
        role = self.spec.roles[seat]
        if not self.movers(state):
            return Desk(role, "over", results=(self.ending(state, seat),))
        if seat != PROPOSER and not state.valid:
            return Desk(role, "wait")
        phase = "done" if part.done else "work"
        base, work = (self._keep(t) for t in (self._base(state, seat), self._work(state, seat)))
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
            tuple(map(_told, part.notes)),
            self._chosen(state, seat) if self.acting == "structured" and phase == "work" else (),
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
        tools = self._box(seat).describe() if self.acting == "agentic" else ""
        if seat == PROPOSER:
            return text.injector_brief(
                self.acting, self.demands, self.solvers, self.pay, self.invalid, tools
            )
        return text.solver_brief(self.acting, self._wages, self._turns[1], tools)

    def tell(self, state: TaskState, seat: int) -> str:
        if not self.movers(state):
            return self.ending(state, seat)
        part = state.parts[seat]
        if part.done:
            return "You are done. The others are still at work."
        if seat != PROPOSER and not state.valid:
            return "The injector is at work. Wait for the task."
        pieces = [self._situation(state, seat), *map(_told, part.notes)]
        return "\n\n".join([*pieces, self._ask(state, seat)])

    def tell_new(self, state: TaskState, seat: int) -> str:
        part = state.parts[seat]
        if not part.notes or part.done or not self.movers(state):
            return self.tell(state, seat)
        return f"{_told(part.notes[-1])}\n\n{self._ask(state, seat)}"

    def _situation(self, state: TaskState, seat: int) -> str:
        project, base = load(state.goal.project), self._base(state, seat)
        if seat == PROPOSER:
            head = f"The project is {project.name}. {text.STRATEGIES[state.goal.strategy]}"
            if self.acting == "one-shot" and state.goal.strategy == "history":
                head = f"{head}\n\n{text.show_history(project.history)}"
        else:
            head = "Improve the tests with this diff:\n" + quoted(state.task.spec)
        if self.acting == "structured":
            return head
        if self.acting == "agentic":
            return f"{head}\n\nThe files:\n" + quoted("\n".join(base))
        code = tuple(path for path in base if project.is_code(path))
        return f"{head}\n\n{text.show_files(base, code)}"

    def _ask(self, state: TaskState, seat: int) -> str:
        left = self.turns_left(state, seat)
        if self.acting == "one-shot":
            return "Your diffs?" if seat == PROPOSER else "Your diff?"
        if self.acting == "agentic":
            return f"Your next call? ({left} left)"
        menu, taken = self.menu(state, seat), set(self._chosen(state, seat))
        lines = []
        for number, mutation in enumerate(menu.choices):
            if number not in taken:
                share = (menu.reach if seat == PROPOSER else menu.suspicion)[number]
                word = "reached by" if seat == PROPOSER else "suspicion"
                lines.append(f"{number}. {mutation} ({word} {share:.0%})")
        choices = quoted("\n".join(lines)) if lines else f"There is only [{self.choices - 1}]."
        return f"Choices:\n{choices}\n\nYour choice? ({left} left)"


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


def _told(note: Any) -> str:
    if isinstance(note, Use):
        return note.result
    choice = quoted(f"{note.index}. {note.mutation}")
    if note.failing is None:
        return f"You chose\n{choice}"
    kept = "kept" if note.kept else "undone"
    failing = "The tests do not end" if note.failing < 0 else f"{note.failing} tests fail"
    return f"You tried\n{choice}\n{failing} with it; it was {kept}."


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


def _functions(tree: Tree, path: str) -> list[str]:
    lines = tree.text(path).split("\n") if path in tree else []
    return [
        line.partition("(")[0].removeprefix("def ")
        for line in lines
        if line.startswith("def test_")
    ]
