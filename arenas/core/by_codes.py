"""How kernels get at the rules of a game with structured moves: by its row, and moves by codes."""

from __future__ import annotations

from typing import Any, cast

from arenas.core.coded import CodedRules
from arenas.core.compiled import mix64
from arenas.core.lockstep import Batch

rules = cast(CodedRules, None)  # `compiled.specialise` binds it.


def deal(b: Batch, i: int, word: Any) -> None:
    """Sets up the start that follows from a word of chance."""
    row = b.rows[i]
    for j in range(row.shape[0]):
        row[j] = b.blank[j]
    rules.deal(row, word)


def to_move(b: Batch, i: int) -> int:
    """The seat to move; -1 when the match is over."""
    return rules.to_move(b.rows[i])


def is_legal(b: Batch, i: int, action: int) -> bool:
    """Whether the seat to move may play a code; -1 stands for a move outside the space."""
    return bool(action >= 0 and rules.is_legal(b.rows[i], action))


def pick(b: Batch, i: int, word: Any) -> int:
    """The legal code that a word of chance names, as `CodedGame.sample` draws it."""
    return rules.sample(b.rows[i], mix64(word))


def play(b: Batch, i: int, action: int) -> None:
    """Plays a legal code."""
    rules.play(b.rows[i], action)


def score(b: Batch, i: int, out: Any) -> None:
    """Writes the rewards of a match that is over into the zeroed `out` (S,)."""
    rules.score(b.rows[i], out)


def show(b: Batch, i: int, seat: int) -> None:
    """Writes what the seat to move sees, and what each number of its move may be."""
    for j in range(b.shown.shape[1]):
        b.shown[i, j] = 0
    rules.observe(b.rows[i], seat, b.shown_view[i])
    mask: Any = b.shown_octets[i, b.mask_start : b.mask_stop]
    rules.legal(b.rows[i], mask)


def show_end(b: Batch, i: int, seat: int) -> None:
    """Writes what a seat sees at the end."""
    for j in range(b.final_shown.shape[1]):
        b.final_shown[i, j] = 0
    rules.observe(b.rows[i], seat, b.final_view[i])
