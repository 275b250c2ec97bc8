"""Kitchens: grid, orders, prices, cooking times, starts. Published ones by name, yours from text.

A grid is drawn with one character a cell: `X` counter, `O` onions, `T` tomatoes, `D` dishes, `P`
pot, `S` serving hatch, a space for floor, and a digit where a cook starts (`1` is cook 0). Cells
are (x, y) from the top left, y down; a cell's number is `y * width + x`.

A recipe is its ingredients as letters in order: "ooo", "oot". The published kitchens are facts of
the Overcooked-AI project (Carroll et al. 2019 and later); `layouts.json` holds them in our form.
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from functools import cache, cached_property
from importlib import resources
from typing import Any

from arenas.core.game import whole

COUNTER, ONIONS, TOMATOES, DISHES, POT, HATCH, FLOOR = "XOTDPS "

RECIPES = ("o", "oo", "ooo", "t", "tt", "ttt", "ot", "oot", "ott")
"""All recipes: one to three ingredients."""

CLASSICS = (
    "cramped_room",
    "asymmetric_advantages",
    "coordination_ring",
    "forced_coordination",
    "counter_circuit_o_1order",
)
"""The five kitchens of Carroll et al. 2019, on which most papers report."""

ALIASES = {
    "simple": "cramped_room",
    "unident_s": "asymmetric_advantages",
    "random1": "coordination_ring",
    "random0": "forced_coordination",
    "random3": "counter_circuit_o_1order",
}
"""Names of the five in code of 2019."""

_GENERATED = re.compile(r"(easy|medium|hard)-(\d{1,18})(?:-([1-4]))?")
MAX_CELLS = 400
MAX_COOK_TIME = 250
DEFAULT_VALUE = 20
DEFAULT_TIME = 20


@dataclass(frozen=True)
class Layout:
    """One kitchen.

    A price or time is given for all recipes (`delivery_reward`, `cook_time`), recipe by recipe
    (`values`, `times`) or by ingredient (`onion_value` and `tomato_value`, `onion_time` and
    `tomato_time`), in one of the three ways; what is not given is 20.

    Attributes:
        name: for tables and pictures.
        grid: rows of the drawing, with digits where cooks start.
        orders: recipes that pay; all nine if empty. A delivery does not use an order up.
        bonus_orders: those of them that pay `order_bonus` times their value.
        values: points of a delivery, by recipe.
        times: steps from the start of cooking until it is ready, by recipe.
        facing: where each cook looks at the start, a letter of "NSEW" each; all north if empty.
        holding: what each cook holds at the start: "", "onion", "tomato" or "dish".
        pots: (x, y, ingredients) of pots that are not empty at the start.
        placement_reward: shaped reward of an ingredient put into a pot.
        dish_reward: of a dish taken from a dispenser when one is useful.
        soup_reward: of a soup taken from a pot.

    Raises:
        ValueError: the drawing or a number makes no kitchen; the message says what is wrong.
    """

    name: str
    grid: tuple[str, ...]
    orders: tuple[str, ...] = ("ooo",)
    bonus_orders: tuple[str, ...] = ()
    order_bonus: int = 2
    delivery_reward: int | None = None
    cook_time: int | None = None
    values: Mapping[str, int] = field(default_factory=dict)
    times: Mapping[str, int] = field(default_factory=dict)
    onion_value: int | None = None
    tomato_value: int | None = None
    onion_time: int | None = None
    tomato_time: int | None = None
    facing: str = ""
    holding: tuple[str, ...] = ()
    pots: tuple[tuple[int, int, str], ...] = ()
    placement_reward: int = 3
    dish_reward: int = 3
    soup_reward: int = 5

    def __post_init__(self) -> None:
        for problem in self._problems():
            raise ValueError(f"layout {self.name!r}: {problem}")

    def __hash__(self) -> int:
        return hash((self.name, self.grid, self.orders))

    # -- the grid ------------------------------------------------------------------------------

    @cached_property
    def width(self) -> int:
        """Cells in a row."""
        return len(self.grid[0])

    @cached_property
    def height(self) -> int:
        """Number of rows."""
        return len(self.grid)

    @cached_property
    def terrain(self) -> tuple[str, ...]:
        """The rows without cooks: `terrain[y][x]` is one of "XOTDPS "."""
        return tuple("".join(FLOOR if c.isdigit() else c for c in row) for row in self.grid)

    @cached_property
    def cells(self) -> str:
        """The kind of every cell by its number."""
        return "".join(self.terrain)

    @cached_property
    def starts(self) -> tuple[tuple[int, int], ...]:
        """(x, y) at which each cook starts."""
        found = {c: (x, y) for y, row in enumerate(self.grid) for x, c in enumerate(row)}
        return tuple(found[c] for c in sorted(c for c in found if c.isdigit()))

    @property
    def cooks(self) -> int:
        """Number of cooks."""
        return len(self.starts)

    def where(self, kind: str) -> tuple[int, ...]:
        """Numbers of the cells of a kind, row by row."""
        return tuple(number for number, c in enumerate(self.cells) if c == kind)

    def xy(self, cell: int) -> tuple[int, int]:
        """(x, y) of a cell's number."""
        return cell % self.width, cell // self.width

    def neighbours(self, cell: int) -> tuple[int, ...]:
        """Cells to the north, south, east and west; a cell of floor has all four."""
        return cell - self.width, cell + self.width, cell + 1, cell - 1

    def neighbours_inside(self, cell: int) -> tuple[int, ...]:
        """The same for any cell, with -1 for those outside the grid."""
        x, y = self.xy(cell)
        inside = y > 0, y < self.height - 1, x < self.width - 1, x > 0
        return tuple(c if ok else -1 for c, ok in zip(self.neighbours(cell), inside, strict=True))

    # -- orders and prices ---------------------------------------------------------------------

    @property
    def ordered(self) -> tuple[str, ...]:
        """Recipes that pay."""
        return self.orders or RECIPES

    def value(self, recipe: str) -> int:
        """Points of a recipe, before the bonus and whether or not it is ordered."""
        whole_sale = self.delivery_reward, self.values.get(recipe)
        return _price(recipe, *whole_sale, self.onion_value, self.tomato_value, DEFAULT_VALUE)

    def time(self, recipe: str) -> int:
        """Steps that a recipe cooks."""
        whole_sale = self.cook_time, self.times.get(recipe)
        return _price(recipe, *whole_sale, self.onion_time, self.tomato_time, DEFAULT_TIME)

    def pay(self, recipe: str) -> int:
        """Points of a delivery: 0 if it is not ordered, with the bonus if it is a bonus order."""
        if recipe not in self.ordered:
            return 0
        return self.value(recipe) * (self.order_bonus if recipe in self.bonus_orders else 1)

    # -- as JSON -------------------------------------------------------------------------------

    def as_json(self) -> dict[str, Any]:
        """What `layout` of the game and `read_layout` take: JSON values, defaults left out."""
        given = {each.name: getattr(self, each.name) for each in fields(self)}
        defaults = {each.name: each.default for each in fields(self)}
        kept = {name: v for name, v in given.items() if v not in (defaults[name], {})}
        return json.loads(json.dumps(kept))  # type: ignore[no-any-return]

    def _problems(self) -> Any:
        """What is wrong, one after the other."""
        yield from _grid_problems(self.grid)
        for name, given in (("orders", self.orders), ("bonus_orders", self.bonus_orders)):
            if len(set(given)) != len(given) or not set(given) <= set(RECIPES):
                yield f"{name}={list(given)}: each of {', '.join(RECIPES)} at most once"
        if not set(self.bonus_orders) <= set(self.ordered):
            yield f"bonus_orders={list(self.bonus_orders)} are not all among the orders"
        for name in ("value", "time"):
            yield from self._price_problems(name)
        numbers = "order_bonus", "placement_reward", "dish_reward", "soup_reward"
        for name in numbers:
            if whole(getattr(self, name)) is None:
                yield f"{name}={getattr(self, name)!r}: a whole number"
        for recipe in RECIPES:
            if not 0 <= self.time(recipe) <= MAX_COOK_TIME:
                yield f"{recipe} cooks {self.time(recipe)} steps: 0 to {MAX_COOK_TIME}"
        yield from self._start_problems()

    def _price_problems(self, name: str) -> Any:
        flat = self.delivery_reward if name == "value" else self.cook_time
        by_recipe = self.values if name == "value" else self.times
        each = getattr(self, f"onion_{name}"), getattr(self, f"tomato_{name}")
        if (each[0] is None) != (each[1] is None):
            yield f"onion_{name} and tomato_{name} come together"
        if (flat is not None) + bool(by_recipe) + (each[0] is not None) > 1:
            yield f"the {name} of recipes is given in more than one way"
        if not set(by_recipe) <= set(RECIPES):
            yield f"{name}s={dict(by_recipe)}: the recipes are {', '.join(RECIPES)}"
        for number in (flat, *by_recipe.values(), *each):
            if number is not None and whole(number) is None:
                yield f"a {name} is a whole number, not {number!r}"

    def _start_problems(self) -> Any:
        cooks = self.cooks
        if self.facing and (len(self.facing) != cooks or not set(self.facing) <= set("NSEW")):
            yield f"facing={self.facing!r}: a letter of NSEW for each of {cooks} cooks"
        things = {"", "onion", "tomato", "dish"}
        if self.holding and (len(self.holding) != cooks or not set(self.holding) <= things):
            yield f"holding={list(self.holding)}: '', onion, tomato or dish for each cook"
        for x, y, recipe in self.pots:
            inside = 0 <= y < self.height and 0 <= x < self.width
            if not inside or self.terrain[y][x] != POT or recipe not in RECIPES:
                yield f"pots={[x, y, recipe]}: x and y of a pot, and a recipe"


