"""Files that are whole or absent, whenever the process that writes them is killed."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Yields a path to write to, beside `path`; it takes the place of `path` when the block ends.

    If the block raises, `path` is left as it was. The folder is made if it is missing.
    """
    final = Path(path)
    final.parent.mkdir(parents=True, exist_ok=True)
    # One fixed name, so that what a killed process left behind is overwritten by the next.
    partial = final.with_name(final.name + ".partial")
    try:
        yield partial
        with partial.open("r+b") as file:
            os.fsync(file.fileno())
        partial.replace(final)
    finally:
        partial.unlink(missing_ok=True)
