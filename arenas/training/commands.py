"""What the commands of training have in common: arguments, errors, beginnings and ends."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import click

from arenas.training.folder import discard
from arenas.training.loop import Run
from arenas.training.settings import NOT_NEGATIVE

AnyRun = TypeVar("AnyRun", bound=Run)

INTERRUPTED = 128 + signal.SIGINT
"""Exit status after Ctrl-C, as shells have it."""

# Arguments that several commands take, as decorators.
game_id = click.argument("game_id", metavar="GAME_ID")
resume = click.option(
    "--resume/--fresh",
    default=True,
    help="Go on from the checkpoint in --out, or discard it.  [resume]",
)
time_limit = click.option(
    "--time-limit", type=NOT_NEGATIVE, help="Stop after so many seconds, ready to go on."
)
threads = click.option(
    "--threads",
    default=1,
    type=click.IntRange(1),
    help="PyTorch's; part of what the last bits depend on.  [1]",
)
overwrite = click.option("--overwrite", is_flag=True, help="Replace the run in that folder.")
game_options = click.option(
    "--option", "-o", multiple=True, metavar="NAME=VALUE", help="An option of the game; repeatable."
)


def folder(usual: str, default: Path | None = None) -> Callable[[Any], Any]:
    """The option `--out`.

    Args:
        usual: the folder where none is given, in words.
        default: that folder, if it does not depend on other arguments.
    """
    return click.option(
        "--out",
        type=click.Path(path_type=Path, file_okay=False),
        default=default,
        help=f"Folder of the run.  [{usual}]",
    )


@contextmanager
def one_line_errors() -> Iterator[None]:
    """Turns an error about what the user asked for into one line and status 1.

    Raises:
        click.ClickException: instead of what was raised.
    """
    try:
        yield
    except (ValueError, OSError, FloatingPointError) as error:
        raise click.ClickException(str(error)) from None


def refuse_a_run(out: Path, overwrite: bool) -> None:
    """Accepts a folder without a run, or one that may be overwritten, silently.

    Raises:
        ValueError: it holds a run.
    """
    if (out / "config.json").exists() and not overwrite:
        raise ValueError(f"{out} holds a run already: say --overwrite or another --out")


def begin(run: Run, resume: bool, files: Iterable[str], folders: Iterable[str]) -> None:
    """Goes on with the run in the folder, or discards it.

    Args:
        run: which begins.
        resume: false to discard.
        files, folders: of the algorithm, as in `discard`.

    Raises:
        ValueError: the run in the folder is another one, or damaged.
    """
    if not resume:
        discard(run.out, files, folders)
    if (run.out / "checkpoint.pt").exists():
        run.restore()
        click.echo(f"going on after {run.so_far}", err=True)


def end(
    run: AnyRun,
    interrupted: bool,
    report: Callable[[AnyRun], str],
    again: str = "the same command goes on",
) -> None:
    """Prints the report of a run that is over, or how to go on with one that is not.

    Args:
        run: which stopped.
        interrupted: Ctrl-C stopped it.
        report: the last lines.
        again: how to go on.

    Raises:
        click.exceptions.Exit: with the status of Ctrl-C.
    """
    if run.over:
        click.echo(report(run))
        return
    click.echo(f"stopped after {run.so_far}; {again}", err=True)
    if interrupted:
        raise click.exceptions.Exit(INTERRUPTED)
