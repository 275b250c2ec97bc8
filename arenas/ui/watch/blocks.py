"""Pictures of a match in little room: each distinct block once, each picture as what changed.

Pictures of one match are mostly alike. They are cut into blocks of 32 x 32 pixels; a block that
came before is not stored again, and a picture lists only the blocks in which it differs from the
one before it. The page draws any of them from one image of all the blocks.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

SIDE = 32
"""Pixels of a block's side."""


class Blocks:
    """Collects the distinct blocks of pictures."""

    def __init__(self) -> None:
        self._numbers: dict[bytes, int] = {}
        self._blocks: list[np.ndarray] = []

    def film(self, pictures: Iterable[np.ndarray]) -> list[dict[str, Any]]:
        """Pictures in order as changes.

        Args:
            pictures: (height, width, 3) uint8 each.

        Returns:
            For each picture its `width` and `height` in pixels and `changes`: place, block, place,
            block, ...; places count row by row. A picture of another size than the one before it
            lists all its blocks.
        """
        frames: list[dict[str, Any]] = []
        before, size = np.empty(0), (0, 0)
        for picture in pictures:
            cut = _cut(picture)
            same_size = picture.shape[:2] == size
            differs = (
                (cut != before).any(axis=(1, 2, 3))
                if same_size
                else np.ones(len(cut), dtype=np.bool_)
            )
            changes: list[int] = []
            for place in np.flatnonzero(differs).tolist():
                changes += (place, self._number(cut[place]))
            size = height, width = picture.shape[:2]
            frames.append({"width": width, "height": height, "changes": changes})
            before = cut
        return frames

    def atlas(self) -> np.ndarray:
        """All blocks in one picture, row by row: (height, width, 3) uint8."""
        columns = max(1, int(np.ceil(np.sqrt(len(self._blocks)))))
        rows = max(1, -(-len(self._blocks) // columns))
        atlas = np.zeros((rows, columns, SIDE, SIDE, 3), np.uint8)
        for number, block in enumerate(self._blocks):
            atlas[divmod(number, columns)] = block
        return np.ascontiguousarray(atlas.swapaxes(1, 2).reshape(rows * SIDE, columns * SIDE, 3))

    def _number(self, block: np.ndarray) -> int:
        key = block.tobytes()
        number = self._numbers.get(key)
        if number is None:
            number = self._numbers[key] = len(self._blocks)
            self._blocks.append(block.copy())
        return number


def _cut(picture: np.ndarray) -> np.ndarray:
    """The blocks of a picture, row by row: (n, SIDE, SIDE, 3); the last ones are filled up."""
    height, width = picture.shape[:2]
    rows, columns = -(-height // SIDE), -(-width // SIDE)
    padded = np.zeros((rows * SIDE, columns * SIDE, 3), np.uint8)
    padded[:height, :width] = picture
    blocks = padded.reshape(rows, SIDE, columns, SIDE, 3).swapaxes(1, 2)
    return np.ascontiguousarray(blocks.reshape(rows * columns, SIDE, SIDE, 3))
