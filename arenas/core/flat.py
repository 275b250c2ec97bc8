"""Games whose whole state is one row of integers, with rules written as plain scalar functions.

The rules module of such a game indexes the row by named constants and uses nothing but integers and
loops. Compiled, its functions run over an array of rows; here they run on Python sequences. It
defines

- `deal(row, seed)`: sets up the start; all chance comes from the 64-bit `seed` by `rng.draw`;
- `to_move(row) -> seat`, or -1 when the match is over;
- `legal(row, out)`: marks the legal actions of the seat to move with 1 in the zeroed `out`;
- `play(row, action)`: a legal action of the seat to move;
- `observe(row, seat, out)`: fills the zeroed `out` with what `seat` sees;
- `score(row, out)`: fills the zeroed `out` with each seat's reward; called once it is over.

A `Position` is an immutable row with what was derived from it. Each game keeps the first positions
it meets, up to `MAX_KEPT`, and their successors, so small games are soon played by look-up.
"""

from __future__ import annotations

import importlib
from abc import abstractmethod
from collections.abc import Hashable, Mapping, MutableSequence, Sequence
from typing import Any, Protocol, TypeVar

import numpy as np

from arenas.core.game import Game, GameSpec, Move
from arenas.core.outcome import Outcome
from arenas.core.rng import Rng

T = TypeVar("T")

Row = Sequence[int]
MAX_KEPT = 1 << 14
"""Positions kept per game: about 2 kB each with both seats' views and words."""


class FlatRules(Protocol):
    """The functions of a rules module (see the module docstring)."""

    def deal(self, row: MutableSequence[int], seed: int, /) -> None: ...
    def to_move(self, row: Row, /) -> int: ...
    def legal(self, row: Row, out: MutableSequence[int], /) -> None: ...
    def play(self, row: MutableSequence[int], action: int, /) -> None: ...
    def observe(self, row: Row, seat: int, out: MutableSequence[int], /) -> None: ...
    def score(self, row: Row, out: MutableSequence[float], /) -> None: ...
    @property
    def __name__(self) -> str: ...


class Position:
    """One row and what follows from it; the latter is filled in when first asked for.

    Attributes:
        row: the state.
        movers: the seat to move, or nobody.
        legal: its legal actions, ascending; None where they are too many to list.
        said: what was said with each move, in games that talk; no rule depends on it.
        after: successors by action, as far as they were reached and are kept; None for a position
            that its game does not keep.
    """

    __slots__ = (
        "after",
        "legal",
        "mask",
        "movers",
        "outcome",
        "replies",
        "row",
        "said",
        "told",
        "views",
    )

    def __init__(
        self,
        row: tuple[int, ...],
        movers: tuple[int, ...],
        legal: tuple[int, ...] | None,
        said: tuple[str, ...] = (),
    ) -> None:
        self.row = row
        self.movers = movers
        self.legal = legal
        self.said = said
        self.after: list[Position | None] | None = None
        self.mask: np.ndarray | None = None
        self.views: list[np.ndarray | None] | None = None
        self.told: list[str | None] | None = None
        self.replies: tuple[str, ...] | None = None
        self.outcome: Outcome | None = None

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Position):
            return False
        return other.row == self.row and other.said == self.said

    def __hash__(self) -> int:
        return hash(self.row)

    def __reduce__(self) -> tuple[Any, ...]:
        return Position, (self.row, self.movers, self.legal, self.said)


