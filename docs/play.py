"""Screenshots of each game's window: `python docs/play.py` writes them to `docs/play/`.

They are taken without a display, of real matches: a window of its own size for each, in which keys
are pressed and the session is played, as a person would.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from time import monotonic, sleep
from typing import Any, NamedTuple

os.environ.setdefault("SDL_VIDEODRIVER", "dummy")

import pygame

from arenas.ui.session import Session
from arenas.ui.window import MOVE, PICTURE, Window

OUT = Path(__file__).parent / "play"
SIZES = ((1280, 720), (800, 600))


class Scene(NamedTuple):
    """A match to show: who plays, in which seat the person, and what the person does."""

    game: str
    against: str
    seat: int
    seed: int
    options: dict[str, Any]
    play: Callable[[Window], None]


def wait(window: Window, ready: Callable[[], bool], seconds: float = 300.0) -> None:
    """Frames until something holds.

    Raises:
        TimeoutError: it does not come to hold.
    """
    end = monotonic() + seconds
    while not ready():
        if monotonic() > end:
            raise TimeoutError(f"the window waits in vain: {window.message}")
        window.step([])
        sleep(0.005)


def my_turn(window: Window) -> bool:
    """Whether the window shows that the person is to move, or that the match is over."""
    return window.shown is not None and (window.shown.my_turn or window.shown.over)


def steps(window: Window) -> int:
    """Moves that the window has seen."""
    return window.shown.step if window.shown is not None else -1


def replies(*texts: str) -> Callable[[Window], None]:
    """Plays replies one after another, and waits for the next turn."""

    def play(window: Window) -> None:
        for text in texts:
            wait(window, lambda: my_turn(window))
            step = steps(window)
            window.session.reply(window.seat, text)
            wait(window, lambda step=step: steps(window) > step)  # type: ignore[misc]
        wait(window, lambda: my_turn(window))

    return play


def sliders(window: Window) -> None:
    """A negotiation after some offers, the next one half made."""
    replies("[Offer: 4 Wood -> 1 Ore] Wood I have enough of, and you seem to have none.")(window)
    wood, ore = (window.panel.widgets[n] for n in (1, 4))
    wood.value, ore.value = -5, 2
    window.panel.widgets[-1].value = "Five of wood for two of ore, and we both gain."
    key(window, pygame.K_TAB)


def spying(window: Window) -> None:
    """The first clue among several, chosen from the list."""
    wait(window, lambda: my_turn(window))
    for _ in range(5):
        key(window, pygame.K_TAB if window.panel.focus is None else pygame.K_DOWN)


def cooking(window: Window) -> None:
    """A few seconds in the kitchen."""
    for name in ("left", "up", "space", "right", "up", "space", "left"):
        now = steps(window)
        key(window, pygame.key.key_code(name))
        wait(window, lambda now=now: steps(window) > now + 8)  # type: ignore[misc]


def searching(window: Window) -> None:
    """A search for what the question names."""
    wait(window, lambda: my_turn(window))
    window.session.fill(window.seat, "search", {"query": "work in print, 624 pages"})
    wait(window, lambda: bool(window.shown and window.shown.log) and my_turn(window))
    window.panel.open(1)


def repairing(window: Window) -> None:
    """An injector that has looked round and broken something."""
    replies('{"tool": "list"}', '{"tool": "run"}')(window)
    write = next(form for form in window.panel.controls.forms if form.name == "write")
    path, text = (str(field.start) for field in write.fields)
    changed = {"path": path, "text": text.replace(" <= ", " < ", 1)}
    window.session.fill(window.seat, "write", changed)
    wait(window, lambda: steps(window) == 3 and my_turn(window))
    replies('{"tool": "run"}')(window)
    window.panel.open(2)


def key(window: Window, code: int) -> None:
    """Presses a key."""
    window.step([pygame.event.Event(pygame.KEYDOWN, key=code, mod=0, unicode="")])
    window.step([pygame.event.Event(pygame.KEYUP, key=code, mod=0)])


SCENES: dict[str, Scene] = {
    "kuhn": Scene("KuhnPoker-v0", "nash", 1, 3, {"hands": 5}, replies("[call]")),
    "tictactoe": Scene("TicTacToe-v0", "exact", 0, 5, {}, replies("[4]")),
    "negotiation": Scene("Negotiation-v0", "scripted", 0, 4, {}, sliders),
    "spy": Scene("Spy-v0", "scripted", 0, 6, {}, spying),
    "overcooked": Scene("Overcooked-v0", "scripted", 0, 1, {}, cooking),
    "bug-repair": Scene(
        "BugRepair-v0", "random", 0, 1, {"acting": "agentic", "projects": ["spanset"]}, repairing
    ),
    "deep-search": Scene("DeepSearch-v0", "scripted", 1, 7, {"solvers": 3}, searching),
}


def shoot(name: str, scene: Scene) -> None:
    """Plays a scene and writes its pictures, one for each size."""

    def opened() -> Session:
        return Session(scene.game, scene.against, (scene.seat,), scene.seed, options=scene.options)

    window = Window(opened, scene.seat, SIZES[0])
    try:
        wait(window, lambda: window.shown is not None)
        scene.play(window)
        for width, height in SIZES:
            pygame.display.set_mode((width, height), pygame.RESIZABLE)
            resized = pygame.event.Event(pygame.VIDEORESIZE, size=(width, height))
            for tab in (MOVE, PICTURE) if width < SIZES[0][0] else (MOVE,):
                window.tab = tab
                events = [resized]
                while not window.step(events):
                    events = []
                suffix = "-picture" if tab == PICTURE else ""
                path = OUT / f"window-{name}-{width}x{height}{suffix}.png"
                pygame.image.save(pygame.display.get_surface(), path)
                print(path)
    finally:
        window.close()


def main(names: Sequence[str]) -> None:
    """Makes the pictures of the scenes that are named, of all if none is."""
    OUT.mkdir(exist_ok=True)
    for name in names or SCENES:
        shoot(name, SCENES[name])


if __name__ == "__main__":
    main(sys.argv[1:])
