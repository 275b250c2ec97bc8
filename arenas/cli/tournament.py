"""`arenas tournament`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import click
from rich import box
from rich.table import Table

import arenas
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
from arenas.core.record import MatchRecord
from arenas.rating.results import finite
from arenas.rating.tournament import Mean, Tournament, draw_cross_play
from arenas.registry import read_options
from arenas.rollout.matches import play_matches, seated


@click.command("tournament", cls=ManySeats)
@game_argument
@click.option(
    "--players",
    "-p",
    multiple=True,
    required=True,
    metavar="PLAYER...",
    help="Who takes part: --players exact scripted random",
    shell_complete=complete_player,
)
@click.option(
    "--games", "-n", default=100, type=click.IntRange(1), help="Matches a line-up.  [100]"
)
@seed_option
@click.option(
    "--mirror/--no-mirror",
    default=None,
    help="Players also meet themselves.  [where all seats are paid alike]",
)
@record_options
@click.option(
    "--plot", type=click.Path(path_type=Path), help="Draw the cross-play table of two seats."
)
@option_option
@illegal_option
@json_option
def command(
    game_id: str,
    players: tuple[str, ...],
    games: int,
    seed: int,
    mirror: bool | None,
    record: Path | None,
    append: bool,
    overwrite: bool,
    plot: Path | None,
    option: tuple[str, ...],
    illegal: str,
    as_json: bool,
) -> None:
    """Play everyone with everyone, each deal in every seat, and rate them.

    Prints each player's mean reward, its rating (Elo, mean 1500), and who got what against whom.

    \b
    arenas tournament KuhnPoker-v0 --players exact scripted random --games 1000
    arenas tournament TicTacToe-v0 -p exact random network:runs/ttt/policy.pt --plot table.png
    """  # noqa: D301 - click reads the escape itself
    with plain_errors():
        options = read_options(option)
        game = arenas.make_game(game_id, **options)
        common = game.spec.payoff == "common"
        table = Tournament(
            players, game.spec.seats, common if mirror is None else mirror, rated=not common
        )
        if plot is not None and game.spec.seats != 2:
            raise ValueError(f"--plot draws games of two seats; {game_id} has {game.spec.seats}")
        made = [arenas.make_player(game_id, name, game) for name in players]
        file = open_records(record, append, overwrite)
    total = games * len(table.line_ups)

    def played() -> Iterator[tuple[MatchRecord, list[int]]]:
        for line_up in table.line_ups:
            records = play_matches(
                game_id,
                [made[player] for player in line_up],
                games,
                seed,
                illegal=illegal,
                options=options,
            )
            for each, sitting in seated(records, [players[player] for player in line_up]):
                yield each, [line_up[player] for player in sitting]

    ending = play_out(played(), table.add, total, file, as_json)
    with plain_errors():
        _report_tournament(table, as_json)
        if plot is not None and table.matches:
            draw_cross_play(table, f"{game_id}, {table.matches} matches", str(plot))
    ending.tell(table.matches, total, record)
    if games % game.spec.seats:
        err.print(f"{games} is no multiple of {game.spec.seats} seats: the last deal is lopsided")


def _report_tournament(tournament: Tournament, as_json: bool) -> None:
    standings = tournament.standings()
    pairs = _pairs(tournament)
    if as_json:
        rows = [each.to_json() for each in standings]
        against = [{"player": a, "with": b, **finite(asdict(mean))} for a, b, mean in pairs]
        print(json.dumps({"standings": rows, "against": against}, indent=2))
        return
    table = Table(box=box.SIMPLE_HEAD)
    table.add_column("player")
    rated = any(each.elo is not None for each in standings)
    seats = [f"seat {seat}" for seat in range(tournament.seats)]
    for column in ("matches", "mean reward", *seats, *(["Elo"] if rated else []), "illegal"):
        table.add_column(column, justify="right")
    for each in standings:
        cells = [str(each.overall.matches), _mean_cell(each.overall)]
        cells += ["" if mean is None else _mean_cell(mean) for mean in each.by_seat]
        if rated:
            known = each.elo is not None
            cells.append(f"{each.elo:.0f} ± {each.elo_interval:.0f}" if known else "")
        table.add_row(each.player, *cells, str(each.illegal_moves))
    print_table(table)
    if tournament.seats == 2 and len(tournament.players) > 1:
        cross = Table(box=box.SIMPLE_HEAD)
        cross.add_column("player")
        for name in tournament.players:
            cross.add_column(f"with {name}", justify="right")
        cells_of = {(a, b): _mean_cell(mean) for a, b, mean in pairs}
        for name in tournament.players:
            cross.add_row(name, *(cells_of.get((name, other), "") for other in tournament.players))
        print_table(cross)
    out.print("Mean reward a match with its 95 % confidence interval over deals.")


def _pairs(tournament: Tournament) -> list[tuple[str, str, Mean]]:
    """Games of two seats: who got what with whom."""
    if tournament.seats != 2:
        return []
    named = list(enumerate(tournament.players))
    found = [(a, b, tournament.against(i, j)) for i, a in named for j, b in named]
    return [(a, b, mean) for a, b, mean in found if mean is not None]


def _mean_cell(mean: Mean) -> str:
    return f"{mean.mean:+.3f} ± {mean.interval:.3f}"
