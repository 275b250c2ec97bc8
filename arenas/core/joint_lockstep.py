"""The kernels that play many games of one joint flat game in lockstep, and their arrays.

As in `core/lockstep.py`, each kernel is a loop over games around scalar functions of one game, and
what happens to a game is what `Match` does to it, to the bit. Here all seats move in every step,
rewards come at every step, and what rules look up in their table is there once for all games.
"""

from __future__ import annotations

from typing import Any, NamedTuple, cast

import numpy as np

from arenas.core.compiled import first, following, fork, mix64, scale, stride
from arenas.core.joint import JointRules
from arenas.core.lockstep import (
    COMMON,
    ENDED,
    NEXT_STEP,
    OVER,
    PENALTY,
    RETRY,
    SAME_STEP,
    SAMPLER,
    SEQUENCE,
    TERMINATED,
    TRUNCATED,
    ZERO_SUM,
    Settings,
)
from arenas.core.match import REPLACEMENTS

rules = cast(JointRules, None)  # `compiled.Specialiser` binds it.

SEED, PLIES, FINAL_PLIES, MATCHES, NUMBERS = 0, 1, 2, 3, 4
"""Columns of `JointBatch.numbers`: the match's seed, the moves played, those of the match that
ended last, and how many matches have ended."""

SUBMITTED, ILLEGAL_MOVES, FINAL_ILLEGAL_MOVES, ATTEMPTS, PENDING, COUNTS = 0, 1, 2, 3, 4, 5
"""Rows of `JointBatch.counts`: submissions, the illegal ones, those of the match that ended last,
the illegal ones of this turn, and the move that waits for those of other seats, or -1."""

REWARD, TOTAL, CHARGED, FINAL_TOTAL, SUMS = 0, 1, 2, 3, 4
"""Rows of `JointBatch.sums`: rewards of this step, of the match so far, what illegal moves have
cost or brought, and rewards of the match that ended last."""


class JointBatch(NamedTuple):
    """B games with S seats, A actions, rows of W numbers, views of n, K reports."""

    table: np.ndarray  # (T,) int32
    blank: np.ndarray  # (W,) int32: the row before dealing
    backdrop: np.ndarray  # (n,): a view before `observe` draws on it

    rows: np.ndarray  # (B, W) int32
    words: np.ndarray  # (B, 2) uint64: where match seeds and the stream of `sample` stand
    numbers: np.ndarray  # (B, NUMBERS) int64
    counts: np.ndarray  # (B, COUNTS, S) int64
    sums: np.ndarray  # (B, SUMS, S) float64
    flags: np.ndarray  # (B, FLAGS) bool
    views: np.ndarray  # (B, S, n): what each seat sees
    masks: np.ndarray  # (B, S, A) int8: which seats are awaited, action by action
    final_views: np.ndarray  # (B, S, n): what each seat saw at the end of the last match
    reports: np.ndarray  # (B, S, K) int32: what the rules report of this step

    @property
    def shared(self) -> int:
        """The first so many fields belong to all games."""
        return 3


# -- kernels ---------------------------------------------------------------------------------------


def start(b: JointBatch, where: np.ndarray) -> None:
    """Begins the match of the game's seed in the games that `where` (B,) marks."""
    for i in range(first(), b.rows.shape[0], stride()):
        clear(b, i)
        if where[i]:
            begin(b, i)
            look(b, i)


def step(b: JointBatch, settings: Settings, views: bool, actions: np.ndarray) -> None:
    """Submits an action of every seat, (B, S) int64, in every game; without `views` shows none."""
    for i in range(first(), b.rows.shape[0], stride()):
        submit(b, settings, views, i, actions[i])


def sample(b: JointBatch, actions: np.ndarray) -> None:
    """Draws a uniform action of every seat of every game into `actions` (B, S); 0 when over."""
    for i in range(first(), b.rows.shape[0], stride()):
        draw_actions(b, i, actions[i])


def play_randomly(
    b: JointBatch, settings: Settings, views: bool, steps: int, actions: np.ndarray
) -> None:
    """`steps` times `sample` and `step`, game by game; a match that waits for a reset stays."""
    for i in range(first(), b.rows.shape[0], stride()):
        for _ in range(steps):
            draw_actions(b, i, actions[i])
            submit(b, settings, views, i, actions[i])


