"""The kernels that play many games of one flat game in lockstep, and the arrays they play on.

Each kernel is a loop over games around scalar functions of one game, index `i`. The source is the
same for the CPU, where the loop runs from end to end, and for CUDA, where each thread takes every
n-th game. `engine` stands for the functions of `by_rules` or `by_tables`, which
`compiled.Specialiser` puts in. What happens to a game here is what `Match` does to it: turns,
illegal moves, rewards, ends and seeds are the same to the bit, and a test holds them together.
"""

from __future__ import annotations

from typing import Any, NamedTuple, Protocol, cast

import numpy as np

from arenas.core.compiled import first, following, fork, mix64, stride
from arenas.core.match import REPLACEMENTS
from arenas.core.tables import Tables

NEXT_STEP, SAME_STEP, DISABLED = 0, 1, 2
"""Values of `Settings.autoreset`."""

RETRY, RANDOM, PENALTY = 0, 1, 2
"""Values of `Settings.illegal`."""

ZERO_SUM, COMMON, GENERAL_SUM = 0, 1, 2
"""Values of `Settings.payoff`."""


class Engine(Protocol):
    """The functions of `by_rules` and of `by_tables`, which say what they do."""

    def deal(self, b: Batch, i: int, word: Any, /) -> None: ...
    def to_move(self, b: Batch, i: int, /) -> int: ...
    def is_legal(self, b: Batch, i: int, action: int, /) -> bool: ...
    def pick(self, b: Batch, i: int, word: Any, /) -> int: ...
    def play(self, b: Batch, i: int, action: int, /) -> None: ...
    def score(self, b: Batch, i: int, out: Any, /) -> None: ...
    def show(self, b: Batch, i: int, seat: int, /) -> None: ...
    def show_end(self, b: Batch, i: int, seat: int, /) -> None: ...


engine = cast(Engine, None)  # `compiled.Specialiser` binds it.


class Settings(NamedTuple):
    """What is the same for all games of a batch.

    Attributes:
        autoreset: when the match after a finished one begins.
        illegal: what follows an illegal move. (`raise` is decided before a kernel runs.)
        amount: tries left after an illegal move, or the penalty.
        last_ply: number of moves after which a match is cut short.
        payoff: how a loss by illegal moves is shared out.
        least: the reward of a seat that forfeits.
    """

    autoreset: int
    illegal: int
    amount: float
    last_ply: int
    payoff: int
    least: float


SEQUENCE, SAMPLER = 0, 1
"""Columns of `Batch.words`: where the sequence of match seeds and the stream of `sample` stand."""

AT, SEED, SEAT, MOVER, PLIES, ATTEMPTS, FINAL_PLIES, MATCHES, NUMBERS = 0, 1, 2, 3, 4, 5, 6, 7, 8
"""Columns of `Batch.numbers`.

AT is the position's place in the tables, SEED the match's, SEAT the seat to move (the last one when
over), MOVER the one that moved in this step, PLIES the moves played, ATTEMPTS the illegal
submissions of this turn, FINAL_PLIES the moves of the match that ended last, MATCHES how many have
ended.
"""

SUBMITTED, ILLEGAL_MOVES, FINAL_ILLEGAL_MOVES, COUNTS = 0, 1, 2, 3
"""Rows of `Batch.counts`: submissions, the illegal ones, those of the match that ended last."""

REWARD, TOTAL, CHARGED, FINAL_TOTAL, SUMS = 0, 1, 2, 3, 4
"""Rows of `Batch.sums`: rewards of this step, of the match so far, what illegal moves have cost or
brought, and rewards of the match that ended last."""

OVER, TERMINATED, TRUNCATED, ENDED, FLAGS = 0, 1, 2, 3, 4
"""Columns of `Batch.flags`: the match is over and the next has not begun; the rules ended it in
this step; it was cut short in this step; one of the two."""


class Batch(NamedTuple):
    """B games with S seats, A actions, rows of W numbers and views of n numbers."""

    blank: np.ndarray  # (W,) int64: the row before dealing
    tables: Tables  # without positions where the game is played by its rules
    mask_start: int
    mask_stop: int

    rows: np.ndarray  # (B, W) int64; where there are tables, room for dealing
    words: np.ndarray  # (B, 2) uint64
    numbers: np.ndarray  # (B, NUMBERS) int64
    counts: np.ndarray  # (B, COUNTS, S) int64
    sums: np.ndarray  # (B, SUMS, S) float64
    mover_rewards: np.ndarray  # (B,) float64: reward of the seat that moved in this step
    flags: np.ndarray  # (B, FLAGS) bool
    shown: np.ndarray  # (B, w) int64: what the seat to move sees, see `Shown`
    shown_view: np.ndarray  # the same memory as numbers of the view
    shown_octets: np.ndarray  # (B, 8 * w) int8: the same memory; the mask lies in it
    final_shown: np.ndarray  # (B, w) int64: what the seat that ended the last match saw at the end
    final_view: np.ndarray  # the same memory as numbers of the view

    @property
    def shared(self) -> int:
        """The first so many fields belong to all games."""
        return SHARED


