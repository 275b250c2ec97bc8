"""The three ways of acting: what a move is, what it leads to, and how it is put into words."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from gymnasium import spaces

from arenas.core.game import Game, Move
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
from arenas.games.bug_repair.menu import FEATURES, Menu, broken_by, overlap, without_tests
from arenas.games.bug_repair.mutations import Mutation, mutations_of
from arenas.games.bug_repair.project import load
from arenas.games.bug_repair.tools import Use, history, look, report, toolbox
from arenas.kernels.propose_solve import PROPOSER, Noted, Submitted, TaskState
from arenas.kernels.tool_calls import Toolbox, quoted
from arenas.sandbox import Tree

if TYPE_CHECKING:
    from arenas.games.bug_repair.game import BugRepair

MAX_REPLY = 200_000


class Acting(ABC):
    """A way of acting in one game.

    Attributes:
        observation_space, action_space, max_reply_chars: of the game's spec.
        turns: the most moves of the injector, and of each solver.
    """

    observation_space: spaces.Space[Any] = spaces.Box(0.0, 1.0, (4,), np.float32)
    action_space: spaces.Space[Any] = TextSpace(MAX_REPLY)
    max_reply_chars: int = MAX_REPLY
    turns: tuple[int, int] = (1, 1)

    def __init__(self, game: BugRepair) -> None:
        self.game = game

    # -- rules ---------------------------------------------------------------------------------

    @abstractmethod
    def act(self, state: TaskState, seat: int, move: Move) -> Noted | Submitted:
        """What a legal move leads to."""

    def leave(self, state: TaskState, seat: int) -> Any:
        """What a seat has handed in that used up its moves; None for nothing."""
        return None

    def work(self, base: Tree, seat: int, notes: Sequence[Any]) -> Tree:
        """The tree of a seat after what its moves led to."""
        return base

    def legal(self, state: TaskState, seat: int) -> Sequence[int] | None:
        """As `Game.legal`."""
        return None

    @abstractmethod
    def check(self, state: TaskState, seat: int, move: Move) -> None:
        """As `Game.check`."""

    @abstractmethod
    def sample(self, state: TaskState, seat: int, rng: Rng) -> Move:
        """As `Game.sample`."""

    def taken(self, state: TaskState, seat: int) -> tuple[int, ...]:
        """Choices that a seat cannot make any more; empty where it does not choose."""
        return ()

    # -- views ---------------------------------------------------------------------------------

    def view(self, state: TaskState, seat: int, header: Sequence[float]) -> np.ndarray:
        """What the seat sees, with what every way shows."""
        return np.array(header, np.float32)

    @abstractmethod
    def parse(self, state: TaskState, seat: int, reply: str) -> Move:
        """As `Game.parse`."""

    @abstractmethod
    def format(self, state: TaskState, seat: int, move: Move) -> str:
        """As `Game.format`."""

    @abstractmethod
    def grammar(self, state: TaskState, seat: int) -> str:
        """As `Game.grammar`."""

    @abstractmethod
    def examples(self) -> tuple[str, ...]:
        """Replies for the space of replies to sample."""

    @abstractmethod
    def how(self, seat: int) -> str:
        """How to reply, for the brief."""

    def situation(self, state: TaskState, seat: int, head: str) -> str:
        """What the seat works on, after the words that every way begins with."""
        return head

    def told(self, note: Any) -> str:
        """What a move led to, in words for its seat."""
        return ""

    @abstractmethod
    def ask(self, state: TaskState, seat: int) -> str:
        """The question that ends what a seat is told."""


# -- a choice by number ----------------------------------------------------------------------------


@dataclass(frozen=True)
class Pick:
    """A choice that was made: the mutation, and for a solver what came of it.

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


