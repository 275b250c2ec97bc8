"""A window that shows pictures, for `render_mode="human"`."""

from __future__ import annotations

import os
from typing import Any

import numpy as np

from arenas.core.canvas import Box, fit
from arenas.core.picture import PAPER, load_pygame

SIZE = (960, 640)
"""Of a fresh window, in pixels."""


class NoScreen(RuntimeError):
    """There is nothing to open a window on: no display, or no pygame."""


class Screen:
    """A window; pictures are scaled to its size, which its user may change.

    pygame has one window a process, so that of a later `Screen` takes its place.

    Raises:
        NoScreen: pygame is not installed, or there is no display.
    """

    def __init__(self, title: str) -> None:
        self._title = title
        self._pygame = video()
        self._open()

    def _open(self) -> None:
        pygame = self._pygame
        try:
            self._window: Any = pygame.display.set_mode(SIZE, pygame.RESIZABLE)
        except pygame.error as error:
            raise NoScreen(f"no window can be opened: {error}") from None
        pygame.display.set_caption(self._title)

    def show(self, picture: np.ndarray) -> None:
        """Shows a picture, (height, width, 3) uint8, and hears what the window is told."""
        pygame = self._pygame
        pygame.event.pump()
        # The window may have been resized, taken by another or closed.
        self._window = pygame.display.get_surface()
        if self._window is None:
            pygame.display.init()
            self._open()
        paint(self._window, picture, Box(0, 0, *self._window.get_size()))
        pygame.display.flip()

    def close(self) -> None:
        """Closes the window; calling it again does nothing."""
        self._pygame.display.quit()


def paint(window: Any, picture: np.ndarray, box: Box) -> Box:
    """Paints a picture on a surface, as large as a box allows; gives its place."""
    pygame = load_pygame()
    place = fit(picture.shape[1], picture.shape[0], box)
    window.fill(PAPER, box)
    drawn = pygame.surfarray.make_surface(picture.swapaxes(0, 1))
    if (place.w, place.h) != drawn.get_size():
        drawn = pygame.transform.smoothscale(drawn, (place.w, place.h))
    window.blit(drawn, (place.x, place.y))
    return place


def video() -> Any:
    """Pygame with its display ready.

    Raises:
        NoScreen: there is none.
    """
    try:
        pygame = load_pygame()
    except ImportError as error:
        raise NoScreen(str(error)) from None
    try:
        pygame.display.init()
    except pygame.error as error:
        raise NoScreen(f"there is no display: {error}") from None
    # SDL draws into nowhere where it finds none; whoever names a driver wants it so.
    if pygame.display.get_driver() == "offscreen" and not os.environ.get("SDL_VIDEODRIVER"):
        pygame.display.quit()
        raise NoScreen("there is no display")
    return pygame
