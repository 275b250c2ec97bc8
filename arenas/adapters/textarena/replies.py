"""Random replies to a game of TextArena, which lists no moves: guesses from what it has said."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from arenas.core.rng import Rng

_MARKED = re.compile(r"\[[^\[\]\n]{1,60}\]")
_PIECES = re.compile(
    r"(?P<number>\d+)"
    r"|(?P<square>(?<![A-Za-z])[A-Ha-h](?=\d))"
    r"|(?P<blank><[\w -]+>|\b(?:[A-Zijkrc]|row|col|column|number|pile|quantity|amount|idx)\b)"
)
LARGEST = (3, 9, 30)
"""A number in a guess lies below one of these, which is drawn first."""

TALK = ("I agree.", "Let us see.", "[pass]")
"""What is said where nothing in brackets was shown, in games of talk."""


def guesses(told: Sequence[str], rng: Rng) -> Iterator[str]:
    """Replies that might be legal, without end.

    A guess is something that stands in square brackets in one of the messages, the latest most
    often; as it stands, or with its numbers, squares and blanks filled anew.

    Args:
        told: messages of the game to the seat, in order.
        rng: what to draw from.
    """
    shown = [found for text in told if (found := _MARKED.findall(text))]
    if not shown:
        shown = [list(TALK)]
    while True:
        latest = len(shown) - 1
        back = 0 if rng.below(2) else rng.below(len(shown))
        guess = rng.choice(shown[latest - back])
        yield guess if rng.below(2) else _PIECES.sub(lambda piece: _fill(piece, rng), guess)


def _fill(piece: re.Match[str], rng: Rng) -> str:
    text = piece[0]
    if piece["square"]:
        first = "A" if text.isupper() else "a"
        return chr(ord(first) + rng.below(8))
    if piece["blank"] and text.isupper() and rng.below(2):
        return "ABCDEFGH"[rng.below(8)]
    return str(rng.below(rng.choice(LARGEST)))