def _price(
    recipe: str,
    flat: int | None,
    own: int | None,
    onion: int | None,
    tomato: int | None,
    otherwise: int,
) -> int:
    if flat is not None:
        return flat
    if own is not None:
        return own
    if onion is not None and tomato is not None:
        return onion * recipe.count("o") + tomato * recipe.count("t")
    return otherwise


def _grid_problems(grid: tuple[str, ...]) -> Any:
    if not grid or not grid[0]:
        yield "the grid is empty"
        return
    if len({len(row) for row in grid}) > 1:
        lengths = ", ".join(f"row {y} has {len(row)}" for y, row in enumerate(grid))
        yield f"the rows differ in length: {lengths}"
        return
    if len(grid) * len(grid[0]) > MAX_CELLS:
        yield f"{len(grid) * len(grid[0])} cells are more than {MAX_CELLS}"
    for y, row in enumerate(grid):
        for x, c in enumerate(row):
            if c not in "XOTDPS " and c not in "123456789":
                yield f"{c!r} at x={x}, y={y}: the characters are X O T D P S, space and 1-9"
            border = y in (0, len(grid) - 1) or x in (0, len(row) - 1)
            if border and c not in "XOTDPS":
                yield f"the border is open at x={x}, y={y}: put one of X O T D P S there"
    drawn = sorted(c for row in grid for c in row if c.isdigit())
    if not drawn or drawn != [str(k + 1) for k in range(len(drawn))]:
        yield f"cooks start on the digits 1, 2, ... once each, not {' '.join(drawn) or 'nowhere'}"
    for kinds, what in (("P", "pot"), ("D", "dish dispenser"), ("S", "serving hatch")):
        if not any(c in kinds for row in grid for c in row):
            yield f"there is no {what} ({kinds})"
    if not any(c in "OT" for row in grid for c in row):
        yield "there are neither onions (O) nor tomatoes (T)"


