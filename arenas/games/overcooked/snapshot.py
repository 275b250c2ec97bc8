"""What players read of a state: cooks, pots and counters by cell, and the kitchen around them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import cached_property
from typing import NamedTuple

from arenas.games.overcooked import rules
from arenas.games.overcooked.layouts import COUNTER, DISHES, HATCH, ONIONS, POT, TOMATOES, Layout
from arenas.games.overcooked.planning import FAR, MotionPlanner
from arenas.games.overcooked.tables import recipe_name

NOTHING, ONION, TOMATO, DISH, SOUP = THINGS = "", "onion", "tomato", "dish", "soup"
"""What hands and counters hold, in the order of the rules' numbers."""
LETTERS = {ONION: "o", TOMATO: "t"}
"""How recipes write an ingredient."""
INGREDIENTS = {letter: thing for thing, letter in LETTERS.items()}
IDLE = -1
"""`Pot.left` of a pot that does not cook."""


class Cook(NamedTuple):
    """One cook.

    Attributes:
        cell: where it stands, y * width + x.
        facing: 0 north, 1 south, 2 east, 3 west.
        held: "", "onion", "tomato", "dish" or "soup".
        last: its last action; -1 before the first.
        events: what came of it, as the rules' bit set.
        unproductive: steps since it last picked up, put down, cooked or served anything.
    """

    cell: int
    facing: int
    held: str
    last: int
    events: int
    unproductive: int


class Pot(NamedTuple):
    """What is in a pot.

    Attributes:
        recipe: its ingredients, onions first: "", "o", "oot".
        left: steps until the soup is ready; 0 when it is; `IDLE` when it does not cook.
    """

    recipe: str
    left: int


class Snapshot(NamedTuple):
    """One moment of a match, all of it.

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
        table: of its rules, see `tables.build_table`.

    Attributes:
        auto: a pot with three ingredients starts by itself, and no other pot can be started (the
            old dynamics); otherwise cooks start pots.
        planner: of the terrain.
        dispensers: cells by what they give.
        pots, hatches, counters: cells.
        recipes: orders that can be cooked from what there is, the best paid first.
    """

    def __init__(self, layout: Layout, table: Sequence[int]) -> None:
        self.layout = layout
        self.auto = not table[rules.NEW_DYNAMICS]
        self.planner = planner = MotionPlanner(layout.terrain)
        letters = ((ONION, ONIONS), (TOMATO, TOMATOES), (DISH, DISHES))
        self.dispensers = {thing: planner.cells(letter) for thing, letter in letters}
        self.pots = planner.cells(POT)
        self.hatches = planner.cells(HATCH)
        self.counters = planner.cells(COUNTER)
        given = {letter for thing, letter in LETTERS.items() if self.dispensers[thing]}
        possible = [r for r in layout.ordered if set(r) <= given and (len(r) == 3 or not self.auto)]
        self.recipes = sorted(possible, key=lambda recipe: (-layout.pay(recipe), len(recipe)))
        self._cooks = [rules.BRIGADE + k * rules.COOK for k in range(layout.cooks)]
        self._first_counter, self._first_pot = rules.counter_base(table), rules.pot_base(table)
        self._times = table[rules.TIMES : rules.TIMES + 16]
        self._pots: dict[int, Pot] = {}
        self._missing: dict[str, str] = {}
        self._to_pot: dict[int, int] = {}

    def read(self, row: Sequence[int]) -> Snapshot:
        """What a row of the rules says."""
        clock = row[rules.CLOCK]
        cooks = tuple(
            Cook(
                row[me + rules.CELL],
                row[me + rules.FACING],
                THINGS[row[me + rules.HELD] & 7],
                row[me + rules.ACTION],
                row[me + rules.EVENTS],
                clock - row[me + rules.DONE_AT],
            )
            for me in self._cooks
        )
        first, last = self._first_counter, self._first_pot
        lying = {
            cell: THINGS[thing & 7]
            for cell, thing in zip(self.counters, row[first:last], strict=True)
            if thing
        }
        kept = self._pots
        pots = {
            cell: kept.get(content) or self._pot(content)
            for cell, content in zip(self.pots, row[last : last + len(self.pots)], strict=True)
        }
        return Snapshot(clock, cooks, pots, lying)

    def _pot(self, content: int) -> Pot:
        recipe, cooked = content & 15, (content >> 4) - 1
        left = IDLE if cooked < 0 else max(0, self._times[recipe] - cooked)
        self._pots[content] = pot = Pot(recipe_name(recipe), left)
        return pot

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
            best = [Counter(order) for order in self.recipes]
            wanted = next((order for order in best if inside <= order), None)
            if wanted is not None:
                known = "".join((wanted - inside).elements())
            elif self.auto and best:
                known = "".join(best[0].elements())[: 3 - len(recipe)]
            else:
                known = ""
            self._missing[recipe] = known
        return known

    def to_pot(self, cell: int) -> int:
        """The least cost from facing a feature to using a pot."""
        cost = self._to_pot.get(cell)
        if cost is None:
            self._to_pot[cell] = cost = self.planner.between((cell,), self.pots)
        return cost

    # -- regions that cannot reach each other --------------------------------------------------

    @cached_property
    def manned(self) -> tuple[int, ...]:
        """Regions in which a cook starts; none ever leaves its own."""
        width, region = self.planner.width, self.planner.region
        return tuple(sorted({region[y * width + x] for x, y in self.layout.starts}))

    @cached_property
    def soup_returns(self) -> bool:
        """Whether soup has to leave a region with a pot over a counter, against the ingredients."""
        return any(self.uses[DISH, r] and not self.uses[SOUP, r] for r in self.manned)

    @cached_property
    def shelves(self) -> dict[int, tuple[int, ...]]:
        """Counters that can be faced from each manned region."""
        touches = self.planner.touches
        return {r: tuple(c for c in self.counters if r in touches[c]) for r in self.manned}

    @cached_property
    def supplies(self) -> dict[tuple[str, int], tuple[int, ...]]:
        """Dispensers of a thing that can be faced from a manned region."""
        touches = self.planner.touches
        return {
            (thing, region): tuple(
                c for c in self.dispensers.get(thing, ()) if region in touches[c]
            )
            for thing in THINGS
            for region in self.manned
        }

    @cached_property
    def uses(self) -> dict[tuple[str, int], tuple[int, ...]]:
        """Features that use up a thing and can be faced from a manned region: pots or hatches."""
        touches = self.planner.touches
        return {
            (thing, region): tuple(
                c for c in (self.hatches if thing == SOUP else self.pots) if region in touches[c]
            )
            for thing in THINGS[1:]
            for region in self.manned
        }

    @cached_property
    def onward(self) -> dict[tuple[str, int], frozenset[int]]:
        """Counters on which a thing, put down from a region, is nearer to its use than there.

        Near means few counters to pass. Empty where the thing is used in the region itself.
        """
        touches = self.planner.touches
        onward = {}
        for thing in THINGS[1:]:
            passes = {region: 0 if self.uses[thing, region] else FAR for region in self.manned}
            for _ in self.manned:
                for counter in self.counters:
                    sides = [region for region in touches[counter] if region in passes]
                    least = min((passes[region] for region in sides), default=FAR)
                    passes.update({r: min(passes[r], least + 1) for r in sides if least < FAR})
            for region in self.manned:
                onward[thing, region] = frozenset(
                    counter
                    for counter in self.shelves[region]
                    if any(passes.get(r, FAR) < passes[region] for r in touches[counter])
                )
        return onward
