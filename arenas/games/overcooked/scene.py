"""What players read of a state: cooks, pots and counters by cell, and the kitchen around them."""

from __future__ import annotations

from collections import Counter
from functools import cached_property
from typing import NamedTuple

from arenas.games.overcooked.layouts import COUNTER, DISHES, HATCH, ONIONS, POT, TOMATOES, Layout
from arenas.games.overcooked.planning import FAR, MotionPlanner

NOTHING, ONION, TOMATO, DISH, SOUP = "", "onion", "tomato", "dish", "soup"
LETTERS = {ONION: "o", TOMATO: "t"}
"""How recipes write an ingredient."""
INGREDIENTS = {letter: thing for thing, letter in LETTERS.items()}
IDLE = -1


class Cook(NamedTuple):
    """One cook.

    Attributes:
        cell: where it stands, y * width + x.
        facing: 0 north, 1 south, 2 east, 3 west.
        held: "", "onion", "tomato", "dish" or "soup".
    """

    cell: int
    facing: int
    held: str


class Pot(NamedTuple):
    """What is in a pot.

    Attributes:
        recipe: its ingredients, onions first: "", "o", "oot".
        left: steps until the soup is ready; 0 when it is; `IDLE` when it does not cook.
    """

    recipe: str
    left: int


class Scene(NamedTuple):
    """One moment of a match, all of it: nothing is hidden.

    Attributes:
        tick: steps so far.
        cooks: by seat.
        pots: by cell.
        counters: what lies on counters, by cell; only those with something on them.
    """

    tick: int
    cooks: tuple[Cook, ...]
    pots: dict[int, Pot]
    counters: dict[int, str]


class Kitchen:
    """What stays the same through a match: ways and features, and what can be cooked.

    Args:
        layout: the kitchen.
        auto: a pot with three ingredients starts by itself, and no other pot can be started (the
            old dynamics); otherwise cooks start pots.

    Attributes:
        planner: of the terrain.
        dispensers: cells by what they give.
        pots, hatches, counters: cells.
        recipes: orders that can be cooked from what there is, the best paid first.
    """

    def __init__(self, layout: Layout, auto: bool) -> None:
        self.layout = layout
        self.auto = auto
        self.planner = planner = MotionPlanner(layout.terrain)
        letters = ((ONION, ONIONS), (TOMATO, TOMATOES), (DISH, DISHES))
        self.dispensers = {thing: planner.cells(letter) for thing, letter in letters}
        self.pots = planner.cells(POT)
        self.hatches = planner.cells(HATCH)
        self.counters = planner.cells(COUNTER)
        given = {letter for thing, letter in LETTERS.items() if self.dispensers[thing]}
        possible = (r for r in layout.ordered if set(r) <= given and (len(r) == 3 or not auto))
        self.recipes = sorted(possible, key=lambda recipe: (-layout.pay(recipe), len(recipe)))
        self._missing: dict[str, str] = {}

    def missing(self, recipe: str) -> str:
        """What turns the contents of an idle pot into the best order that they can still become.

        Contents that can become no order are brought to where they can be taken out: up to three
        ingredients in the old dynamics, as they are in the new.

        Args:
            recipe: the contents, as `Pot.recipe`.

        Returns:
            Letters of the ingredients to add; "" if it is to be cooked as it is.
        """
        known = self._missing.get(recipe)
        if known is None:
            inside = Counter(recipe)
            known = (self.recipes[0] if self.recipes else "ooo")[: 3 - len(recipe)] if self.auto else ""
            for order in self.recipes:
                if inside <= Counter(order):
                    known = "".join((Counter(order) - inside).elements())
                    break
            self._missing[recipe] = known
        return known

    # -- regions that cannot reach each other --------------------------------------------------

    @cached_property
    def manned(self) -> frozenset[int]:
        """Regions in which a cook starts; none ever leaves its own."""
        width, region = self.planner.width, self.planner.region
        return frozenset(region[y * width + x] for x, y in self.layout.starts)

    @cached_property
    def hops(self) -> dict[str, dict[int, int]]:
        """How often a thing must pass a counter before it is used, from each manned region.

        By thing and region; `FAR` where it can never be used.
        """
        touches = self.planner.touches
        shared = [touches[cell] & self.manned for cell in self.counters]
        uses = {DISH: self.pots, SOUP: self.hatches, ONION: self.pots, TOMATO: self.pots}
        hops = {}
        for thing, cells in uses.items():
            found = {
                region: 0 if any(region in touches[cell] for cell in cells) else FAR
                for region in self.manned
            }
            for _ in self.manned:
                for regions in shared:
                    least = min((found[region] for region in regions), default=FAR)
                    found.update({r: min(found[r], least + 1) for r in regions if least < FAR})
            hops[thing] = found
        return hops