@cache
def _published() -> dict[str, dict[str, Any]]:
    text = resources.files(__package__).joinpath("layouts.json").read_text("utf-8")
    return json.loads(text)  # type: ignore[no-any-return]


def layout_names(cooks: int | None = None) -> list[str]:
    """Names of the published kitchens, the classic five first; those for so many cooks."""
    return [n for n in _published() if cooks is None or read_layout(n).cooks == cooks]


def read_layout(layout: str | Mapping[str, Any] | Layout) -> Layout:
    """A kitchen by name, from a drawing, or from the fields of `Layout`.

    Args:
        layout: the name of a published kitchen, or of a generated one ("hard-17", see
            `generator.generate`); a drawing of several lines; a mapping with `grid` (a drawing, or
            its rows) and other fields of `Layout`.

    Raises:
        ValueError: there is no such kitchen, or what is given makes none; the message says why.
    """
    if isinstance(layout, Layout):
        return layout
    if isinstance(layout, str):
        if "\n" in layout.strip():
            return Layout("custom", _rows(layout))
        return _named(layout)
    if not isinstance(layout, Mapping):
        raise ValueError(f"layout={layout!r}: a name, a drawing, or a mapping with a grid")
    given = dict(layout)
    known = {each.name for each in fields(Layout)}
    if unknown := sorted(set(given) - known):
        raise ValueError(f"a layout has no {', '.join(unknown)}; it has {', '.join(sorted(known))}")
    if "grid" not in given:
        raise ValueError("a layout needs a grid")
    given.setdefault("name", "custom")
    given["grid"] = _rows(given["grid"])
    for name in ("orders", "bonus_orders", "holding"):
        if name in given:
            given[name] = tuple(given[name])
    if "pots" in given:
        given["pots"] = tuple((x, y, recipe) for x, y, recipe in given["pots"])
    return Layout(**given)


def _rows(grid: Any) -> tuple[str, ...]:
    """Rows of a drawing. The border shows where a row begins and ends, so indentation is free."""
    rows = grid.strip("\n").split("\n") if isinstance(grid, str) else list(grid)
    return tuple(str(row).strip() for row in rows if str(row).strip())


def _named(name: str) -> Layout:
    if drawn := _GENERATED.fullmatch(name):
        from arenas.games.overcooked.generator import generate

        difficulty, seed, cooks = drawn.groups()
        return generate(int(seed), difficulty, int(cooks or 2))
    known = _published()
    full = ALIASES.get(name, name)
    if full == "counter_circuit":
        raise ValueError(
            "layout='counter_circuit' names two kitchens: the papers' Counter Circuit is "
            "'counter_circuit_o_1order'; the map that overcooked-ai 1.0 and later has under the "
            "bare name, with tomatoes and bonus orders, is 'counter_circuit_tomato' here"
        )
    if full not in known:
        close = difflib.get_close_matches(full, [*known, *ALIASES], n=1)
        hint = f" Did you mean {close[0]!r}?" if close else ""
        raise ValueError(f"no layout is called {name!r}.{hint} There are: {', '.join(known)}")
    return read_layout({"name": full, **known[full]})