# -- one game --------------------------------------------------------------------------------------


def draw_actions(b: JointBatch, i: int, actions: Any) -> None:
    """Draws a uniform action of every seat."""
    for seat in range(actions.shape[0]):
        word = following(b.words[i, SAMPLER])
        b.words[i, SAMPLER] = word
        actions[seat] = 0 if b.flags[i, OVER] else pick(b, word)


def pick(b: JointBatch, word: Any) -> int:
    """The action that a word of chance names, as `Rng(...).choice(legal)` does."""
    return scale(mix64(word), b.masks.shape[2])


def submit(b: JointBatch, settings: Settings, views: bool, i: int, actions: Any) -> None:
    """Submits the seats' actions; or begins the next match if this one is over."""
    clear(b, i)
    fresh = b.flags[i, OVER]
    if not fresh:
        if gather(b, settings, i, actions):
            play(b, settings, i)
        b.flags[i, ENDED] = b.flags[i, TERMINATED] or b.flags[i, TRUNCATED]
    elif settings.autoreset != NEXT_STEP:
        return
    # Functions are inlined where they are called, so what is long is called from one place.
    while True:
        if fresh:
            begin_next(b, i)
        if views:
            look(b, i)
        if fresh or not b.flags[i, ENDED]:
            return
        note(b, i)
        if settings.autoreset != SAME_STEP:
            close(b, i)
            return
        fresh = True


def clear(b: JointBatch, i: int) -> None:
    """Forgets what the step before brought."""
    for seat in range(b.sums.shape[2]):
        b.sums[i, REWARD, seat] = 0.0
        for each in range(b.reports.shape[2]):
            b.reports[i, seat, each] = 0
    b.flags[i, TERMINATED] = False
    b.flags[i, TRUNCATED] = False
    b.flags[i, ENDED] = False


def gather(b: JointBatch, settings: Settings, i: int, actions: Any) -> bool:
    """Takes the awaited seats' actions as `Match` does; says whether all are there to be played.

    A seat whose action is illegal may stay awaited, while those of the others are kept back.
    """
    complete = True
    for seat in range(b.masks.shape[1]):
        if b.counts[i, PENDING, seat] >= 0:
            continue
        action = actions[seat]
        legal = action >= 0 and action < b.masks.shape[2]
        if not legal:
            b.counts[i, ILLEGAL_MOVES, seat] += 1
            if settings.illegal == RETRY:
                b.counts[i, SUBMITTED, seat] += 1
                b.counts[i, ATTEMPTS, seat] += 1
                if b.counts[i, ATTEMPTS, seat] > settings.amount:
                    forfeit(b, settings, i, seat)
                    return False
                complete = False
                continue
            if settings.illegal == PENALTY:
                charge(b, settings, i, seat)
            word = fork(fork(np.uint64(b.numbers[i, SEED]), REPLACEMENTS), seat)
            action = pick(b, following(fork(word, b.counts[i, SUBMITTED, seat])))
        b.counts[i, SUBMITTED, seat] += 1
        b.counts[i, ATTEMPTS, seat] = 0
        b.counts[i, PENDING, seat] = action
    if not complete:
        for seat in range(b.masks.shape[1]):
            if b.counts[i, PENDING, seat] >= 0:
                await_seat(b, i, seat, 0)
    return complete


def await_seat(b: JointBatch, i: int, seat: int, mark: int) -> None:
    """Marks a seat's actions: 1 if it is awaited, 0 if not."""
    for action in range(b.masks.shape[2]):
        b.masks[i, seat, action] = mark


def play(b: JointBatch, settings: Settings, i: int) -> None:
    """Plays the actions that were kept back and pays what they bring."""
    seats = b.masks.shape[1]
    rules.play(b.table, b.rows[i], b.counts[i, PENDING])  # type: ignore[arg-type]
    b.numbers[i, PLIES] += seats
    for seat in range(seats):
        b.counts[i, PENDING, seat] = -1
        if b.masks[i, seat, 0] == 0:
            await_seat(b, i, seat, 1)
        rules.report(b.table, b.rows[i], seat, b.reports[i, seat])  # type: ignore[arg-type]
    settle(b, i)
    over = rules.over(b.table, b.rows[i])  # type: ignore[arg-type]
    b.flags[i, TERMINATED] = over
    b.flags[i, TRUNCATED] = not over and b.numbers[i, PLIES] >= settings.last_ply


