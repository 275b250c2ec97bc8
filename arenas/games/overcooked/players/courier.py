"""The courier: does what the kitchen needs next, and minds the other cooks on the way."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from arenas.core.rng import Rng
from arenas.games.overcooked.planning import FAR, INTERACT, STAY
from arenas.games.overcooked.scene import (
    DISH,
    IDLE,
    INGREDIENTS,
    LETTERS,
    NOTHING,
    SOUP,
    Cook,
    Kitchen,
    Scene,
)


class Errand(NamedTuple):
    """Where a cook goes and whether it acts there or waits for something to happen.

    Attributes:
        cells: features, any of which will do.
        wait: go there, but do not use it yet.
    """

    cells: Sequence[int]
    wait: bool = False


def sources(kitchen: Kitchen, scene: Scene, cook: Cook, thing: str) -> list[int]:
    """Where a cook can fetch a thing: dispensers, and counters that are not on its way from here.

    What lies on a counter for somebody who is nearer to its use is left there.
    """
    region, touches = kitchen.planner.region[cook.cell], kitchen.planner.touches
    hops = kitchen.hops[thing]
    if hops[region] >= FAR:
        return []
    found = [c for c in kitchen.dispensers.get(thing, ()) if region in touches[c]]
    for cell, lying in scene.counters.items():
        if lying == thing and region in touches[cell]:
            if all(hops.get(other, FAR) >= hops[region] for other in touches[cell]):
                found.append(cell)
    return found


def sinks(kitchen: Kitchen, scene: Scene, cook: Cook, thing: str) -> list[int]:
    """Where a cook brings a thing: features that use it, else counters that bring it nearer."""
    region, touches = kitchen.planner.region[cook.cell], kitchen.planner.touches
    hops = kitchen.hops[thing]
    if hops[region] == 0:
        return [
            c for c in (kitchen.hatches if thing == SOUP else kitchen.pots) if region in touches[c]
        ]
    return [
        c
        for c in kitchen.counters
        if c not in scene.counters
        and region in touches[c]
        and (any(hops.get(other, FAR) < hops[region] for other in touches[c]))
    ]


def handed_over(kitchen: Kitchen, scene: Scene, cook: Cook, thing: str) -> int:
    """How many of a thing lie where somebody nearer to its use can take them."""
    region, touches = kitchen.planner.region[cook.cell], kitchen.planner.touches
    hops = kitchen.hops[thing]
    return sum(
        lying == thing
        and region in touches[cell]
        and any(hops.get(other, FAR) < hops[region] for other in touches[cell])
        for cell, lying in scene.counters.items()
    )


class Ledger:
    """What the kitchen still needs when all that the other cooks hold has been used.

    Attributes:
        soups: pots that cook or are ready and for which nobody else holds a dish.
        filling: the same for pots that will be full of what is carried to them.
        missing: ingredients by thing that nobody else brings.
    """

    def __init__(self, kitchen: Kitchen, scene: Scene, seat: int) -> None:
        me = scene.cooks[seat]
        region = kitchen.planner.region[me.cell]
        others = [cook.held for s, cook in enumerate(scene.cooks) if s != seat]
        carried = {thing: others.count(thing) for thing in (*LETTERS, DISH)}
        for thing in carried:
            if kitchen.hops[thing][region]:
                carried[thing] += handed_over(kitchen, scene, me, thing)
        self.carried = dict(carried)
        self.missing = dict.fromkeys(LETTERS, 0)
        cooking = filling = 0
        idle = []
        for pot in scene.pots.values():
            if pot.left == IDLE:
                idle.append(kitchen.missing(pot.recipe))
            else:
                cooking += 1
        for missing in sorted(idle, key=len):
            open_ = 0
            for letter in missing:
                thing = INGREDIENTS[letter]
                if carried[thing]:
                    carried[thing] -= 1
                else:
                    self.missing[thing] += 1
                    open_ += 1
            filling += not open_
        self.soups = cooking - carried[DISH]
        self.filling = filling + min(0, self.soups)
        self.left = min((p.left for p in scene.pots.values() if p.left != IDLE), default=0)


def errand(kitchen: Kitchen, scene: Scene, seat: int) -> Errand:
    """What a cook should do next."""
    me = scene.cooks[seat]
    held = me.held
    ledger = Ledger(kitchen, scene, seat)
    if held == SOUP:
        return Errand(sinks(kitchen, scene, me, SOUP))
    if held == DISH:
        return _with_dish(kitchen, scene, seat, ledger)
    if held:
        return _with_ingredient(kitchen, scene, seat, ledger)
    return _with_nothing(kitchen, scene, seat, ledger)


def _rank(kitchen: Kitchen, scene: Scene, seat: int, cells_of, hands) -> int:
    """How many other cooks with `hands` are nearer to what they would use."""
    planner = kitchen.planner
    me = scene.cooks[seat]
    mine = planner.closest(me.cell, me.facing, cells_of(me))[0], seat
    nearer = 0
    for other, cook in enumerate(scene.cooks):
        if other != seat and hands(cook):
            cost = planner.closest(cook.cell, cook.facing, cells_of(cook))[0]
            nearer += cost < FAR and (cost, other) < mine
    return nearer


def _empty_counters(kitchen: Kitchen, scene: Scene, cook: Cook) -> list[int]:
    region = kitchen.planner.region[cook.cell]
    return [
        c
        for c in kitchen.counters
        if region in kitchen.planner.touches[c] and c not in scene.counters
    ]


def _with_dish(kitchen: Kitchen, scene: Scene, seat: int, ledger: Ledger) -> Errand:
    me = scene.cooks[seat]
    region = kitchen.planner.region[me.cell]
    if kitchen.hops[DISH][region]:
        return Errand(sinks(kitchen, scene, me, DISH))
    pots = [c for c in sinks(kitchen, scene, me, DISH)]
    cooking = [c for c in pots if scene.pots[c].left != IDLE]
    total = sum(pot.left != IDLE for pot in scene.pots.values())
    rank = _rank(kitchen, scene, seat, lambda cook: cooking, lambda cook: cook.held == DISH)
    if cooking and rank < total:
        ready = [c for c in cooking if scene.pots[c].left == 0]
        if ready:
            return Errand(ready)
        soonest = min(scene.pots[c].left for c in cooking)
        return Errand([c for c in cooking if scene.pots[c].left == soonest], wait=True)
    startable = [] if kitchen.auto else [
        c for c in pots if scene.pots[c].recipe and not kitchen.missing(scene.pots[c].recipe)
    ]
    if ledger.filling > 0 or not any(ledger.missing.values()):
        if startable and not any(c.held == NOTHING for s, c in enumerate(scene.cooks) if s != seat):
            return Errand(_empty_counters(kitchen, scene, me))
        near = [c for c in pots if scene.pots[c].left == IDLE and len(kitchen.missing(scene.pots[c].recipe)) < 2]
        return Errand(near or pots, wait=True)
    # A dish is of no use now, and ingredients are missing.
    return Errand(_empty_counters(kitchen, scene, me))


def _with_ingredient(kitchen: Kitchen, scene: Scene, seat: int, ledger: Ledger) -> Errand:
    me = scene.cooks[seat]
    region = kitchen.planner.region[me.cell]
    if kitchen.hops[me.held][region]:
        return Errand(sinks(kitchen, scene, me, me.held))
    letter = LETTERS[me.held]
    pots = sinks(kitchen, scene, me, me.held)
    idle = [c for c in pots if scene.pots[c].left == IDLE]
    wanting = [c for c in idle if letter in kitchen.missing(scene.pots[c].recipe)]
    room = sum(
        kitchen.missing(pot.recipe).count(letter) for pot in scene.pots.values() if pot.left == IDLE
    )
    rank = _rank(kitchen, scene, seat, lambda cook: wanting, lambda cook: cook.held == me.held)
    if wanting and rank < room:
        fullest = max(wanting, key=lambda c: len(scene.pots[c].recipe))
        least = len(kitchen.missing(scene.pots[fullest].recipe))
        first = [c for c in wanting if len(kitchen.missing(scene.pots[c].recipe)) == least]
        return Errand(first)
    if ledger.soups > 0:
        # Somebody has to fetch a dish: whoever has empty hands, else the nearest.
        others = [cook for s, cook in enumerate(scene.cooks) if s != seat]
        free = any(
            cook.held == NOTHING and sources(kitchen, scene, cook, DISH) for cook in others
        )
        rank = _rank(
            kitchen,
            scene,
            seat,
            lambda cook: sources(kitchen, scene, cook, DISH),
            lambda cook: cook.held in LETTERS,
        )
        if not free and rank == 0:
            return Errand(_empty_counters(kitchen, scene, me))
    if not kitchen.auto and not any(
        c.held == NOTHING for s, c in enumerate(scene.cooks) if s != seat
    ):
        if any(p.left == IDLE and p.recipe and not kitchen.missing(p.recipe) for p in scene.pots.values()):
            return Errand(_empty_counters(kitchen, scene, me))
    return Errand(pots, wait=True)


def _with_nothing(kitchen: Kitchen, scene: Scene, seat: int, ledger: Ledger) -> Errand:
    me = scene.cooks[seat]
    planner = kitchen.planner
    empty = lambda cook: cook.held == NOTHING  # noqa
    if not kitchen.auto:
        start = [
            c
            for c in kitchen.pots
            if planner.region[me.cell] in planner.touches[c]
            and (pot := scene.pots[c]).left == IDLE
            and pot.recipe
            and not kitchen.missing(pot.recipe)
        ]
        if start and _rank(kitchen, scene, seat, lambda cook: start, empty) < len(start):
            return Errand(start)
    if soups := sources(kitchen, scene, me, SOUP):
        return Errand(soups)
    dishes = sources(kitchen, scene, me, DISH)
    things = [t for t in LETTERS if ledger.missing[t] > 0 and sources(kitchen, scene, me, t)]
    if ledger.soups > 0 and dishes:
        nearer = _rank(kitchen, scene, seat, lambda c: sources(kitchen, scene, c, DISH), empty)
        trip = planner.closest(me.cell, me.facing, dishes)[0] + planner.between(dishes, kitchen.pots)
        if nearer < ledger.soups and (not things or trip + SLACK >= ledger.left):
            return Errand(dishes)
    if things:
        thing = things[0]
        nearer = _rank(kitchen, scene, seat, lambda c: sources(kitchen, scene, c, thing), empty)
        if nearer < ledger.missing[thing] or not dishes:
            return Errand(sources(kitchen, scene, me, thing))
    if dishes and (ledger.soups > 0 or ledger.filling > 0):
        return Errand(dishes)
    spare = things or [t for t in LETTERS if sources(kitchen, scene, me, t)]
    if spare:
        return Errand(sources(kitchen, scene, me, spare[0]))
    return Errand(dishes)


SLACK = 0


def move(kitchen: Kitchen, scene: Scene, seat: int, rng: Rng) -> int:
    """The action of a cook on its errand."""
    me = scene.cooks[seat]
    planner = kitchen.planner
    mine = errand(kitchen, scene, seat)
    mate_seat = 1 - seat
    mate = scene.cooks[mate_seat]
    cost, target = planner.closest(me.cell, me.facing, mine.cells, mate.cell)
    free_cost, free_target = planner.closest(me.cell, me.facing, mine.cells)
    theirs = errand(kitchen, scene, mate_seat)
    if not mine.cells:
        return make_way(kitchen, scene, seat, theirs, rng)
    if cost >= FAR:
        if free_cost >= FAR:
            return make_way(kitchen, scene, seat, theirs, rng)
        # The other cook stands in the only way.
        actions = planner.actions(me.cell, me.facing, free_target)
        ahead = [planner.after(me.cell, me.facing, a)[0] for a in actions]
        if all(cell == mate.cell for cell in ahead):
            return make_way(kitchen, scene, seat, theirs, rng)
        return rng.choice([a for a, c in zip(actions, ahead) if c != mate.cell])
    if mine.wait and cost <= 2:
        if cost == 2:
            pass
        return make_way(kitchen, scene, seat, theirs, rng)
    actions = planner.actions(me.cell, me.facing, target, mate.cell)
    return actions[0] if len(actions) == 1 else rng.choice(actions)


def make_way(kitchen: Kitchen, scene: Scene, seat: int, theirs: Errand, rng: Rng) -> int:
    """Stays, unless the other cook has to pass here: then a step that lets it."""
    planner = kitchen.planner
    me, mate = scene.cooks[seat], scene.cooks[1 - seat]

    def their_cost(cell: int) -> int:
        return planner.closest(mate.cell, mate.facing, theirs.cells, cell)[0]

    if not theirs.cells:
        return STAY
    free = planner.closest(mate.cell, mate.facing, theirs.cells)[0]
    if their_cost(me.cell) <= free:
        return STAY
    # The nearest cell at which this cook is in nobody's way.
    seen, reached = {me.cell: STAY}, [me.cell]
    best = STAY
    for cell in reached:
        if their_cost(cell) <= free:
            return seen[cell]
        for action, step in enumerate(planner.steps):
            near = cell + step
            if near not in seen and planner.region[near] >= 0 and near != mate.cell:
                seen[near] = action if cell == me.cell else seen[cell]
                reached.append(near)
    moves = [seen[c] for c in reached[1:5]]
    return rng.choice([STAY, *moves])
