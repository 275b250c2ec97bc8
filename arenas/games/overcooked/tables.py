"""What the rules look up and never change: the numbers of one kitchen under one set of options.

`rules.py` names the places; the rules read them from a list, compiled kernels from an array that
all games share.
"""

from __future__ import annotations

from collections import deque

import numpy as np

from arenas.games.overcooked import rules as flat
from arenas.games.overcooked.layouts import (
    COUNTER,
    DEFAULT_TIME,
    DEFAULT_VALUE,
    DISHES,
    FLOOR,
    HATCH,
    ONIONS,
    POT,
    RECIPES,
    TOMATOES,
    Layout,
)

KINDS = {
    FLOOR: flat.FLOOR,
    COUNTER: flat.COUNTER,
    ONIONS: flat.ONIONS,
    TOMATOES: flat.TOMATOES,
    DISHES: flat.DISHES,
    POT: flat.POT,
    HATCH: flat.HATCH,
}
THINGS = {"": flat.NOTHING, "onion": flat.ONION, "tomato": flat.TOMATO, "dish": flat.DISH}
DIRECTIONS = "NSEW"


def recipe_number(recipe: str) -> int:
    """A recipe as the rules have it."""
    return recipe.count("o") + 4 * recipe.count("t")


def recipe_name(number: int) -> str:
    """The recipe of a number."""
    return "o" * (number & 3) + "t" * (number >> 2 & 3)


def build_table(
    layout: Layout,
    dynamics: str,
    horizon: int,
    published: bool,
    starts: int,
    radius: int | None,
    vector: bool,
) -> list[int]:
    """The table of a kitchen; arguments as the options of `Overcooked`."""
    counters, pots = layout.where(COUNTER), layout.where(POT)
    table = [0] * flat.BEGIN
    table[flat.WIDTH], table[flat.HEIGHT] = layout.width, layout.height
    table[flat.CELLS] = len(layout.cells)
    table[flat.COOKS] = layout.cooks
    table[flat.NEW_DYNAMICS] = int(dynamics == "new")
    table[flat.HORIZON] = horizon
    table[flat.PUBLISHED] = int(published)
    table[flat.STARTS] = starts
    table[flat.RADIUS] = -1 if radius is None else radius
    table[flat.VECTOR] = int(vector)
    table[flat.PLACEMENT] = layout.placement_reward
    table[flat.DISH_REWARD] = layout.dish_reward
    table[flat.SOUP_REWARD] = layout.soup_reward
    table[flat.COUNTERS], table[flat.POTS] = len(counters), len(pots)
    _set_prices(table, layout, published)
    areas = [_area(layout, y * layout.width + x) for x, y in layout.starts]
    for k, (x, y) in enumerate(layout.starts):
        facing = DIRECTIONS.index(layout.facing[k]) if layout.facing else flat.NORTH
        held = THINGS[layout.holding[k]] if layout.holding else flat.NOTHING
        table += [y * layout.width + x, facing, held, 0, len(areas[k])]
    contents = {(x, y): recipe_number(recipe) for x, y, recipe in layout.pots}
    table += [contents.get(layout.xy(cell), 0) for cell in pots]
    kinds = [KINDS[kind] for kind in layout.cells]
    _add(table, flat.KINDS, kinds)
    slots = {cell: slot for cells in (counters, pots) for slot, cell in enumerate(cells)}
    _add(table, flat.SLOTS, [slots.get(cell, -1) for cell in range(len(kinds))])
    planes = 5 * layout.cooks + flat.PLANES
    places = [layout.xy(cell) for cell in range(len(kinds))]
    _add(table, flat.SITES, [(x * layout.height + y) * planes for x, y in places])
    _add(table, flat.PLACES, list(counters))
    _add(table, flat.POT_PLACES, list(pots))
    for k, area in enumerate(areas):
        table[flat.BEGIN + k * flat.BEGINNINGS + flat.AREA] = len(table)
        table += area
    if vector:
        _add(table, flat.NEAREST, nearest(layout))
    return table


def _add(table: list[int], place: int, numbers: list[int]) -> None:
    """Appends a list and notes where it begins."""
    table[place] = len(table)
    table += numbers


