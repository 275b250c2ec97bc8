"""The greedy planner: overcooked-ai's model of a person, who goes for the next best thing."""

from __future__ import annotations

import math
from collections.abc import Sequence

from arenas.core.rng import Rng
from arenas.games.overcooked.game import Overcooked
from arenas.games.overcooked.planning import FAR, INTERACT, STAY
from arenas.games.overcooked.players.cook import CookPolicy
from arenas.games.overcooked.snapshot import (
    DISH,
    IDLE,
    INGREDIENTS,
    NOTHING,
    ONION,
    SOUP,
    Kitchen,
    Snapshot,
)


class Greedy(CookPolicy):
    """Walks the shortest way to the nearest thing to do, as if it were alone.

    With empty hands: a dish if a pot cooks or is ready and the other cook has no dish; else it
    starts a pot (new dynamics); else an ingredient. An ingredient goes into a pot with room, a dish
    to a pot that cooks or is ready, a soup to the hatch. If there is no place for what it holds it
    goes to the nearest dispenser or pot. Counters are never used. If it stands face to face with
    the other cook, or nobody moves, it makes a random step.

    Source: `GreedyHumanModel` of overcooked-ai (Carroll et al. 2019), which knows onion soup alone
    and sees that it is stuck by remembering the step before; this one goes by the last actions.

    Args:
        argument: how rational it is: goals and actions are drawn with probability proportional to
            exp(-argument * cost), as with `hl_temp` and `ll_temp` there; the best ones if empty.
    """

    name = "greedy"

    def __init__(self, game: Overcooked, argument: str = "") -> None:
        super().__init__(game)
        try:
            self.rationality = float(argument or math.inf)
        except ValueError:
            self.rationality = -1.0
        if not self.rationality > 0:
            raise ValueError(f"greedy:{argument}: the rationality is a positive number")

    def decide(self, kitchen: Kitchen, now: Snapshot, seat: int, rng: Rng) -> int:
        if stuck(kitchen, now):
            return step_aside(kitchen, now, seat, rng)
        planner, me = kitchen.planner, now.cooks[seat]
        targets = wanted(kitchen, now, seat)
        costs = [planner.cost(me.cell, me.facing, target) for target in targets]
        if min(costs, default=FAR) >= FAR:
            targets = [*kitchen.pots, *(c for cells in kitchen.dispensers.values() for c in cells)]
            costs = [planner.cost(me.cell, me.facing, target) for target in targets]
            if min(costs) >= FAR:
                return STAY
        target = targets[self._draw(costs, rng)]
        if self.rationality == math.inf:
            return planner.actions(me.cell, me.facing, target)[0]
        after = [planner.after(me.cell, me.facing, action) for action in range(INTERACT + 1)]
        left = [planner.cost(*state, target) for state in after]
        if planner.cost(me.cell, me.facing, target) == 1:
            left[INTERACT] = 0
        return self._draw(left, rng)

    def _draw(self, costs: Sequence[int], rng: Rng) -> int:
        least = min(costs)
        if self.rationality == math.inf:
            return costs.index(least)
        return rng.weighted([math.exp(-self.rationality * (cost - least)) for cost in costs])


def wanted(kitchen: Kitchen, now: Snapshot, seat: int) -> list[int]:
    """The features that a greedy cook may go to next."""
    held = now.cooks[seat].held
    cooking = [cell for cell, pot in now.pots.items() if pot.left != IDLE]
    idle = {c: kitchen.missing(p.recipe) for c, p in now.pots.items() if p.left == IDLE}
    if held == SOUP:
        return list(kitchen.hatches)
    if held == DISH:
        return cooking
    if held != NOTHING:
        return [cell for cell in idle if len(now.pots[cell].recipe) < 3]
    others = [cook.held for other, cook in enumerate(now.cooks) if other != seat]
    if cooking and DISH not in others:
        return list(kitchen.dispensers[DISH])
    complete = [cell for cell, missing in idle.items() if not missing and now.pots[cell].recipe]
    if complete and not kitchen.auto:
        return complete
    nearly = min((missing for missing in idle.values() if missing), key=len, default="")
    thing = INGREDIENTS[nearly[0]] if nearly else ONION
    return list(kitchen.dispensers[thing])


def stuck(kitchen: Kitchen, now: Snapshot) -> bool:
    """Whether, as far as one sees, nobody has moved in the last step.

    A cook has not if it chose no move, or faces another cook or the cell that another is about to
    enter: those are what stops a move. (It may also just have come there, and is stuck next.)
    """
    steps, at = kitchen.planner.steps, [cook.cell for cook in now.cooks]
    floor = kitchen.planner.region
    aims = [
        cook.cell + steps[cook.facing] if 0 <= cook.last < STAY else cook.cell for cook in now.cooks
    ]
    return now.tick > 0 and all(
        aim in at or (floor[aim] >= 0 and aims.count(aim) > 1) for aim in aims
    )


def step_aside(kitchen: Kitchen, now: Snapshot, seat: int, rng: Rng) -> int:
    """A random move to a free cell; STAY if there is none."""
    at, cell = {cook.cell for cook in now.cooks}, now.cooks[seat].cell
    free = [
        move
        for move, step in enumerate(kitchen.planner.steps)
        if kitchen.planner.region[cell + step] >= 0 and cell + step not in at
    ]
    return rng.choice(free) if free else STAY
