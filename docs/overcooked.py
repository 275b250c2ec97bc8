"""Pictures for the pages: every published kitchen, and the film of a match as a GIF.

`python docs/overcooked.py` writes `docs/overcooked/<kitchen>.png` and `docs/overcooked/match.gif`.
It needs the extra `draw`, and Pillow for the GIF.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from PIL import Image
from rich.progress import track

import arenas
from arenas.core.match import Match
from arenas.core.policy import Turn, answer
from arenas.core.rng import Rng
from arenas.games.overcooked import Overcooked
from arenas.games.overcooked.draw import draw_kitchen
from arenas.games.overcooked.layouts import layout_names
from arenas.registry import make_player

GAME = "Overcooked-v0"
HERE = Path(__file__).parent / "overcooked"


def picture(game: Overcooked, row: list[int], tile: int) -> Image.Image:
    """A state without a seat's blinkers."""
    return Image.fromarray(draw_kitchen(game.layout, game.table, row, None, tile))


def film(game: Overcooked, seats: list[str], seed: int, tile: int) -> list[Image.Image]:
    """A frame for every step of a match."""
    players = [make_player(GAME, seat, game) for seat in seats]
    match = Match(game, seed, language=any(player.speaks for player in players))
    frames = [picture(game, match.state.row, tile)]
    while not match.over:
        turns = [Turn.of(match, seat) for seat in match.awaited]
        replies = [players[turn.seat].act([turn])[0] for turn in turns]
        for turn, reply in zip(turns, replies, strict=True):
            answer(match, turn.seat, reply)
        frames.append(picture(game, match.state.row, tile))
    assert match.outcome is not None
    print(f"{' and '.join(seats)}: {match.totals[0]:g} points in {len(frames) - 1} steps")
    return frames


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--kitchen", default="coordination_ring", help="of the film")
    parser.add_argument("--seats", nargs="+", default=["courier", "courier"])
    parser.add_argument("--horizon", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--tile", type=int, default=40, help="side of a cell in pixels")
    given = parser.parse_args()
    HERE.mkdir(exist_ok=True)
    for name in track(layout_names(), "kitchens"):
        game = Overcooked(name, dynamics="new")
        picture(game, game.new(Rng(0)).row, given.tile).quantize(64).save(HERE / f"{name}.png")
    game = arenas.registry.make_game(GAME, kitchen=given.kitchen, horizon=given.horizon)
    frames = film(game, given.seats, given.seed, given.tile)
    # One palette for all frames, so that colours do not flicker.
    palette = Image.fromarray(np.concatenate([np.asarray(f) for f in frames[:: len(frames) // 8]]))
    colours = palette.quantize(64)
    small = [frame.quantize(palette=colours, dither=Image.Dither.NONE) for frame in frames]
    small[0].save(HERE / "match.gif", save_all=True, append_images=small[1:], duration=120, loop=0)


if __name__ == "__main__":
    main()
