"""Scenes as pictures: the same bytes for the same scene, with nothing taken from the system.

Everything is painted with pygame's integer routines on a canvas of `CANVAS` pixels, whose blocks
are then averaged. An object stays within its cell of the floor, so two pictures differ in the cells
where their scenes differ and nowhere else.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np

from arenas.core.picture import load_pygame
from arenas.games.spy.objects import ATTRIBUTES, SIDE, Objects, Thing

Colour = tuple[int, int, int]

CANVAS = 896
_CELL = CANVAS // SIDE
_FLOOR, _LINE, _BLANK = (226, 226, 224), (206, 206, 204), (255, 255, 255)
_INK, _GRID = (40, 40, 40), (222, 222, 222)

COLOURS: dict[str, Colour] = {
    "red": (196, 40, 40),
    "blue": (42, 75, 215),
    "green": (29, 125, 30),
    "yellow": (250, 218, 40),
    "purple": (129, 38, 192),
    "cyan": (41, 200, 208),
    "brown": (129, 74, 25),
    "gray": (110, 110, 110),
}
_SERIES: tuple[Colour, ...] = (
    (66, 133, 180),
    (221, 132, 82),
    (85, 168, 104),
    (196, 78, 82),
    (129, 114, 179),
)


def _shade(colour: Colour, by: float) -> Colour:
    """Darker for negative `by`, lighter for positive, -1 to 1."""
    to = 255 if by > 0 else 0
    red, green, blue = (round(each + (to - each) * abs(by)) for each in colour)
    return red, green, blue


def _canvas(fill: Colour) -> Any:
    surface = load_pygame().Surface((CANVAS, CANVAS), depth=24)
    surface.fill(fill)
    return surface


def _averaged(surface: Any, side: int) -> np.ndarray:
    """The canvas at `side` pixels: each the mean of a block, rounded down."""
    block, full = CANVAS // side, load_pygame().surfarray.pixels3d(surface)
    total = np.zeros((side, side, 3), np.uint16)
    for row in range(block):
        for column in range(block):
            total += full[column::block, row::block]
    # pygame counts the columns first.
    picture = (total // block**2).astype(np.uint8).swapaxes(0, 1)
    return np.ascontiguousarray(picture)


# -- objects -----------------------------------------------------------------------------------


def paint_objects(scene: Objects | None, side: int) -> np.ndarray:
    """Objects on the floor, uint8 of shape (side, side, 3); None gives an empty white picture.

    Raises:
        ImportError: pygame is not installed.
    """
    if scene is None:
        return _averaged(_canvas(_BLANK), side)
    surface = _canvas(_FLOOR)
    draw = load_pygame().draw
    for number in range(1, SIDE):
        draw.line(surface, _LINE, (0, number * _CELL), (CANVAS, number * _CELL), 4)
        draw.line(surface, _LINE, (number * _CELL, 0), (number * _CELL, CANVAS), 4)
    for thing in scene:
        _paint(surface, thing)
    return _averaged(surface, side)


def _paint(surface: Any, thing: Thing) -> None:
    draw = load_pygame().draw
    row, column = divmod(thing.cell, SIDE)
    x, y = column * _CELL + _CELL // 2, row * _CELL + _CELL // 2
    radius = (40, 78)[thing.size]
    metal = ATTRIBUTES["material"][thing.material] == "metal"
    colour = COLOURS[ATTRIBUTES["colour"][thing.colour]]
    shape = ATTRIBUTES["shape"][thing.shape]
    shadow = (x - radius - 4, y + radius * 6 // 10, 2 * radius + 12, radius * 6 // 10)
    draw.ellipse(surface, _shade(_FLOOR, -0.16), shadow)
    if shape == "sphere":
        _sphere(surface, x, y, radius, colour, metal)
    elif shape == "cube":
        _cube(surface, x, y, radius, colour, metal)
    else:
        _cylinder(surface, x, y, radius, colour, metal)


def _sphere(surface: Any, x: int, y: int, radius: int, colour: Colour, metal: bool) -> None:
    draw = load_pygame().draw
    steps, strength = (14, 0.62) if metal else (6, 0.16)
    draw.circle(surface, _shade(colour, -0.45 if metal else -0.12), (x, y), radius)
    for step in range(1, steps):
        part = step / steps
        inner = round(radius * (1 - part))
        middle = (x - round(radius * part * 0.38), y - round(radius * part * 0.38))
        draw.circle(surface, _shade(colour, -0.4 + (0.4 + strength) * part if metal else
                    -0.1 + (0.1 + strength) * part), middle, inner)  # fmt: skip
    if metal:
        _glint(surface, x - radius * 4 // 10, y - radius * 4 // 10, radius)


def _cube(surface: Any, x: int, y: int, radius: int, colour: Colour, metal: bool) -> None:
    draw = load_pygame().draw
    half, depth = radius * 78 // 100, radius * 44 // 100
    left, right = x - half - depth // 2, x + half - depth // 2
    top, bottom = y - half + depth // 2, y + half + depth // 2
    draw.rect(surface, colour, (left, top, right - left + 1, bottom - top + 1))
    lid = [(left, top), (left + depth, top - depth), (right + depth, top - depth), (right, top)]
    edge = [(right, top), (right + depth, top - depth), (right + depth, bottom - depth),
            (right, bottom)]  # fmt: skip
    draw.polygon(surface, _shade(colour, 0.45 if metal else 0.25), lid)
    draw.polygon(surface, _shade(colour, -0.45 if metal else -0.25), edge)
    if metal:
        width = (right - left) // 5
        for number, by in enumerate((0.3, 0.62, 0.3)):
            start = left + width // 2 + number * width
            stripe = [(start + width, top), (start + 2 * width, top),
                      (start + width, bottom), (start, bottom)]  # fmt: skip
            draw.polygon(surface, _shade(colour, by), stripe)


def _cylinder(surface: Any, x: int, y: int, radius: int, colour: Colour, metal: bool) -> None:
    draw = load_pygame().draw
    half, height, lid = radius * 72 // 100, radius * 70 // 100, radius * 30 // 100
    dark = _shade(colour, -0.3 if metal else -0.14)
    draw.ellipse(surface, dark, (x - half, y + height - lid, 2 * half, 2 * lid))
    columns = 2 * half
    for column in range(columns):
        part = column / columns
        light = max(0.0, 1 - abs(part - 0.32) / 0.32)
        by = -0.4 + 1.1 * light if metal else -0.14 + 0.2 * light
        x_at = x - half + column
        # The lower rim of the body bends as its lid does.
        bend = round(lid * (1 - (2 * part - 1) ** 2) ** 0.5)
        draw.line(surface, _shade(colour, by), (x_at, y - height), (x_at, y + height + bend))
    draw.ellipse(
        surface,
        _shade(colour, 0.5 if metal else 0.28),
        (x - half, y - height - lid, 2 * half, 2 * lid),
    )


def _glint(surface: Any, x: int, y: int, radius: int) -> None:
    size = max(6, radius // 4)
    load_pygame().draw.ellipse(surface, (255, 255, 255), (x - size // 2, y - size // 2, size, size))


# -- charts ------------------------------------------------------------------------------------

_LEFT, _RIGHT, _TOP, _BOTTOM = 100, 860, 60, 780
_UNIT = (_BOTTOM - _TOP) // 9


def paint_chart(chart: tuple[str, Sequence[int]] | None, side: int) -> np.ndarray:
    """A chart: its kind ("bar", "line", "pie") and five values from 1 to 9; as `paint_objects`."""
    surface = _canvas(_BLANK)
    if chart is None:
        return _averaged(surface, side)
    kind, values = chart
    if kind == "pie":
        _pie(surface, values)
        return _averaged(surface, side)
    draw = load_pygame().draw
    for value in range(10):
        y = _BOTTOM - value * _UNIT
        draw.line(surface, _INK if value == 0 else _GRID, (_LEFT, y), (_RIGHT, y), 4)
        _write(surface, str(value), (_LEFT - 40, y))
    step = (_RIGHT - _LEFT) // 5
    tops = [
        (_LEFT + step // 2 + place * step, _BOTTOM - value * _UNIT)
        for place, value in enumerate(values)
    ]
    if kind == "line":
        draw.lines(surface, _SERIES[0], False, tops, 10)
    for (x, y), colour, name in zip(tops, _SERIES, "ABCDE", strict=True):
        if kind == "bar":
            draw.rect(surface, colour, (x - step // 3, y, 2 * step // 3, _BOTTOM - y))
        else:
            draw.circle(surface, _SERIES[0], (x, y), 16)
        _write(surface, name, (x, _BOTTOM + 56))
    return _averaged(surface, side)


def _pie(surface: Any, values: Sequence[int]) -> None:
    draw, total = load_pygame().draw, sum(values)
    middle, radius, turn = CANVAS / 2, 300.0, 0.0
    for value, colour, name in zip(values, _SERIES, "ABCDE", strict=True):
        end = turn + value / total
        angles = np.linspace(turn, end, 65) * 2 * np.pi - np.pi / 2
        rim = [(middle + radius * np.cos(a), middle + radius * np.sin(a)) for a in angles]
        points = [(round(float(x)), round(float(y))) for x, y in [(middle, middle), *rim]]
        draw.polygon(surface, colour, points)
        draw.polygon(surface, _BLANK, points, 5)
        half = (turn + end) * np.pi - np.pi / 2
        at = (middle + 1.22 * radius * np.cos(half), middle + 1.22 * radius * np.sin(half))
        _write(surface, f"{name} {value}", (round(float(at[0])), round(float(at[1]))))
        turn = end


# -- words -------------------------------------------------------------------------------------


def paint_word(word: str | None, side: int) -> np.ndarray:
    """A word on a card; as `paint_objects`."""
    surface = _canvas(_BLANK)
    if word is not None:
        load_pygame().draw.rect(surface, _INK, (60, 300, CANVAS - 120, 296), 8, border_radius=40)
        _write(surface, word, (CANVAS // 2, CANVAS // 2), 110 if len(word) < 12 else 84)
    return _averaged(surface, side)


def _write(surface: Any, text: str, middle: tuple[int, int], height: int = 72) -> None:
    drawn = _font(height).render(text, True, _INK)
    surface.blit(drawn, drawn.get_rect(center=middle))


@cache
def _font(height: int) -> Any:
    return load_pygame().font.Font(None, height)
