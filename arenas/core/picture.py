"""Pictures without a screen: pygame surfaces as arrays, and text as a picture.

pygame comes with the extra `draw` and is imported when the first picture is drawn.
"""

from __future__ import annotations

import io
import os
from functools import cache
from threading import Lock
from types import ModuleType
from typing import Any

import numpy as np

DRAWING = Lock()
"""Held by threads that draw beside others: games share fonts, which stand one thread at a time."""

INK, PAPER = (34, 34, 34), (250, 249, 246)


@cache
def load_pygame() -> ModuleType:
    """Pygame with its fonts ready, quiet, and without opening a display.

    Raises:
        ImportError: pygame is not installed; the message says which extra brings it.
    """
    os.environ.setdefault("PYGAME_HIDE_SUPPORT_PROMPT", "1")
    try:
        import pygame
    except ImportError as error:
        raise ImportError("pictures need pygame: pip install 'selfplay-arenas[draw]'") from error
    pygame.font.init()
    return pygame


def pixels(surface: Any) -> np.ndarray:
    """A pygame surface as a fresh array: (height, width, 3) uint8, red, green, blue."""
    return np.ascontiguousarray(load_pygame().surfarray.array3d(surface).swapaxes(0, 1))


def png(picture: np.ndarray) -> bytes:
    """A picture as a PNG file.

    Args:
        picture: (height, width, 3) uint8.
    """
    pygame = load_pygame()
    file = io.BytesIO()
    pygame.image.save(pygame.surfarray.make_surface(picture.swapaxes(0, 1)), file, "picture.png")
    return file.getvalue()


def text_picture(text: str, height: int = 24) -> np.ndarray:
    """Text as a picture, a cell a character, so that boards and columns stay in line.

    Args:
        text: one or more lines.
        height: of a line, in pixels.

    Returns:
        (height, width, 3) uint8, dark on light.
    """
    pygame = load_pygame()
    lines = text.expandtabs(4).splitlines() or [""]
    font = pygame.font.Font(None, round(height * 0.85))
    cell = round(height * 0.6)
    columns = max(map(len, lines))
    surface = pygame.Surface(((columns + 2) * cell, (len(lines) + 1) * height))
    surface.fill(PAPER)
    for row, line in enumerate(lines):
        for column, letter in enumerate(line):
            if letter.isspace():
                continue
            drawn = font.render(letter, True, INK)
            middle = ((column + 1.5) * cell, (row + 1) * height)
            surface.blit(drawn, drawn.get_rect(center=middle))
    return pixels(surface)