SHARED = 4
"""Fields of a batch that belong to all games."""


# -- kernels ---------------------------------------------------------------------------------------


def start(b: Batch, where: np.ndarray) -> None:
    """Begins the match of the game's seed in the games that `where` (B,) marks."""
    for i in range(first(), b.rows.shape[0], stride()):
        clear(b, i)
        if where[i]:
            begin(b, i)
            look(b, i)


def renew(b: Batch, where: np.ndarray) -> None:
    """Begins the next match of its sequence in the games that `where` (B,) marks."""
    for i in range(first(), b.rows.shape[0], stride()):
        if where[i]:
            begin_next(b, i)
            look(b, i)


def step(b: Batch, settings: Settings, actions: np.ndarray) -> None:
    """Submits an action (B,) int64 of the seat to move in every game."""
    for i in range(first(), b.rows.shape[0], stride()):
        submit(b, settings, i, actions[i])


def step_some(b: Batch, settings: Settings, actions: np.ndarray, where: np.ndarray) -> None:
    """The same in the games that `where` (B,) marks; nothing changes in the others."""
    for i in range(first(), b.rows.shape[0], stride()):
        if where[i]:
            submit(b, settings, i, actions[i])


def check(b: Batch, actions: np.ndarray, legal: np.ndarray) -> None:
    """Says in `legal` (B,) bool which actions (B,) the seats to move may play; none when over."""
    for i in range(first(), b.rows.shape[0], stride()):
        legal[i] = not b.flags[i, OVER] and engine.is_legal(b, i, actions[i])


def sample(b: Batch, actions: np.ndarray) -> None:
    """Draws a uniform legal action of every game into `actions` (B,) int64; 0 when over."""
    for i in range(first(), b.rows.shape[0], stride()):
        word = following(b.words[i, SAMPLER])
        b.words[i, SAMPLER] = word
        actions[i] = choose(b, i, word)


def play_randomly(b: Batch, settings: Settings, steps: int) -> None:
    """`steps` times `sample` and `step`; a match that waits for a reset stays over."""
    for i in range(first(), b.rows.shape[0], stride()):
        for _ in range(steps):
            word = following(b.words[i, SAMPLER])
            b.words[i, SAMPLER] = word
            submit(b, settings, i, choose(b, i, word))


def look_at_end(b: Batch, seats: np.ndarray, where: np.ndarray) -> None:
    """Shows the end as `seats` (B,) see it in the games that `where` (B,) marks."""
    for i in range(first(), b.rows.shape[0], stride()):
        if where[i]:
            engine.show_end(b, i, seats[i])
            close(b, i)


# -- one game --------------------------------------------------------------------------------------
# Each function is inlined where it is called, so what is long is called from one place.


def submit(b: Batch, settings: Settings, i: int, action: int) -> None:
    """Submits an action of the seat to move; or begins the next match if this one is over."""
    clear(b, i)
    b.numbers[i, MOVER] = b.numbers[i, SEAT]
    if b.flags[i, OVER]:
        if settings.autoreset != NEXT_STEP:
            return
    else:
        if not engine.is_legal(b, i, action):
            action = refuse(b, settings, i)
        b.counts[i, SUBMITTED, b.numbers[i, SEAT]] += 1
        if action >= 0:
            play(b, settings, i, action)
        b.flags[i, ENDED] = b.flags[i, TERMINATED] or b.flags[i, TRUNCATED]
        if b.flags[i, ENDED]:
            note(b, i)
            if settings.autoreset != SAME_STEP:
                close(b, i)
                return
    if b.flags[i, OVER] or b.flags[i, ENDED]:
        begin_next(b, i)
    look(b, i)


def choose(b: Batch, i: int, word: Any) -> int:
    """The legal action that a word of chance names; 0 when the match is over."""
    return 0 if b.flags[i, OVER] else engine.pick(b, i, word)


def clear(b: Batch, i: int) -> None:
    """Forgets what the step before brought."""
    for seat in range(b.sums.shape[2]):
        b.sums[i, REWARD, seat] = 0.0
    b.mover_rewards[i] = 0.0
    b.flags[i, TERMINATED] = False
    b.flags[i, TRUNCATED] = False
    b.flags[i, ENDED] = False


