"""A flat game as a user might bring it: general-sum, much chance, a structured option."""

import sys

import numpy as np
from gymnasium import spaces

from arenas.core.flat import FlatGame
from arenas.core.game import GameSpec
from arenas.core.outcome import Outcome
from arenas.core.rng import draw, scale

SEATS, GOAL, PLIES, WORD, TIRED, AT = 0, 1, 2, 3, 4, 5
LUCK = 2
LIMIT = 12


def deal(row, seed):
    row[WORD] = scale(draw(seed, 0), 1 << 31)


def ahead(row):
    best = 0
    for seat in range(row[SEATS]):
        best = max(best, row[AT + seat])
    return best


def to_move(row):
    if row[PLIES] == LIMIT or ahead(row) >= row[GOAL]:
        return -1
    return row[PLIES] % row[SEATS]


def legal(row, out):
    seat = row[PLIES] % row[SEATS]
    out[0] = out[1] = 1
    out[2] = 1 - (row[TIRED] >> seat & 1)


def play(row, action):
    seat = row[PLIES] % row[SEATS]
    row[AT + seat] += action + scale(draw(row[WORD], row[PLIES]), LUCK)
    row[TIRED] &= ~(1 << seat)
    if action == 2:
        row[TIRED] |= 1 << seat
    row[PLIES] += 1


def observe(row, seat, out):
    seats = row[SEATS]
    for i in range(seats):
        out[i] = row[AT + (seat + i) % seats]
    out[seats] = row[TIRED] >> seat & 1


def score(row, out):
    for seat in range(row[SEATS]):
        if row[AT + seat] >= row[GOAL]:
            out[seat] = 0.5 * row[AT + row[SEATS] + seat]


class Race(FlatGame):
    """Runs to `goal`; `prizes` is the number of half coins for each seat that gets there."""

    def __init__(self, goal=7, prizes=(3, 1)):
        self.goal = goal
        self.prizes = list(prizes)
        seats = len(self.prizes)
        spec = GameSpec(
            name="Race",
            version="1",
            roles=("runner",) * seats,
            payoff="general_sum",
            information="imperfect",
            observation_space=spaces.Box(0, goal + 3, (seats + 1,), np.int16),
            action_space=spaces.Discrete(3),
            reward_range=(0.0, 0.5 * max(self.prizes)),
            max_plies=LIMIT,
            has_chance=True,
        )
        blank = [seats, goal, 0, 0, 0, *[0] * seats, *self.prizes]
        super().__init__(spec, sys.modules[__name__], blank)

    def result(self, row):
        return Outcome(self.scores(row), "run", {"at": list(row[AT : AT + row[SEATS]])})

    def brief(self, seat):
        return "[0] rests, [1] walks, [2] leaps."

    def describe(self, row, seat):
        return f"Runners, you first: {self.view(self.position(tuple(row)), seat).tolist()}"

    def word(self, row, action):
        return str(action)
