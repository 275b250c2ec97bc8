"""New kitchens by seed and difficulty, all of which can be solved.

`generate(17, "hard")` is the kitchen called "hard-17", here and on every machine. What makes one
harder: more room between stations and less room to pass, stations that only one of the cooks can
reach so that things go over counters, fewer stations, and more recipes.
"""

from __future__ import annotations

from typing import NamedTuple

from arenas.core.rng import Rng, check_seed
from arenas.games.overcooked.layouts import (
    COUNTER,
    DISHES,
    FLOOR,
    HATCH,
    ONIONS,
    POT,
    TOMATOES,
    Layout,
)

MAX_TRIES = 10_000
"""Drafts of one kitchen; a few dozen are enough."""


class Difficulty(NamedTuple):
    """What kitchens of a difficulty have in common; ranges include both ends."""

    width: tuple[int, int]
    height: tuple[int, int]
    clutter: tuple[int, int]  # counters that stand in the room, in percent of its floor
    split: int  # how many in a hundred are cut in two by a row of counters
    pots: tuple[int, int]
    dispensers: tuple[int, int]  # of each ingredient
    dishes: tuple[int, int]
    hatches: tuple[int, int]
    menus: tuple[tuple[tuple[str, ...], tuple[str, ...]], ...]  # orders and bonus orders


ONIONS_ONLY = (("ooo",), ())
DIFFICULTIES = {
    "easy": Difficulty(
        (5, 7), (4, 5), (0, 0), 0, (1, 2), (1, 3), (1, 2), (1, 2), (ONIONS_ONLY,)
    ),
    "medium": Difficulty(
        (6, 8), (5, 6), (15, 30), 20, (1, 2), (1, 2), (1, 1), (1, 1),
        (ONIONS_ONLY, ONIONS_ONLY, (("ooo", "ttt"), ())),
    ),
    "hard": Difficulty(
        (7, 10), (5, 8), (30, 50), 50, (1, 2), (1, 1), (1, 1), (1, 1),
        (ONIONS_ONLY, (("oot", "ott"), ("ott",)), (("ooo", "oot", "ttt"), ("ttt",))),
    ),
}  # fmt: skip


def generate(seed: int, difficulty: str = "medium", cooks: int = 2) -> Layout:
    """The kitchen of a seed.

    Args:
        seed: integer in 0..2**63-1.
        difficulty: "easy", "medium" or "hard".
        cooks: 1 to 4.

    Raises:
        ValueError: there is no such difficulty, too many cooks, or `seed` is no seed.
    """
    if difficulty not in DIFFICULTIES:
        raise ValueError(f"difficulty={difficulty!r}: {', '.join(DIFFICULTIES)}")
    check_seed(seed)
    if not 1 <= cooks <= 4:
        raise ValueError(f"cooks={cooks!r}: 1 to 4")
    name = f"{difficulty}-{seed}" + (f"-{cooks}" if cooks != 2 else "")
    rng = Rng(seed).fork(list(DIFFICULTIES).index(difficulty), cooks)
    for _ in range(MAX_TRIES):
        layout = _draft(name, rng, DIFFICULTIES[difficulty], cooks)
        if layout is not None and obstacle(layout, "old") is None and _fair(layout):
            return layout
    raise RuntimeError(f"no kitchen came of {MAX_TRIES} drafts of {name}")


def obstacle(layout: Layout, dynamics: str = "old") -> str | None:
    """Why no soup that pays can ever be delivered; None if one can.

    Cooks walk about the part of the floor that they start in, and hand things on over counters that
    two parts share. That a cook may stand in another's way is not looked at.
    """
    areas = areas_of(layout)
    # A thing that is in one area can get to these.
    onward = {a: _onward(layout, areas, a) for a in range(len(areas))}

    def got_at(kind: str) -> set[int]:
        """Areas to which what comes from a kind of station can get."""
        touching = (a for a in range(len(areas)) if _touches(layout, areas[a], kind))
        return {other for a in touching for other in onward[a]}

    here = {kind: got_at(kind) for kind in (ONIONS, TOMATOES, DISHES)}
    hatches = {a for a in range(len(areas)) if _touches(layout, areas[a], HATCH)}
    recipes = [r for r in layout.ordered if layout.pay(r) > 0]
    if dynamics == "old":
        recipes = [r for r in recipes if len(r) == 3]
    if not recipes:
        return "no order pays"
    if not here[DISHES]:
        return "no cook can get at a dish"
    for cell in layout.where(POT):
        beside = {a for a in range(len(areas)) if _beside(layout, areas[a], cell)}
        served = any(onward[a] & hatches for a in beside & here[DISHES])
        for recipe in recipes:
            kinds = {ONIONS if letter == "o" else TOMATOES for letter in recipe}
            if served and all(here[kind] & beside for kind in kinds):
                return None
    return "no pot can be filled, emptied and served by any order"


