"""Propose, validate, solve k times, score: the turn structure of bug repair and of deep search.

One seat proposes a task, with as many tool calls as it is granted. The engine validates the
proposal by named checks in order. If all pass, k solvers each work on the task for themselves, and
the proposer is paid by the share of them that solved it. A proposal can also be given beforehand
(`given`), so that only the solvers play: to train them alone, to replay a task, or to go on from a
failed repair.

A game on this kernel says what is drawn (`begin`), what a move does (`act`), how a proposal is
checked (`validate`) and how an answer is graded (`grade`). Everything that the checks and grades
found is kept in the state, so `outcome` only reads it.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from gymnasium import spaces

from arenas.core.game import Game, GameSpec, Move, whole
from arenas.core.outcome import Outcome
from arenas.core.rng import Rng
from arenas.kernels.proposer_pay import check_attempts, read_shape

PROPOSER = 0
"""The proposer's seat; the solvers have 1 to k."""

MAX_SOLVERS = 64
ORDERS = ("parallel", "turn")


class Check(NamedTuple):
    """One check of a proposal: its name, whether it passed, and the reason where it did not."""

    name: str
    passed: bool
    reason: str = ""


class Grade(NamedTuple):
    """Whether an answer solves the task, and what was found (a hashable value of the game's)."""

    solved: bool
    found: Hashable = None


@dataclass(frozen=True)
class Noted:
    """A move after which its seat goes on: `entry`, a hashable value, is added to its notes."""

    entry: Hashable


@dataclass(frozen=True)
class Submitted:
    """A move that ends its seat's part with an answer: a hashable value of the game's."""

    answer: Hashable


@dataclass(frozen=True)
class Part:
    """What one seat has done so far.

    Attributes:
        turns: moves it has made.
        notes: what its moves led to, in order; the game's own values.
        answer: what it submitted; None before, or if it submitted nothing.
        done: it makes no more moves.
        forfeited: it was put out by illegal moves.
        grade: of a solver that is done.
    """

    turns: int = 0
    notes: tuple[Hashable, ...] = ()
    answer: Hashable = None
    done: bool = False
    forfeited: bool = False
    grade: Grade | None = None


@dataclass(frozen=True)
class TaskState:
    """A match: an immutable value, as are all parts of it.

    Attributes:
        goal: what was drawn at the start.
        parts: of each seat.
        checks: of the proposal, up to the first that failed; None before it is submitted.
        task: what the solvers work on, as `validate` made it; None without a valid proposal.
    """

    goal: Any
    parts: tuple[Part, ...]
    checks: tuple[Check, ...] | None = None
    task: Any = None

    @property
    def proposing(self) -> bool:
        """The proposal is not in yet."""
        return self.checks is None

    @property
    def valid(self) -> bool:
        """The proposal is in and passed every check."""
        return self.checks is not None and all(check.passed for check in self.checks)

    @property
    def solved(self) -> tuple[bool, ...]:
        """Of each solver: it is done and its answer solves the task."""
        return tuple(bool(part.grade and part.grade.solved) for part in self.parts[1:])


