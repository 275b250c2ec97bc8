"""Random replies to a game of TextArena, which lists no moves: guesses from what it has said."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from arenas.core.rng import Rng

_MARKED = re.compile(r"\[[^\[\]\n]{1,60}\]")
_PIECES = re.compile(
    r"(?P<square>(?<![A-Za-z])[A-Ha-h]\d{1,2})"
    r"|(?P<number>\d+)"
    r"|(?P<blank><[\w -]+>|\b(?:[A-Zijkrc]|row|col|column|number|pile|quantity|amount|idx)\b)"
)
SIZES = (3, 5, 8, 14, 30)
"""Numbers and squares in a guess lie below one of these, which is drawn first."""

TALK = ("I agree.", "Let us see.", "[pass]")
"""What is said where nothing in brackets was shown, in games of talk."""


def guesses(told: Sequence[str], rng: Rng) -> Iterator[str]:
    """Replies that might be legal, without end.

    A guess is something that stands in square brackets in one of the messages, most often the
    first, where the rules are, or the latest; as it stands, or with other numbers and squares. A
    form without any number, such as "[row col]", has its blanks filled.

    Args:
        told: messages of the game to the seat, in order.
        rng: what to draw from.
    """
    shown = [found for text in told if (found := _MARKED.findall(text))]
    if not shown:
        shown = [list(TALK)]
    while True:
        message = (0, len(shown) - 1, rng.below(len(shown)))[rng.below(3)]
        guess = rng.choice(shown[message])
        if rng.below(2):
            yield guess
        else:
            yield _filled(guess, rng)


def _filled(guess: str, rng: Rng) -> str:
    size, shown = rng.choice(SIZES), any(map(str.isdigit, guess))

    def fill(piece: re.Match[str]) -> str:
        text = piece[0]
        if piece["square"]:
            first = "A" if text.isupper() else "a"
            return f"{chr(ord(first) + rng.below(min(size, 8)))}{rng.below(size + 1)}"
        if piece["blank"]:
            if shown:
                return text
            if text.isupper() and rng.below(2):
                return "ABCDEFGH"[rng.below(min(size, 8))]
        return str(rng.below(size))

    return _PIECES.sub(fill, guess)
