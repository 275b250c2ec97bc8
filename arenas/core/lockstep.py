"""The kernels that play many games of one flat game in lockstep, and the arrays they play on.

Each kernel is a loop over games around scalar functions of one game, index `i`. The source is the
same for the CPU, where the loop runs from end to end, and for CUDA, where each thread takes every
n-th game. `rules` stands for the functions of the game's rules module; `compiled.specialise` puts
them in. What happens to a game here is what `Match` does to it: turns, illegal moves, rewards,
ends and seeds are the same to the bit, and a test holds them together.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from arenas.core.compiled import first, following, fork, mix64, scale, stride
from arenas.core.flat import FlatRules
from arenas.core.match import REPLACEMENTS

rules: FlatRules

NEXT_STEP, SAME_STEP, DISABLED = 0, 1, 2
"""Values of `Settings.autoreset`."""

RETRY, RANDOM, PENALTY = 0, 1, 2
"""Values of `Settings.illegal`."""

ZERO_SUM, COMMON, GENERAL_SUM = 0, 1, 2
"""Values of `Settings.payoff`."""


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


class Batch(NamedTuple):
    """B games with S seats, A actions, rows of W numbers and views of n numbers.

    The first block is what play depends on, the second what a step gives out.
    """

    blank: np.ndarray  # (W,) int64: the row before dealing
    rows: np.ndarray  # (B, W) int64
    sequence: np.ndarray  # (B,) uint64: where the sequence of match seeds stands
    seeds: np.ndarray  # (B,) int64: seed of the match
    samplers: np.ndarray  # (B,) uint64: where the stream of `sample` stands
    plies: np.ndarray  # (B,) int64: moves played
    submitted: np.ndarray  # (B, S) int64: submissions, illegal ones included
    attempts: np.ndarray  # (B,) int64: illegal submissions of this turn
    penalties: np.ndarray  # (B, S) float64: what illegal moves have cost or brought
    over: np.ndarray  # (B,) bool: finished, the next match has not begun

    observations: np.ndarray  # (B, n): view of the seat to move, of the last one when over
    masks: np.ndarray  # (B, A) int8: its legal actions; zeros when over
    seats: np.ndarray  # (B,) int64: the seat to move; the last one when over
    movers: np.ndarray  # (B,) int64: the seat that moved in this step
    mover_rewards: np.ndarray  # (B,) float64: its reward
    rewards: np.ndarray  # (B, S) float64: rewards of this step
    totals: np.ndarray  # (B, S) float64: rewards of the match so far
    illegal_moves: np.ndarray  # (B, S) int64: illegal submissions of the match so far
    terminated: np.ndarray  # (B,) bool: the rules ended the match in this step
    truncated: np.ndarray  # (B,) bool: it was cut short in this step
    ended: np.ndarray  # (B,) bool: one of the two
    final_observations: np.ndarray  # (B, n): the mover's view of the match that ended
    final_totals: np.ndarray  # (B, S) float64: its rewards
    final_plies: np.ndarray  # (B,) int64: its moves
    final_illegal_moves: np.ndarray  # (B, S) int64


# -- kernels ----------------------------------------------------------------------------------------


def start(b: Batch, where: np.ndarray) -> None:
    """Begins the match of `b.seeds` in the games that `where` (B,) marks."""
    for i in range(first(), b.rows.shape[0], stride()):
        if where[i]:
            clear(b, i)
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


def sample(b: Batch, actions: np.ndarray) -> None:
    """Draws a uniform legal action of every game into `actions` (B,) int64; 0 when over."""
    for i in range(first(), b.rows.shape[0], stride()):
        word = following(b.samplers[i])
        b.samplers[i] = word
        actions[i] = pick(b.masks[i], word)


def views_of(b: Batch, seats: np.ndarray, where: np.ndarray, out: np.ndarray) -> None:
    """Writes what `seats` (B,) see into `out` (B, n) in the games that `where` (B,) marks."""
    for i in range(first(), b.rows.shape[0], stride()):
        if where[i]:
            view(b.rows[i], seats[i], out[i])


# -- one game ---------------------------------------------------------------------------------------
# Each function is inlined where it is called, so what is long is called from one place.


def submit(b: Batch, settings: Settings, i: int, action: int) -> None:
    """Submits an action of the seat to move; or begins the next match if this one is over."""
    clear(b, i)
    b.movers[i] = b.seats[i]
    if b.over[i]:
        if settings.autoreset != NEXT_STEP:
            return
    else:
        mask = b.masks[i]
        legal = action >= 0 and action < mask.shape[0] and mask[action] == 1
        if not legal:
            action = refuse(b, settings, i)
        b.submitted[i, b.seats[i]] += 1
        if action >= 0:
            play(b, settings, i, action)
        b.ended[i] = b.terminated[i] or b.truncated[i]
        if b.ended[i]:
            note(b, i)
            if settings.autoreset != SAME_STEP:
                close(b, i)
                return
    if b.over[i] or b.ended[i]:
        begin_next(b, i)
    look(b, i)


def clear(b: Batch, i: int) -> None:
    """Forgets what the step before brought."""
    for seat in range(b.rewards.shape[1]):
        b.rewards[i, seat] = 0.0
    b.mover_rewards[i] = 0.0
    b.terminated[i] = False
    b.truncated[i] = False
    b.ended[i] = False


def refuse(b: Batch, settings: Settings, i: int) -> int:
    """Deals with an illegal action as `Match` does; returns the action to play instead, or -1."""
    seat = b.seats[i]
    b.illegal_moves[i, seat] += 1
    if settings.illegal == RETRY:
        b.attempts[i] += 1
        if b.attempts[i] > settings.amount:
            forfeit(b, settings, i, seat)
            b.terminated[i] = True
        return -1
    if settings.illegal == PENALTY:
        charge(b, settings, i, seat)
    word = fork(fork(fork(np.uint64(b.seeds[i]), REPLACEMENTS), seat), b.submitted[i, seat])
    return pick(b.masks[i], following(word))


def play(b: Batch, settings: Settings, i: int, action: int) -> None:
    """Plays a legal action and settles what it brings."""
    b.attempts[i] = 0
    b.plies[i] += 1
    rules.play(b.rows[i], action)
    over = rules.to_move(b.rows[i]) < 0
    if over or settings.illegal == PENALTY:
        settle(b, i, over)
    b.terminated[i] = over
    b.truncated[i] = not over and b.plies[i] >= settings.last_ply


def begin_next(b: Batch, i: int) -> None:
    """Begins the next match of the game's sequence, as `rng.SeedSequence` numbers them."""
    word = following(b.sequence[i])
    b.sequence[i] = word
    b.seeds[i] = np.int64(mix64(word) >> np.uint64(11))
    begin(b, i)


