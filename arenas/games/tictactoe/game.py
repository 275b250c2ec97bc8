"""TicTacToe as a Game: options, spaces and words around the rules."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from gymnasium import spaces

from arenas.core.controls import Button, Controls
from arenas.core.flat import FlatGame, Position, Row
from arenas.core.game import GameSpec, whole
from arenas.core.outcome import Outcome
from arenas.games.tictactoe import rules

MARKS = "XO"
SIZES = range(3, 8)


class TicTacToe(FlatGame):
    """Two players put stones on a square board; the first line of `win_length` stones wins.

    Args:
        size: cells on a side, 3 to 7.
        win_length: stones in a row that win, 3 to `size`; None means `size`, except 4 on boards of
            5x5 and more.

    Action: `Discrete(size**2)`, cell r * size + c counted row by row from the top left.
    View: int8 array of shape (size, size, 3), 0 or 1: own stones, the other's, empty cells.
    Rewards: win +1, loss -1, draw 0, at the end.

    Raises:
        ValueError: `size` or `win_length` is out of range.
    """

    def __init__(self, size: int = 3, win_length: int | None = None) -> None:
        side = whole(size)
        if side is None or side not in SIZES:
            raise ValueError(f"size={size!r}: a board has {SIZES[0]} to {SIZES[-1]} cells a side")
        length = min(side, 4) if win_length is None else whole(win_length)
        if length is None or length not in range(3, side + 1):
            raise ValueError(f"win_length={win_length!r}: a line has 3 to size={side} stones")
        self.size = side
        self.win_length = length
        spec = GameSpec(
            name="TicTacToe",
            version="1",
            roles=("player", "player"),
            payoff="zero_sum",
            information="perfect",
            observation_space=spaces.Box(0, 1, (side, side, 3), np.int8),
            action_space=spaces.Discrete(side * side),
            reward_range=(-1.0, 1.0),
            max_plies=side * side,
        )
        blank = [0] * rules.ROW
        blank[rules.SIZE], blank[rules.WIN_LENGTH] = side, length
        # The bit of each action's cell, and the action's number as the picture shows it.
        self._bits = [rules.bit_of(side, action) for action in range(side**2)]
        self._numbers = [str(a).rjust(len(str(side**2 - 1))) for a in range(side**2)]
        super().__init__(spec, rules, blank)

    def result(self, row: Row) -> Outcome:
        reason = "draw" if row[rules.RESULT] == rules.DRAW else "line"
        return Outcome(self.scores(row), reason, {"board": self.board(row)})

    def board(self, row: Row) -> str:
        """The cells row by row: `X`, `O` or `.`; rows are separated by `/`."""
        marks = self._cells(row, "." * self.size**2)
        return "/".join("".join(marks[i : i + self.size]) for i in range(0, len(marks), self.size))

    def info_state(self, state: Position, seat: int) -> str:
        return self.board(state.row)

    def _cells(self, row: Row, empty: Sequence[str]) -> list[str]:
        """Each cell's mark, as wide as the strings of `empty`, or that action's string of it."""
        x, o = (mark.rjust(len(empty[0])) for mark in MARKS)
        xs, os = row[rules.STONES], row[rules.STONES + 1]
        return [
            x if xs >> bit & 1 else o if os >> bit & 1 else string
            for bit, string in zip(self._bits, empty, strict=True)
        ]

    # -- words ---------------------------------------------------------------------------------

    def brief(self, seat: int) -> str:
        n = self.size
        return (
            f"You play {MARKS[seat]} in TicTacToe on a {n}x{n} board against another player. "
            f"X moves first; the players put one stone each in turn on an empty cell. "
            f"{self.win_length} stones of your own in a row, across, down or diagonal, win; "
            f"a full board without such a row is a draw. "
            f"Cells are numbered row by row from 0 (top left) to {n * n - 1} (bottom right).\n"
            f"Reply with the number of your cell in square brackets, for example [{n * n // 2}]. "
            f"You may reason inside <think>...</think> first; nobody else sees that."
        )

    def describe(self, row: Row, seat: int) -> str:
        board, result = self._picture(row), row[rules.RESULT]
        if result == rules.ONGOING:
            mover = rules.to_move(row)
            if seat != mover:
                return f"{board}\nYou are {MARKS[seat]}. {MARKS[mover]} is to move."
            empty = [0] * self.size**2
            rules.legal(row, empty)
            free = " ".join(str(action) for action, mark in enumerate(empty) if mark)
            return f"{board}\nYou are {MARKS[seat]}. Free cells: {free}"
        if result == rules.DRAW:
            return f"{board}\nThe board is full: a draw."
        return (
            f"{board}\nYou {'win' if result == seat + 1 else 'lose'}: a row of {MARKS[result - 1]}."
        )

    def word(self, row: Row, action: int) -> str:
        return str(action)

    def show(self, state: Position, seat: int | None = None) -> str:
        return self._picture(state.row)

    def draw(self, state: Position, seat: int | None = None) -> np.ndarray:
        from arenas.games.tictactoe.draw import draw_board

        return draw_board(state.row, seat)

    def controls(self, state: Position, seat: int) -> Controls:
        """A press on an empty cell; on boards of up to ten cells its digit, too."""
        from arenas.games.tictactoe.draw import area

        few = self.size**2 <= 10
        return Controls(
            tuple(
                Button(str(action), f"[{action}]", str(action) * few, area(self.size, action), True)
                for action in state.legal or ()
            )
        )

    def _picture(self, row: Row) -> str:
        cells = self._cells(row, self._numbers)
        lines = [" | ".join(cells[i : i + self.size]) for i in range(0, len(cells), self.size)]
        return ("\n" + "-" * len(lines[0]) + "\n").join(lines)

    def reply_examples(self) -> tuple[str, ...]:
        return tuple(f"[{action}]" for action in range(self.size**2))