def _set_prices(table: list[int], layout: Layout, published: bool) -> None:
    pays = {}
    for recipe in RECIPES:
        number, time = recipe_number(recipe), layout.time(recipe)
        pays[number] = layout.pay(recipe)
        if published:
            # overcooked-ai takes a price or time of 0 for one that was not given.
            time = time or DEFAULT_TIME
            if recipe in layout.ordered and layout.value(recipe) == 0:
                pays[number] = DEFAULT_VALUE
                if recipe in layout.bonus_orders:
                    pays[number] *= layout.order_bonus
        table[flat.TIMES + number] = time
        table[flat.PAY + number] = pays[number]
    for number in (0, *pays):
        onions, tomatoes = number & 3, number >> 2
        table[flat.BEST + number] = max(
            pay for other, pay in pays.items() if other & 3 >= onions and other >> 2 >= tomatoes
        )


def _area(layout: Layout, start: int) -> list[int]:
    """The cells of floor that a cook can reach from its start, in order."""
    found, queue = {start}, [start]
    for cell in queue:
        for other in layout.neighbours(cell):
            if layout.cells[other] == FLOOR and other not in found:
                found.add(other)
                queue.append(other)
    return sorted(found)


def nearest(layout: Layout) -> list[int]:
    """For each cell and direction: numbers of the two nearest pots, cells of the nearest onions,
    tomatoes, dishes and hatch; -1 where there is none to reach.

    Near is what takes the fewest actions, turns included, if nobody is in the way; the first in
    the order of cells among equals.
    """
    ways = {c: steps_to(layout, c) for kind in "POTDS" for c in layout.where(kind)}
    pots = layout.where(POT)
    found = [-1] * (4 * len(layout.cells) * flat.NEAR)
    for cell in layout.where(FLOOR):
        for facing in range(4):
            state = 4 * cell + facing
            at = state * flat.NEAR
            reached = [p for p in range(len(pots)) if state in ways[pots[p]]]
            # Sorting keeps the order of equals.
            reached.sort(key=lambda p: ways[pots[p]][state])
            for i, p in enumerate(reached[:2]):
                found[at + i] = p
            for i, kind in enumerate((ONIONS, TOMATOES, DISHES, HATCH)):
                cells = [c for c in layout.where(kind) if state in ways[c]]
                if cells:
                    found[at + 2 + i] = min(cells, key=lambda c: ways[c][state])
    return found


def steps_to(layout: Layout, goal: int) -> dict[int, int]:
    """Fewest actions from each cell and direction (4 * cell + direction) to facing a cell."""
    steps: dict[int, int] = {}
    queue: deque[int] = deque()
    back = 1, 0, 3, 2
    for direction, cell in enumerate(layout.neighbours_inside(goal)):
        if cell >= 0 and layout.cells[cell] == FLOOR:
            steps[4 * cell + back[direction]] = 0
            queue.append(4 * cell + back[direction])
    while queue:
        state = queue.popleft()
        cell, facing = divmod(state, 4)
        around = layout.neighbours(cell)
        before = []
        if layout.cells[around[facing]] != FLOOR:
            # Turned here, towards something in the way.
            before += [4 * cell + turned for turned in range(4)]
        if layout.cells[behind := around[back[facing]]] == FLOOR:
            before += [4 * behind + turned for turned in range(4)]
        for earlier in before:
            if earlier not in steps:
                steps[earlier] = steps[state] + 1
                queue.append(earlier)
    return steps


def backdrop(layout: Layout, vector: bool) -> np.ndarray:
    """The part of a view that never changes, flat: uint8 planes, or the float32 vector."""
    cooks = layout.cooks
    if vector:
        return np.zeros(cooks * (flat.COOK_FEATURES + 2), np.float32)
    rest = 5 * cooks
    planes = np.zeros((layout.width, layout.height, rest + flat.PLANES), np.uint8)
    for plane, kind in enumerate("PXOTDS"):
        for cell in layout.where(kind):
            planes[(*layout.xy(cell), rest + plane)] = 1
    return planes.ravel()
