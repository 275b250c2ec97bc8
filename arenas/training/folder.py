"""The folder of a run: what is written there, whole or not at all, and what is discarded."""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from arenas.policies.files import replacing
from arenas.policies.pool import OpponentPool

EVERY_RUN = ("checkpoint.pt", "config.json", "curve.csv", "curve.png")
"""Files that every run has. The checkpoint is first to go: what is left then is no run."""


def write_config(config: Mapping[str, Any], out: Path) -> None:
    """Writes `config.json`: every setting, and what is trained."""
    with replacing(out / "config.json") as partial:
        partial.write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")


def write_curve(curve: Sequence[Mapping[str, Any]], out: Path) -> None:
    """Writes the measurements so far as `curve.csv`; nothing before the first."""
    if curve:
        with replacing(out / "curve.csv") as partial, partial.open("w", newline="") as file:
            writer = csv.DictWriter(file, list(curve[0]))
            writer.writeheader()
            writer.writerows(curve)


def write_table(names: Iterable[str], rows: Iterable[Iterable[Any]], path: Path) -> None:
    """Writes rows as CSV, with the columns' names as a header."""
    with replacing(path) as partial, partial.open("w", newline="") as file:
        csv.writer(file).writerows([names, *rows])


def write_pool(pool: OpponentPool, out: Path) -> None:
    """Writes `pool.json` and removes the files of members that have left the pool.

    Call it after the checkpoint, which until then may name such a member.
    """
    pool.save(out / "pool.json")
    kept = {member.payload for member in pool.members}
    for path in (out / "pool").glob("*.pt"):
        if f"pool/{path.name}" not in kept:
            path.unlink()


def discard(out: Path, files: Iterable[str], folders: Iterable[str]) -> None:
    """Removes what a run has written, and nothing else.

    Args:
        out: the run's folder.
        files: those beside `EVERY_RUN`.
        folders: inside it, with all that is in them.
    """
    for name in (*EVERY_RUN, *files):
        (out / name).unlink(missing_ok=True)
    for name in folders:
        shutil.rmtree(out / name, ignore_errors=True)
