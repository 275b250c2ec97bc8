"""The contract that every game fulfils; everything else in the package is a view of it."""

from __future__ import annotations

import copy
import inspect
import re
from abc import ABC, abstractmethod
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from operator import index
from typing import Any, Generic, Literal, TypeVar

import numpy as np
from gymnasium import spaces

from arenas.core.controls import LISTED, REPLY, Button, Controls, read_form
from arenas.core.language import read_move
from arenas.core.outcome import Outcome
from arenas.core.picture import text_picture
from arenas.core.rng import Rng

S = TypeVar("S")
Move = Any
"""A move is a JSON value: an int for discrete actions, else a string, a list or a dict."""


class IllegalMove(ValueError):
    """A move that the rules forbid; `str()` of it is the reason, written for the offender."""


@dataclass(frozen=True)
class GameSpec:
    """What is true of every match of a game with the options it was made with.

    Attributes:
        name: the game's name, as in its id: "KuhnPoker".
        version: version of the rules; part of every record, changed whenever a reward could change.
        roles: one role name per seat; equal names mean interchangeable roles.
        payoff: "zero_sum", "common" (all seats are paid alike) or "general_sum"; asserted on every
            outcome.
        information: "perfect" or "imperfect".
        observation_space: Gymnasium space of `Game.view`, the same for every seat.
        action_space: Gymnasium space of one move.
        reward_range: least and greatest total reward of a seat, in the game's unit.
        max_plies: the most moves (of all seats together) that a match can take.
        simultaneous: all seats move at every step, so the game also makes a ParallelEnv.
        independent: when several seats are to move, each move is played as it arrives (k solvers
            of one task); otherwise they wait for each other and are played together.
        has_chance: `Game.new` draws from its generator.
        step_rewards: `Game.returns` changes before the end (deliveries in a kitchen).
        waits: `Game.play` waits for the outside (a test run), so schedulers step it in a pool.
        max_reply_chars: longest reply in characters that `Game.parse` reads.
        agents: agent names; `player_0`, `player_1`, ... where empty. Never name a hidden role here.
    """

    name: str
    version: str
    roles: tuple[str, ...]
    payoff: Literal["zero_sum", "common", "general_sum"]
    information: Literal["perfect", "imperfect"]
    observation_space: spaces.Space[Any]
    action_space: spaces.Space[Any]
    reward_range: tuple[float, float]
    max_plies: int
    simultaneous: bool = False
    independent: bool = False
    has_chance: bool = False
    step_rewards: bool = False
    waits: bool = False
    max_reply_chars: int = 16_384
    agents: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.roles:
            raise ValueError("a game has at least one seat: give one role name per seat")
        if not self.agents:
            names = tuple(f"player_{seat}" for seat in range(len(self.roles)))
            object.__setattr__(self, "agents", names)

    @property
    def seats(self) -> int:
        """Number of seats."""
        return len(self.roles)


