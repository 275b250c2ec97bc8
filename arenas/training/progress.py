"""How far a run is: a bar on a terminal, elsewhere a line for each measurement."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, TextColumn, TimeRemainingColumn


class Shown:
    """A bar with the latest figures on a terminal's standard error; elsewhere a line for each."""

    def __init__(self, console: Console, progress: Progress, what: str, total: int, done: int):
        self.console, self._progress = console, progress
        self._task = progress.add_task(what, total=total, completed=done, figures="")

    def update(self, done: int, figures: str = "", line: str = "") -> None:
        """Moves the bar.

        Args:
            done: of the total.
            figures: to show beside it; as before if there are none.
            line: printed where there is no bar; nothing if it is empty.
        """
        self._progress.update(self._task, completed=done)
        if figures:
            self._progress.update(self._task, figures=figures)
        if line and not self.console.is_terminal:
            self.console.print(line)


@contextmanager
def shown(what: str, total: int, done: int, counted: bool = False) -> Iterator[Shown]:
    """Shows how far a run is.

    Args:
        what: is trained.
        total: when it is over.
        done: so far.
        counted: say how many of how many, rather than what and how many per cent.
    """
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    bar, figures = BarColumn(bar_width=20), TextColumn("{task.fields[figures]}")
    columns: list[ProgressColumn] = [
        TextColumn("{task.description}"), bar, TextColumn("{task.percentage:3.0f} %"),
    ]  # fmt: skip
    if counted:
        columns = [bar, TextColumn("{task.completed}/{task.total}")]
    columns += [TimeRemainingColumn(), figures]
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        yield Shown(console, progress, what, total, done)
