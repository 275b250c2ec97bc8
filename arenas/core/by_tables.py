"""How kernels get at one game's rules: by looking up the position in its tables."""

from __future__ import annotations

from typing import Any, cast

from arenas.core.compiled import U64, first, mix64, scale
from arenas.core.flat import FlatRules
from arenas.core.lockstep import AT, Batch

rules = cast(FlatRules, None)  # `compiled.Specialiser` binds it.


def deal(b: Batch, i: int, word: Any) -> None:
    """Sets up the start that follows from a word of chance."""
    # Where the dealing is done does not matter: one row a thread stays in its cache.
    row, tables = b.rows[first()], b.tables
    for j in range(row.shape[0]):
        row[j] = b.blank[j]
    rules.deal(row, word)
    place = -tables.offset[0]
    for j in range(tables.columns.shape[0]):
        place += row[tables.columns[j]] * tables.strides[j]
    b.numbers[i, AT] = tables.starts[place]


def place_of(b: Batch, i: int) -> Any:
    """The position's place; unsigned, so that look-ups need not ask whether it counts backwards."""
    return U64(b.numbers[i, AT])


def to_move(b: Batch, i: int) -> int:
    """The seat to move; -1 when the match is over."""
    at, movers = place_of(b, i), b.tables.movers
    return int(movers[at]) if at < U64(movers.shape[0]) else -1


def is_legal(b: Batch, i: int, action: int) -> bool:
    """Whether the seat to move may play an action."""
    after = b.tables.after
    return bool(action >= 0 and action < after.shape[1] and after[place_of(b, i), U64(action)] >= 0)


def pick(b: Batch, i: int, word: Any) -> int:
    """The legal action that a word of chance names, as `Rng(...).choice(legal)` does."""
    at = place_of(b, i)
    nth = scale(mix64(word), b.tables.counts[at])
    return int(b.tables.choices[at, U64(nth)])


def play(b: Batch, i: int, action: int) -> None:
    """Plays a legal action."""
    b.numbers[i, AT] = b.tables.after[place_of(b, i), U64(action)]


def score(b: Batch, i: int, out: Any) -> None:
    """Writes the rewards of a match that is over into `out` (S,)."""
    at = b.numbers[i, AT] - b.tables.movers.shape[0]
    for seat in range(out.shape[0]):
        out[seat] = b.tables.scores[at, seat]


def show(b: Batch, i: int, seat: int) -> None:
    """Writes what the seat to move sees and may do."""
    at, shown = place_of(b, i), b.tables.shown
    for j in range(shown.shape[1]):
        b.shown[i, j] = shown[at, j]


def show_end(b: Batch, i: int, seat: int) -> None:
    """Writes what a seat sees at the end."""
    at, ends = b.numbers[i, AT] - b.tables.movers.shape[0], b.tables.ends
    if at >= 0:
        for j in range(ends.shape[2]):
            b.final_shown[i, j] = ends[at, seat, j]
        return
    # Cut short or forfeited, which is rare: the rules say what the seat sees.
    for j in range(b.final_shown.shape[1]):
        b.final_shown[i, j] = 0
    position: Any = b.tables.rows[b.numbers[i, AT]]
    rules.observe(position, seat, b.final_view[i])
