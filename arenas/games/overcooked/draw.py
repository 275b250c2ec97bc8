"""Pictures of a kitchen, from tiles that are drawn here with pygame and no display.

Each tile is drawn four times as large and scaled down, which smooths its edges. Tiles of the floor
and stations are the same throughout a match, so a kitchen keeps them.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np

from arenas.core.picture import load_pygame, pixels
from arenas.games.overcooked import rules as flat
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

TILE = 64
"""Pixels of a cell's side."""

_UNIT = 4 * TILE
"""Side of a tile as it is drawn, before it is scaled down."""

FLOORS = ((236, 226, 205), (229, 218, 194))
WOOD, WOOD_EDGE, WOOD_SHADE = (166, 124, 82), (189, 147, 104), (128, 92, 58)
ONION, ONION_LINE = (232, 190, 92), (176, 128, 42)
TOMATO, TOMATO_LINE = (214, 62, 48), (150, 34, 26)
LEAF, PLATE, PLATE_LINE = (86, 140, 62), (248, 248, 246), (176, 180, 186)
STEEL, STEEL_DARK, IRON = (150, 156, 166), (96, 102, 112), (58, 60, 66)
READY, BUSY, TRACK = (74, 170, 84), (238, 150, 44), (206, 200, 190)
COOKS = ((52, 116, 190), (46, 150, 96), (196, 82, 60), (138, 84, 172), (214, 150, 40))
SKIN, HAT, INK, BAR = (240, 204, 170), (252, 252, 252), (44, 42, 40), (60, 54, 50)
DARK = (30, 28, 40, 150)

_STEPS = ((0, -1), (0, 1), (1, 0), (-1, 0))


def draw_kitchen(
    layout: Layout, table: flat.Table, row: flat.Row, seat: int | None, tile: int = TILE
) -> np.ndarray:
    """A state as a picture: orders, score and clock above the kitchen.

    Args:
        layout, table, row: the match.
        seat: what lies out of this seat's sight is darkened and empty; None sees everything.
        tile: side of a cell in pixels.

    Returns:
        (height, width, 3) uint8; the size is the same throughout a match.
    """
    pygame = load_pygame()
    width, height = max(layout.width * tile, 4 * tile), layout.height * tile
    bar = _bar_rows(layout, width, tile) * tile * 3 // 4
    surface = pygame.Surface((width, height + bar))
    surface.fill(BAR)
    left = (width - layout.width * tile) // 2
    room = _Room(layout, table, row, seat, tile)
    surface.blit(room.draw(), (left, bar))
    _draw_bar(surface, layout, table, row, tile)
    return pixels(surface)


