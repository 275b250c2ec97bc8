"""What each cook of a kitchen should do next: whoever is nearest does what is needed first.

A rota is drawn up from one snapshot alone, in the same way for every cook. Two cooks who follow it
therefore agree without a word; with a stranger it goes by what that one holds and where it stands.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

from arenas.games.overcooked.planning import FAR
from arenas.games.overcooked.skills import WAIT, Skill
from arenas.games.overcooked.snapshot import (
    DISH,
    IDLE,
    INGREDIENTS,
    LETTERS,
    NOTHING,
    SOUP,
    Cook,
    Kitchen,
    Snapshot,
)

PATIENCE = 35
"""A cook that has done nothing for so many steps is not relied on: a trip with a whole cooking time
of waiting takes fewer."""

IMPATIENCE = 12
"""A cook that has done nothing for so many steps does itself what others should have done."""


class Errand(NamedTuple):
    """What a cook does next.

    Attributes:
        skill: it in words.
        cells: features at which it is done, any of them.
        wait: go there, but do not use it yet.
    """

    skill: Skill
    cells: Sequence[int]
    wait: bool = False


def relied_on(cook: Cook) -> bool:
    """Whether a cook has done something lately."""
    return cook.unproductive < PATIENCE


class Rota:
    """Errands of the cooks at one moment.

    Args:
        kitchen: in which kitchen.
        now: at which moment.
    """

    def __init__(self, kitchen: Kitchen, now: Snapshot) -> None:
        self.kitchen = kitchen
        self.now = now
        self.regions = [kitchen.planner.region[cook.cell] for cook in now.cooks]
        self.relied_on = [relied_on(cook) for cook in now.cooks]
        self.missing = {
            cell: kitchen.missing(pot.recipe) for cell, pot in now.pots.items() if pot.left == IDLE
        }
        self.cooking = [cell for cell, pot in now.pots.items() if pot.left != IDLE]

    def errand(self, seat: int) -> Errand:
        """What a cook should do next."""
        held = self.now.cooks[seat].held
        if self.kitchen.soup_returns and (clogged := self._clogged(seat)):
            # A soup is kept from coming here by what lies on the counters between.
            thing = self.now.counters[clogged[0]]
            return self._shelf(seat) if held else Errand(Skill("pickup", thing), clogged[:1])
        if held == NOTHING:
            return self._with_nothing(seat)
        if not self.kitchen.uses[held, self.regions[seat]]:
            return self._hand_on(seat)
        if held == SOUP:
            return Errand(Skill("deliver"), self.kitchen.uses[SOUP, self.regions[seat]])
        return self._with_dish(seat) if held == DISH else self._with_ingredient(seat)

    # -- what there is -------------------------------------------------------------------------

    def cost(self, seat: int, cells: Sequence[int]) -> int:
        """Actions of a cook until it uses one of these, past whoever never moves."""
        cook = self.now.cooks[seat]
        return self.kitchen.planner.closest(cook.cell, cook.facing, cells, self._blocked(seat))[0]

    def _blocked(self, seat: int) -> int:
        """The cell of a cook that is not relied on to move away; -1 if there is none."""
        for other, cook in enumerate(self.now.cooks):
            if other != seat and not self.relied_on[other]:
                return cook.cell
        return -1

    def within_reach(self, seat: int, cells: Sequence[int]) -> list[int]:
        """Those of some features that a cook gets to; all if somebody stands in every way."""
        blocked = self._blocked(seat)
        if blocked < 0:
            return list(cells)
        field, at = self.kitchen.planner.field, self.now.cooks[seat].cell
        return [cell for cell in cells if field(cell, blocked)[at] < FAR] or list(cells)

    def sources(self, seat: int, thing: str) -> list[int]:
        """Where a cook can fetch a thing; what lies ready for somebody nearer to its use stays."""
        key = thing, self.regions[seat]
        shelves, onward = self.kitchen.shelves[self.regions[seat]], self.kitchen.onward[key]
        lying = [
            cell
            for cell, what in self.now.counters.items()
            if what == thing and cell in shelves and cell not in onward
        ]
        if not onward and not self.kitchen.uses[key]:
            return []
        return self.within_reach(seat, [*self.kitchen.supplies[key], *lying])

    def _shelf(self, seat: int) -> Errand:
        """Putting down what is not wanted."""
        kitchen, region = self.kitchen, self.regions[seat]
        empty = [cell for cell in kitchen.shelves[region] if cell not in self.now.counters]
        onward = kitchen.onward[self.now.cooks[seat].held, region]
        return Errand(Skill("place"), [cell for cell in empty if cell not in onward] or empty)

    def _brought(self, seat: int, thing: str) -> int:
        """How many of a thing others bring to its use, or lie where only others can take them."""
        now, onward = self.now, self.kitchen.onward[thing, self.regions[seat]]
        held = sum(
            cook.held == thing and self.relied_on[other]
            for other, cook in enumerate(now.cooks)
            if other != seat
        )
        return held + sum(now.counters.get(cell) == thing for cell in onward)

    def _nearer(
        self, seat: int, cells: Callable[[int], Sequence[int]], busy: Callable[[str], bool]
    ) -> int:
        """How many others, of those with the right thing in hand, reach theirs before this cook.

        A cook that has been waiting for them no longer counts on any.
        """
        if self.now.cooks[seat].unproductive >= IMPATIENCE:
            return 0
        mine, cooks_here = (self.cost(seat, cells(seat)), seat), self._at_pots(seat)
        nearer = 0
        for other, cook in enumerate(self.now.cooks):
            if other == seat or self._at_pots(other) != cooks_here:
                # One who brings things and one who uses them are not in each other's place.
                continue
            if busy(cook.held) and self.relied_on[other]:
                cost = self.cost(other, cells(other))
                nearer += cost < FAR and (cost, other) < mine
        return nearer

    def _at_pots(self, seat: int) -> bool:
        """Whether a cook can use pots itself."""
        return bool(self.kitchen.uses[DISH, self.regions[seat]])

    def _needs(self, seat: int) -> tuple[dict[str, int], int, int]:
        """What is needed when all that others hold has been used.

        Returns:
            Ingredients by thing; pots that cook and that nobody has a dish for; and pots that are
            about to be full that nobody has a dish for.
        """
        brought = {thing: self._brought(seat, thing) for thing in LETTERS}
        wanted = dict.fromkeys(LETTERS, 0)
        full = 0
        for missing in sorted(self.missing.values(), key=len):
            short = False
            for letter in missing:
                thing = INGREDIENTS[letter]
                if brought[thing]:
                    brought[thing] -= 1
                else:
                    wanted[thing] += 1
                    short = True
            full += not short
        soups = len(self.cooking) - self._brought(seat, DISH)
        return wanted, soups, full + min(0, soups)

    # -- what to do ----------------------------------------------------------------------------

    def _hand_on(self, seat: int) -> Errand:
        """To a counter that is nearer to the use of what is held."""
        kitchen, held = self.kitchen, self.now.cooks[seat].held
        onward = sorted(kitchen.onward[held, self.regions[seat]])
        empty = [cell for cell in onward if cell not in self.now.counters]
        wanted, soups, _ = self._needs(seat)
        if held not in LETTERS and (held == SOUP or soups > 0 or not kitchen.soup_returns):
            return Errand(Skill("place"), empty)
        if len(empty) > 1 or (empty and wanted.get(held)):
            return Errand(Skill("place"), empty)
        # The last counter is for a dish, or for the soup that comes back.
        if self.sources(seat, SOUP) or (soups > 0 and self.sources(seat, DISH)):
            return self._shelf(seat)
        return Errand(WAIT, empty or onward, wait=True)

    def _clogged(self, seat: int) -> list[int]:
        """Counters within reach that another cook with a soup waits for, when all are full."""
        for other, cook in enumerate(self.now.cooks):
            if other != seat and cook.held == SOUP:
                onward = sorted(self.kitchen.onward[SOUP, self.regions[other]])
                full = all(cell in self.now.counters for cell in onward)
                if full and SOUP not in (self.now.counters[cell] for cell in onward):
                    shelves = self.kitchen.shelves[self.regions[seat]]
                    return [cell for cell in onward if cell in shelves]
        return []

    def _with_dish(self, seat: int) -> Errand:
        now, region = self.now, self.regions[seat]
        pots = self.within_reach(seat, self.kitchen.uses[DISH, region])
        cooking = sorted((c for c in pots if c in self.cooking), key=lambda c: now.pots[c].left)
        nearer = self._nearer(seat, lambda _: cooking, lambda held: held == DISH)
        if nearer < len(cooking):
            left = now.pots[cooking[nearer]].left
            these = [cell for cell in cooking if now.pots[cell].left == left]
            return Errand(Skill("fill_dish"), these, wait=left > 0)
        wanted, _, full = self._needs(seat)
        if self._to_start(seat) and not self._free_hands(seat):
            return self._shelf(seat)
        if full > 0 or not any(wanted.values()):
            near = [cell for cell in pots if len(self.missing.get(cell, "ooo")) < 2]
            return Errand(WAIT, near or pots, wait=True)
        return self._shelf(seat)

    def _with_ingredient(self, seat: int) -> Errand:
        held, region = self.now.cooks[seat].held, self.regions[seat]
        pots = self.within_reach(seat, self.kitchen.uses[held, region])
        room = {cell: missing.count(LETTERS[held]) for cell, missing in self.missing.items()}
        open_ = [cell for cell in pots if room.get(cell)]
        nearer = self._nearer(seat, lambda _: open_, lambda other: other == held)
        if open_ and nearer < sum(room.values()):
            least = min(len(self.missing[cell]) for cell in open_)
            fullest = [cell for cell in open_ if len(self.missing[cell]) == least]
            return Errand(Skill("put_in_pot", held), fullest)
        _, soups, _ = self._needs(seat)
        if soups > 0 and not self._free_hands(seat, DISH):
            # Somebody has to fetch a dish: the nearest.
            nearer = self._nearer(seat, lambda s: self.sources(s, DISH), LETTERS.__contains__)
            if nearer == 0:
                return self._shelf(seat)
        if self._to_start(seat) and not self._free_hands(seat):
            return self._shelf(seat)
        return Errand(WAIT, pots, wait=True)

    def _free_hands(self, seat: int, thing: str = NOTHING) -> bool:
        """Whether another cook has empty hands, and can fetch a thing."""
        return self.now.cooks[seat].unproductive < IMPATIENCE and any(
            cook.held == NOTHING
            and self.relied_on[other]
            and (not thing or bool(self.sources(other, thing)))
            for other, cook in enumerate(self.now.cooks)
            if other != seat
        )

    def _to_start(self, seat: int) -> list[int]:
        """Pots that hold all they should and that a cook has to start."""
        if self.kitchen.auto:
            return []
        pots = self.kitchen.uses[DISH, self.regions[seat]]
        return self.within_reach(
            seat, [c for c in pots if self.missing.get(c) == "" and self.now.pots[c].recipe]
        )

    def _with_nothing(self, seat: int) -> Errand:
        def free(held: str) -> bool:
            return held == NOTHING

        start = self._to_start(seat)
        if start and self._nearer(seat, lambda _: start, free) < len(start):
            return Errand(Skill("start_cooking"), start)
        if soups := self.sources(seat, SOUP):
            return Errand(Skill("pickup", SOUP), soups)
        wanted, soups_left, full = self._needs(seat)
        dishes = self.sources(seat, DISH)
        fetched = {t: self.sources(seat, t) for t in LETTERS if wanted[t] > 0}
        things = [thing for thing, cells in fetched.items() if cells]
        others = partial(self.sources, thing=DISH)
        nearer = self._nearer(seat, others, free) if dishes and (soups_left > 0 or full > 0) else 0
        if dishes and nearer < soups_left and (not things or self._hurry(seat, dishes)):
            return Errand(Skill("pickup", DISH), dishes)
        for thing in things:
            ahead = self._nearer(seat, partial(self.sources, thing=thing), free)
            if ahead < wanted[thing] or not dishes:
                return Errand(Skill("pickup", thing), fetched[thing])
        if dishes and nearer < max(0, soups_left) + max(0, full):
            return Errand(Skill("pickup", DISH), dishes)
        for thing in things or LETTERS:
            if cells := self.sources(seat, thing):
                return Errand(Skill("pickup", thing), cells)
        if (
            dishes
            and not self.kitchen.uses[DISH, self.regions[seat]]
            and not self._brought(seat, DISH)
        ):
            return Errand(Skill("pickup", DISH), dishes)
        return Errand(WAIT, ())

    def _hurry(self, seat: int, dishes: Sequence[int]) -> bool:
        """Whether a dish fetched later would come late."""
        trip = self.cost(seat, dishes) + min(map(self.kitchen.to_pot, dishes))
        return trip >= min(self.now.pots[cell].left for cell in self.cooking)