def settle(b: JointBatch, i: int) -> None:
    """Pays what the match is worth by now, penalties included."""
    for seat in range(b.sums.shape[2]):
        worth = rules.worth(b.table, b.rows[i], seat)  # type: ignore[arg-type]
        total = worth + b.sums[i, CHARGED, seat]
        b.sums[i, REWARD, seat] += total - b.sums[i, TOTAL, seat]
        b.sums[i, TOTAL, seat] = total


def charge(b: JointBatch, settings: Settings, i: int, offender: int) -> None:
    """Adds the penalty for an illegal move, shared out as `Match` does."""
    seats = b.sums.shape[2]
    for seat in range(seats):
        if seat == offender or settings.payoff == COMMON:
            b.sums[i, CHARGED, seat] -= settings.amount
        elif settings.payoff == ZERO_SUM:
            b.sums[i, CHARGED, seat] += settings.amount / (seats - 1)


def forfeit(b: JointBatch, settings: Settings, i: int, offender: int) -> None:
    """Pays a match lost by illegal moves, as `Game.forfeit` does, and ends it."""
    seats = b.sums.shape[2]
    for seat in range(seats):
        total = rules.worth(b.table, b.rows[i], seat)  # type: ignore[arg-type]
        if seat == offender or settings.payoff == COMMON:
            total = settings.least
        elif settings.payoff == ZERO_SUM:
            total = -settings.least / (seats - 1)
        b.sums[i, REWARD, seat] += total - b.sums[i, TOTAL, seat]
        b.sums[i, TOTAL, seat] = total
    b.flags[i, TERMINATED] = True


def begin_next(b: JointBatch, i: int) -> None:
    """Begins the next match of the game's sequence, as `rng.SeedSequence` numbers them."""
    word = following(b.words[i, SEQUENCE])
    b.words[i, SEQUENCE] = word
    b.numbers[i, SEED] = np.int64(mix64(word) >> np.uint64(11))
    begin(b, i)


def begin(b: JointBatch, i: int) -> None:
    """Begins the match of the game's seed."""
    row = b.rows[i]
    for j in range(row.shape[0]):
        row[j] = b.blank[j]
    word = mix64(following(np.uint64(b.numbers[i, SEED])))
    rules.deal(b.table, row, word)  # type: ignore[arg-type]
    b.numbers[i, PLIES] = 0
    b.flags[i, OVER] = False
    for seat in range(b.sums.shape[2]):
        for count in (SUBMITTED, ILLEGAL_MOVES, ATTEMPTS):
            b.counts[i, count, seat] = 0
        b.counts[i, PENDING, seat] = -1
        b.sums[i, CHARGED, seat] = 0.0
        b.sums[i, TOTAL, seat] = 0.0
        await_seat(b, i, seat, 1)


def look(b: JointBatch, i: int) -> None:
    """Writes out what every seat sees."""
    for seat in range(b.views.shape[1]):
        view = b.views[i, seat]
        # A fresh backdrop is copied faster than the places are found where something was drawn.
        for j in range(view.shape[0]):
            view[j] = b.backdrop[j]
        rules.observe(b.table, b.rows[i], seat, view)  # type: ignore[arg-type]


def close(b: JointBatch, i: int) -> None:
    """Leaves a finished match as it is until the next one begins."""
    b.flags[i, OVER] = True
    for seat in range(b.masks.shape[1]):
        await_seat(b, i, seat, 0)


def note(b: JointBatch, i: int) -> None:
    """Keeps the results of a match that ended in this step."""
    b.numbers[i, MATCHES] += 1
    b.numbers[i, FINAL_PLIES] = b.numbers[i, PLIES]
    for seat in range(b.sums.shape[2]):
        b.sums[i, FINAL_TOTAL, seat] = b.sums[i, TOTAL, seat]
        b.counts[i, FINAL_ILLEGAL_MOVES, seat] = b.counts[i, ILLEGAL_MOVES, seat]
        for j in range(b.views.shape[2]):
            b.final_views[i, seat, j] = b.views[i, seat, j]
