"""Games in which all seats move at every step, whose state is one row of integers.

The rules module of such a game is plain scalar functions over integers, as that of a `FlatGame`
(`core/flat.py`), but it takes the moves of all seats at once and may pay at every step. What is the
same for every match lies in a `table` of integers, which all games share. The module defines

- `deal(table, row, seed)`: sets up the start in a copy of the blank row; all chance comes from the
  64-bit `seed` by `rng.draw`;
- `over(table, row) -> bool`: the match is over;
- `play(table, row, actions)`: an action of every seat;
- `worth(table, row, seat) -> float`: the seat's total reward so far;
- `observe(table, row, seat, out)`: draws what `seat` sees onto `out`, a copy of the backdrop;
- `report(table, row, seat, out)`: fills the numbers that `JointFlatGame.reports` names, about the
  last step.

Every action of the action space is legal at every step. `core/joint_vector.py` plays many at once.
"""

from __future__ import annotations

import importlib
from abc import abstractmethod
from collections.abc import Hashable, Mapping, MutableSequence, Sequence
from typing import Any, Protocol

import numpy as np

from arenas.core.game import Game, GameSpec, Move
from arenas.core.outcome import Outcome
from arenas.core.rng import Rng

Row = Sequence[int]
Table = Sequence[int]


class JointRules(Protocol):
    """The functions of a rules module (see the module docstring)."""

    def deal(self, table: Table, row: MutableSequence[int], seed: int, /) -> None: ...
    def over(self, table: Table, row: Row, /) -> bool: ...
    def play(self, table: Table, row: MutableSequence[int], actions: Sequence[int], /) -> None: ...
    def worth(self, table: Table, row: Row, seat: int, /) -> float: ...
    def observe(self, table: Table, row: Row, seat: int, out: Any, /) -> None: ...
    def report(self, table: Table, row: Row, seat: int, out: MutableSequence[int], /) -> None: ...
    @property
    def __name__(self) -> str: ...


class JointState:
    """One match: its row, which play changes in place.

    Attributes:
        row: see the rules module.
        notes: what the game keeps beside the row for evidence and words; rules do not read it.
    """

    __slots__ = ("notes", "row")

    def __init__(self, row: list[int], notes: tuple[Any, ...] = ()) -> None:
        self.row = row
        self.notes = notes

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, JointState):
            return NotImplemented
        return (other.row, other.notes) == (self.row, self.notes)

    def __hash__(self) -> int:
        return hash((tuple(self.row), self.notes))


class JointFlatGame(Game[JointState]):
    """A simultaneous game with discrete actions over a row of integers.

    A subclass puts words to rows: `result` and what it overrides of `Game`.

    Attributes:
        row_rules, table, blank, backdrop: as given.
        reports: names of what the rules report of each seat's last step, in their order; vector
            environments hand them out in their infos.

    Args:
        spec: simultaneous, with a `Discrete` action space and a `Box` observation space.
        row_rules: the rules module.
        table: what the rules look up.
        blank: the row before dealing.
        backdrop: a view before `observe` draws on it, flat, of the observation space's dtype.
    """

    reports: tuple[str, ...] = ()

    def __init__(
        self,
        spec: GameSpec,
        row_rules: JointRules,
        table: list[int],
        blank: list[int],
        backdrop: np.ndarray,
    ) -> None:
        space = spec.observation_space
        assert spec.simultaneous
        assert space.shape is not None
        assert (backdrop.shape, backdrop.dtype) == ((int(np.prod(space.shape)),), space.dtype)
        self.spec = spec
        self.row_rules = row_rules
        self.table = table
        self.blank = blank
        self.backdrop = backdrop
        self._shape = space.shape
        self._seats = tuple(range(spec.seats))
        self._legal = tuple(range(self.num_actions))
        self._all = np.ones(self.num_actions, np.int8)
        self._none = np.zeros(self.num_actions, np.int8)

    @abstractmethod
    def result(self, state: JointState) -> Outcome:
        """Rewards and evidence of a match that is over."""

    def note(self, state: JointState) -> None:
        """Called after every step: adds to `state.notes` what the game wants to remember."""

    def new(self, rng: Rng) -> JointState:
        return self.new_from(rng.bits())

    def new_from(self, seed: int) -> JointState:
        """The start that follows from one 64-bit word of chance."""
        row = self.blank[:]
        self.row_rules.deal(self.table, row, seed)
        return JointState(row)

    def movers(self, state: JointState) -> tuple[int, ...]:
        return () if self.row_rules.over(self.table, state.row) else self._seats

    def legal(self, state: JointState, seat: int) -> tuple[int, ...]:
        return self._legal

    def check(self, state: JointState, seat: int, move: Move) -> None:
        if move not in self._legal:
            super().check(state, seat, move)

    def apply(self, state: JointState, moves: Mapping[int, Move]) -> JointState:
        self.row_rules.play(self.table, state.row, [moves[seat] for seat in self._seats])
        self.note(state)
        return state

    def outcome(self, state: JointState) -> Outcome | None:
        return None if self.movers(state) else self.result(state)

    def returns(self, state: JointState) -> tuple[float, ...]:
        return tuple(self.row_rules.worth(self.table, state.row, seat) for seat in self._seats)

    def reported(self, state: JointState, seat: int) -> dict[str, int]:
        """What the rules report of a seat's last step, by name."""
        out = [0] * len(self.reports)
        self.row_rules.report(self.table, state.row, seat, out)
        return dict(zip(self.reports, out, strict=True))

    def view(self, state: JointState, seat: int) -> np.ndarray:
        out = self.backdrop.copy()
        self.row_rules.observe(self.table, state.row, seat, out)
        return out.reshape(self._shape)

    def mask(self, state: JointState, seat: int) -> np.ndarray:
        return self._all.copy()

    def observe(self, state: JointState, seat: int, awaited: bool) -> dict[str, Any]:
        mask = self._all if awaited else self._none
        return {"observation": self.view(state, seat), "action_mask": mask.copy()}

    def copy(self, state: JointState) -> JointState:
        return JointState(state.row[:], state.notes)

    def key(self, state: JointState) -> Hashable:
        return tuple(state.row), state.notes

    def __getstate__(self) -> dict[str, Any]:
        # A module is pickled by name.
        return {**self.__dict__, "row_rules": self.row_rules.__name__}

    def __setstate__(self, fields: dict[str, Any]) -> None:
        self.__dict__.update(fields)
        self.row_rules = importlib.import_module(fields["row_rules"])
