"""Flat games whose moves are several small numbers at once, and may bring a spoken line.

A move of a `MultiDiscrete` space is a list of whole numbers. Rules see it as one number, its code:
the numbers in mixed radix, the first one lowest. Beside the functions of `flat.FlatRules` the rules
module of such a game defines

- `is_legal(row, code) -> bool`: whether the seat to move may play a code that lies in the space;
- `sample(row, word) -> code`: the legal code that a 64-bit word of chance names;

and `legal(row, out)` marks the masks of the components, side by side. They bound what is legal, one
number at a time; `is_legal` has the last word, where numbers depend on each other.

What is said never changes the rules, so it stands beside the row. Where a game talks, a move may
have a line as its last item, `[0, 7, 12, "Hello."]`, and `Position.said` keeps one line a move.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from itertools import accumulate
from math import prod
from operator import mul
from typing import Any, Protocol, cast

import numpy as np
from gymnasium import spaces

from arenas.core.flat import FlatGame, FlatRules, Position, Row
from arenas.core.game import GameSpec, IllegalMove, Move
from arenas.core.rng import Rng


class CodedRules(FlatRules, Protocol):
    """The functions of a rules module (see the module docstring)."""

    def is_legal(self, row: Row, code: int, /) -> bool: ...
    def sample(self, row: Row, word: int, /) -> int: ...


class CodedGame(FlatGame):
    """A flat game with structured moves; with a `Discrete` space it is a `FlatGame` like any other.

    A subclass writes `refusal`, `parse`, `format` and `grammar` for structured moves.

    Attributes:
        sizes: how many values each number of a move has; empty where actions are discrete.

    Args:
        spec: with a `MultiDiscrete` action space that starts at zero, or a `Discrete` one.
        row_rules: the rules module.
        blank: the row before dealing.
        talks: moves may bring a line.
    """

    def __init__(
        self, spec: GameSpec, row_rules: CodedRules, blank: list[int], talks: bool = False
    ) -> None:
        space = spec.action_space
        self.sizes: tuple[int, ...] = ()
        self.talks = talks
        if isinstance(space, spaces.MultiDiscrete):
            self.sizes = tuple(map(int, space.nvec))
            self.mask_name, self.mask_size = "component_mask", sum(self.sizes)
            if prod(self.sizes) >= 1 << 63:
                raise ValueError(f"moves of {self.sizes} do not fit into a code of 63 bits")
            self._weights = tuple(accumulate(self.sizes[:-1], mul, initial=1))
        super().__init__(spec, row_rules, blank)

    @property
    def coded_rules(self) -> CodedRules:
        """The rules module, whose moves have codes."""
        return cast(CodedRules, self.row_rules)

    @abstractmethod
    def refusal(self, row: Row, move: Sequence[int]) -> str:
        """Why a structured move, each number within its size, is illegal; for the offender."""

    # -- moves and their codes -----------------------------------------------------------------

    def code(self, move: Sequence[Any]) -> int:
        """The code of a structured move; its line does not count."""
        return sum(map(mul, move, self._weights))

    def numbers(self, code: int) -> list[int]:
        """The structured move of a code."""
        move = []
        for size in self.sizes:
            code, number = divmod(code, size)
            move.append(number)
        return move

    def codes(self, moves: Any) -> Any:
        """Codes (B,) of an array or tensor of moves (B, n); -1 where a number is out of range."""
        inside, code = True, 0
        for column in reversed(range(len(self.sizes))):
            number = moves[:, column]
            inside = inside & (number >= 0) & (number < self.sizes[column])
            code = code * self.sizes[column] + number
        return code * inside - 1 * ~inside

    def columns(self, codes: Any) -> list[Any]:
        """The numbers of codes (B,), each (B,): the columns of an array of moves."""
        columns = []
        for size in self.sizes:
            columns.append(codes % size)
            codes = codes // size
        return columns

    def split(self, move: Move) -> tuple[list[int], str]:
        """Numbers and line of a structured move.

        Raises:
            IllegalMove: it is no list of the space, with a line at the end or without.
        """
        n = len(self.sizes)
        line = ""
        if isinstance(move, list) and len(move) == n + 1 and isinstance(move[n], str):
            move, line = move[:n], move[n]
        if not isinstance(move, list) or len(move) != n or set(map(type, move)) != {int}:
            talk = ", then the line if there is one" if self.talks else ""
            raise IllegalMove(f"a move is a list of {n} whole numbers{talk}")
        for place, (number, size) in enumerate(zip(move, self.sizes, strict=True)):
            if not 0 <= number < size:
                raise IllegalMove(f"number {place} of a move lies in 0..{size - 1}")
        return move, line

    def line(self, move: Sequence[Any]) -> str:
        """What is said with a structured move; empty if nothing is."""
        return move[-1] if len(move) > len(self.sizes) else ""

    # -- what differs from games with discrete actions -----------------------------------------

    def position(self, row: tuple[int, ...], said: tuple[str, ...] = ()) -> Position:
        if not self.sizes:
            return super().position(row)
        seat = self.row_rules.to_move(row)
        return Position(row, () if seat < 0 else self._turns[seat], None, said)

    def _legal_in(self, row: tuple[int, ...]) -> tuple[int, ...] | None:
        return None if self.sizes else super()._legal_in(row)

    def check(self, state: Position, seat: int, move: Move) -> None:
        if not self.sizes:
            super().check(state, seat, move)
            return
        numbers, line = self.split(move)
        if not self.coded_rules.is_legal(state.row, self.code(numbers)):
            raise IllegalMove(self.refusal(state.row, numbers))
        if line and not self.talks:
            raise IllegalMove("nothing is said in this game: leave the line out")

    def apply(self, state: Position, moves: Mapping[int, Move]) -> Position:
        if not self.sizes:
            return super().apply(state, moves)
        (move,) = moves.values()
        row, said = list(state.row), state.said
        self.row_rules.play(row, self.code(move))
        if self.talks:
            said = (*said, self.line(move))
        return self.position(tuple(row), said)

    def sample(self, state: Position, seat: int, rng: Rng) -> Move:
        if not self.sizes:
            return super().sample(state, seat, rng)
        return self.numbers(self.coded_rules.sample(state.row, rng.bits()))

    def mask(self, state: Position, seat: int) -> np.ndarray:
        """Marks of what each number may be, side by side: int8 of shape (sum of sizes,)."""
        if not self.sizes:
            return super().mask(state, seat)
        marks = [0] * self.mask_size
        self.row_rules.legal(state.row, marks)
        return np.array(marks, np.int8)

    def replies(self, state: Position, seat: int) -> Any:
        return None if self.sizes else super().replies(state, seat)

    def key(self, state: Position) -> Any:
        return (state.row, state.said) if self.talks else state.row
