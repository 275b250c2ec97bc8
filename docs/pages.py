"""Screenshots of each game's page: `python docs/pages.py` writes them to `docs/play/`.

A real server, real matches, and the system's Chromium at three sizes: a wide and a small screen,
and a phone. It needs the extras `serve` and `dev`; names of scenes make those alone.
"""

from __future__ import annotations

import io
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright
from rich.progress import track

from arenas import make_game
from arenas.ui.server.app import Served
from arenas.ui.server.tables import House, Table

OUT = Path(__file__).parent / "play"
CHROMIUM = "/usr/bin/chromium"
SIZES = ((1280, 720), (800, 600), (390, 844))
COLOURS = 96
"""Of each picture: a page has few, and the files stay small."""


class Scene(NamedTuple):
    """A match to show: what the person in `seat` plays, and then fills in and does not send."""

    game: str
    against: str
    seat: int
    seed: int
    options: dict[str, Any]
    replies: Sequence[str]
    filled: dict[str, str] = {}  # noqa: RUF012 - nobody changes it
    seconds: float = 0.3


SCENES = {
    "kuhn": Scene("KuhnPoker-v0", "nash", 1, 3, {"hands": 5}, ["[call]"]),
    "tictactoe": Scene("TicTacToe-v0", "exact", 0, 5, {}, ["[4]"]),
    "negotiation": Scene(
        "Negotiation-v0",
        "scripted",
        0,
        4,
        {},
        ["[Offer: 4 Wood -> 1 Ore] Wood I have enough of, and you seem to have none."],
        {"good:Wood": "-5", "good:Ore": "2", "say": "Five of wood for two of ore, then."},
    ),
    "spy": Scene("Spy-v0", "scripted", 0, 6, {}, []),
    "overcooked": Scene("Overcooked-v0", "scripted", 0, 1, {}, [], seconds=5.0),
    "bug-repair": Scene(
        "BugRepair-v0",
        "random",
        0,
        1,
        {"acting": "agentic", "projects": ["spanset"]},
        [
            '{"tool": "list"}',
            '{"tool": "read", "path": "spanset/span.py", "line": 1}',
            '{"tool": "run"}',
        ],
    ),
    "deep-search": Scene(
        "DeepSearch-v0",
        "scripted",
        1,
        7,
        {"solvers": 3},
        ["<search>work in print, 624 pages</search>"],
    ),
}


def played(house: House, scene: Scene) -> Table:
    """A table whose match has come to the scene."""
    game = make_game(scene.game, **scene.options)
    players = [scene.against] * game.spec.seats
    players[scene.seat] = "human"
    table = house.open(scene.game, scene.options, players, seed=scene.seed, pace=0.0, record=None)
    session = table.session
    session.start()
    for reply in scene.replies:
        awaited(table, scene.seat)
        session.reply(scene.seat, reply)
    awaited(table, scene.seat)
    return table


def awaited(table: Table, seat: int) -> None:
    """Waits for a person's turn.

    Raises:
        TimeoutError: it does not come.
    """
    end = time.monotonic() + 300
    while not (now := table.session.snapshot(seat)).my_turn:
        if time.monotonic() > end or now.over:
            raise TimeoutError(f"no turn of {now.agents[seat]}: {now.failure or now.told}")
        table.session.wait(now.version, 1.0)


def shoot(browser: Browser, served: Served, name: str, scene: Scene) -> None:
    """Writes a scene's page at each size."""
    table = played(served.house, scene)
    for width, height in SIZES:
        page = browser.new_page(viewport={"width": width, "height": height})
        page.goto(served.link(table.keys[scene.seat]))
        page.wait_for_selector("#picture[data-painted]")
        for field, value in scene.filled.items():
            page.locator(f'form [name="{field}"]').first.fill(value)
        time.sleep(scene.seconds)
        keep(page, f"page-{name}-{width}x{height}")
        page.close()
    served.house.close_table(table.id)


def keep(page: Page, name: str) -> None:
    """Writes what is on a page's screen."""
    shown = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
    path = OUT / f"{name}.png"
    shown.quantize(COLOURS, dither=Image.Dither.NONE).save(path, optimize=True)
    print(path)


def lobby(browser: Browser, served: Served) -> None:
    """Writes the lobby with a table that waits for a second person."""
    table = served.house.open("KuhnPoker-v0", {}, ["human", "human"])
    for width, height in SIZES:
        page = browser.new_page(viewport={"width": width, "height": height})
        page.goto(served.link(served.house.token))
        page.wait_for_selector("#seats input")
        keep(page, f"page-lobby-{width}x{height}")
        page.close()
    served.house.close_table(table.id)


def main(names: Sequence[str]) -> None:
    """Makes the pictures of the scenes that are named, of all and the lobby if none is."""
    OUT.mkdir(exist_ok=True)
    with Served(House()).in_thread() as served, sync_playwright() as library:
        browser = library.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        for name in track(names or SCENES, "pages"):
            shoot(browser, served, name, SCENES[name])
        if not names:
            lobby(browser, served)
        browser.close()


if __name__ == "__main__":
    main(sys.argv[1:])
