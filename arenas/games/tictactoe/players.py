"""Scripted and exact players of TicTacToe."""

from __future__ import annotations

from collections.abc import Sequence

from arenas.core.policy import Policy, StochasticPolicy, Turn
from arenas.games.tictactoe import rules
from arenas.games.tictactoe.game import MARKS, TicTacToe

EXACT_CELLS = 9
"""Boards of more cells are not searched to the end."""


class Scripted(StochasticPolicy):
    """Completes a line, else stops one, else plays uniformly among the cells nearest the centre."""

    name = "scripted"

    def __init__(self, game: TicTacToe, argument: str = "") -> None:
        if argument:
            raise ValueError(f"player 'scripted' takes no argument, got {argument!r}")
        self.size = game.size
        self.win_length = game.win_length

    def distribution(self, turn: Turn) -> Sequence[float]:
        row, legal = _row(turn, self.size, self.win_length), list(turn.legal or ())
        for seat in (turn.seat, 1 - turn.seat):
            lines = [action for action in legal if self._completes(row, seat, action)]
            if lines:
                return _uniform(lines, self.size**2)
        middle = (self.size - 1) / 2

        def distance(action: int) -> float:
            return max(abs(action // self.size - middle), abs(action % self.size - middle))

        nearest = min(map(distance, legal))
        return _uniform([a for a in legal if distance(a) == nearest], self.size**2)

    def _completes(self, row: list[int], seat: int, action: int) -> bool:
        stones = row[rules.STONES + seat] | 1 << rules.bit_of(self.size, action)
        return rules.has_line(stones, self.size, self.win_length)


class Minimax(StochasticPolicy):
    """Plays uniformly among all moves of the best value against best play; never loses at 3x3.

    Positions are searched to the end when first met (a tenth of a second in all) and looked up
    afterwards.

    Raises:
        ValueError: the board has more than 9 cells, or an argument was given.
    """

    name = "exact"

    def __init__(self, game: TicTacToe, argument: str = "") -> None:
        if argument:
            raise ValueError(f"player 'exact' takes no argument, got {argument!r}")
        if game.size**2 > EXACT_CELLS:
            raise ValueError(
                f"the {game.size}x{game.size} board is too large to search to the end; "
                "take 'scripted', or size=3"
            )
        self.size = game.size
        self.win_length = game.win_length
        self._values: dict[tuple[int, ...], int] = {}

    def distribution(self, turn: Turn) -> Sequence[float]:
        row = _row(turn, self.size, self.win_length)
        values = {action: -self.value(_play(row, action)) for action in turn.legal or ()}
        best = max(values.values())
        return _uniform([a for a, value in values.items() if value == best], self.size**2)

    def value(self, row: list[int]) -> int:
        """Value under best play to the seat to move: 1, 0 or -1 (negamax)."""
        if row[rules.RESULT] != rules.ONGOING:
            return 0 if row[rules.RESULT] == rules.DRAW else -1
        key = tuple(row)
        value = self._values.get(key)
        if value is None:
            empty = [0] * self.size**2
            rules.legal(row, empty)
            moves = (action for action, free in enumerate(empty) if free)
            value = max(-self.value(_play(row, action)) for action in moves)
            self._values[key] = value
        return value


def _play(row: list[int], action: int) -> list[int]:
    after = row[:]
    rules.play(after, action)
    return after


def _row(turn: Turn, size: int, win_length: int) -> list[int]:
    """The row of what the turn shows."""
    row = [0] * rules.ROW
    row[rules.SIZE], row[rules.WIN_LENGTH] = size, win_length
    for action, mark in enumerate(turn.info_state.replace("/", "")):
        if mark != ".":
            row[rules.STONES + MARKS.index(mark)] |= 1 << rules.bit_of(size, action)
            row[rules.PLIES] += 1
    return row


def _uniform(actions: list[int], n: int) -> list[float]:
    share = 1.0 / len(actions)
    return [share if action in actions else 0.0 for action in range(n)]


PLAYERS: dict[str, type[Policy]] = {"scripted": Scripted, "exact": Minimax, "minimax": Minimax}