class Game(ABC, Generic[S]):
    """Rules and configuration of one game; a match's state is a separate value of type `S`.

    A subclass keeps each constructor argument as an attribute of the same name (as scikit-learn's
    estimators do), so that `options` can be written into records and read back. All chance is drawn
    in `new`; `play` is a function of the state and the moves. Costly shared things (an index, a
    pool of workers) live here, are opened when first needed, and are closed by `close`.
    """

    spec: GameSpec

    @cached_property
    def options(self) -> dict[str, Any]:
        """The constructor's arguments by name: JSON values that make an equal game again."""
        return {name: getattr(self, name) for name in option_defaults(type(self))}

    # -- rules ---------------------------------------------------------------------------------

    @abstractmethod
    def new(self, rng: Rng) -> S:
        """A starting state; every random choice of the match is drawn from `rng` here."""

    @abstractmethod
    def movers(self, state: S) -> tuple[int, ...]:
        """The seats that move now, in order; several when simultaneous, none when it is over."""

    @abstractmethod
    def legal(self, state: S, seat: int) -> Sequence[Move] | None:
        """The legal moves of a mover in ascending order; None where they are too many to list.

        A game that returns None overrides `check`, `sample`, `parse`, `format` and `grammar`.
        """

    @abstractmethod
    def apply(self, state: S, moves: Mapping[int, Move]) -> S:
        """The state after legal moves, keyed by seat; callers have checked them.

        It may be `state` itself, changed: go on with what is returned, and `copy` what you keep.
        """

    @abstractmethod
    def outcome(self, state: S) -> Outcome | None:
        """Rewards and evidence once the rules have ended the match; None before."""

    def check(self, state: S, seat: int, move: Move) -> None:
        """Accepts a legal move of a mover, silently.

        Raises:
            IllegalMove: with a reason written for the offender.
        """
        legal = self.legal(state, seat)
        assert legal is not None, f"{type(self).__name__} lists no moves, so it overrides check"
        if move not in legal:
            if isinstance(move, int) and move.bit_length() > 64:
                raise IllegalMove("the number is out of range")
            names = " ".join(self.replies(state, seat) or ())
            raise IllegalMove(f"{move!r} is not a legal move now; legal: {names}")

    def play(self, state: S, moves: Mapping[int, Move]) -> S:
        """Checks the moves of the movers, then applies them.

        Raises:
            IllegalMove: a move is illegal or a seat is not to move; `state` is unchanged.
        """
        movers = self.movers(state)
        partial = self.spec.independent and moves
        if set(moves) != set(movers) and not (partial and set(moves) <= set(movers)):
            raise IllegalMove(f"seats {sorted(movers)} are to move, got moves of {sorted(moves)}")
        for seat, move in moves.items():
            self.check(state, seat, move)
        return self.apply(state, moves)

    def returns(self, state: S) -> Sequence[float]:
        """Total reward of each seat so far; zeros until the end where rewards come only then."""
        outcome = self.outcome(state)
        return (0.0,) * self.spec.seats if outcome is None else outcome.rewards

    def forfeit(self, state: S, seat: int) -> tuple[float, ...]:
        """Rewards when `seat` loses the match by illegal moves and it ends there (see `withdraw`).

        The offender gets the least that the game pays. In a zero-sum game the others share what it
        loses; in a common-payoff game all get the least; else the others keep what they have.
        """
        seats, low = self.spec.seats, float(self.spec.reward_range[0])
        if self.spec.payoff == "common":
            return (low,) * seats
        if self.spec.payoff == "zero_sum":
            share = -low / (seats - 1)
            return tuple(low if s == seat else share for s in range(seats))
        returns = self.returns(state)
        return tuple(low if s == seat else float(returns[s]) for s in range(seats))

    def withdraw(self, state: S, seat: int) -> S | None:
        """The state after `seat` is put out by illegal moves, if the others can play on.

        None, unless overridden: then a forfeit ends the match for every seat, and `forfeit` pays.
        Asked only where no other seat's move is kept back (a seat moving alone, or
        `spec.independent`). The seat is no mover of the state returned, and `outcome` pays it.
        """
        return None

    def sample(self, state: S, seat: int, rng: Rng) -> Move:
        """A random legal move of a mover, uniform where the moves can be listed."""
        legal = self.legal(state, seat)
        assert legal is not None, f"{type(self).__name__} lists no moves, so it overrides sample"
        return rng.choice(legal)

    def figures(self, state: S) -> dict[str, Any]:
        """What a record says of the end beyond the evidence: worked out when one is written.

        For figures that cost more than a match; they are there however the match ended.
        """
        return {}

    # -- states as values ----------------------------------------------------------------------

    def copy(self, state: S) -> S:
        """An independent copy of `state`."""
        return copy.deepcopy(state)

    @abstractmethod
    def key(self, state: S) -> Hashable:
        """A hashable value, equal for two states exactly when the states are equal."""

    def chance(self) -> Iterator[tuple[float, S]]:
        """Every starting state with its probability, for solvers that walk the whole tree.

        Raises:
            ValueError: the starts of this game are too many to list.
        """
        if self.spec.has_chance:
            raise ValueError(f"{self.spec.name} has too many starting states to list")
        yield 1.0, self.new(Rng(0))

    def info_state(self, state: S, seat: int) -> str:
        """All that `seat` knows (its information state), as a key for tabular policies."""
        view = self.view(state, seat)
        return f"{seat}:{view.tobytes().hex()}"

    def resample(self, state: S, seat: int, rng: Rng) -> S:
        """A state that `seat` cannot tell from `state`, with what is hidden from it drawn anew."""
        if self.spec.information == "imperfect":
            raise ValueError(f"{self.spec.name} hides information but does not define resample")
        return self.copy(state)

    # -- the view for networks -----------------------------------------------------------------

    @abstractmethod
    def view(self, state: S, seat: int) -> Any:
        """What `seat` sees, as a fresh value of `spec.observation_space`; no hidden information."""

    def mask(self, state: S, seat: int) -> np.ndarray:
        """Legal actions of a mover: int8 array of shape (n,), 1 where legal (discrete games)."""
        mask = np.zeros(self.num_actions, np.int8)
        mask[list(self.legal(state, seat) or ())] = 1
        return mask

    def observe(self, state: S, seat: int, awaited: bool) -> dict[str, Any]:
        """The array observation: fresh `observation` and, for discrete actions, `action_mask`.

        The mask of a seat that is not awaited is all zeros.
        """
        observation = {"observation": self.view(state, seat)}
        if self.mask_size:
            mask = self.mask(state, seat) if awaited else np.zeros(self.mask_size, np.int8)
            observation[self.mask_name] = mask
        return observation

    @cached_property
    def num_actions(self) -> int:
        """Size of the discrete action space; 0 where moves are structured or free text."""
        space = self.spec.action_space
        return int(space.n) if isinstance(space, spaces.Discrete) else 0

    mask_name: str = "action_mask"
    """What `observe` calls the mask."""

    @cached_property
    def mask_size(self) -> int:
        """Length of the mask; 0 where there is none."""
        return self.num_actions

    # -- the view for language models and people -----------------------------------------------

    @abstractmethod
    def brief(self, seat: int) -> str:
        """The rules, the role of `seat` and the form of a reply, in words."""

    @cached_property
    def briefs(self) -> tuple[str, ...]:
        """`brief` of every seat."""
        return tuple(self.brief(seat) for seat in range(self.spec.seats))

    @abstractmethod
    def tell(self, state: S, seat: int) -> str:
        """The situation of `seat` in words: all it needs to move now, or how the match ended."""

    def tell_new(self, state: S, seat: int) -> str:
        """The same for a seat that moved before, in a conversation that holds what it was told.

        It is `tell` unless overridden by a game whose seats would hear much over and over.
        """
        return self.tell(state, seat)

    def show(self, state: S, seat: int | None = None) -> str:
        """The state as a small text picture: as `seat` sees it, or all of it for an onlooker."""
        return "\n".join(
            self.tell(state, s) for s in ([seat] if seat is not None else range(self.spec.seats))
        )

    def draw(self, state: S, seat: int | None = None) -> np.ndarray:
        """The state as a picture: as `seat` sees it, or all of it for an onlooker.

        Games that are looked at rather than read override this; here it is `show` in pixels.

        Returns:
            (height, width, 3) uint8. The size is the same throughout a match in games that
            override it.

        Raises:
            ImportError: pygame is not installed.
        """
        return text_picture(self.show(state, seat))

    def controls(self, state: S, seat: int) -> Controls:
        """What a person in a seat that is to move can press and type.

        Here it is a button for each legal reply, while they are few, and a line to write one. Games
        with a picture to click, numbers to choose or a clock override it.
        """
        replies = self.replies(state, seat)
        if replies is None or len(replies) > LISTED:
            return Controls(forms=(REPLY,))
        return Controls(tuple(Button(reply.strip("[]"), reply) for reply in replies), (REPLY,))

    def compose(self, state: S, seat: int, form: str, values: Mapping[str, Any]) -> str:
        """The reply that a filled form of `controls` stands for; `parse` reads it.

        Args:
            state, seat: as of `controls`.
            form: the form's name.
            values: by field name: an int for a `Number`, text for the others.

        Raises:
            IllegalMove: the values make no reply; nothing has been sent.
        """
        reply = values.get("reply")
        if form != REPLY.name or not isinstance(reply, str) or not reply.strip():
            raise IllegalMove("write a move first")
        return reply

    def filled(self, state: S, seat: int, form: str, values: Mapping[str, Any]) -> dict[str, Any]:
        """The values of a filled form of `controls` by field, for `compose`.

        Raises:
            IllegalMove: there is no such form now, or a value is none of its field's.
        """
        try:
            return read_form(self.controls(state, seat), form, values)
        except ValueError as error:
            raise IllegalMove(str(error)) from None

    def pictures(self, state: S, seat: int) -> Sequence[np.ndarray]:
        """Pictures that belong to what `seat` is told first, for models that see; none mostly.

        They stay the same throughout a match, and each prompt of the seat has them once: in the
        first message of the user, before the text.

        Returns:
            Arrays (height, width, 3) uint8.

        Raises:
            ImportError: pygame is not installed.
        """
        return ()

    def format(self, state: S, seat: int, move: Move) -> str:
        """A legal move in words, such that `parse` reads it back."""
        return f"[{move}]"

    def parse(self, state: S, seat: int, text: str) -> Move:
        """The move that a reply names; `language.read_move` documents what counts as naming one.

        Raises:
            IllegalMove: the reply names no legal move, or several; with the reason.
        """
        legal = self.legal(state, seat)
        assert legal is not None, f"{type(self).__name__} lists no moves, so it overrides parse"
        words = (reply.strip("[]").lower() for reply in self.replies(state, seat) or ())
        return self.read(text, dict(zip(words, legal, strict=True)))

    def recognise(self, state: S, seat: int, text: str) -> Move | None:
        """The legal move that a reply names, if that is plain at once; None leaves it to others.

        A short cut for what `parse` and `check` say together, and never anything else. A game that
        sees often replies in the form that `format` writes may spare itself the search.
        """
        return None

    def read(self, text: str, names: Mapping[str, Move]) -> Move:
        """The one move of `names` (lower case, without brackets) that a reply names.

        Raises:
            IllegalMove: it names none, or several; with the reason.
        """
        try:
            return read_move(text, names, self.spec.max_reply_chars)
        except ValueError as error:
            raise IllegalMove(str(error)) from None

    def replies(self, state: S, seat: int) -> Sequence[str] | None:
        """The legal moves in words, in the order of `legal`; None where they are too many."""
        legal = self.legal(state, seat)
        return None if legal is None else [self.format(state, seat, move) for move in legal]

    def grammar(self, state: S, seat: int) -> str:
        """A regular expression that a reply must match as a whole, for constrained decoding."""
        replies = self.replies(state, seat)
        assert replies is not None, f"{type(self).__name__} lists no moves, so it overrides grammar"
        return "|".join(map(re.escape, replies))

    def reply_examples(self) -> tuple[str, ...]:
        """Replies that name a move in some state, for the text view's action space to sample."""
        return ()

    # -- housekeeping --------------------------------------------------------------------------

    def close(self) -> None:
        """Releases what the game opened; calling it again does nothing."""

    def __repr__(self) -> str:
        options = ", ".join(f"{name}={value!r}" for name, value in self.options.items())
        return f"{type(self).__name__}({options})"


def whole(value: Any) -> int | None:
    """An option as a plain int, which records can hold; None if it is no integer (nor is True)."""
    if isinstance(value, bool):
        return None
    try:
        return index(value)
    except TypeError:
        return None


def option_defaults(game: type[Game[Any]]) -> dict[str, Any]:
    """Name and default of each option of a game's constructor."""
    parameters = list(inspect.signature(game.__init__).parameters.values())[1:]
    named = (p for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY))
    return {p.name: p.default for p in named}
