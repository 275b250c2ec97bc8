"""`arenas export`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import click

from arenas.cli.console import plain_errors, progress
from arenas.core.record import MatchRecord, RecordError, read_lines


@click.command("export")
@click.argument(
    "files", metavar="FILE...", nargs=-1, required=True, type=click.Path(path_type=Path)
)
@click.option(
    "--parquet", type=click.Path(path_type=Path), help="Write a table, which `datasets` reads."
)
@click.option(
    "--minari", metavar="ID", help="Write a dataset of Minari: NAME-vN or NAMESPACE/NAME-vN."
)
@click.option("--player", multiple=True, help="Minari: only this player's seats; repeatable.")
@click.option("--overwrite", is_flag=True, help="Replace the Parquet file.")
def command(
    files: tuple[Path, ...],
    parquet: Path | None,
    minari: str | None,
    player: tuple[str, ...],
    overwrite: bool,
) -> None:
    """Write records as a table or as a dataset for offline reinforcement learning.

    Minari keeps its datasets in the folder MINARI_DATASETS_PATH, else in ~/.minari/datasets.

    \b
    arenas export kuhn.jsonl --parquet kuhn.parquet
    arenas export kuhn.jsonl --minari kuhn/nash-v0 --player nash
    """  # noqa: D301 - click reads the escape itself
    if parquet is None and minari is None:
        raise click.UsageError("say what to write: --parquet FILE, --minari ID, or both")
    if player and minari is None:
        raise click.UsageError("--player goes with --minari")
    if parquet is not None and parquet.exists() and not overwrite:
        raise click.ClickException(f"{parquet} exists: say --overwrite")
    with plain_errors():
        if parquet is not None:
            from arenas.rollout.record_files import write_parquet

            with progress("records", _size(files), quiet=False) as advance:
                write_parquet(_records(files, advance), parquet)
            print(parquet)
        if minari is not None:
            from arenas.adapters.minari import write_minari

            with progress("records", _size(files), quiet=False) as advance:
                dataset = write_minari(_records(files, advance), minari, player or None)
            left_out = dataset.storage.metadata["episodes_left_out"]
            print(f"{minari}: {dataset.total_episodes} episodes, {left_out} left out")


def _size(files: tuple[Path, ...]) -> int:
    try:
        return sum(path.stat().st_size for path in files)
    except OSError as error:
        raise click.ClickException(f"cannot read {error.filename}: {error.strerror}") from None


def _records(files: tuple[Path, ...], advance: Callable[[int], None]) -> Iterator[MatchRecord]:
    for path in files:
        for number, line in read_lines(path):
            try:
                if isinstance(line, RecordError):
                    raise line
                yield MatchRecord.from_json(line)
            except RecordError as error:
                raise ValueError(f"{path}:{number}: {error}") from None
            advance(len(line))
