"""Where the parts of a window are: a bar, the picture, the panel, a line at the foot."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from arenas.core.canvas import Box, fit

BAR, FOOT, TAB_ROW, GAP = 38, 28, 34, 10
"""Heights of the bar, of the foot and of the panel's tabs; pixels between parts."""

_SIDES = (300, 360, 420)
"""Widths of a panel at the side."""


class Places(NamedTuple):
    """Where the parts of a window are."""

    bar: Box
    picture: Box
    panel: Box
    foot: Box


def arrange(size: tuple[int, int], picture: tuple[int, int], need: Callable[[int], int]) -> Places:
    """The parts of a window, so that the controls fit and the picture is as large as can be.

    Args:
        size: of the window.
        picture: width and height of the picture.
        need: the height that the controls need at a width.
    """
    bar, rest = Box(0, 0, *size).top(BAR)
    middle, foot = rest.top(max(0, rest.h - FOOT))
    inside = middle.inset(GAP)
    ways = []
    for side in _SIDES:
        left, panel = inside.left(max(1, inside.w - side - GAP), GAP)
        ways.append((left, panel))
    wanted = need(inside.w - 2 * GAP) + TAB_ROW + 3 * GAP
    low = max(160, min(wanted, inside.h * 6 // 10))
    upper, panel = inside.top(max(1, inside.h - low - GAP), GAP)
    ways.append((upper, panel))

    def worth(way: tuple[Box, Box]) -> float:
        room, panel = way
        scale = fit(*picture, room, most=1.5).w / picture[0]
        fits = need(panel.w - 2 * GAP) <= panel.h - TAB_ROW - 2 * GAP
        return scale if fits else scale / 2

    best = max(ways, key=worth)
    return Places(bar, best[0], best[1], foot)


def folded(size: tuple[int, int]) -> Places:
    """The parts of a window whose panel is no more than its tabs."""
    bar, rest = Box(0, 0, *size).top(BAR)
    middle, foot = rest.top(max(0, rest.h - FOOT))
    inside = middle.inset(GAP)
    high = TAB_ROW + GAP
    picture, panel = inside.top(max(1, inside.h - high - GAP), GAP)
    return Places(bar, picture, panel, foot)
