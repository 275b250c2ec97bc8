"""The user's own pictures, in pairs; nothing is known of what they show."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from arenas.core.picture import load_pygame, pixels
from arenas.core.rng import Rng
from arenas.games.spy.world import Scene, World

KINDS = ("png", "jpg", "jpeg", "bmp")


class FolderWorld(World):
    """A scene is the number of a pair and which of its two pictures, `NAME-a` or `NAME-b`.

    Clues are free text and no verdict is given on them.

    Args:
        folder: holds files `NAME-a.png` and `NAME-b.png` (or another of `KINDS`) for each pair.

    Raises:
        ValueError: there is no pair in it.
    """

    subject = "a picture"
    hint = ""
    max_changes = 4
    scene_size = 0

    def __init__(self, folder: str) -> None:
        super().__init__()
        self.features = np.zeros((0, 0), np.int8)
        self.entails = np.zeros((0, 0), bool)
        found = {path.stem: path for path in sorted(Path(folder).glob("*")) if _is_picture(path)}
        names = sorted(stem[:-2] for stem in found if stem.endswith("-a"))
        self.pairs = [
            (found[f"{name}-a"], found[f"{name}-b"]) for name in names if f"{name}-b" in found
        ]
        if not self.pairs:
            kinds = ", ".join(KINDS)
            raise ValueError(
                f"folder={folder!r} holds no pair of pictures NAME-a and NAME-b ({kinds})"
            )

    def draw(self, rng: Rng) -> Scene:
        return (rng.below(len(self.pairs)), rng.below(2))

    def change(self, scene: Scene, changes: int, rng: Rng) -> Scene:
        return (scene[0], 1 - scene[1])

    def truths(self, scenes: Sequence[Scene]) -> np.ndarray:
        return np.zeros((len(scenes), 0), bool)

    def encode(self, scene: Scene) -> np.ndarray:
        return np.zeros(0, np.int8)

    def describe(self, scene: Scene) -> str:
        return f"the picture {self.pairs[scene[0]][scene[1]].stem}."

    def say(self, clue: int) -> str:
        raise IndexError("there is no vocabulary for pictures in a folder")

    def read(self, sentence: str) -> int | None:
        return None

    def paint(self, scene: Scene | None, pixels: int) -> np.ndarray:
        if scene is None:
            return np.full((pixels, pixels, 3), 255, np.uint8)
        return _load(self.pairs[scene[0]][scene[1]], pixels)


def _is_picture(path: Path) -> bool:
    return path.suffix.lower().removeprefix(".") in KINDS and path.is_file()


def _load(path: Path, side: int) -> np.ndarray:
    """A picture as a square, whole, on white."""
    pygame = load_pygame()
    try:
        loaded = pygame.image.load(str(path))
    except pygame.error as error:
        raise ValueError(f"{path} cannot be read as a picture: {error}") from None
    width, height = loaded.get_size()
    scale = side / max(width, height)
    fitted = pygame.transform.smoothscale(
        loaded, (max(1, round(width * scale)), max(1, round(height * scale)))
    )
    surface = pygame.Surface((side, side), depth=24)
    surface.fill((255, 255, 255))
    surface.blit(fitted, fitted.get_rect(center=(side // 2, side // 2)))
    return pixels(surface)
