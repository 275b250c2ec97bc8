"""`arenas match`."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import click
from rich import box
from rich.table import Table

from arenas.cli.console import (
    INTERRUPTED,
    err,
    out,
    plain_errors,
    print_table,
    progress,
    uninterrupted,
)
from arenas.cli.parameters import (
    ManySeats,
    complete_player,
    game_argument,
    json_option,
    open_records,
    option_option,
)
from arenas.core.policy import PolicyError
from arenas.core.record import write_records
from arenas.policies.human import Quit
from arenas.rating.results import PlayerResult, Results
from arenas.registry import read_options
from arenas.rollout.matches import play_matches, seated


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
@click.option(
    "--seed", default=0, type=click.IntRange(0), help="The same seed plays the same matches.  [0]"
)
@click.option("--record", type=click.Path(path_type=Path), help="Write one JSON line per match.")
@click.option("--append", is_flag=True, help="Add to the record file.")
@click.option("--overwrite", is_flag=True, help="Replace the record file.")
@click.option(
    "--swap/--no-swap",
    default=True,
    help="Play every deal once in each rotation of the players over the seats.  [swap]",
)
@option_option
@click.option(
    "--illegal",
    default="retry:1",
    help="What follows an illegal move: retry:K, raise, random-legal, penalty:X.  [retry:1]",
)
@click.option(
    "--max-cycles", type=click.IntRange(1), help="Cut a match short after so many moves a seat."
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
    as_json: bool,
) -> None:
    """Play matches between players and print how they did.

    \b
    arenas match KuhnPoker-v0 --seats nash random --games 1000 --record kuhn.jsonl
    arenas match KuhnPoker-v0 -o players=3 --seats scripted random random
    arenas match TicTacToe-v0 -o size=5 --seats scripted random --json
    arenas match KuhnPoker-v0 --seats network:runs/kuhn/policy.pt exact
    arenas match KuhnPoker-v0 --seats "server:http://127.0.0.1:8000/v1?model=NAME" nash
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
        )
        file = open_records(record, append, overwrite)
    results = Results(seats)
    interrupted, failure = False, None
    try:
        with plain_errors(), progress("matches", games, as_json) as advance:
            for each, sitting in seated(records, seats, swap):
                with uninterrupted():
                    if file is not None:
                        write_records([each], file)
                    results.add(each, sitting)
                advance(1)
    except (KeyboardInterrupt, Quit):
        interrupted = True
    except PolicyError as error:
        failure = error
    finally:
        if file is not None:
            file.close()
    _report(results, as_json)
    if record is not None:
        err.print(f"{results.matches} records in {record}; check them: arenas verify {record}")
    if interrupted or failure:
        err.print(f"stopped after {results.matches} of {games} matches")
    if failure:
        raise click.ClickException(str(failure))
    if interrupted:
        sys.exit(INTERRUPTED)
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