def begin(b: Batch, i: int) -> None:
    """Begins the match of the game's seed."""
    row = b.rows[i]
    for j in range(row.shape[0]):
        row[j] = b.blank[j]
    rules.deal(row, mix64(following(np.uint64(b.seeds[i]))))
    b.plies[i] = 0
    b.attempts[i] = 0
    b.over[i] = False
    for seat in range(b.totals.shape[1]):
        b.submitted[i, seat] = 0
        b.penalties[i, seat] = 0.0
        b.totals[i, seat] = 0.0
        b.illegal_moves[i, seat] = 0


def look(b: Batch, i: int) -> None:
    """Writes out who is to move, what that seat sees and what it may do."""
    row, mask = b.rows[i], b.masks[i]
    b.seats[i] = rules.to_move(row)
    view(row, b.seats[i], b.observations[i])
    for action in range(mask.shape[0]):
        mask[action] = 0
    rules.legal(row, mask)


def view(row: np.ndarray, seat: int, out: np.ndarray) -> None:
    """What a seat sees of a row."""
    for j in range(out.shape[0]):
        out[j] = 0
    rules.observe(row, seat, out)


def pick(mask: np.ndarray, word: np.uint64) -> int:
    """The legal action that a word of chance names, as `Rng(...).choice(legal)` does."""
    legal = 0
    for action in range(mask.shape[0]):
        legal += mask[action]
    left = scale(mix64(word), legal)
    for action in range(mask.shape[0]):
        left -= mask[action]
        if left < 0:
            return action
    return 0


def settle(b: Batch, i: int, over: bool) -> None:
    """Pays what the match is worth by now: the score once it is over, and the penalties."""
    for seat in range(b.totals.shape[1]):
        b.rewards[i, seat] = 0.0
    if over:
        rules.score(b.rows[i], b.rewards[i])
    for seat in range(b.totals.shape[1]):
        total = b.rewards[i, seat] + b.penalties[i, seat]
        b.rewards[i, seat] = total - b.totals[i, seat]
        b.totals[i, seat] = total
    b.mover_rewards[i] = b.rewards[i, b.movers[i]]


def charge(b: Batch, settings: Settings, i: int, offender: int) -> None:
    """Adds the penalty for an illegal move, shared out as `Match` does."""
    seats = b.totals.shape[1]
    for seat in range(seats):
        if seat == offender or settings.payoff == COMMON:
            b.penalties[i, seat] -= settings.amount
        elif settings.payoff == ZERO_SUM:
            b.penalties[i, seat] += settings.amount / (seats - 1)


def forfeit(b: Batch, settings: Settings, i: int, offender: int) -> None:
    """Pays a match lost by illegal moves, as `Game.forfeit` does."""
    seats = b.totals.shape[1]
    for seat in range(seats):
        total = 0.0
        if seat == offender or settings.payoff == COMMON:
            total = settings.least
        elif settings.payoff == ZERO_SUM:
            total = -settings.least / (seats - 1)
        b.rewards[i, seat] = total - b.totals[i, seat]
        b.totals[i, seat] = total
    b.mover_rewards[i] = b.rewards[i, offender]


def note(b: Batch, i: int) -> None:
    """Keeps the results of a match that ended in this step."""
    b.final_plies[i] = b.plies[i]
    for seat in range(b.totals.shape[1]):
        b.final_totals[i, seat] = b.totals[i, seat]
        b.final_illegal_moves[i, seat] = b.illegal_moves[i, seat]
    view(b.rows[i], b.seats[i], b.final_observations[i])


def close(b: Batch, i: int) -> None:
    """Leaves a finished match on show until the next one begins."""
    b.over[i] = True
    for j in range(b.observations.shape[1]):
        b.observations[i, j] = b.final_observations[i, j]
    for action in range(b.masks.shape[1]):
        b.masks[i, action] = 0
