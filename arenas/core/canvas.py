"""Text, frames and tables on a pygame surface; the pictures of games and the window are made of it.

Nothing is drawn outside the box that it was given: what is too wide or too long ends in an
ellipsis. The colours are those of Okabe and Ito, which people of every kind of colour vision tell
apart; what a colour says is said in words or by a sign as well.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache, lru_cache
from typing import Any, Literal, NamedTuple

import numpy as np

from arenas.core.picture import INK, PAPER, load_pygame, pixels

Colour = tuple[int, int, int]

ORANGE, SKY, GREEN, YELLOW = (230, 159, 0), (86, 180, 233), (0, 158, 115), (240, 228, 66)
BLUE, VERMILLION, PURPLE = (0, 114, 178), (213, 94, 0), (204, 121, 167)
"""Okabe and Ito, "Color universal design" (2008)."""

SEATS: tuple[Colour, ...] = (
    BLUE,
    VERMILLION,
    (0, 122, 90),
    (168, 80, 130),
    (150, 104, 0),
    (40, 130, 180),
    (96, 96, 96),
    (120, 60, 0),
)
"""A colour of each seat's name, dark enough to be read on paper."""

GOOD, BAD = BLUE, (190, 70, 0)
"""Of what went well and what did not, as text on paper."""

WHITE, FAINT, EDGE, SHADE = (255, 255, 255), (108, 108, 104), (206, 203, 194), (240, 238, 232)
MARKED = (255, 244, 200)
"""Behind what is to be noticed."""

SIZE = 20
"""Usual height of text, in pixels."""

GAP = 12
"""Between boxes, and between a box's frame and what stands in it."""

MORE = "…"


class Box(NamedTuple):
    """A rectangle in pixels: left edge, top edge, width, height."""

    x: int
    y: int
    w: int
    h: int

    def inset(self, by: int) -> Box:
        """The box without a margin of so many pixels."""
        return Box(self.x + by, self.y + by, max(0, self.w - 2 * by), max(0, self.h - 2 * by))

    def top(self, height: int, gap: int = 0) -> tuple[Box, Box]:
        """The uppermost part of a height, and what is left below a gap."""
        height = min(height, self.h)
        rest = max(0, self.h - height - gap)
        return self._replace(h=height), Box(self.x, self.y + height + gap, self.w, rest)

    def left(self, width: int, gap: int = 0) -> tuple[Box, Box]:
        """The leftmost part of a width, and what is left after a gap."""
        width = min(width, self.w)
        rest = max(0, self.w - width - gap)
        return self._replace(w=width), Box(self.x + width + gap, self.y, rest, self.h)

    def columns(self, count: int, gap: int = 0) -> list[Box]:
        """So many boxes of one width side by side."""
        width = (self.w - gap * (count - 1)) // count
        return [Box(self.x + i * (width + gap), self.y, width, self.h) for i in range(count)]

    def rows(self, count: int, gap: int = 0) -> list[Box]:
        """So many boxes of one height below each other."""
        height = (self.h - gap * (count - 1)) // count
        return [Box(self.x, self.y + i * (height + gap), self.w, height) for i in range(count)]

    def holds(self, at: tuple[int, int]) -> bool:
        """Whether a point lies in it."""
        return 0 <= at[0] - self.x < self.w and 0 <= at[1] - self.y < self.h

    @property
    def middle(self) -> tuple[int, int]:
        """Its centre."""
        return self.x + self.w // 2, self.y + self.h // 2


