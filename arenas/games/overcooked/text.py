"""Overcooked in words: the kitchen, what everyone holds, the pots, what the others last did.

The phrases of hands and pots are those of ProAgent (Zhang et al. 2024), which language models were
prompted with; places are added, since a cook that moves step by step needs them.
"""

from __future__ import annotations

from collections.abc import Sequence

from arenas.games.overcooked import rules as flat
from arenas.games.overcooked.layouts import COUNTER, DISHES, HATCH, ONIONS, POT, TOMATOES, Layout

ACTIONS = ("north", "south", "east", "west", "stay", "interact")
"""Words of the six actions."""

STATIONS = {
    ONIONS: "onion dispenser",
    TOMATOES: "tomato dispenser",
    DISHES: "dish dispenser",
    POT: "pot",
    HATCH: "serving hatch",
}
HANDS = {flat.NOTHING: "nothing", flat.ONION: "one onion", flat.TOMATO: "one tomato"}
HANDS |= {flat.DISH: "one dish"}
LEGEND = "X counter, O onions, T tomatoes, D dishes, P pot, S serving hatch, 0-8 the cooks"

DEEDS = (
    (flat.SOUP_DELIVERY, "delivered a soup"),
    (flat.SOUP_PICKUP, "took a soup"),
    (flat.SOUP_DROP, "put a soup on a counter"),
    (flat.COOKING_START, "started a pot"),
    (9, "put an onion into a pot"),
    (4, "put a tomato into a pot"),
    (5, "took an onion"),
    (0, "took a tomato"),
    (10, "took a dish"),
    (7, "put an onion on a counter"),
    (2, "put a tomato on a counter"),
    (12, "put a dish on a counter"),
)
"""What a cook has done, by the event that tells."""


def ingredients(recipe: int) -> str:
    """A recipe in words: "2 onions and 1 tomato"."""
    parts = []
    for number, name in ((recipe & 3, "onion"), (recipe >> 2 & 3, "tomato")):
        if number:
            plural = "" if number == 1 else "es" if name == "tomato" else "s"
            parts.append(f"{number} {name}{plural}")
    return " and ".join(parts)


def hand(thing: int) -> str:
    """What a hand holds: "nothing", "one onion", "a dish with soup (3 onions)"."""
    if thing & 7 == flat.SOUP:
        return f"a dish with soup ({ingredients(thing >> 3)})"
    return HANDS[thing]


def pot(table: flat.Table, content: int) -> str:
    """What a pot does: "is empty", "has 2 onions", "starts cooking, ..."."""
    if content == 0:
        return "is empty"
    within = ingredients(content & 15)
    if content < 16:
        return f"has {within}" + (" and is full" if flat.items(content) == 3 else "")
    if flat.is_ready(table, content):
        return f"has already cooked the soup ({within})"
    left = table[flat.TIMES + (content & 15)] - ((content >> 4) - 1)
    return f"is cooking {within}, the soup will be ready after {left} timestep{'s' * (left != 1)}"


def deed(events: int) -> str:
    """What a cook did in a step, from its events; "" if none of them tells."""
    return next((words for event, words in DEEDS if events >> event & 1), "")


def orders(layout: Layout) -> str:
    """What the kitchen serves, with points and cooking times."""
    parts = []
    for recipe in layout.ordered:
        number = recipe.count("o") + 4 * recipe.count("t")
        bonus = ", bonus included" if recipe in layout.bonus_orders else ""
        pay = layout.pay(recipe)
        parts.append(f"{ingredients(number)} ({pay} points{bonus}, {layout.time(recipe)} steps)")
    return "; ".join(parts)


def stations(layout: Layout) -> str:
    """Where everything is: "onion dispensers at (0, 1) and (4, 1)"."""
    parts = []
    for kind, name in STATIONS.items():
        places = [str(layout.xy(cell)) for cell in layout.where(kind)]
        if places:
            parts.append(f"{name}{_s(name, places)} at {_and(places)}")
    return "; ".join(parts)


def _s(name: str, places: Sequence[str]) -> str:
    return "" if len(places) == 1 else "es" if name.endswith("ch") else "s"


