"""Small flat games as tables: every position that can occur, and what the rules say of it.

A kernel then plays by look-up, several times as fast as by the rules. The tables are filled by the
rules themselves, position by position, so there is nothing in them that could disagree.
"""

from __future__ import annotations

import copy
from math import prod
from typing import Any, NamedTuple

import numpy as np

from arenas.core.flat import FlatGame, Position
from arenas.core.outcome import RulesError

MAX_POSITIONS = 1 << 13
"""Games with more are played by their rules: tables should stay in a core's own cache."""


class Tables(NamedTuple):
    """P positions of a game with S seats, A actions and rows of W numbers; the last E are over.

    The numbers are small, so that the tables of a small game stay in a core's own cache.

    A start is found by the numbers of its row that chance decides: the sum over `columns` of
    `row[column] * stride`, less `offset`, is its place in `starts`.
    """

    rows: np.ndarray  # (P, W) int64
    movers: np.ndarray  # (P - E,) int16: the seat to move
    after: np.ndarray  # (P - E, A) int16: the next position; -1 for an illegal action
    counts: np.ndarray  # (P - E,) int16: number of legal actions
    choices: np.ndarray  # (P - E, A) int16: the legal actions, ascending
    shown: np.ndarray  # (P - E, w) int64: view and mask of the seat to move, see `Shown`
    ends: np.ndarray  # (E, S, w) int64: what each seat sees at the end
    scores: np.ndarray  # (E, S) float64: rewards
    columns: np.ndarray  # (k,) int64
    strides: np.ndarray  # (k,) int64
    offset: np.ndarray  # (1,) int64
    starts: np.ndarray  # (K,) int16


class Shown(NamedTuple):
    """How a seat's view and action mask lie in w whole words, so that both are copied as words.

    Attributes:
        dtype: of the view.
        view: numbers in the view.
        actions: int8 marks that follow it.
    """

    dtype: np.dtype[Any]
    view: int
    actions: int

    @property
    def mask_start(self) -> int:
        """Octets before the mask."""
        return self.view * self.dtype.itemsize

    @property
    def mask_stop(self) -> int:
        """Octets up to the end of the mask."""
        return self.mask_start + self.actions

    @property
    def words(self) -> int:
        """Number of 64-bit words w."""
        return -(-self.mask_stop // 8)

    def parts(self, words: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The views (..., view) and the masks (..., actions) in an array (..., w) of words."""
        masks = words.view(np.int8)[..., self.mask_start : self.mask_stop]
        return words.view(self.dtype)[..., : self.view], masks

    def tensors(self, words: Any) -> tuple[Any, Any]:
        """The same of a torch tensor."""
        import torch

        masks = words.view(torch.int8)[..., self.mask_start : self.mask_stop]
        return words.view(getattr(torch, self.dtype.name))[..., : self.view], masks


def tabulate(game: FlatGame, shown: Shown) -> Tables | None:
    """The tables of a game, shared by equal games; None if it is too large for any."""
    key = type(game), repr(game)
    if key not in _known:
        # A copy, so that the game does not keep the positions that are met here.
        _known[key] = _fill(copy.copy(game), shown)
    return _known[key]


_known: dict[Any, Tables | None] = {}


def _fill(game: FlatGame, shown: Shown) -> Tables | None:
    if not game.num_actions:
        return None  # Moves of several numbers are not listed.
    try:
        # Each start once, in order.
        starts = list(dict.fromkeys(state for _, state in game.chance()))
    except ValueError:
        return None
    if game.num_actions > MAX_POSITIONS or _spread(starts) > MAX_POSITIONS:
        return None
    found = _positions(game, starts)
    if found is None:
        return None
    if not all(start.movers for start in starts):
        raise RulesError(f"{game!r}: nobody is to move at the start")
    live = [position for position in found if position.movers]
    over = [position for position in found if not position.movers]
    number = {position.row: at for at, position in enumerate(live + over)}
    tables = _empty(game, shown, len(live), len(over), starts)
    tables.rows[:] = list(number)
    views, masks = shown.parts(tables.shown)
    for at, position in enumerate(live):
        (seat,), legal = position.movers, list(position.legal or ())
        tables.movers[at] = seat
        tables.counts[at] = len(legal)
        tables.choices[at, : len(legal)] = legal
        views[at] = game.view(position, seat).ravel()
        masks[at, legal] = 1
        for action in legal:
            tables.after[at, action] = number[game.apply(position, {seat: action}).row]
    views, _ = shown.parts(tables.ends)
    for at, position in enumerate(over):
        tables.scores[at] = game.scores(position.row)
        for seat in range(game.spec.seats):
            views[at, seat] = game.view(position, seat).ravel()
    return tables


def no_tables(game: FlatGame, shown: Shown) -> Tables:
    """Tables without positions, for games that are played by their rules."""
    return _empty(game, shown, 0, 0, [])


def _empty(game: FlatGame, shown: Shown, live: int, over: int, starts: list[Position]) -> Tables:
    seats, actions = game.spec.seats, game.num_actions
    return Tables(
        rows=np.zeros((live + over, len(game.blank)), np.int64),
        movers=np.zeros(live, np.int16),
        after=np.full((live, actions), -1, np.int16),
        counts=np.zeros(live, np.int16),
        choices=np.zeros((live, actions), np.int16),
        shown=np.zeros((live, shown.words), np.int64),
        ends=np.zeros((over, seats, shown.words), np.int64),
        scores=np.zeros((over, seats)),
        **_numbering(np.array([p.row for p in starts], np.int64).reshape(-1, len(game.blank))),
    )


def _positions(game: FlatGame, starts: list[Position]) -> list[Position] | None:
    """All positions, the starts first; None if they are too many."""
    found = {position.row: position for position in starts}
    queue = list(found.values())
    for position in queue:
        if len(queue) > MAX_POSITIONS:
            return None
        for action in position.legal or ():
            after = game.apply(position, {position.movers[0]: action})
            if after.row not in found:
                found[after.row] = after
                queue.append(after)
    return queue


def _spread(starts: list[Position]) -> int:
    """Entries that `Tables.starts` needs."""
    columns = zip(*(start.row for start in starts), strict=True)
    return prod(max(column) - min(column) + 1 for column in columns)


def _numbering(rows: np.ndarray) -> dict[str, np.ndarray]:
    """How a start's place among the positions is found from its row."""
    columns = np.flatnonzero((rows != rows[:1]).any(0))
    low = rows[:, columns].min(0) if len(rows) else np.zeros(0, np.int64)
    sizes = rows[:, columns].max(0) - low + 1 if len(rows) else low
    strides = np.cumprod([1, *sizes], dtype=np.int64)
    starts = np.zeros(strides[-1], np.int16)
    # Starts are found first, so they come first among the positions.
    starts[(rows[:, columns] - low) @ strides[:-1]] = np.arange(len(rows))
    return {
        "columns": columns,
        "strides": strides[:-1],
        "offset": np.array([low @ strides[:-1]]),
        "starts": starts,
    }