class ProposeSolve(Game[TaskState]):
    """A proposer, checks, k solvers, a score; see the top of this file.

    A subclass gives its own options to the constructor by these names, and implements the abstract
    methods here and of `Game` (the views, and `legal` or `check`, `sample`, `parse`, ...).

    Args:
        name, version, observation_space, action_space, max_reply_chars: of the spec.
        proposer: the proposer's role, "proposer" or "injector".
        solvers: k, 1 to 64.
        pay: what a valid proposal earns by its solve rate: a shape of `proposer_pay`.
        invalid: what an invalid proposal earns: 0 or less.
        wages: what an answer that does not solve the task earns, and one that does.
        turns: the most moves that the proposer, and that each solver may make. Whoever has used
            them up has submitted what `leave` says.
        order: "parallel" (solvers move as they like, nobody waits) or "turn" (one after another).
        given: proposals as JSON values of which each match draws one, in place of the proposer's
            turn; None where the proposer plays.

    Raises:
        ValueError: a value is out of range, or with so few solvers `pay` rewards nothing.
    """

    def __init__(
        self,
        *,
        name: str,
        version: str,
        observation_space: spaces.Space[Any],
        action_space: spaces.Space[Any],
        max_reply_chars: int = 16_384,
        proposer: str = "proposer",
        solvers: int = 5,
        pay: str = "one-minus",
        invalid: float = 0.0,
        wages: tuple[float, float] = (0.0, 1.0),
        turns: tuple[int, int] = (1, 1),
        order: str = "parallel",
        given: Sequence[Any] | None = None,
    ) -> None:
        k = whole(solvers)
        if k is None or not 1 <= k <= MAX_SOLVERS:
            raise ValueError(f"solvers={solvers!r}: a task has 1 to {MAX_SOLVERS} solvers")
        if not isinstance(invalid, (int, float)) or not -100 <= invalid <= 0:
            raise ValueError(f"invalid={invalid!r}: an invalid proposal earns 0 or less")
        if any(whole(n) is None or not 1 <= n <= 1_000 for n in turns):
            raise ValueError(f"turns={turns}: a seat has 1 to 1000 moves")
        if order not in ORDERS:
            raise ValueError(f"order={order!r}: the orders are {', '.join(ORDERS)}")
        if given is not None and (not isinstance(given, (list, tuple)) or not given):
            raise ValueError("given: a list of one proposal or more, or None")
        self._shape = read_shape(pay)
        check_attempts(pay, k)
        self.solvers = k
        self.pay = str(pay)
        self.invalid = float(invalid)
        self.order = order
        self.given = None if given is None else list(given)
        self._wages = wages
        self._turns = turns
        self._taken: dict[int, TaskState] = {}
        shares = [self._shape(n / k) for n in range(k + 1)]
        self.spec = GameSpec(
            name=name,
            version=version,
            roles=(proposer,) + ("solver",) * k,
            agents=(f"{proposer}_0", *(f"solver_{i}" for i in range(k))),
            payoff="general_sum",
            information="imperfect",
            observation_space=observation_space,
            action_space=action_space,
            reward_range=(
                min(self.invalid, *wages, *shares, 0.0),
                max(*wages, *shares, 0.0),
            ),
            max_plies=turns[0] + k * turns[1],
            independent=order == "parallel",
            has_chance=True,
            waits=True,
            max_reply_chars=max_reply_chars,
        )

    # -- what a game on this kernel says -------------------------------------------------------

    @abstractmethod
    def begin(self, rng: Rng) -> Any:
        """What the match is about, as a hashable value; all chance of the match is drawn here."""

    @abstractmethod
    def act(self, state: TaskState, seat: int, move: Move) -> Noted | Submitted:
        """What a legal move of a seat leads to."""

    @abstractmethod
    def validate(self, state: TaskState, proposal: Any) -> tuple[tuple[Check, ...], Any]:
        """The checks of a proposal, in order up to the first that fails, and the solvers' task.

        The task is a hashable value, None if a check failed.
        """

    @abstractmethod
    def grade(self, state: TaskState, seat: int, answer: Any) -> Grade:
        """Whether a solver's answer solves the task."""

    def leave(self, state: TaskState, seat: int) -> Hashable:
        """What a seat has submitted that used up its moves; None for nothing."""
        return None

    def take(self, given: Any) -> tuple[Any, Any]:
        """Goal and proposal of one value of `given`.

        Raises:
            ValueError: it is no proposal.
        """
        raise ValueError(f"{self.spec.name} takes no given proposals")

    def evidence(self, state: TaskState) -> dict[str, Any]:
        """More evidence than checks and who solved the task: JSON values."""
        return {}

    # -- the kernel ----------------------------------------------------------------------------

    def new(self, rng: Rng) -> TaskState:
        """A start.

        Raises:
            ValueError: the given proposal is none, or does not pass the checks.
        """
        if self.given is None:
            return TaskState(self.begin(rng), (Part(),) * self.spec.seats)
        which = rng.below(len(self.given))
        # The checks of a given proposal are run once, not in each match.
        if which not in self._taken:
            goal, proposal = self.take(self.given[which])
            start = TaskState(goal, (Part(),) * self.spec.seats)
            state = self.propose(start, proposal)
            if not state.valid:
                assert state.checks
                failed = state.checks[-1]
                raise ValueError(f"given[{which}] fails the check {failed.name}: {failed.reason}")
            self._taken[which] = state
        return self._taken[which]

    def propose(self, state: TaskState, proposal: Any) -> TaskState:
        """The state after a proposal in place of the proposer's moves."""
        part = replace(state.parts[PROPOSER], answer=proposal)
        return self._close(self._with(state, PROPOSER, part), PROPOSER)

    def movers(self, state: TaskState) -> tuple[int, ...]:
        if state.checks is None:
            return (PROPOSER,)
        if not state.valid:
            return ()
        left = tuple(seat for seat, part in enumerate(state.parts) if not part.done)
        return left if self.order == "parallel" else left[:1]

    def turns_left(self, state: TaskState, seat: int) -> int:
        """How many moves a seat may still make."""
        return self._turns[seat != PROPOSER] - state.parts[seat].turns

    def apply(self, state: TaskState, moves: Mapping[int, Move]) -> TaskState:
        for seat, move in moves.items():
            did = self.act(state, seat, move)
            part = state.parts[seat]
            part = replace(part, turns=part.turns + 1)
            if isinstance(did, Submitted):
                state = self._with(state, seat, replace(part, answer=did.answer))
                state = self._close(state, seat)
                continue
            state = self._with(state, seat, replace(part, notes=(*part.notes, did.entry)))
            if not self.turns_left(state, seat):
                left = replace(state.parts[seat], answer=self.leave(state, seat))
                state = self._close(self._with(state, seat, left), seat)
        return state

    def withdraw(self, state: TaskState, seat: int) -> TaskState:
        """A seat that forfeits has submitted nothing; the others play on."""
        part = replace(state.parts[seat], forfeited=True, answer=None)
        return self._close(self._with(state, seat, part), seat)

    def _with(self, state: TaskState, seat: int, part: Part) -> TaskState:
        parts = state.parts
        return replace(state, parts=(*parts[:seat], part, *parts[seat + 1 :]))

    def _close(self, state: TaskState, seat: int) -> TaskState:
        """Ends the part of a seat: checks the proposal, or grades the answer."""
        part = replace(state.parts[seat], done=True)
        if seat == PROPOSER:
            if part.answer is None:
                why = "it forfeited by illegal moves" if part.forfeited else "no moves are left"
                checks: tuple[Check, ...] = (Check("a proposal", False, f"nothing came: {why}"),)
                return replace(self._with(state, seat, part), checks=checks)
            checks, task = self.validate(state, part.answer)
            return replace(self._with(state, seat, part), checks=checks, task=task)
        found = Grade(False) if part.answer is None else self.grade(state, seat, part.answer)
        return self._with(state, seat, replace(part, grade=found))

    def outcome(self, state: TaskState) -> Outcome | None:
        if self.movers(state):
            return None
        assert state.checks is not None
        evidence: dict[str, Any] = {"checks": [check._asdict() for check in state.checks]}
        forfeits = [seat for seat, part in enumerate(state.parts) if part.forfeited]
        if forfeits:
            evidence["forfeits"] = forfeits
        if not state.valid:
            evidence.update(self.evidence(state))
            return Outcome((self.invalid,) + (0.0,) * self.solvers, "invalid", evidence)
        solved = state.solved
        evidence["solved"] = list(solved)
        evidence.update(self.evidence(state))
        wages = [self._wages[did] for did in solved]
        return Outcome((self._shape(sum(solved) / self.solvers), *wages), "scored", evidence)

    def resample(self, state: TaskState, seat: int, rng: Rng) -> TaskState:
        """The other solvers' work drawn anew; `resample_task` does the rest for solvers."""
        parts = [
            part
            if other in (PROPOSER, seat)
            else Part(part.turns, done=part.done, grade=part.grade and Grade(rng.below(2) == 1))
            for other, part in enumerate(state.parts)
        ]
        state = replace(state, parts=tuple(parts))
        return state if seat == PROPOSER else self.resample_task(state, seat, rng)

    def resample_task(self, state: TaskState, seat: int, rng: Rng) -> TaskState:
        """What the proposer knows and a solver does not, drawn anew."""
        return state

    def copy(self, state: TaskState) -> TaskState:
        return state

    def key(self, state: TaskState) -> Hashable:
        return state

    def ending(self, state: TaskState, seat: int) -> str:
        """How a finished match went, in words for a seat; for `tell`."""
        outcome = self.outcome(state)
        assert outcome is not None
        assert state.checks is not None
        reward = f"Your reward: {outcome.rewards[seat]:+g}."
        if not state.valid:
            failed = state.checks[-1]
            why = f"check {failed.name!r}: {failed.reason}" if seat == PROPOSER else "a check"
            return f"The match is over: the proposal was refused by {why}. {reward}"
        done = f"{sum(state.solved)} of {self.solvers} attempts solved the task"
        own = ""
        if seat != PROPOSER:
            own = "Yours did. " if state.solved[seat - 1] else "Yours did not. "
        return f"The match is over: {done}. {own}{reward}"
