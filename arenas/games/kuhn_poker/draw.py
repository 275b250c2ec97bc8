"""A hand as a picture: cards, chips, the pot, what was done, and where a seat's moves are."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from arenas.core.canvas import (
    BLUE,
    EDGE,
    FAINT,
    GAP,
    GREEN,
    MARKED,
    ORANGE,
    PURPLE,
    SEATS,
    SHADE,
    SIZE,
    VERMILLION,
    WHITE,
    Box,
    Canvas,
    Colour,
)
from arenas.core.picture import INK
from arenas.games.kuhn_poker import rules as flat
from arenas.games.kuhn_poker.text import (
    RANKS,
    WORDS,
    Hand,
    card_of,
    history,
    result,
    shown,
    single,
)

WIDTH, HEIGHT = 760, 500
CARD = (92, 128)
_FELT, _CHIP = (222, 238, 231), ORANGE
_SUITS: Mapping[str, Colour] = {
    "T": FAINT,
    "J": PURPLE,
    "Q": VERMILLION,
    "K": BLUE,
    "A": GREEN,
}


def area(action: int) -> Box:
    """Where an action stands in the picture of the seat that is to move."""
    return Box(WIDTH // 2 - 210 + action * 220, HEIGHT - 66, 200, 50)


def draw_table(row: flat.Row, agents: tuple[str, ...], seat: int | None, ending: str) -> np.ndarray:
    """The picture of `KuhnPoker.draw`: (HEIGHT, WIDTH, 3) uint8.

    Args:
        row: the match.
        agents: the seats' names.
        seat: whose hidden cards are shown; None shows all.
        ending: how the match ended, in words; "" before.
    """
    canvas = Canvas.blank(WIDTH, HEIGHT)
    over = row[flat.HAND] == row[flat.HANDS]
    number = row[flat.HAND] - over
    hand = single(row, number)
    mover = -1 if over else flat.to_move(row)
    head, rest = canvas.box.inset(GAP).top(30, GAP // 2)
    canvas.write(f"Hand {number + 1} of {row[flat.HANDS]}", head, 22)
    turn = "" if over else "Your move" if seat == mover else f"{agents[mover]} is to move"
    canvas.write(turn, head, SIZE, FAINT, "right")
    table, rest = rest.top(HEIGHT - 220, GAP)
    canvas.fill(table, _FELT, 12)
    public = shown(hand) if over else {}
    places = table.inset(GAP).columns(len(agents) + 1, GAP)
    for each, place in enumerate(places[:-1]):
        known = seat in (None, each) or each in public
        card = RANKS[len(agents)][card_of(hand, each)] if known else ""
        _seat(canvas, place, row, hand, agents, each, card, each == mover, each == seat)
    _pot(canvas, places[-1], hand)
    words, rest = rest.top(66, GAP)
    _story(canvas, words, row, hand, agents, ending)
    if seat is not None and seat == mover:
        for action, word in enumerate(WORDS[flat.faces_bet(row)]):
            _button(canvas, area(action), word)
    return canvas.pixels()


def _seat(
    canvas: Canvas,
    place: Box,
    row: flat.Row,
    hand: Hand,
    agents: tuple[str, ...],
    seat: int,
    card: str,
    moves: bool,
    own: bool,
) -> None:
    canvas.fill(place, MARKED if moves else WHITE, 8)
    canvas.frame(place, SEATS[seat] if moves else EDGE, 3 if moves else 1, 8)
    name, rest = place.inset(8).top(24, 6)
    canvas.write(f"{agents[seat]} (you)" if own else agents[seat], name, SIZE, SEATS[seat])
    face, rest = rest.top(CARD[1], 6)
    _card(canvas, Box(face.x + (face.w - CARD[0]) // 2, face.y, *CARD), card)
    did, rest = rest.top(24, 2)
    canvas.write(", ".join(_deeds(hand, seat)) or "-", did, SIZE, INK, "middle")
    paid, rest = rest.top(26)
    _chips(canvas, paid, 1 + hand[flat.BET] * _put_in(hand, seat))
    if row[flat.HANDS] > 1:
        won = row[flat.hand_base(row, row[flat.HANDS]) + seat]
        canvas.write(f"{won:+d} in all", rest.top(24)[0], SIZE - 2, FAINT, "middle")


def _deeds(hand: Hand, seat: int) -> list[str]:
    """What a seat did in a hand, in order: "checks", "calls"."""
    players, bettor = hand[flat.PLAYERS], hand[flat.TABLE + flat.BETTOR]
    return [
        WORDS[0 <= bettor < turn]["pb".index(letter)] + "s"
        for turn, letter in enumerate(history(hand))
        if (hand[flat.OPENER] + turn) % players == seat
    ]


def _put_in(hand: Hand, seat: int) -> int:
    """1 if a seat has put the bet in."""
    position = (seat - hand[flat.OPENER]) % hand[flat.PLAYERS]
    return hand[flat.TABLE + flat.CALLS] >> position & 1


def _pot(canvas: Canvas, place: Box, hand: Hand) -> None:
    seats = range(hand[flat.PLAYERS])
    chips = sum(1 + hand[flat.BET] * _put_in(hand, seat) for seat in seats)
    name, rest = place.inset(8).top(24, 6)
    canvas.write("Deck", name, SIZE, FAINT, "middle")
    face, rest = rest.top(CARD[1], 6)
    _card(canvas, Box(face.x + (face.w - CARD[0]) // 2, face.y, *CARD), "")
    pot, rest = rest.top(24, 2)
    canvas.write(f"Pot: {chips}", pot, SIZE, INK, "middle")
    _chips(canvas, rest.top(26)[0], chips)


def _card(canvas: Canvas, box: Box, rank: str) -> None:
    """A card, face down where no rank is given."""
    canvas.fill(Box(box.x + 3, box.y + 3, box.w, box.h), EDGE, 10)
    canvas.fill(box, WHITE, 10)
    canvas.frame(box, FAINT, 2, 10)
    if not rank:
        inside = box.inset(8)
        canvas.fill(inside, (92, 112, 140), 6)
        for x in range(inside.x + 8, inside.x + inside.w - 4, 12):
            for y in range(inside.y + 8, inside.y + inside.h - 4, 12):
                canvas.pen.circle(canvas.surface, (140, 158, 182), (x, y), 2)
        return
    canvas.write(rank, box, 76, _SUITS[rank], "middle")
    corner = Box(box.x + 8, box.y + 6, 24, 24)
    canvas.write(rank, corner, 22, _SUITS[rank])


def _chips(canvas: Canvas, box: Box, count: int) -> None:
    """Chips side by side, closer together where there are many."""
    step = min(22, max(6, (box.w - 22) // max(1, count - 1)))
    x = box.x + (box.w - (count - 1) * step) // 2
    for number in range(count):
        at = (x + number * step, box.y + box.h // 2)
        canvas.pen.circle(canvas.surface, _CHIP, at, 10)
        canvas.pen.circle(canvas.surface, (140, 96, 0), at, 10, 2)
        canvas.pen.circle(canvas.surface, WHITE, at, 5, 1)


def _story(
    canvas: Canvas,
    box: Box,
    row: flat.Row,
    hand: Hand,
    agents: tuple[str, ...],
    ending: str,
) -> None:
    """The last hand that ended, or how the match did."""
    if ending:
        canvas.list([result(hand, agents), ending], box)
    elif row[flat.HAND]:
        before = single(row, row[flat.HAND] - 1)
        canvas.paragraph(f"Before: {result(before, agents)}", box, SIZE - 2, FAINT)
    else:
        ranks = " < ".join(RANKS[hand[flat.PLAYERS]])
        words = f"{ranks}. Everyone paid one chip and holds one card; one stays in the deck."
        canvas.paragraph(words, box, SIZE - 2, FAINT)


def _button(canvas: Canvas, box: Box, word: str) -> None:
    canvas.fill(box, SHADE, 10)
    canvas.frame(box, BLUE, 2, 10)
    canvas.write(word, box, 24, BLUE, "middle")
