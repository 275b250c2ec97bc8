"""`arenas match`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import click
from rich import box
from rich.table import Table

from arenas.cli.console import err, out, plain_errors, print_table
from arenas.cli.parameters import (
    ManySeats,
    complete_player,
    game_argument,
    illegal_option,
    json_option,
    open_records,
    option_option,
    record_options,
    seed_option,
)
from arenas.cli.playing import play_out
from arenas.rating.results import PlayerResult, Results
from arenas.registry import read_options
from arenas.rollout.matches import BACKENDS, play_matches, seated


@click.command("match", cls=ManySeats)
@game_argument
@click.option(
    "--seats",
    "-s",
    multiple=True,
    required=True,
    metavar="PLAYER...",
    help="A player for each seat: --seats exact random",
    shell_complete=complete_player,
)
@click.option("--games", "-n", default=100, type=click.IntRange(1), help="Matches.  [100]")
@seed_option
@record_options
@click.option(
    "--swap/--no-swap",
    default=True,
    help="Play every deal once in each rotation of the players over the seats.  [swap]",
)
@option_option
@illegal_option
@click.option(
    "--max-cycles", type=click.IntRange(1), help="Cut a match short after so many moves a seat."
)
@click.option(
    "--backend",
    default="local",
    type=click.Choice(BACKENDS),
    help="Where matches are played: here, or in processes of Ray.  [local]",
)
@click.option(
    "--workers", type=click.IntRange(1), help="Processes of Ray.  [one a CPU that Ray has]"
)
@json_option
def command(
    game_id: str,
    seats: tuple[str, ...],
    games: int,
    seed: int,
    record: Path | None,
    append: bool,
    overwrite: bool,
    swap: bool,
    option: tuple[str, ...],
    illegal: str,
    max_cycles: int | None,
    backend: str,
    workers: int | None,
    as_json: bool,
) -> None:
    """Play matches between players and print how they did.

    \b
    arenas match KuhnPoker-v0 --seats nash random --games 1000 --record kuhn.jsonl
    arenas match KuhnPoker-v0 -o players=3 --seats scripted random random
    arenas match TicTacToe-v0 -o size=5 --seats scripted random --json
    arenas match KuhnPoker-v0 --seats network:runs/kuhn/policy.pt exact
    arenas match KuhnPoker-v0 --seats "server:http://127.0.0.1:8000/v1?model=NAME" nash
    arenas match TicTacToe-v0 -o size=5 --seats scripted random --backend ray --workers 8
    """  # noqa: D301 - click reads the escape itself
    with plain_errors():
        records = play_matches(
            game_id,
            seats,
            games,
            seed,
            swap=swap,
            illegal=illegal,
            max_cycles=max_cycles,
            options=read_options(option),
            backend=backend,
            workers=workers,
        )
        file = open_records(record, append, overwrite)
    results = Results(seats)
    ending = play_out(seated(records, seats, swap), results.add, games, file, as_json)
    _report(results, as_json)
    ending.tell(results.matches, games, record)
    if swap and games % len(seats):
        err.print(f"{games} is no multiple of {len(seats)} seats, so the last deal is lopsided")


def _report(results: Results, as_json: bool) -> None:
    rows = results.table()
    if as_json:
        print(json.dumps([row.to_json() for row in rows], indent=2))
        return
    table = Table(box=box.SIMPLE_HEAD)
    table.add_column("player")
    seats = [f"seat {seat}" for seat in range(len(results.players))]
    for column in ("matches", "mean reward", *seats, "W/D/L", "illegal"):
        table.add_column(column, justify="right")
    for row in rows:
        table.add_row(row.player, *_cells(row))
    print_table(table)
    out.print("Mean reward a match with its 95 % confidence interval, then seat by seat.")


def _cells(row: PlayerResult) -> Iterator[str]:
    yield str(row.matches)
    yield f"{row.mean:+.3f} ± {row.interval:.3f}"
    for mean in row.by_seat:
        yield f"{mean:+.3f}"
    yield f"{row.wins}/{row.draws}/{row.losses}"
    yield str(row.illegal_moves)
