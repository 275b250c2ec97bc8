"""What every command prints with: consoles, tables, progress bars, errors in one line."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import click
from rich.console import Console
from rich.measure import Measurement
from rich.progress import Progress
from rich.table import Table

INTERRUPTED = 130
"""Exit status after Ctrl-C, as shells have it."""

EXTRAS = {
    "imageio": "film",
    "pytest": "sandbox",
    "torch": "train",
    "matplotlib": "train",
    "openskill": "rating",
    "sklearn": "dense",
    "starlette": "serve",
    "tantivy": "search",
    "tensorboard": "train",
    "textual": "terminal",
    "tokenizers": "language,train",
    "transformers": "language,train",
    "uvicorn": "serve",
    "websockets": "serve",
}
"""What installs the packages that commands import."""

out = Console(highlight=False)
err = Console(stderr=True, highlight=False, soft_wrap=True)


def print_table(table: Table) -> None:
    """Prints a table at its full width; a narrow terminal wraps it rather than cut it."""
    wide = Console(width=1_000)
    needed = Measurement.get(wide, wide.options, table).maximum
    Console(width=max(needed, out.width), highlight=False).print(table)


@contextmanager
def plain_errors() -> Iterator[None]:
    """Turns an error about what the user asked for, or lacks, into one line and status 1."""
    try:
        yield
    except ModuleNotFoundError as error:
        missing = (error.name or "").partition(".")[0]
        needs = f"this needs {missing}: pip install 'selfplay-arenas[{EXTRAS.get(missing)}]'"
        raise click.ClickException(needs if missing in EXTRAS else str(error)) from None
    except (ValueError, ImportError) as error:
        raise click.ClickException(str(error)) from None


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Holds Ctrl-C back until the block is done, so that table and file agree."""
    held: list[bool] = []
    before = signal.signal(signal.SIGINT, lambda *_: held.append(True))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
    if held:
        raise KeyboardInterrupt


@contextmanager
def progress(what: str, total: int | None, quiet: bool) -> Iterator[Callable[[int], None]]:
    """A progress bar on a terminal's standard error; nothing elsewhere."""
    hidden = quiet or not err.is_terminal
    with Progress(console=err, transient=True, disable=hidden) as bar:
        task = bar.add_task(what, total=total)
        yield lambda amount: bar.advance(task, amount)
