"""A negotiation as a table: goods, holdings as far as they are known, the offer, what was said."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from arenas.core.canvas import (
    BAD,
    FAINT,
    GAP,
    GOOD,
    MARKED,
    SEATS,
    SIZE,
    WHITE,
    Box,
    Canvas,
    Line,
)
from arenas.core.flat import Position
from arenas.core.picture import INK
from arenas.core.talk import quoted
from arenas.games.negotiation import rules as flat
from arenas.games.negotiation import text as words

if TYPE_CHECKING:
    from arenas.games.negotiation.game import Negotiation

WIDTH, HEIGHT = 780, 600


def draw_negotiation(game: Negotiation, state: Position, seat: int | None) -> np.ndarray:
    """The picture of `Negotiation.draw`: (HEIGHT, WIDTH, 3) uint8.

    A seat sees its own values and holdings, and of the others the ranges that the rules, their
    offers and the trades leave. An onlooker sees everyone's.
    """
    canvas, row = Canvas.blank(WIDTH, HEIGHT), state.row
    head, rest = canvas.box.inset(GAP).top(28, GAP // 2)
    _headline(canvas, head, game, row, seat)
    table, rest = rest.top(2 * GAP + 28 * (len(game.goods) + 1), GAP)
    inside = canvas.panel(table)
    if seat is None:
        _everything(canvas, inside, game, row)
    else:
        _known(canvas, inside, game, row, seat)
    offer, story = rest.left(rest.w * 2 // 5, GAP)
    _offer(canvas, offer, game, row, seat)
    _story(canvas, story, game, state)
    return canvas.pixels()


def known_stock(row: flat.Row, seat: int, good: int, least: int) -> tuple[int, int]:
    """The least and the most units that a seat can hold, by what everyone knows.

    `least` is what it must have started with (`Negotiation.shown`).
    """
    own, known = flat.private(row, seat, good), flat.public(row, good)
    traded = row[own + flat.STOCK] - row[own + flat.START]
    return least + traded, row[known + flat.HIGH_STOCK] + traded


def _headline(canvas: Canvas, box: Box, game: Negotiation, row: flat.Row, seat: int | None) -> None:
    ply, plies = row[flat.PLY], row[flat.TURNS]
    mover = flat.to_move(row)
    turn = f"Turn {ply + 1} of {plies}: " if mover >= 0 else "The negotiation is over"
    who = "" if mover < 0 else "your move" if mover == seat else f"{game.spec.agents[mover]} moves"
    canvas.write(turn + who, box, 22)
    seats = range(game.players) if seat is None else (seat,)
    names = {each: "Your gain" if each == seat else game.spec.agents[each] for each in seats}
    gains = ", ".join(f"{names[each]} {flat.gain(row, each):+d}" for each in seats)
    canvas.write(gains, box, SIZE, FAINT, "right")


def _amounts(game: Negotiation, row: flat.Row, seat: int | None) -> list[Line | str]:
    """The offer that stands as a seat would trade by it, or its offerer for an onlooker."""
    if row[flat.OFFERER] < 0:
        return ["" for _ in game.goods]
    sign = 1 if seat in (None, row[flat.OFFERER]) else -1
    cells: list[Line | str] = []
    for amount in game.amounts(row[flat.OFFERED]):
        cells.append(Line(f"{sign * amount:+d}" if amount else "", INK))
    return cells


def _known(canvas: Canvas, box: Box, game: Negotiation, row: flat.Row, seat: int) -> None:
    values = game.private(row, seat, flat.VALUE)
    stock, start = (game.private(row, seat, which) for which in (flat.STOCK, flat.START))
    others = [(seat + i) % game.players for i in range(1, game.players)]
    head = ["Good", "Worth", "You have", "Traded"]
    head += [game.spec.agents[other] for other in others] + ["Offer"]
    offered, least = _amounts(game, row, seat), game.shown(row)
    rows: list[list[Line | str]] = []
    for good, name in enumerate(game.goods):
        change = stock[good] - start[good]
        has = [_range(*known_stock(row, other, good, least[other][good])) for other in others]
        cells: list[Line | str] = [name, str(values[good]), str(stock[good])]
        cells += [f"{change:+d}" if change else "", *(Line(each, FAINT) for each in has)]
        rows.append([*cells, offered[good]])
    canvas.table(box, head, rows, [8, 7, 10, 8, *([10] * len(others)), 7])


def _everything(canvas: Canvas, box: Box, game: Negotiation, row: flat.Row) -> None:
    head = ["Good"]
    for agent in game.spec.agents:
        head += [agent, "value"]
    offered = _amounts(game, row, None)
    rows: list[list[Line | str]] = []
    for good, name in enumerate(game.goods):
        cells: list[Line | str] = [name]
        for seat in range(game.players):
            own = flat.private(row, seat, good)
            change = row[own + flat.STOCK] - row[own + flat.START]
            traded = f" ({change:+d})" if change else ""
            held = Line(f"{row[own + flat.STOCK]}{traded}", SEATS[seat])
            cells += [held, Line(str(row[own + flat.VALUE]), FAINT)]
        rows.append([*cells, offered[good]])
    canvas.table(box, [*head, "Offer"], rows, [8, *([10, 7] * game.players), 8])


def _offer(canvas: Canvas, box: Box, game: Negotiation, row: flat.Row, seat: int | None) -> None:
    offerer = row[flat.OFFERER]
    inside = canvas.panel(box, "On the table", MARKED if offerer >= 0 else WHITE)
    if offerer < 0:
        canvas.write("No offer stands", inside.top(SIZE + 4)[0], SIZE, FAINT)
        return
    amounts = game.amounts(row[flat.OFFERED])
    given, asked = words.terms(amounts, game.goods)
    lines = [
        Line(f"{'You' if offerer == seat else game.spec.agents[offerer]}:", SEATS[offerer]),
        Line(f"gives {given}" if offerer != seat else f"give {given}"),
        Line(f"asks for {asked}" if offerer != seat else f"ask for {asked}"),
    ]
    worths = {each: _worth(game, row, each) for each in range(game.players)}
    if seat is None:
        told = ", ".join(f"{game.spec.agents[each]} {w:+d}" for each, w in worths.items())
        lines.append(Line(f"Worth to {told}"))
    else:
        lines.append(Line(f"Worth to you: {worths[seat]:+d}", GOOD if worths[seat] > 0 else BAD))
    canvas.list(lines, inside)


def _worth(game: Negotiation, row: flat.Row, seat: int) -> int:
    """What a seat gains by the offer that stands, as its offerer or by accepting it."""
    sign = 1 if seat == row[flat.OFFERER] else -1
    amounts, values = game.amounts(row[flat.OFFERED]), game.private(row, seat, flat.VALUE)
    return sign * sum(n * value for n, value in zip(amounts, values, strict=True))


def _story(canvas: Canvas, box: Box, game: Negotiation, state: Position) -> None:
    inside = canvas.panel(box, "What was done and said")
    lines = []
    for ply, (kind, offered) in enumerate(game.played(state.row)):
        seat = ply % game.players
        did = {"accept": "accepts", "deny": "denies"}.get(kind, "")
        if kind == "offer":
            given, asked = words.terms(offered, game.goods)
            did = f"offers {given} for {asked}"
        lines.append(Line(f"{ply + 1}. {game.spec.agents[seat]} {did}", SEATS[seat]))
        if state.said and state.said[ply]:
            lines.append(Line(f"    {quoted(state.said[ply])}"))
    canvas.list(lines or [Line("Nothing yet", FAINT)], inside, SIZE - 2, "last")


def _range(low: int, high: int) -> str:
    return str(low) if low == high else f"{low} to {high}"
