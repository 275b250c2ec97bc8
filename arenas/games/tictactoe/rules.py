"""TicTacToe on one row of integers: two bitboards with a guard column.

Cell (r, c) is bit r * (size + 1) + c. The guard column stays empty, so shifting a board by a line's
direction never wraps a line round the edge, and a line of k stones is k - 1 shifts and ands.
"""

from __future__ import annotations

from collections.abc import MutableSequence, Sequence

SIZE, WIN_LENGTH, PLIES, RESULT, STONES = 0, 1, 2, 3, 4
"""Indices of the row. STONES and STONES + 1 are the bitboards of seats 0 and 1."""

ROW = 6
ONGOING, DRAW = 0, 3
"""Values of RESULT; seat + 1 means that this seat won."""


def deal(row: MutableSequence[int], seed: int) -> None:
    """Nothing is left to chance."""


def to_move(row: Sequence[int]) -> int:
    """The seat to move; -1 when the match is over."""
    if row[RESULT] != ONGOING:
        return -1
    return row[PLIES] & 1


def bit_of(size: int, action: int) -> int:
    """The bit of an action's cell: each row above it adds one guard cell."""
    return action + action // size


def legal(row: Sequence[int], out: MutableSequence[int]) -> None:
    """Marks the empty cells."""
    size, taken = row[SIZE], row[STONES] | row[STONES + 1]
    action = 0
    for _ in range(size):
        for _ in range(size):
            out[action] = 1 - (taken & 1)
            taken >>= 1
            action += 1
        taken >>= 1


def has_line(stones: int, size: int, length: int) -> bool:
    """Whether a bitboard holds `length` stones in a row: across, down or on a diagonal."""
    for direction in (1, size, size + 1, size + 2):
        run = stones
        for _ in range(length - 1):
            run &= run >> direction
        if run != 0:
            return True
    return False


def play(row: MutableSequence[int], action: int) -> None:
    """Puts a stone of the seat to move on an empty cell."""
    size, seat = row[SIZE], row[PLIES] & 1
    stones = row[STONES + seat] | 1 << bit_of(size, action)
    row[STONES + seat] = stones
    row[PLIES] += 1
    if has_line(stones, size, row[WIN_LENGTH]):
        row[RESULT] = seat + 1
    elif row[PLIES] == size * size:
        row[RESULT] = DRAW


def observe(row: Sequence[int], seat: int, out: MutableSequence[int]) -> None:
    """Fills (size, size, 3) planes, flattened: own stones, the other's stones, empty cells."""
    size = row[SIZE]
    own, other = row[STONES + seat], row[STONES + 1 - seat]
    index = 0
    for _ in range(size):
        for _ in range(size):
            out[index] = own & 1
            out[index + 1] = other & 1
            out[index + 2] = 1 - (own & 1) - (other & 1)
            own >>= 1
            other >>= 1
            index += 3
        own >>= 1
        other >>= 1


def score(row: Sequence[int], out: MutableSequence[float]) -> None:
    """Win +1, loss -1, draw 0."""
    if row[RESULT] == DRAW:
        out[0] = out[1] = 0.0
    else:
        out[row[RESULT] - 1] = 1.0
        out[2 - row[RESULT]] = -1.0