class FlatGame(Game[Position]):
    """A sequential game with discrete actions over a row of integers.

    A subclass puts words to rows: `result`, `describe`, `word` and what it overrides of `Game`.

    Attributes:
        row_rules, blank: as given.

    Args:
        spec: with a `Discrete` action space and an integer `Box` observation space.
        row_rules: the rules module.
        blank: the row before dealing; it holds the options that the rules read.
    """

    def __init__(self, spec: GameSpec, row_rules: FlatRules, blank: list[int]) -> None:
        shape, dtype = spec.observation_space.shape, spec.observation_space.dtype
        assert shape is not None
        assert dtype is not None
        self.spec = spec
        self.row_rules = row_rules
        self.blank = blank
        self._shape = shape
        self._dtype = dtype
        self._size = int(np.prod(shape))
        self._actions = range(self.num_actions)
        self._turns = tuple((seat,) for seat in range(spec.seats))
        self._no_action = np.zeros(self.mask_size, np.int8)
        self._kept: dict[tuple[int, ...], Position] = {}
        self._shared: dict[Hashable, Any] = {}
        self._only_start = None if spec.has_chance else self.new_from(0)

    @abstractmethod
    def result(self, row: Row) -> Outcome:
        """Rewards and evidence of a row that is over."""

    @abstractmethod
    def describe(self, row: Row, seat: int) -> str:
        """`tell` for a row."""

    @abstractmethod
    def word(self, row: Row, action: int) -> str:
        """The name of an action in a row, lower case, without brackets."""

    def new(self, rng: Rng) -> Position:
        return self._only_start or self.new_from(rng.bits())

    def new_from(self, seed: int) -> Position:
        """The start that follows from one 64-bit word of chance."""
        row = self.blank[:]
        self.row_rules.deal(row, seed)
        return self.position(tuple(row))

    def position(self, row: tuple[int, ...], said: tuple[str, ...] = ()) -> Position:
        """The position of a row, the kept one if there is one; with what was said, if it talks."""
        kept = self._kept.get(row)
        if kept is not None:
            return kept
        seat = self.row_rules.to_move(row)
        if seat < 0:
            position = Position(row, (), ())
        else:
            position = Position(row, self._turns[seat], self._legal_in(row))
        if len(self._kept) < MAX_KEPT:
            self._kept[row] = position
            position.after = [None] * self.num_actions if position.legal else []
            position.legal = self._share(position, position.legal, position.legal)
        return position

    def _legal_in(self, row: tuple[int, ...]) -> tuple[int, ...] | None:
        """The legal actions of the seat to move; None where they are too many to list."""
        marks = [0] * self.num_actions
        self.row_rules.legal(row, marks)
        return tuple(action for action in self._actions if marks[action])

    def _share(self, position: Position, key: Hashable, value: T) -> T:
        """The one value of all kept positions with this key: little memory, few cache misses."""
        if position.after is None:
            return value
        shared: T = self._shared.setdefault(key, value)
        return shared

    def movers(self, state: Position) -> tuple[int, ...]:
        return state.movers

    def legal(self, state: Position, seat: int) -> tuple[int, ...] | None:
        return state.legal

    def check(self, state: Position, seat: int, move: Move) -> None:
        if move not in (state.legal or ()):
            super().check(state, seat, move)

    def apply(self, state: Position, moves: Mapping[int, Move]) -> Position:
        action: int = next(iter(moves.values()))
        known = state.after
        if known is not None and (after := known[action]) is not None:
            return after
        row = list(state.row)
        self.row_rules.play(row, action)
        after = self.position(tuple(row))
        if known is not None and after.after is not None:
            known[action] = after
        return after

    def outcome(self, state: Position) -> Outcome | None:
        if state.outcome is None and not state.movers:
            state.outcome = self.result(state.row)
        return state.outcome

    def scores(self, row: Row) -> tuple[float, ...]:
        """Each seat's reward for a row that is over."""
        out = [0.0] * self.spec.seats
        self.row_rules.score(row, out)
        return tuple(out)

    def view(self, state: Position, seat: int) -> np.ndarray:
        if state.views is None:
            state.views = [None] * self.spec.seats
        view = state.views[seat]
        if view is None:
            out = [0] * self._size
            self.row_rules.observe(state.row, seat, out)
            state.views[seat] = view = np.array(out, self._dtype).reshape(self._shape)
        return view.copy()

    def observe(self, state: Position, seat: int, awaited: bool) -> dict[str, Any]:
        views = state.views
        if views is None or (view := views[seat]) is None:
            view = self.view(state, seat)
        else:
            view = view.copy()
        mask = state.mask if awaited else self._no_action
        if mask is None:
            mask = self._share(state, ("mask", state.legal), self.mask(state, seat))
            state.mask = mask
        return {"observation": view, self.mask_name: mask.copy()}

    def tell(self, state: Position, seat: int) -> str:
        if state.told is None:
            state.told = [None] * self.spec.seats
        told = state.told[seat]
        if told is None:
            state.told[seat] = told = self.describe(state.row, seat)
        return told

    def format(self, state: Position, seat: int, move: Move) -> str:
        return f"[{self.word(state.row, move)}]"

    def replies(self, state: Position, seat: int) -> tuple[str, ...]:
        replies = state.replies
        if replies is None:
            legal = state.legal or ()
            replies = tuple(f"[{self.word(state.row, action)}]" for action in legal)
            state.replies = replies = self._share(state, replies, replies)
        return replies

    def recognise(self, state: Position, seat: int, text: str) -> Move | None:
        # A reply that is the move's own form needs no search.
        replies = state.replies or self.replies(state, seat)
        if state.legal and text in replies:
            return state.legal[replies.index(text)]
        return None

    # -- many matches at once ----------------------------------------------------------------------
    # What `text_vector` asks for. Games that have many matches in words override these two.

    def recognise_all(
        self, rows: np.ndarray, said: Sequence[Sequence[str]], texts: Sequence[str]
    ) -> tuple[list[int], list[str]]:
        """The codes of the moves that replies plainly name, and the lines that come with them.

        A code is what kernels take: the action, or the code of several numbers; -1 leaves the reply
        to `parse`. Here the moves are legal; where that takes time, kernels may find out.

        Args:
            rows: (N, W) int64, none of them over.
            said: as `Position.said`, by row.
            texts: the replies of the seats to move, by row.
        """
        codes = []
        for row, lines, text in zip(rows.tolist(), said, texts, strict=True):
            state = self.position(tuple(row), tuple(lines))
            move = self.recognise(state, state.movers[0], text)
            codes.append(-1 if move is None else move)
        return codes, [""] * len(codes)

    def tell_all(
        self,
        rows: np.ndarray,
        said: Sequence[Sequence[str]],
        seats: Sequence[int],
        masks: np.ndarray,
    ) -> list[str]:
        """`tell` of many positions.

        Args:
            rows, said: as above.
            seats: who is told, by row.
            masks: (N, n) int8: what the seats to move may do.
        """
        return [
            self.tell(self.position(tuple(row), tuple(lines)), seat)
            for row, lines, seat in zip(rows.tolist(), said, seats, strict=True)
        ]

    def copy(self, state: Position) -> Position:
        return state

    def key(self, state: Position) -> Hashable:
        return state.row

    def __getstate__(self) -> dict[str, Any]:
        # A module is pickled by name; kept positions are found again by playing.
        return {**self.__dict__, "_kept": {}, "_shared": {}, "row_rules": self.row_rules.__name__}

    def __setstate__(self, fields: dict[str, Any]) -> None:
        self.__dict__.update(fields)
        self.row_rules = importlib.import_module(fields["row_rules"])
        self._only_start = None if self.spec.has_chance else self.new_from(0)
