"""Writes the pictures of docs/pictures that show Who Is the Spy.

python benchmarks/spy_pictures.py
"""

from pathlib import Path

import numpy as np

import arenas
from arenas.core.match import Match
from arenas.core.picture import png
from arenas.core.policy import Turn, answer
from arenas.core.rng import Rng
from arenas.games.spy.sources import make_world

OUT = Path(__file__).parent.parent / "docs" / "pictures"


def scenes() -> np.ndarray:
    """Two pairs of objects, a pair of bar charts, a line and a pie."""
    objects, charts, rng = make_world("objects"), make_world("charts"), Rng(5)
    rows = []
    for _ in range(2):
        scene = objects.draw(rng)
        other = objects.change(scene, 2, rng)
        rows.append([objects.paint(scene, 224), objects.paint(other, 224)])
    values = (3, 7, 1, 9, 5)
    rows[0] += [charts.paint((0, values), 224), charts.paint((0, (3, 2, 1, 9, 8)), 224)]
    rows[1] += [charts.paint((1, values), 224), charts.paint((2, values), 224)]
    return np.concatenate([np.concatenate(row, 1) for row in rows], 0)


def finished() -> np.ndarray:
    """A whole match between scripted players."""
    game = arenas.make_game("Spy-v0", spy_sees="pair")
    player = arenas.make_player("Spy-v0", "by-role:infer:0.5,consistency", game)
    match = Match(game, 12)
    while not match.over:
        seat = match.awaited[0]
        answer(match, seat, player.act([Turn.of(match, seat)])[0])
    return game.draw(match.state)


if __name__ == "__main__":
    OUT.mkdir(exist_ok=True)
    for name, picture in (("spy_scenes", scenes()), ("spy_match", finished())):
        (OUT / f"{name}.png").write_bytes(png(picture))