def refuse(b: Batch, settings: Settings, i: int) -> int:
    """Deals with an illegal action as `Match` does; returns the action to play instead, or -1."""
    seat = b.numbers[i, SEAT]
    b.counts[i, ILLEGAL_MOVES, seat] += 1
    if settings.illegal == RETRY:
        b.numbers[i, ATTEMPTS] += 1
        if b.numbers[i, ATTEMPTS] > settings.amount:
            forfeit(b, settings, i, seat)
            b.flags[i, TERMINATED] = True
        return -1
    if settings.illegal == PENALTY:
        charge(b, settings, i, seat)
    word = fork(
        fork(fork(np.uint64(b.numbers[i, SEED]), REPLACEMENTS), seat), b.counts[i, SUBMITTED, seat]
    )
    return engine.pick(b, i, following(word))


def play(b: Batch, settings: Settings, i: int, action: int) -> None:
    """Plays a legal action and settles what it brings."""
    b.numbers[i, ATTEMPTS] = 0
    b.numbers[i, PLIES] += 1
    engine.play(b, i, action)
    over = engine.to_move(b, i) < 0
    if over or settings.illegal == PENALTY:
        settle(b, i, over)
    b.flags[i, TERMINATED] = over
    b.flags[i, TRUNCATED] = not over and b.numbers[i, PLIES] >= settings.last_ply


def begin_next(b: Batch, i: int) -> None:
    """Begins the next match of the game's sequence, as `rng.SeedSequence` numbers them."""
    word = following(b.words[i, SEQUENCE])
    b.words[i, SEQUENCE] = word
    b.numbers[i, SEED] = np.int64(mix64(word) >> np.uint64(11))
    begin(b, i)


def begin(b: Batch, i: int) -> None:
    """Begins the match of the game's seed."""
    engine.deal(b, i, mix64(following(np.uint64(b.numbers[i, SEED]))))
    b.numbers[i, PLIES] = 0
    b.numbers[i, ATTEMPTS] = 0
    b.flags[i, OVER] = False
    for seat in range(b.sums.shape[2]):
        b.counts[i, SUBMITTED, seat] = 0
        b.sums[i, CHARGED, seat] = 0.0
        b.sums[i, TOTAL, seat] = 0.0
        b.counts[i, ILLEGAL_MOVES, seat] = 0


def look(b: Batch, i: int) -> None:
    """Writes out who is to move, what that seat sees and what it may do."""
    b.numbers[i, SEAT] = engine.to_move(b, i)
    engine.show(b, i, b.numbers[i, SEAT])


def settle(b: Batch, i: int, over: bool) -> None:
    """Pays what the match is worth by now: the score once it is over, and the penalties."""
    if over:
        engine.score(b, i, b.sums[i, REWARD])
    for seat in range(b.sums.shape[2]):
        total = b.sums[i, REWARD, seat] + b.sums[i, CHARGED, seat]
        b.sums[i, REWARD, seat] = total - b.sums[i, TOTAL, seat]
        b.sums[i, TOTAL, seat] = total
    b.mover_rewards[i] = b.sums[i, REWARD, b.numbers[i, MOVER]]


def charge(b: Batch, settings: Settings, i: int, offender: int) -> None:
    """Adds the penalty for an illegal move, shared out as `Match` does."""
    seats = b.sums.shape[2]
    for seat in range(seats):
        if seat == offender or settings.payoff == COMMON:
            b.sums[i, CHARGED, seat] -= settings.amount
        elif settings.payoff == ZERO_SUM:
            b.sums[i, CHARGED, seat] += settings.amount / (seats - 1)


def forfeit(b: Batch, settings: Settings, i: int, offender: int) -> None:
    """Pays a match lost by illegal moves, as `Game.forfeit` does."""
    seats = b.sums.shape[2]
    for seat in range(seats):
        total = 0.0
        if seat == offender or settings.payoff == COMMON:
            total = settings.least
        elif settings.payoff == ZERO_SUM:
            total = -settings.least / (seats - 1)
        b.sums[i, REWARD, seat] = total - b.sums[i, TOTAL, seat]
        b.sums[i, TOTAL, seat] = total
    b.mover_rewards[i] = b.sums[i, REWARD, offender]


def note(b: Batch, i: int) -> None:
    """Keeps the results of a match that ended in this step."""
    b.numbers[i, MATCHES] += 1
    b.numbers[i, FINAL_PLIES] = b.numbers[i, PLIES]
    for seat in range(b.sums.shape[2]):
        b.sums[i, FINAL_TOTAL, seat] = b.sums[i, TOTAL, seat]
        b.counts[i, FINAL_ILLEGAL_MOVES, seat] = b.counts[i, ILLEGAL_MOVES, seat]
    engine.show_end(b, i, b.numbers[i, SEAT])


def close(b: Batch, i: int) -> None:
    """Leaves a finished match on show until the next one begins."""
    b.flags[i, OVER] = True
    for j in range(b.shown.shape[1]):
        b.shown[i, j] = b.final_shown[i, j]
