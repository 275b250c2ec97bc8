"""Checkpoints, and whether a run may go on from one. Needs PyTorch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from arenas.policies.network import read_saved


@contextmanager
def going_on(out: Path) -> Iterator[None]:
    """Says of a checkpoint that is refused what can be done instead.

    Raises:
        ValueError: as the refusal, with that advice.
    """
    try:
        yield
    except ValueError as error:
        raise ValueError(
            f"cannot go on from {out}: {error}; say --fresh to discard that run, "
            "or choose another --out"
        ) from None


def read_checkpoint(out: Path, mark: str, config: Any, **trained: Any) -> dict[str, Any]:
    """What `checkpoint.pt` in the folder of this very run holds.

    Args:
        out: the folder.
        mark: an entry that the checkpoints of this algorithm have.
        config: the dataclass of settings, which must be those of the entry `config`.
        trained: what is trained, which must be equal to the entries of those names.

    Raises:
        ValueError: it is damaged, of another algorithm, or of a run with other settings, which the
            message names.
    """
    path = out / "checkpoint.pt"
    saved = read_saved(path)
    if mark not in saved:
        raise ValueError(f"{path} is no checkpoint of this algorithm")
    there: Mapping[str, Any] = {**saved["config"], **{name: saved[name] for name in trained}}
    here = {**asdict(config), **trained}
    if other := [name for name in here if there.get(name) != here[name]]:
        differences = ", ".join(f"{n}={there.get(n)!r}, now {here[n]!r}" for n in other)
        raise ValueError(f"it holds a run with other settings ({differences})")
    return saved