def fit(width: int, height: int, box: Box, most: float = 2.0) -> Box:
    """Where a picture of a size stands in the middle of a box, scaled to fit.

    Args:
        width, height: of the picture.
        box: its room.
        most: the largest scale.
    """
    scale = max(0.0, min(box.w / width, box.h / height, most))
    w, h = max(1, int(width * scale)), max(1, int(height * scale))
    return Box(box.x + (box.w - w) // 2, box.y + (box.h - h) // 2, w, h)


class Line(NamedTuple):
    """A line of a list: its text, how it is coloured, and whether it stands on a band."""

    text: str
    colour: Colour = INK
    band: Colour | None = None


class Canvas:
    """Draws on a surface.

    Args:
        surface: a pygame surface.
    """

    def __init__(self, surface: Any) -> None:
        self.surface = surface
        self.pen = load_pygame().draw

    @classmethod
    def blank(cls, width: int, height: int) -> Canvas:
        """A sheet of paper of this size."""
        surface = load_pygame().Surface((width, height))
        surface.fill(PAPER)
        return cls(surface)

    @property
    def box(self) -> Box:
        """The whole surface."""
        return Box(0, 0, *self.surface.get_size())

    def pixels(self) -> np.ndarray:
        """What was drawn: (height, width, 3) uint8."""
        return pixels(self.surface)

    # -- shapes --------------------------------------------------------------------------------

    def fill(self, box: Box, colour: Colour, round_: int = 0) -> None:
        """A filled rectangle with corners rounded by so many pixels."""
        self.pen.rect(self.surface, colour, box, border_radius=round_)

    def frame(self, box: Box, colour: Colour = EDGE, width: int = 1, round_: int = 6) -> None:
        """A rectangle's outline."""
        self.pen.rect(self.surface, colour, box, width, border_radius=round_)

    def panel(self, box: Box, title: str = "", fill: Colour = WHITE) -> Box:
        """A framed box, with a title above a rule; gives the box inside."""
        self.fill(box, fill, 6)
        self.frame(box)
        inside = box.inset(GAP)
        if title:
            head, inside = inside.top(SIZE, GAP // 2)
            self.write(title, head, SIZE - 3, FAINT)
        return inside

    # -- text ----------------------------------------------------------------------------------

    def write(
        self,
        text: str,
        box: Box,
        size: int = SIZE,
        colour: Colour = INK,
        align: Literal["left", "middle", "right"] = "left",
    ) -> int:
        """One line in the middle of a box's height, cut to its width; gives the width it takes."""
        shown = cut(text, box.w, size)
        if not shown:
            return 0
        drawn = font(size).render(shown, True, colour)
        width = int(drawn.get_width())
        x = {"left": 0, "middle": (box.w - width) // 2, "right": box.w - width}[align]
        self.surface.blit(drawn, (box.x + x, box.y + (box.h - drawn.get_height()) // 2))
        return width

    def paragraph(self, text: str, box: Box, size: int = SIZE, colour: Colour = INK) -> int:
        """Text from the top of a box, wrapped, as much as fits; gives the height it takes."""
        lines = [Line(line, colour) for line in wrap(text, box.w, size)]
        return self._stack(lines, box, size)

    def list(
        self,
        lines: Iterable[Line | str],
        box: Box,
        size: int = SIZE,
        keep: Literal["first", "last"] = "first",
    ) -> int:
        """Lines below each other, each wrapped; of too many the first or the last are kept.

        How many do not fit is said in their place. Gives the height they take.
        """
        wrapped: list[Line] = []
        for line in lines:
            line = Line(line) if isinstance(line, str) else line
            wrapped += [line._replace(text=part) for part in wrap(line.text, box.w, size)]
        room = max(1, box.h // pitch(size))
        if len(wrapped) > room:
            left_out = len(wrapped) - room + 1
            if keep == "first":
                wrapped = [*wrapped[: room - 1], Line(f"{MORE} {left_out} lines more", FAINT)]
            else:
                wrapped = [Line(f"{MORE} {left_out} lines before", FAINT), *wrapped[left_out:]]
        return self._stack(wrapped, box, size)

    def _stack(self, lines: Sequence[Line], box: Box, size: int) -> int:
        high = pitch(size)
        room = max(1, box.h // high)
        if len(lines) > room:
            last = lines[room - 1]
            lines = [*lines[: room - 1], last._replace(text=ended(last.text, box.w, size))]
        for number, line in enumerate(lines):
            at = Box(box.x, box.y + number * high, box.w, high)
            if line.band is not None:
                self.fill(at, line.band)
            self.write(line.text, at, size, line.colour)
        return len(lines) * high

    def table(
        self,
        box: Box,
        head: Sequence[str],
        rows: Sequence[Sequence[Line | str]],
        widths: Sequence[int],
        size: int = SIZE,
    ) -> int:
        """A table, the first column to the left and the others to the right of their widths.

        Args:
            box: its place; rows beyond it are left out, which the last row says.
            head: the columns' names.
            rows: a cell for each column.
            widths: of the columns, in shares of the box's width.
            size: of the text.

        Returns:
            The height it takes.
        """
        high = pitch(size) + 4
        total = sum(widths)
        edges = [box.x + box.w * sum(widths[:i]) // total for i in range(len(widths) + 1)]
        room = max(1, box.h // high - 1)
        shown = list(rows[:room])
        if len(rows) > room:
            left_out = len(rows) - room + 1
            empty = [""] * (len(head) - 1)
            shown = [*shown[:-1], [Line(f"{MORE} {left_out} more", FAINT), *empty]]
        cells: list[Sequence[Line | str]] = [[Line(name, FAINT) for name in head], *shown]
        for number, row in enumerate(cells):
            y = box.y + number * high
            if number % 2:
                self.fill(Box(box.x, y, box.w, high), SHADE, 3)
            for column, cell in enumerate(row):
                line = Line(cell) if isinstance(cell, str) else cell
                at = Box(edges[column] + 6, y, edges[column + 1] - edges[column] - 12, high)
                self.write(line.text, at, size, line.colour, "right" if column else "left")
        return len(cells) * high


# -- measures --------------------------------------------------------------------------------------


@cache
def font(size: int) -> Any:
    """Pygame's own font, of a height in pixels."""
    return load_pygame().font.Font(None, round(size * 1.3))


def pitch(size: int) -> int:
    """From one line of text to the next, in pixels."""
    return round(size * 1.2)


@lru_cache(maxsize=1 << 14)
def width_of(text: str, size: int) -> int:
    """Pixels that a line takes."""
    return int(font(size).size(text)[0])


def clean(text: str) -> str:
    """A line as it can be drawn: tabs are four spaces, what has no form is a box."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else "    " if c == "\t" else "□" for c in text)


def cut(text: str, width: int, size: int = SIZE) -> str:
    """A line cut to a width; it ends in an ellipsis where something is missing."""
    text = clean(text)
    return text if width_of(text, size) <= width else ended(text, width, size)


def ended(text: str, width: int, size: int) -> str:
    """The beginning of a line with an ellipsis behind it; nothing where not even that fits."""
    text = clean(text).rstrip()
    if width_of(MORE, size) > width:
        return ""
    return text[: _fitting(text, width - width_of(MORE, size), size)].rstrip() + MORE


def wrap(text: str, width: int, size: int = SIZE) -> list[str]:
    """Text in lines of a width at most, broken at spaces where there are any."""
    lines: list[str] = []
    for line in text.split("\n"):
        lines += _wrap(clean(line), max(width, size), size)
    return lines


@lru_cache(maxsize=1 << 12)
def _wrap(line: str, width: int, size: int) -> tuple[str, ...]:
    lines = []
    while width_of(line, size) > width:
        end = max(1, _fitting(line, width, size))
        space = line.rfind(" ", 1, end + 1)
        # Not at the spaces that a line begins with.
        if space > 0 and line[:space].strip():
            lines.append(line[:space].rstrip())
            line = line[space + 1 :]
        else:
            lines.append(line[:end])
            line = line[end:]
    return (*lines, line)


def _fitting(text: str, width: int, size: int) -> int:
    """How many characters of a line fit into a width."""
    low, high = 0, len(text)
    while low < high:
        middle = (low + high + 1) // 2
        if font(size).size(text[:middle])[0] <= width:
            low = middle
        else:
            high = middle - 1
    return low
