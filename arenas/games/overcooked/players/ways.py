"""How a cook gets to its errand past another one, who may or may not make room."""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

from arenas.core.rng import Rng
from arenas.games.overcooked.planning import FAR, INTERACT, STAY
from arenas.games.overcooked.players.errands import Errand, relied_on
from arenas.games.overcooked.snapshot import THINGS, Kitchen, Snapshot

AHEAD = 6
"""Steps of the other cook's way that are kept free."""
DETOUR = 6
"""More steps around a cook that is relied on than through it, before it is asked to make room."""
REVERSAL = 3
"""What turning back costs: two cooks who always go the shorter way around would dance."""


class Way(NamedTuple):
    """A way to one feature.

    Attributes:
        cost: actions until it is used; `FAR` if there is no way.
        target: the feature.
        blocked: the cell that the way keeps out of; -1 for none.
    """

    cost: int
    target: int
    blocked: int


def action(
    kitchen: Kitchen, now: Snapshot, seat: int, mine: Errand, theirs: Errand, rng: Rng
) -> int:
    """The next action of a cook on its errand.

    The cook with the more pressing errand goes its way; the other plans around that way, step by
    step, and leaves it if it must (Silver, "Cooperative pathfinding", AIIDE 2005). A cook that is
    not relied on is a wall.

    Args:
        kitchen, now, seat: whose action.
        mine: its errand.
        theirs: what the nearest other cook is expected to do.
        rng: for a step aside when two have bumped into each other.
    """
    me, planner = now.cooks[seat], kitchen.planner
    way = find_way(kitchen, now, seat, mine)
    if way.cost == 1 and not mine.wait:
        return INTERACT
    other = nearest_other(kitchen, now, seat)
    # Two that meet stop everyone, and who meets whom in a crowd is past planning.
    if len(now.cooks) > 2 and rng.below(4) == 0:
        return rng.below(STAY + 1)
    # Two that have got nowhere for long may be stepping to and fro.
    if other >= 0 and not relied_on(me) and rng.below(8) == 0:
        return rng.below(STAY + 1)
    yields = other >= 0 and _urgency(now, seat, mine) < _urgency(now, other, theirs)
    idle = mine.wait or not mine.cells
    if yields and (idle or relied_on(now.cooks[other])):
        move = _give_way(kitchen, now, seat, mine, find_way(kitchen, now, other, theirs), other)
    elif way.cost >= FAR or (mine.wait and way.cost == 1):
        move = STAY
    else:
        move = planner.actions(me.cell, me.facing, way.target, way.blocked)[0]
    if other >= 0 and move == me.last < STAY and _in_vain(kitchen, now, seat, other, rng):
        return rng.below(STAY + 1)
    return move


def _in_vain(kitchen: Kitchen, now: Snapshot, seat: int, other: int, rng: Rng) -> bool:
    """Whether a move that was made before is better given up, as another cook seems to stop it.

    One that moves may still make room; one that does not has no mind to.
    """
    me, mate, steps = now.cooks[seat], now.cooks[other], kitchen.planner.steps
    to = me.cell + steps[me.last]
    if to == mate.cell:
        return rng.below(2 if mate.last >= STAY else 8) == 0
    contested = 0 <= mate.last < STAY and to == mate.cell + steps[mate.last]
    return contested and kitchen.planner.region[to] >= 0 and rng.below(4) == 0


def nearest_other(kitchen: Kitchen, now: Snapshot, seat: int) -> int:
    """The nearest other cook on the same floor; -1 if there is none."""
    planner, me = kitchen.planner, now.cooks[seat]
    best, found = FAR, -1
    for other, cook in enumerate(now.cooks):
        if other != seat and planner.region[cook.cell] == planner.region[me.cell]:
            down, across = (
                abs(cook.cell // planner.width - me.cell // planner.width),
                abs(cook.cell % planner.width - me.cell % planner.width),
            )
            if down + across < best:
                best, found = down + across, other
    return found


def find_way(kitchen: Kitchen, now: Snapshot, seat: int, errand: Errand) -> Way:
    """The way that a cook takes if the other one makes room for it where it is relied on."""
    me, closest = now.cooks[seat], kitchen.planner.closest
    through, target = closest(me.cell, me.facing, errand.cells)
    other = nearest_other(kitchen, now, seat)
    if other < 0 or through >= FAR:
        return Way(through, target, -1)
    mate = now.cooks[other]
    around, near = closest(me.cell, me.facing, errand.cells, mate.cell)
    if around < (through + DETOUR if relied_on(mate) else FAR):
        return Way(around, near, mate.cell)
    return Way(through, target, -1)


def _urgency(now: Snapshot, seat: int, errand: Errand) -> tuple[bool, int, int]:
    """Who goes first: whoever does not wait, then soup before dish before ingredient."""
    going = bool(errand.cells) and not errand.wait
    return going, THINGS.index(now.cooks[seat].held), -seat


def _give_way(
    kitchen: Kitchen, now: Snapshot, seat: int, mine: Errand, theirs: Way, other: int
) -> int:
    """The action that brings a cook nearest to its errand without meeting the other one."""
    planner, me = kitchen.planner, now.cooks[seat]
    reached = _clear(kitchen, me.cell, _walked(kitchen, now, other, theirs))

    def left(cell: int) -> int:
        return min((planner.field(c)[cell] for c in mine.cells), default=0)

    back = 1 << (me.last ^ 1) if 0 <= me.last < STAY else 0
    best, firsts = 2 * FAR, 0
    for cell, first in reached.items():
        value = left(cell)
        for bits, worth in ((first & ~back, value), (first & back, value + REVERSAL)):
            if bits and worth <= best:
                firsts = bits | (firsts if worth == best else 0)
                best = worth
    actions = [action for action in range(STAY + 1) if firsts >> action & 1]
    # Sooner rather than later. Turning where one stands takes no room.
    cost = planner.closest(me.cell, me.facing, mine.cells)[0]
    for move in range(STAY):
        to, facing = planner.after(me.cell, me.facing, move, now.cooks[other].cell)
        allowed = STAY if to == me.cell else move
        if allowed in actions and planner.closest(to, facing, mine.cells)[0] < cost:
            return move
    return STAY if STAY in actions or not actions else actions[0]


def _walked(kitchen: Kitchen, now: Snapshot, seat: int, way: Way) -> list[int]:
    """The cells that a cook will be on now and after each of the next steps."""
    planner, cook = kitchen.planner, now.cooks[seat]
    at, facing = cook.cell, cook.facing
    cells = [at]
    for _ in range(AHEAD):
        actions = planner.actions(at, facing, way.target, way.blocked) if way.cost < FAR else []
        if actions and actions[0] != INTERACT:
            at, facing = planner.after(at, facing, actions[0])
        cells.append(at)
    return cells


def _clear(kitchen: Kitchen, start: int, walked: list[int]) -> dict[int, int]:
    """Where a cook can be at the end without meeting one who walks there, and how that begins.

    Returns:
        By cell, a bit set of first actions.
    """
    planner = kitchen.planner
    reached = {start: 0}
    for here, then in pairwise(walked):
        after: dict[int, int] = {}
        for cell, first in reached.items():
            if cell != then:
                after[cell] = after.get(cell, 0) | (first or 1 << STAY)
            for action, step in enumerate(planner.steps):
                to = cell + step
                if planner.region[to] < 0 or to == then or (to == here and cell == then):
                    continue
                after[to] = after.get(to, 0) | (first or 1 << action)
        if not after:
            break
        reached = after
    return reached
