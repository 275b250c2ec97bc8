"""What the tests of Overcooked share: wanderers that get things done, and rows in plain form."""

from __future__ import annotations

import random

from arenas.games.overcooked import Overcooked
from arenas.games.overcooked import rules as flat
from arenas.games.overcooked.layouts import COUNTER, POT
from arenas.games.overcooked.tables import steps_to

THINGS = ("nothing", "onion", "tomato", "dish", "soup")


class Wanderer:
    """Walks to a random place, uses it, and goes on: sees far more of a kitchen than random moves.

    What it holds makes some places likelier; one action in five is random.
    """

    def __init__(self, game: Overcooked, seat: int, seed: int) -> None:
        self.game, self.seat = game, seat
        self.rng = random.Random(seed)
        self.goal = None
        self.ways = WAYS.setdefault(game.layout, {})

    def act(self, row):
        layout, me = self.game.layout, flat.BRIGADE + self.seat * flat.COOK
        if self.goal is None or self.rng.random() < 0.05:
            self.goal = self.choose(row[me + flat.HELD] & 7)
            if self.goal not in self.ways:
                self.ways[self.goal] = steps_to(layout, self.goal)
        steps = self.ways[self.goal]
        state = 4 * row[me + flat.CELL] + row[me + flat.FACING]
        if state not in steps or self.rng.random() < 0.2:
            self.goal = None if state not in steps else self.goal
            return self.rng.randrange(6)
        if steps[state] == 0:
            self.goal = None
            return flat.INTERACT
        around = layout.neighbours(state // 4)
        ahead = [
            4 * (c if layout.cells[c] == " " else state // 4) + direction
            for direction, c in enumerate(around)
        ]
        return min(range(4), key=lambda direction: steps.get(ahead[direction], 1 << 20))

    def choose(self, held):
        """A place, by kind first: what fits the hands three times in four."""
        layout, rng = self.game.layout, self.rng
        fitting = {0: "OTDDPX", 1: "PPPX", 2: "PPPX", 3: "PPPX", 4: "SSSX"}[held]
        kind = rng.choice(fitting if rng.random() < 0.75 else "OTDPSX")
        cells = layout.where(kind) or layout.where(COUNTER)
        return rng.choice(cells or layout.where(POT))


WAYS: dict = {}


def everything(game: Overcooked, row):
    """The state as plain values: cooks, pots by place, counters by place."""
    layout, table = game.layout, game.table
    cooks = []
    for k in range(layout.cooks):
        me = flat.BRIGADE + k * flat.COOK
        held = row[me + flat.HELD]
        what = THINGS[held & 7], held >> 3 & 3, held >> 5 & 3
        cooks.append((layout.xy(row[me + flat.CELL]), row[me + flat.FACING], what))
    pots, first = {}, flat.pot_base(table)
    for p, cell in enumerate(layout.where(POT)):
        content = row[first + p]
        if content:
            pots[layout.xy(cell)] = content & 3, content >> 2 & 3, (content >> 4) - 1
    counters, first = {}, flat.counter_base(table)
    for c, cell in enumerate(layout.where(COUNTER)):
        thing = row[first + c]
        if thing:
            counters[layout.xy(cell)] = THINGS[thing & 7], thing >> 3 & 3, thing >> 5 & 3
    return cooks, pots, counters


def paid(row, k):
    """Points, shaped reward and events of cook k's last action."""
    me = flat.BRIGADE + k * flat.COOK
    return row[me + flat.PAID], row[me + flat.SHAPED], row[me + flat.EVENTS]