def _and(parts: Sequence[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"


def brief(layout: Layout, agents: Sequence[str], seat: int, horizon: int, new: bool) -> str:
    """The rules and the kitchen for a cook."""
    others = [agent for agent in agents if agent != agents[seat]]
    with_whom = f" You work together with {_and(others)}." if others else ""
    begins = (
        "Facing a pot with ingredients and empty hands, interact starts it cooking"
        if new
        else "A pot with three ingredients starts cooking by itself"
    )
    return (
        f"You are {agents[seat]}, a cook in a kitchen.{with_whom} Everyone acts at the same time, "
        f"once a step, for {horizon} steps; all points are shared.\n"
        f"Soups that pay: {orders(layout)}.\n"
        f"Places are (x, y) from the top left, y grows to the south. There are {stations(layout)}. "
        f"The other cells of the map are counters (X), on which one thing can lie, or floor.\n"
        f"[north], [south], [east] and [west] turn you that way and move you one step if the cell "
        f"there is free floor; if two cooks would meet or change places, nobody moves. [interact] "
        f"uses the cell that you face: take an onion, a tomato or a dish from its dispenser with "
        f"empty hands, put what you hold on an empty counter or take what lies there, put an "
        f"ingredient into a pot, take a ready soup out of a pot with a dish, deliver a soup at a "
        f"serving hatch. [stay] does nothing. {begins}; soups never burn.\n"
        f"Reply with one action in square brackets, for example [north]. You may reason inside "
        f"<think>...</think> first; nobody else sees that."
    )


class Scene:
    """A state in words, as a seat sees it, or all of it for an onlooker (None)."""

    def __init__(
        self, layout: Layout, table: flat.Table, row: flat.Row, agents: Sequence[str]
    ) -> None:
        self.layout = layout
        self.table = table
        self.row = row
        self.agents = agents

    def sees(self, seat: int | None, cell: int) -> bool:
        """Whether a seat sees what is on a cell."""
        return seat is None or flat.is_near(self.table, self.row, seat, cell)

    def situation(self, seat: int | None) -> str:
        """Clock, cooks, pots, counters and a map."""
        row = self.row
        clock = f"Step {row[flat.CLOCK]} of {self.table[flat.HORIZON]}, {self._score()}."
        own = [] if seat is None else [seat]
        cooks = own + [k for k in range(len(self.agents)) if k != seat]
        lines = [clock, *(self.cook(k, seat) for k in cooks), self.kitchen(seat), self.map(seat)]
        return "\n".join(lines)

    def _score(self) -> str:
        score = self.row[flat.SCORE]
        return f"{score} point{'s' * (score != 1)}"

    def cook(self, k: int, seat: int | None) -> str:
        """Where a cook is, what it faces, holds and has done last."""
        row, me, own = self.row, flat.BRIGADE + k * flat.COOK, k == seat
        cell, name = row[me + flat.CELL], "You" if own else self.agents[k]
        if not self.sees(seat, cell):
            return f"{name} is out of sight."
        facing = row[me + flat.FACING]
        faced = flat.step_from(self.table, cell, facing)
        verb, holds = ("are", "hold") if own else ("is", "holds")
        return (
            f"{name} {verb} at {self.layout.xy(cell)} facing {ACTIONS[facing]}"
            f" to {self.thing_at(faced, seat)}; {name if own else 'it'} {holds} "
            f"{hand(row[me + flat.HELD])}.{self.last_act(k, own)}"
        ).replace("; You hold", "; you hold")

    def last_act(self, k: int, own: bool = False) -> str:
        """What a cook did last and when; "" before it has done anything."""
        row, me = self.row, flat.BRIGADE + k * flat.COOK
        action, words = row[me + flat.ACTION], deed(row[me + flat.DONE])
        subject = "You" if own else "It"
        said = f" {subject} last chose [{ACTIONS[action]}]" if action >= 0 else ""
        if not said:
            return ""
        if words:
            ago = row[flat.CLOCK] - row[me + flat.DONE_AT]
            when = "just now" if ago == 0 else f"{ago} step{'s' * (ago != 1)} before"
            said += f" and {words} {when}"
        return said + "."

    def thing_at(self, cell: int, seat: int | None) -> str:
        """What a cook faces."""
        kind = self.layout.cells[cell]
        if kind == COUNTER:
            return "a counter"
        if kind in STATIONS:
            name = STATIONS[kind]
            return f"{'an' if name[0] == 'o' else 'a'} {name}"
        for k, agent in enumerate(self.agents):
            if self.row[flat.BRIGADE + k * flat.COOK + flat.CELL] == cell and self.sees(seat, cell):
                return "you" if k == seat else agent
        return "floor"

    def kitchen(self, seat: int | None) -> str:
        """Pots and what lies on counters."""
        layout, row = self.layout, self.row
        pots, first = [], flat.pot_base(self.table)
        for p, cell in enumerate(layout.where(POT)):
            words = pot(self.table, row[first + p]) if self.sees(seat, cell) else "is out of sight"
            pots.append(f"the pot at {layout.xy(cell)} {words}")
        things, first = [], flat.counter_base(self.table)
        for c, cell in enumerate(layout.where(COUNTER)):
            if row[first + c] and self.sees(seat, cell):
                things.append(f"{hand(row[first + c])} at {layout.xy(cell)}")
        lying = f"On counters: {', '.join(things)}." if things else "Nothing lies on the counters."
        return f"Kitchen: {'; '.join(pots)}. {lying}"

    def map(self, seat: int | None) -> str:
        """The grid with the cooks that are seen, by number."""
        rows = [list(row) for row in self.layout.terrain]
        for k in range(len(self.agents)):
            cell = self.row[flat.BRIGADE + k * flat.COOK + flat.CELL]
            if self.sees(seat, cell):
                x, y = self.layout.xy(cell)
                rows[y][x] = str(k)
        return "\n".join("".join(row) for row in rows)

    def closing(self) -> str:
        """How it ended."""
        served = []
        for k, agent in enumerate(self.agents):
            me = flat.BRIGADE + k * flat.COOK
            number = self.row[me + flat.COUNTS + flat.SOUP_DELIVERY]
            served.append(f"{agent} delivered {number} soup{'s' * (number != 1)}")
        return f"The kitchen has closed with {self._score()}: {_and(served)}."
