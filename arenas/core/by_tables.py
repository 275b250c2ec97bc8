"""How kernels get at one game's rules: by looking up the position in its tables."""

from __future__ import annotations

from typing import Any, cast

from arenas.core.compiled import mix64, scale
from arenas.core.flat import FlatRules
from arenas.core.lockstep import AT, Batch

rules = cast(FlatRules, None)  # `compiled.specialise` binds it.


def deal(b: Batch, i: int, word: Any) -> None:
    """Sets up the start that follows from a word of chance."""
    row, tables = b.rows[i], b.tables
    for j in range(row.shape[0]):
        row[j] = b.blank[j]
    rules.deal(row, word)
    place = -tables.offset[0]
    for j in range(tables.columns.shape[0]):
        place += row[tables.columns[j]] * tables.strides[j]
    b.numbers[i, AT] = tables.starts[place]


def to_move(b: Batch, i: int) -> int:
    """The seat to move; -1 when the match is over."""
    return int(b.tables.movers[b.numbers[i, AT]])


def is_legal(b: Batch, i: int, action: int) -> bool:
    """Whether the seat to move may play an action."""
    after = b.tables.after
    return bool(action >= 0 and action < after.shape[1] and after[b.numbers[i, AT], action] >= 0)


def pick(b: Batch, i: int, word: Any) -> int:
    """The legal action that a word of chance names, as `Rng(...).choice(legal)` does."""
    at = b.numbers[i, AT]
    return int(b.tables.choices[at, scale(mix64(word), b.tables.counts[at])])


def play(b: Batch, i: int, action: int) -> None:
    """Plays a legal action."""
    b.numbers[i, AT] = b.tables.after[b.numbers[i, AT], action]


def score(b: Batch, i: int, out: Any) -> None:
    """Writes the rewards of a match that is over into `out` (S,)."""
    for seat in range(out.shape[0]):
        out[seat] = b.tables.scores[b.numbers[i, AT], seat]


def show(b: Batch, i: int, seat: int) -> None:
    """Writes what the seat to move sees and may do."""
    shown = b.tables.shown
    for j in range(shown.shape[2]):
        b.shown[i, j] = shown[b.numbers[i, AT], seat, j]


def show_end(b: Batch, i: int, seat: int) -> None:
    """Writes what a seat sees at the end."""
    shown = b.tables.shown
    for j in range(shown.shape[2]):
        b.final_shown[i, j] = shown[b.numbers[i, AT], seat, j]
