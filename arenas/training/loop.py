"""The loop of a run: it stops between two iterations and leaves a checkpoint there."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol


class Run(Protocol):
    """What trains.

    Attributes:
        config: its settings; `evaluate_every` of them is the iterations between two checkpoints.
        out: its folder.
        iteration: iterations done.
        curve: measurements so far.
    """

    config: Any
    out: Path
    iteration: int
    curve: list[dict[str, Any]]

    @property
    def over(self) -> bool:
        """Whether there is nothing left to do."""

    @property
    def so_far(self) -> str:
        """What has been done, in words."""

    def iterate(self) -> None:
        """Plays, learns, and measures if it is time to."""

    def save(self) -> None:
        """Writes the checkpoint."""

    def export(self) -> None:
        """Writes what follows from the checkpoint."""

    def restore(self) -> None:
        """Goes on from the checkpoint."""


def iterations(
    run: Run, time_limit: float | None, interrupted: Callable[[], bool]
) -> Iterator[list[dict[str, Any]]]:
    """Trains to the end, to the time limit, or to Ctrl-C, and writes a checkpoint there.

    Args:
        run: what trains.
        time_limit: in seconds.
        interrupted: from `interruptible`.

    Yields:
        After each iteration, and before its checkpoint, the rows that the curve got.
    """
    started = time.monotonic()
    while not run.over:
        known = len(run.curve)
        run.iterate()
        yield run.curve[known:]
        late = time_limit is not None and time.monotonic() - started > time_limit
        stop = interrupted() or late
        if run.over or stop or run.iteration % run.config.evaluate_every == 0:
            run.save()
            run.export()
        if stop:
            break


@contextmanager
def interruptible() -> Iterator[Callable[[], bool]]:
    """Makes the first Ctrl-C a request that is asked for; a second one interrupts at once."""
    asked = threading.Event()

    def ask(*_: Any) -> None:
        asked.set()
        signal.signal(signal.SIGINT, signal.default_int_handler)

    if threading.current_thread() is not threading.main_thread():
        yield asked.is_set
        return
    before = signal.signal(signal.SIGINT, ask)
    try:
        yield asked.is_set
    finally:
        signal.signal(signal.SIGINT, before)