def areas_of(layout: Layout) -> list[frozenset[int]]:
    """The connected parts of the floor in which cooks start."""
    areas: list[frozenset[int]] = []
    for x, y in layout.starts:
        start = y * layout.width + x
        if not any(start in area for area in areas):
            areas.append(frozenset(_spread(layout, start)))
    return areas


def _spread(layout: Layout, start: int) -> list[int]:
    found, seen = [start], {start}
    for cell in found:
        for other in layout.neighbours(cell):
            if other not in seen and layout.cells[other] == FLOOR:
                seen.add(other)
                found.append(other)
    return found


def _beside(layout: Layout, area: frozenset[int], cell: int) -> bool:
    return any(other in area for other in layout.neighbours_inside(cell))


def _touches(layout: Layout, area: frozenset[int], kind: str) -> bool:
    return any(_beside(layout, area, cell) for cell in layout.where(kind))


def _onward(layout: Layout, areas: list[frozenset[int]], start: int) -> set[int]:
    """Areas that a thing can get to from one, over counters."""
    found = [start]
    for a in found:
        for cell in layout.where(COUNTER):
            if _beside(layout, areas[a], cell):
                found += [
                    b
                    for b in range(len(areas))
                    if b not in found and _beside(layout, areas[b], cell)
                ]
    return set(found)


def _fair(layout: Layout) -> bool:
    """Whether every cook can do something, and cooks who share an area can get past each other."""
    for area in areas_of(layout):
        if not any(_touches(layout, area, kind) for kind in (ONIONS, TOMATOES, DISHES, POT, HATCH)):
            return False
        within = sum(y * layout.width + x in area for x, y in layout.starts)
        crossing = any(sum(o in area for o in layout.neighbours(cell)) > 2 for cell in area)
        if within > 1 and (not crossing or len(area) < 3 * within):
            return False
    return True


def _draft(name: str, rng: Rng, way: Difficulty, cooks: int) -> Layout | None:
    """A kitchen at random, solvable or not; None if what was drawn does not fit."""
    width, height = _between(rng, way.width), _between(rng, way.height)
    inner = [(x, y) for y in range(1, height - 1) for x in range(1, width - 1)]
    floor = set(inner)
    if rng.below(100) < way.split and cooks > 1:
        wall = 2 + rng.below(width - 4)
        floor -= {(wall, y) for y in range(height)}
    for _ in range(len(floor) * _between(rng, way.clutter) // 100):
        floor.discard(rng.choice(inner))
    rows = [[FLOOR if (x, y) in floor else COUNTER for x in range(width)] for y in range(height)]
    edge = [
        (x, y)
        for y in range(height)
        for x in range(width)
        if rows[y][x] == COUNTER and any((x + a, y + b) in floor for a, b in _AROUND)
    ]
    orders, bonus = rng.choice(way.menus)
    stations = POT * _between(rng, way.pots)
    for kind, letter in ((ONIONS, "o"), (TOMATOES, "t")):
        if any(letter in recipe for recipe in orders):
            stations += kind * _between(rng, way.dispensers)
    stations += DISHES * _between(rng, way.dishes) + HATCH * _between(rng, way.hatches)
    if len(edge) < len(stations) or len(floor) < 3 * cooks:
        return None
    rng.shuffle(edge)
    for (x, y), kind in zip(edge, stations, strict=False):
        rows[y][x] = kind
    free = sorted(floor)
    rng.shuffle(free)
    for k, (x, y) in enumerate(free[:cooks]):
        rows[y][x] = str(k + 1)
    grid = tuple("".join(row) for row in rows)
    return Layout(name, grid, orders=orders, bonus_orders=bonus)


_AROUND = ((0, -1), (0, 1), (1, 0), (-1, 0))


def _between(rng: Rng, ends: tuple[int, int]) -> int:
    return ends[0] + rng.below(ends[1] - ends[0] + 1)
