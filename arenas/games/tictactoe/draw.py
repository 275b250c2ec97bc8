"""The board as a picture, and where its cells are."""

from __future__ import annotations

import numpy as np

from arenas.core.canvas import (
    BLUE,
    EDGE,
    GAP,
    MARKED,
    VERMILLION,
    WHITE,
    Box,
    Canvas,
)
from arenas.core.flat import Row
from arenas.games.tictactoe import rules
from arenas.games.tictactoe.game import MARKS

SIDE, HEAD = 520, 44
"""Pixels of the board with its margin, and of the line above it."""

COLOURS = (BLUE, VERMILLION)


def area(size: int, action: int) -> Box:
    """The cell of an action in the picture."""
    cell = (SIDE - 2 * GAP) // size
    margin = (SIDE - size * cell) // 2
    row, column = divmod(action, size)
    return Box(margin + column * cell, HEAD + margin + row * cell, cell, cell)


def draw_board(row: Row, seat: int | None) -> np.ndarray:
    """The picture of `TicTacToe.draw`: (HEAD + SIDE, SIDE, 3) uint8."""
    canvas, size = Canvas.blank(SIDE, HEAD + SIDE), row[rules.SIZE]
    result = row[rules.RESULT]
    winning = set(winning_line(row))
    for action in range(size * size):
        box = area(size, action)
        canvas.fill(box, MARKED if action in winning else WHITE)
        canvas.frame(box, EDGE, 1, 0)
        owner = owner_of(row, action)
        if owner is None:
            canvas.write(str(action), box, max(14, box.h // 6), EDGE, "middle")
        else:
            _stone(canvas, box, owner)
    if len(winning) > 1:
        line = sorted(winning)
        ends = [area(size, action).middle for action in (line[0], line[-1])]
        canvas.pen.line(canvas.surface, COLOURS[result - 1], *ends, 5)
    canvas.write(_headline(row, seat), Box(GAP, 6, SIDE - 2 * GAP, HEAD - 6), 22, align="middle")
    return canvas.pixels()


def owner_of(row: Row, action: int) -> int | None:
    """Whose stone lies on a cell."""
    bit = rules.bit_of(row[rules.SIZE], action)
    for seat in (0, 1):
        if row[rules.STONES + seat] >> bit & 1:
            return seat
    return None


def winning_line(row: Row) -> list[int]:
    """Cells of a line that won; none while nobody has."""
    size, length = row[rules.SIZE], row[rules.WIN_LENGTH]
    if row[rules.RESULT] in (rules.ONGOING, rules.DRAW):
        return []
    seat = row[rules.RESULT] - 1
    for action in range(size * size):
        y, x = divmod(action, size)
        for dy, dx in ((0, 1), (1, 0), (1, 1), (1, -1)):
            cells = [(y + i * dy, x + i * dx) for i in range(length)]
            if all(0 <= r < size and 0 <= c < size for r, c in cells):
                line = [r * size + c for r, c in cells]
                if all(owner_of(row, cell) == seat for cell in line):
                    return line
    return []


def _headline(row: Row, seat: int | None) -> str:
    result = row[rules.RESULT]
    you = "" if seat is None else f"You are {MARKS[seat]}. "
    if result == rules.ONGOING:
        mover = rules.to_move(row)
        return f"{you}{'Your move' if mover == seat else f'{MARKS[mover]} is to move'}"
    if result == rules.DRAW:
        return f"{you}The board is full: a draw"
    if seat is None:
        return f"{MARKS[result - 1]} wins"
    return f"{you}You {'win' if result == seat + 1 else 'lose'}"


def _stone(canvas: Canvas, box: Box, owner: int) -> None:
    x, y = box.middle
    reach, width = box.h * 3 // 10, max(5, box.h // 12)
    if owner:
        canvas.pen.circle(canvas.surface, COLOURS[1], (x, y), reach, width)
        return
    for slope in (1, -1):
        ends = (x - reach, y - slope * reach), (x + reach, y + slope * reach)
        canvas.pen.line(canvas.surface, COLOURS[0], *ends, width + 2)
