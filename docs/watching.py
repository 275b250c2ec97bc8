"""Pictures of replay pages: `python docs/watching.py` writes `docs/watching/*.png`.

A match of each game is played and recorded, its page is written as `arenas watch --html` writes it,
and a headless Chromium shows it. Needs Playwright, a Chromium, and the extras of the games.
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Any

import click
from playwright.sync_api import sync_playwright
from rich.progress import track

import arenas
from arenas.ui.watch.page import page
from arenas.ui.watch.replay import Replay

HERE = Path(__file__).parent / "watching"

MATCHES: dict[str, tuple[str, list[str], dict[str, Any], int]] = {
    "kuhn_poker": ("KuhnPoker-v0", ["nash", "random"], {"hands": 3}, 5),
    "tictactoe": ("TicTacToe-v0", ["exact", "random"], {}, 5),
    "negotiation": ("Negotiation-v0", ["bayesian", "concession"], {}, 4),
    "spy": ("Spy-v0", ["consistency"] * 5, {"spy_sees": "pair"}, 9),
    "overcooked": ("Overcooked-v0", ["greedy", "greedy"], {}, 41),
    "bug_repair": ("BugRepair-v0", ["scripted"] * 5, {"solvers": 4}, 1),
    "deep_search": ("DeepSearch-v0", ["scripted"] * 6, {}, 9),
}
"""Game, players, options, and the step that is shown."""


@click.command()
@click.argument("names", nargs=-1, type=click.Choice(list(MATCHES)))
@click.option("--size", default="1280x720", help="Of the browser's window.  [1280x720]")
@click.option("--seed", default=1, help="[1]")
def main(names: tuple[str, ...], size: str, seed: int) -> None:
    """Take pictures of replay pages; of all games unless some are named."""
    HERE.mkdir(exist_ok=True)
    width, height = map(int, size.split("x"))
    with sync_playwright() as driver, tempfile.TemporaryDirectory() as folder:
        browser = driver.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox"]
        )
        tab = browser.new_page(viewport={"width": width, "height": height})
        for name in track(names or list(MATCHES), "pages"):
            game_id, players, options, step = MATCHES[name]
            (record,) = arenas.play_matches(game_id, players, 1, seed, options=options)
            file = Path(folder) / f"{name}.html"
            file.write_text(page(Replay.of_line(f"{record.to_json()}\n".encode())), "utf-8")
            tab.goto(file.as_uri(), wait_until="load")
            for _ in range(step):
                tab.keyboard.press("ArrowRight")
            tab.wait_for_timeout(200)
            tab.screenshot(path=HERE / f"{name}.png")
        browser.close()


if __name__ == "__main__":
    main()
