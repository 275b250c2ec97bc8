"""A match as a film: GIF or MP4, through imageio."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np

from arenas.core.picture import PAPER


def film(
    pictures: Iterable[np.ndarray],
    path: Path,
    fps: float,
    advance: Callable[[int], None] = lambda amount: None,
) -> None:
    """Writes pictures as a film; the ending of `path` says which kind, .gif or .mp4.

    Args:
        pictures: (height, width, 3) uint8 each; smaller ones are filled up with paper.
        path: the file to write; one that is there is replaced.
        fps: pictures a second.
        advance: told of every picture that was drawn.

    Raises:
        ImportError: imageio is not installed.
        ValueError: the ending is another one.
    """
    if path.suffix not in (".gif", ".mp4"):
        raise ValueError(f"{path}: a film is a .gif or an .mp4")
    import imageio.v3

    drawn = []
    for picture in pictures:
        drawn.append(picture)
        advance(1)
    frames = _alike(drawn)
    if path.suffix == ".gif":
        imageio.v3.imwrite(path, frames, plugin="pillow", duration=1_000 / fps, loop=0)
    else:
        imageio.v3.imwrite(
            path, frames, plugin="FFMPEG", fps=fps, codec="libx264", macro_block_size=2
        )


def _alike(pictures: list[np.ndarray]) -> list[np.ndarray]:
    """Pictures of one even size, as H.264 wants them."""
    height = max(picture.shape[0] for picture in pictures)
    width = max(picture.shape[1] for picture in pictures)
    filled = []
    for picture in pictures:
        page = np.empty((height + height % 2, width + width % 2, 3), np.uint8)
        page[:] = PAPER
        page[: picture.shape[0], : picture.shape[1]] = picture
        filled.append(page)
    return filled