class _Room:
    """The cells with what is on them."""

    def __init__(
        self, layout: Layout, table: flat.Table, row: flat.Row, seat: int | None, tile: int
    ) -> None:
        self.layout, self.table, self.row, self.seat, self.tile = layout, table, row, seat, tile

    def draw(self) -> Any:
        layout, row, table = self.layout, self.row, self.table
        self.surface = _empty_room(layout, self.tile).copy()
        first = flat.counter_base(table)
        for c, cell in enumerate(layout.where(COUNTER)):
            if row[first + c] and self.sees(cell):
                self.put(cell, ("thing", row[first + c], 0.62))
        first = flat.pot_base(table)
        for p, cell in enumerate(layout.where(POT)):
            if self.sees(cell):
                self.put(cell, self.pot(row[first + p]))
        for k in range(layout.cooks):
            me = flat.BRIGADE + k * flat.COOK
            if self.sees(row[me + flat.CELL]):
                facing, held = row[me + flat.FACING], row[me + flat.HELD]
                self.put(row[me + flat.CELL], ("cook", k, facing, held))
        if self.seat is not None:
            for cell in range(len(layout.cells)):
                if not self.sees(cell):
                    self.put(cell, ("dark",))
        return self.surface

    def sees(self, cell: int) -> bool:
        return self.seat is None or flat.is_near(self.table, self.row, self.seat, cell)

    def put(self, cell: int, what: tuple[Any, ...]) -> None:
        x, y = self.layout.xy(cell)
        self.surface.blit(_tile(what, self.tile), (x * self.tile, y * self.tile))

    def pot(self, content: int) -> tuple[Any, ...]:
        recipe, time = content & 15, self.table[flat.TIMES + (content & 15)]
        if content < 16:
            return ("pot", recipe, -1)
        if flat.is_ready(self.table, content):
            return ("pot", recipe, 100)
        return ("pot", recipe, 99 * ((content >> 4) - 1) // max(time, 1))


@lru_cache(maxsize=64)
def _empty_room(layout: Layout, tile: int) -> Any:
    """Floor, counters and stations without what changes."""
    pygame = load_pygame()
    surface = pygame.Surface((layout.width * tile, layout.height * tile))
    for cell, kind in enumerate(layout.cells):
        x, y = layout.xy(cell)
        shade = (x + y) % 2 if kind == FLOOR else 0
        surface.blit(_tile(("cell", kind, shade), tile), (x * tile, y * tile))
    return surface


@lru_cache(maxsize=4096)
def _tile(what: tuple[Any, ...], tile: int) -> Any:
    """One picture of a cell's size, transparent where it is not drawn on."""
    pygame = load_pygame()
    surface = pygame.Surface((_UNIT, _UNIT), pygame.SRCALPHA)
    _Brush(surface).draw(*what)
    return pygame.transform.smoothscale(surface, (tile, tile))


class _Brush:
    """Draws on a tile whose side counts 1."""

    def __init__(self, surface: Any) -> None:
        self.surface = surface
        self.pen = load_pygame().draw

    def draw(self, kind: str, *rest: Any) -> None:
        getattr(self, kind)(*rest)

    # -- shapes ------------------------------------------------------------------------------------

    def disc(self, x: float, y: float, r: float, colour: Any, line: Any = None) -> None:
        at, radius = (round(x * _UNIT), round(y * _UNIT)), round(r * _UNIT)
        self.pen.circle(self.surface, colour, at, radius)
        if line is not None:
            self.pen.circle(self.surface, line, at, radius, max(2, _UNIT // 48))

    def box(self, x: float, y: float, w: float, h: float, colour: Any, round_: float = 0.0) -> None:
        rect = [round(value * _UNIT) for value in (x, y, w, h)]
        self.pen.rect(self.surface, colour, rect, border_radius=round(round_ * _UNIT))

    def oval(self, x: float, y: float, w: float, h: float, colour: Any, width: float = 0) -> None:
        rect = [round(value * _UNIT) for value in (x - w / 2, y - h / 2, w, h)]
        self.pen.ellipse(self.surface, colour, rect, round(width * _UNIT))

    def area(self, points: list[tuple[float, float]], colour: Any) -> None:
        self.pen.polygon(self.surface, colour, [(x * _UNIT, y * _UNIT) for x, y in points])

    def stroke(self, points: list[tuple[float, float]], colour: Any, width: float) -> None:
        scaled = [(x * _UNIT, y * _UNIT) for x, y in points]
        self.pen.lines(self.surface, colour, False, scaled, round(width * _UNIT))

    # -- cells -------------------------------------------------------------------------------------

    def dark(self) -> None:
        self.surface.fill(DARK)

    def cell(self, kind: str, shade: int) -> None:
        if kind == FLOOR:
            self.surface.fill(FLOORS[shade])
            self.pen.rect(self.surface, FLOORS[1 - shade], self.surface.get_rect(), _UNIT // 64)
            return
        self.surface.fill(WOOD_SHADE)
        self.box(0.02, 0.02, 0.96, 0.9, WOOD, 0.06)
        self.box(0.06, 0.06, 0.88, 0.74, WOOD_EDGE, 0.05)
        if kind == ONIONS:
            self.crate(ONION)
        elif kind == TOMATOES:
            self.crate(TOMATO)
        elif kind == DISHES:
            for lift in (0.14, 0.07, 0.0):
                self.oval(0.5, 0.42 + lift, 0.66, 0.44, PLATE_LINE)
                self.oval(0.5, 0.40 + lift, 0.66, 0.44, PLATE)
            self.oval(0.5, 0.40, 0.40, 0.26, PLATE_LINE, 0.02)
        elif kind == HATCH:
            self.box(0.06, 0.06, 0.88, 0.74, STEEL, 0.05)
            self.box(0.12, 0.12, 0.76, 0.62, (188, 212, 190), 0.04)
            self.area([(0.5, 0.18), (0.78, 0.44), (0.22, 0.44)], READY)
            self.box(0.40, 0.42, 0.2, 0.26, READY)
        elif kind == POT:
            self.box(0.06, 0.06, 0.88, 0.74, IRON, 0.05)
            self.oval(0.5, 0.44, 0.74, 0.62, STEEL_DARK, 0.03)

    def crate(self, what: Any) -> None:
        self.box(0.12, 0.14, 0.76, 0.62, WOOD_SHADE, 0.04)
        for x, y in ((0.32, 0.30), (0.62, 0.28), (0.46, 0.42), (0.72, 0.46), (0.26, 0.50)):
            self.vegetable(x, y, 0.15, what)
        self.box(0.10, 0.58, 0.80, 0.08, WOOD)
        self.box(0.10, 0.69, 0.80, 0.08, WOOD)

    # -- things ------------------------------------------------------------------------------------

    def vegetable(self, x: float, y: float, r: float, what: Any) -> None:
        if what == ONION:
            self.area(
                [(x - r * 0.5, y - r * 0.6), (x, y - r * 1.5), (x + r * 0.5, y - r * 0.6)], what
            )
            self.disc(x, y, r, what, ONION_LINE)
            self.oval(x, y, r * 0.8, r * 1.9, ONION_LINE, r * 0.08)
        else:
            self.disc(x, y, r, what, TOMATO_LINE)
            self.area(
                [(x - r * 0.7, y - r * 0.9), (x + r * 0.7, y - r * 0.9), (x, y - r * 0.3)], LEAF
            )

    def dish(self, x: float, y: float, size: float) -> None:
        self.oval(x, y + 0.04 * size, size, size * 0.78, PLATE_LINE)
        self.oval(x, y, size, size * 0.78, PLATE)
        self.oval(x, y, size * 0.62, size * 0.46, PLATE_LINE, 0.03 * size)

    def soup(self, x: float, y: float, size: float, recipe: int) -> None:
        self.dish(x, y, size)
        self.oval(x, y, size * 0.72, size * 0.54, _broth(recipe))
        self.dots(x, y, size * 0.15, recipe)

    def dots(self, x: float, y: float, r: float, recipe: int) -> None:
        """The ingredients of a recipe, side by side."""
        parts = [ONION] * (recipe & 3) + [TOMATO] * (recipe >> 2 & 3)
        for i, what in enumerate(parts):
            line = ONION_LINE if what == ONION else TOMATO_LINE
            self.disc(x + (i - (len(parts) - 1) / 2) * r * 1.7, y, r, what, line)

    def thing(self, code: int, size: float, x: float = 0.5, y: float = 0.44) -> None:
        kind = code & 7
        if kind == flat.ONION:
            self.vegetable(x, y + 0.06 * size, size * 0.36, ONION)
        elif kind == flat.TOMATO:
            self.vegetable(x, y, size * 0.36, TOMATO)
        elif kind == flat.DISH:
            self.dish(x, y, size)
        elif kind == flat.SOUP:
            self.soup(x, y, size, code >> 3)

    def pot(self, recipe: int, progress: int) -> None:
        """A pot; `progress` is -1 before cooking, 100 when ready, else percent."""
        self.box(0.10, 0.36, 0.12, 0.10, STEEL_DARK, 0.03)
        self.box(0.78, 0.36, 0.12, 0.10, STEEL_DARK, 0.03)
        self.oval(0.5, 0.46, 0.62, 0.56, STEEL_DARK)
        self.oval(0.5, 0.42, 0.62, 0.54, STEEL)
        self.oval(0.5, 0.42, 0.50, 0.42, _broth(recipe) if progress >= 0 else IRON)
        if recipe:
            self.dots(0.5, 0.42, 0.10, recipe)
        if 0 <= progress < 100:
            self.box(0.12, 0.80, 0.76, 0.13, TRACK, 0.05)
            self.box(0.12, 0.80, max(0.06, 0.76 * progress / 100), 0.13, BUSY, 0.05)
        elif progress == 100:
            self.box(0.12, 0.80, 0.76, 0.13, READY, 0.05)
            for x in (0.36, 0.5, 0.64):
                wave = [(x, 0.20), (x + 0.03, 0.14), (x - 0.03, 0.08), (x, 0.02)]
                self.stroke(wave, (255, 255, 255), 0.03)

    # -- cooks -------------------------------------------------------------------------------------

    def cook(self, k: int, facing: int, held: int) -> None:
        colour = COOKS[k % len(COOKS)]
        dx, dy = _STEPS[facing]
        if held and facing == flat.NORTH:
            self.thing(held, 0.46, 0.5, 0.24)
        self.oval(0.5, 0.82, 0.62, 0.22, (0, 0, 0, 50))
        self.box(0.22, 0.46, 0.56, 0.42, colour, 0.18)
        if facing != flat.NORTH:
            self.box(0.36 + 0.12 * dx, 0.54, 0.28, 0.30, HAT, 0.08)
        self.disc(0.5, 0.40, 0.21, SKIN, INK)
        if facing != flat.NORTH:
            for side in (-1, 1):
                if dx == 0 or side == dx:
                    self.disc(0.5 + 0.08 * side + 0.06 * dx, 0.42 + 0.02 * dy, 0.032, INK)
        self.box(0.32, 0.20, 0.36, 0.13, HAT, 0.03)
        for x in (0.37, 0.5, 0.63):
            self.disc(x, 0.17, 0.10, HAT)
        self.box(0.32, 0.27, 0.36, 0.05, colour)
        # An arrow at the tile's edge, which can be told when the picture is small.
        x, y = 0.5 + 0.45 * dx, 0.52 + 0.43 * dy
        across = (0.10 * abs(dy), 0.10 * abs(dx))
        tip = (x + 0.05 * dx, y + 0.05 * dy)
        back = (x - 0.06 * dx, y - 0.06 * dy)
        low, high = (
            (back[0] - across[0], back[1] - across[1]),
            (
                back[0] + across[0],
                back[1] + across[1],
            ),
        )
        self.area([tip, low, high], colour)
        if held and facing != flat.NORTH:
            self.thing(held, 0.46, 0.5 + 0.24 * dx, 0.66)

    def order(self, recipe: int) -> None:
        self.soup(0.5, 0.5, 0.9, recipe)


def _broth(recipe: int) -> tuple[int, int, int]:
    """The colour of a soup."""
    onions, tomatoes = recipe & 3, recipe >> 2 & 3
    share = tomatoes / max(1, onions + tomatoes)
    mixed = [round(a + (b - a) * share) for a, b in zip((206, 160, 84), (206, 92, 62), strict=True)]
    return mixed[0], mixed[1], mixed[2]


# -- above the kitchen -----------------------------------------------------------------------------


def _order_width(tile: int) -> int:
    return tile * 5 // 4


def _bar_rows(layout: Layout, width: int, tile: int) -> int:
    """Rows of orders under the row of score and clock."""
    a_row = max(1, width // _order_width(tile))
    return 1 + -(-len(layout.ordered) // a_row)


def _draw_bar(surface: Any, layout: Layout, table: flat.Table, row: flat.Row, tile: int) -> None:
    pygame = load_pygame()
    line, width = tile * 3 // 4, surface.get_width()
    font = pygame.font.Font(None, max(12, tile * 7 // 16))
    small = pygame.font.Font(None, max(11, tile * 6 // 16))
    score = font.render(f"{row[flat.SCORE]} points", True, (255, 255, 255))
    surface.blit(score, score.get_rect(midleft=(tile // 8, line // 2)))
    left = table[flat.HORIZON] - row[flat.CLOCK]
    clock = font.render(f"{left} left", True, (255, 196, 120) if left < flat.URGENT else HAT)
    surface.blit(clock, clock.get_rect(midright=(width - tile // 8, line // 2)))
    a_row = max(1, width // _order_width(tile))
    for i, recipe in enumerate(layout.ordered):
        x, y = i % a_row * _order_width(tile), (1 + i // a_row) * line
        number = recipe.count("o") + 4 * recipe.count("t")
        picture = _tile(("order", number), line)
        surface.blit(picture, (x + tile // 16, y))
        star = "*" if recipe in layout.bonus_orders else ""
        points = small.render(f"{layout.pay(recipe)}{star}", True, (255, 255, 255))
        surface.blit(points, points.get_rect(midleft=(x + tile // 16 + line, y + line // 2)))