class Structured(Acting):
    """Seats choose mutations by number."""

    max_reply_chars = 4_096

    def __init__(self, game: BugRepair) -> None:
        super().__init__(game)
        self.observation_space = spaces.Box(0.0, 1.0, (game.choices + 1, FEATURES), np.float32)
        self.action_space = spaces.Discrete(game.choices)
        self.turns = (game.mutations, game.tries)

    def act(self, state: TaskState, seat: int, move: Move) -> Noted | Submitted:
        game = self.game
        menu = game.menu(state, seat)
        if move >= len(menu.choices):
            return Submitted(None)  # There was nothing to choose from.
        mutation = menu.choices[move]
        if seat == PROPOSER:
            return Noted(Pick(move, mutation))
        project, work = load(state.goal.project), game.work(state, seat)
        changed = mutation.apply(work)
        before, after = (
            game.bench.run(project, game.with_spec(project, tree), project.test_files)
            for tree in (work, changed)
        )
        if after.passed:
            return Submitted(game.base(state, seat).diff(changed))
        failing = len(after.ids("failed", "error")) if after.reason == "ok" else -1
        kept = 0 <= failing < len(before.ids("failed", "error"))
        return Noted(Pick(move, mutation, failing, kept))

    def leave(self, state: TaskState, seat: int) -> Any:
        """The bug of an injector whose choices are made; the tests that fail are taken away."""
        if seat != PROPOSER:
            return None
        project, broken = load(state.goal.project), self.game.work(state, seat)
        run = self.game.bench.run(project, broken, project.test_files)
        weaker = without_tests(broken, run.ids("failed", "error"))
        return Artifact(project.tree.diff(broken), broken.diff(weaker))

    def work(self, base: Tree, seat: int, notes: Sequence[Any]) -> Tree:
        if seat == PROPOSER:
            return broken_by(base, [note.mutation for note in notes])
        for note in notes:
            base = note.mutation.apply(base) if note.kept else base
        return base

    def legal(self, state: TaskState, seat: int) -> Sequence[int]:
        taken = set(self.taken(state, seat))
        count = len(self.game.menu(state, seat).choices)
        return [n for n in range(count) if n not in taken] or [self.game.choices - 1]

    def taken(self, state: TaskState, seat: int) -> tuple[int, ...]:
        picks = state.parts[seat].notes
        if seat != PROPOSER:
            # A change that is kept makes another list, of which nothing was tried yet.
            recent: list[int] = []
            for pick in picks:
                recent = [] if pick.kept else [*recent, pick.index]
            return tuple(sorted(recent))
        if not picks:
            return ()
        choices = self.game.menu(state, seat).choices
        return tuple(
            number
            for number, each in enumerate(choices)
            if any(each == pick.mutation or overlap(each, pick.mutation) for pick in picks)
        )

    def check(self, state: TaskState, seat: int, move: Move) -> None:
        Game.check(self.game, state, seat, move)

    def sample(self, state: TaskState, seat: int, rng: Rng) -> Move:
        return Game.sample(self.game, state, seat, rng)

    def view(self, state: TaskState, seat: int, header: Sequence[float]) -> np.ndarray:
        idle = state.parts[seat].done or (seat != PROPOSER and not state.valid)
        menu = Menu((), (), (), ()) if idle else self.game.menu(state, seat)
        taken = () if idle else self.taken(state, seat)
        return menu.array(self.game.choices, taken, header)

    def parse(self, state: TaskState, seat: int, reply: str) -> Move:
        return Game.parse(self.game, state, seat, reply)

    def format(self, state: TaskState, seat: int, move: Move) -> str:
        return f"[{move}]"

    def grammar(self, state: TaskState, seat: int) -> str:
        return Game.grammar(self.game, state, seat)

    def examples(self) -> tuple[str, ...]:
        return tuple(f"[{number}]" for number in range(min(8, self.game.choices)))

    def how(self, seat: int) -> str:
        if seat == PROPOSER:
            return text.STRUCTURED_INJECTOR
        return text.STRUCTURED_SOLVER.format(turns=self.turns[1])

    def told(self, note: Pick) -> str:
        choice = quoted(f"{note.index}. {note.mutation}")
        if note.failing is None:
            return f"You chose\n{choice}"
        kept = "kept" if note.kept else "undone"
        failing = "The tests do not end" if note.failing < 0 else f"{note.failing} tests fail"
        return f"You tried\n{choice}\n{failing} with it; it was {kept}."

    def ask(self, state: TaskState, seat: int) -> str:
        menu, taken = self.game.menu(state, seat), set(self.taken(state, seat))
        shares, word = menu.suspicion, "suspicion"
        if seat == PROPOSER:
            shares, word = menu.reach, "reached by"
        lines = [
            f"{number}. {mutation} ({word} {share:.0%})"
            for number, (mutation, share) in enumerate(zip(menu.choices, shares, strict=True))
            if number not in taken
        ]
        choices = quoted("\n".join(lines)) if lines else f"There is only [{self.game.choices - 1}]."
        left = self.game.turns_left(state, seat)
        return f"Choices:\n{choices}\n\nYour choice? ({left} left)"


# -- one diff --------------------------------------------------------------------------------------


