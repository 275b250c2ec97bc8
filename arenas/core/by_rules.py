"""How kernels get at one game's rules: by calling them on the game's row."""

from __future__ import annotations

from typing import Any, cast

from arenas.core.compiled import mix64, scale
from arenas.core.flat import FlatRules
from arenas.core.lockstep import Batch

rules = cast(FlatRules, None)  # `compiled.Specialiser` binds it.


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
    """Whether the seat to move may play an action."""
    mask = b.shown_octets[i, b.mask_start : b.mask_stop]
    return bool(action >= 0 and action < mask.shape[0] and mask[action] == 1)


def pick(b: Batch, i: int, word: Any) -> int:
    """The legal action that a word of chance names, as `Rng(...).choice(legal)` does."""
    mask = b.shown_octets[i, b.mask_start : b.mask_stop]
    legal = 0
    for action in range(mask.shape[0]):
        legal += mask[action]
    left = scale(mix64(word), legal)
    for action in range(mask.shape[0]):
        left -= mask[action]
        if left < 0:
            return action
    return 0


def play(b: Batch, i: int, action: int) -> None:
    """Plays a legal action."""
    rules.play(b.rows[i], action)


def score(b: Batch, i: int, out: Any) -> None:
    """Writes the rewards of a match that is over into the zeroed `out` (S,)."""
    rules.score(b.rows[i], out)


def show(b: Batch, i: int, seat: int) -> None:
    """Writes what the seat to move sees and may do."""
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