class OneShot(Acting):
    """An injector hands in an artifact, a solver a diff, and that is all."""

    def act(self, state: TaskState, seat: int, move: Move) -> Noted | Submitted:
        return Submitted(Artifact.of_move(move) if seat == PROPOSER else move["patch"])

    def check(self, state: TaskState, seat: int, move: Move) -> None:
        if seat == PROPOSER:
            check_move(move)
        else:
            check_repair(move)

    def sample(self, state: TaskState, seat: int, rng: Rng) -> Move:
        """A random mutation as a diff; an injector's takes one test away, too."""
        project, base = load(state.goal.project), self.game.base(state, seat)
        code = tuple(path for path in base if project.is_code(path))
        broken = rng.choice(mutations_of(base, code)).apply(base)
        if seat != PROPOSER:
            return {"patch": base.diff(broken)}
        tests = [f"{path}::{name}" for path in project.test_files for name in _tests(base, path)]
        weaker = without_tests(broken, [rng.choice(tests)] if tests else [])
        return Artifact(base.diff(broken), broken.diff(weaker)).to_move()

    def parse(self, state: TaskState, seat: int, reply: str) -> Move:
        if seat == PROPOSER:
            return read_artifact(reply, load(state.goal.project), self.max_reply_chars)
        return read_repair(reply, self.max_reply_chars)

    def format(self, state: TaskState, seat: int, move: Move) -> str:
        return format_artifact(move) if seat == PROPOSER else format_repair(move)

    def grammar(self, state: TaskState, seat: int) -> str:
        return artifact_grammar() if seat == PROPOSER else repair_grammar()

    def examples(self) -> tuple[str, ...]:
        return ("--- a/x.py\n+++ b/x.py\n@@ -1 +1 @@\n-a\n+b\n",)

    def how(self, seat: int) -> str:
        return text.ONE_SHOT_INJECTOR if seat == PROPOSER else text.ONE_SHOT_SOLVER

    def situation(self, state: TaskState, seat: int, head: str) -> str:
        project, base = load(state.goal.project), self.game.base(state, seat)
        pieces = [head]
        if seat == PROPOSER and state.goal.strategy == "history":
            pieces.append(text.show_history(project.history))
        code = tuple(path for path in base if project.is_code(path))
        return "\n\n".join([*pieces, text.show_files(base, code)])

    def ask(self, state: TaskState, seat: int) -> str:
        return "Your diffs?" if seat == PROPOSER else "Your diff?"


def _tests(tree: Tree, path: str) -> list[str]:
    lines = tree.text(path).split("\n")
    return [
        line.partition("(")[0].removeprefix("def ")
        for line in lines
        if line.startswith("def test_")
    ]


# -- tool calls ------------------------------------------------------------------------------------


class Agentic(Acting):
    """Seats call tools until they submit their tree."""

    def __init__(self, game: BugRepair) -> None:
        super().__init__(game)
        self.turns = (game.injector_turns, game.solver_turns)
        self._boxes = (toolbox(history=True), toolbox(history=False))

    def _box(self, seat: int) -> Toolbox:
        return self._boxes[seat != PROPOSER]

    def act(self, state: TaskState, seat: int, move: Mapping[str, Any]) -> Noted | Submitted:
        if move["tool"] == "submit":
            return Submitted(self._handed_in(state, seat))
        game, project, tree = self.game, load(state.goal.project), self.game.work(state, seat)
        use = look(tree, move)
        if use is None and seat == PROPOSER:
            use = history(project.history, move)
        if use is None:
            tested = tree if seat == PROPOSER else game.with_spec(project, tree)
            use = Use(report(game.bench.run(project, tested, project.test_files)))
        return Noted(use)

    def _handed_in(self, state: TaskState, seat: int) -> Any:
        """A solver's changes; an injector's, those of code as the bug and others as weakening."""
        base, work = self.game.base(state, seat), self.game.work(state, seat)
        if seat != PROPOSER:
            return base.diff(work)
        project = load(state.goal.project)
        code = [path for path in base.changed(work) if project.is_code(path)]
        broken = base.replace({path: work.get(path) for path in code})
        return Artifact(base.diff(broken), broken.diff(work))

    def work(self, base: Tree, seat: int, notes: Sequence[Any]) -> Tree:
        return base.replace({note.path: note.text for note in notes if note.path})

    def check(self, state: TaskState, seat: int, move: Move) -> None:
        self._box(seat).check(move)

    def sample(self, state: TaskState, seat: int, rng: Rng) -> Move:
        """A random tool with its example's arguments, on a random file."""
        call = rng.choice(list(self._box(seat).tools.values())).example()
        if "path" in call:
            call["path"] = rng.choice(list(self.game.work(state, seat)))
        return call

    def parse(self, state: TaskState, seat: int, reply: str) -> Move:
        return self._box(seat).read(reply, self.max_reply_chars)

    def format(self, state: TaskState, seat: int, move: Move) -> str:
        return self._box(seat).format(move)

    def grammar(self, state: TaskState, seat: int) -> str:
        return self._box(seat).grammar()

    def examples(self) -> tuple[str, ...]:
        return tuple(json.dumps(tool.example()) for tool in self._boxes[1].tools.values())

    def how(self, seat: int) -> str:
        tools = text.TOOLS + self._box(seat).describe()
        return f"{tools}\n{text.WHAT_IS_WHAT}" if seat == PROPOSER else tools

    def situation(self, state: TaskState, seat: int, head: str) -> str:
        return f"{head}\n\nThe files:\n" + quoted("\n".join(self.game.base(state, seat)))

    def told(self, note: Use) -> str:
        return note.result

    def ask(self, state: TaskState, seat: int) -> str:
        return f"Your next call? ({self.game.turns_left(state, seat)} left)"


WAYS: dict[str, type[Acting]] = {
    "structured": Structured,
    "one-shot": OneShot,
    "agentic": Agentic,
}
"""The ways of acting, as the option `acting` names them."""
