"""The command line: `arenas list`, `match`, `verify`, `exploitability`, `play`, `train`, ..."""

from __future__ import annotations

import importlib
import json
import os
import pkgutil
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import IO, Any

import click
from click.shell_completion import get_completion_class
from rich import box
from rich.console import Console
from rich.measure import Measurement
from rich.progress import Progress
from rich.table import Table
from rich.text import Text

import arenas
import arenas.baselines
from arenas.core.match import Match
from arenas.core.policy import Policy, PolicyError
from arenas.core.record import write_records
from arenas.core.rng import SeedSequence
from arenas.policies.human import Quit
from arenas.rating.results import PlayerResult, Results, finite
from arenas.rating.tournament import Mean, Tournament, draw_cross_play
from arenas.registry import read_options
from arenas.rollout.matches import play_matches, seated
from arenas.rollout.verify import verify_file

INTERRUPTED = 130
"""Exit status after Ctrl-C, as shells have it."""

EXTRAS = {
    "pytest": "sandbox",
    "torch": "train",
    "matplotlib": "train",
    "openskill": "rating",
    "tensorboard": "train",
    "tokenizers": "language,train",
    "transformers": "language,train",
}
"""What installs the packages that training imports."""

_out = Console(highlight=False)
_err = Console(stderr=True, highlight=False, soft_wrap=True)


class ManySeats(click.Command):
    """Lets `--seats A B C` and `--players A B C` take several names, up to the next option."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Repeats the flag before each of its names, which is what click reads."""
        spread: list[str] = []
        flag = ""
        for arg in args:
            if arg.startswith("-"):
                flag = arg if arg in ("--seats", "-s", "--players", "-p") else ""
            if arg != flag:
                spread += [flag, arg] if flag else [arg]
        return super().parse_args(ctx, spread)


def _complete_game(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    names = [entry.short for entry in arenas.entries()]
    return [name for name in names if name.startswith(incomplete)]


def _complete_player(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    try:
        names = arenas.player_names(ctx.params.get("game_id") or "")
    except ValueError:
        return []
    return [name for name in names if name.startswith(incomplete)]


game_argument = click.argument("game_id", metavar="ID", shell_complete=_complete_game)
option_option = click.option(
    "--option", "-o", multiple=True, metavar="NAME=VALUE", help="An option of the game; repeatable."
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON for scripts.")


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(arenas.__version__, package_name="selfplay-arenas", prog_name="arenas")
def app() -> None:
    """Multi-agent arenas for self-play: play matches, record them, verify their rewards.

    \b
    Begin with:
      arenas list
      arenas play TicTacToe-v0 --vs exact
      arenas match KuhnPoker-v0 --seats nash random --games 1000 --record kuhn.jsonl
      arenas verify kuhn.jsonl
    """  # noqa: D301 - click reads the escape itself


@app.command("list")
@json_option
def list_games(as_json: bool) -> None:
    """List the games with their options and players."""
    rows = [_describe(entry) for entry in arenas.entries()]
    if as_json:
        print(json.dumps(rows, indent=2))
        return
    table = Table(box=box.SIMPLE_HEAD)
    for column in ("game", "seats", "kind", "options", "players"):
        table.add_column(column)
    for row in rows:
        short = row["id"].removeprefix("selfplay/")
        if "missing" in row:
            table.add_row(short, "", Text(row["missing"]))
            continue
        table.add_row(
            short,
            str(row["seats"]),
            f"{row['payoff'].replace('_', '-')}\n{row['information']} information",
            "\n".join(f"{name}={value}" for name, value in row["options"].items()),
            "\n".join(row["players"]),
        )
    _print_table(table)


def _describe(entry: arenas.registry.Entry) -> dict[str, Any]:
    try:
        game = arenas.make_game(entry.id)
    except ImportError as error:
        return {"id": entry.id, "summary": entry.summary, "missing": str(error)}
    spec = game.spec
    return {
        "id": entry.id,
        "summary": entry.summary,
        "seats": spec.seats,
        "roles": list(spec.roles),
        "payoff": spec.payoff,
        "information": spec.information,
        "simultaneous": spec.simultaneous,
        "rules_version": spec.version,
        "options": dict(game.options),
        "players": arenas.player_names(entry.id),
    }


@app.command(cls=ManySeats)
@game_argument
@click.option(
    "--seats",
    "-s",
    multiple=True,
    required=True,
    metavar="PLAYER...",
    help="A player for each seat: --seats exact random",
    shell_complete=_complete_player,
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
def match(
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
    with _plain_errors():
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
        file = _open_records(record, append, overwrite)
    results = Results(seats)
    interrupted, failure = False, None
    try:
        with _plain_errors(), _progress("matches", games, as_json) as advance:
            for each, sitting in seated(records, seats, swap):
                with _uninterrupted():
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
        _err.print(f"{results.matches} records in {record}; check them: arenas verify {record}")
    if interrupted or failure:
        _err.print(f"stopped after {results.matches} of {games} matches")
    if failure:
        raise click.ClickException(str(failure))
    if interrupted:
        sys.exit(INTERRUPTED)
    if swap and games % len(seats):
        _err.print(f"{games} is no multiple of {len(seats)} seats, so the last deal is lopsided")


def _open_records(path: Path | None, append: bool, overwrite: bool) -> IO[str] | None:
    if path is None:
        return None
    if path.exists() and not append and not overwrite:
        raise ValueError(f"{path} exists: say --append or --overwrite")
    if not path.absolute().parent.is_dir():
        raise ValueError(f"there is no folder {path.parent} to write {path.name} into")
    return path.open("a" if append else "w", encoding="ascii")


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
    _print_table(table)
    _out.print("Mean reward a match with its 95 % confidence interval, then seat by seat.")


def _cells(row: PlayerResult) -> Iterator[str]:
    yield str(row.matches)
    yield f"{row.mean:+.3f} ± {row.interval:.3f}"
    for mean in row.by_seat:
        yield f"{mean:+.3f}"
    yield f"{row.wins}/{row.draws}/{row.losses}"
    yield str(row.illegal_moves)


@app.command(cls=ManySeats)
@game_argument
@click.option(
    "--players",
    "-p",
    multiple=True,
    required=True,
    metavar="PLAYER...",
    help="Who takes part: --players exact scripted random",
    shell_complete=_complete_player,
)
@click.option(
    "--games", "-n", default=100, type=click.IntRange(1), help="Matches a line-up.  [100]"
)
@click.option(
    "--seed", default=0, type=click.IntRange(0), help="The same seed plays the same matches.  [0]"
)
@click.option(
    "--mirror/--no-mirror",
    default=None,
    help="Players also meet themselves.  [where all seats are paid alike]",
)
@click.option("--record", type=click.Path(path_type=Path), help="Write one JSON line per match.")
@click.option("--append", is_flag=True, help="Add to the record file.")
@click.option("--overwrite", is_flag=True, help="Replace the record file.")
@click.option(
    "--plot", type=click.Path(path_type=Path), help="Draw the cross-play table of two seats."
)
@option_option
@click.option(
    "--illegal",
    default="retry:1",
    help="What follows an illegal move: retry:K, raise, random-legal, penalty:X.  [retry:1]",
)
@json_option
def tournament(
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
    with _plain_errors():
        options = read_options(option)
        game = arenas.make_game(game_id, **options)
        common = game.spec.payoff == "common"
        table = Tournament(
            players, game.spec.seats, common if mirror is None else mirror, rated=not common
        )
        if plot is not None and game.spec.seats != 2:
            raise ValueError(f"--plot draws games of two seats; {game_id} has {game.spec.seats}")
        made = [arenas.make_player(game_id, name, game) for name in players]
        file = _open_records(record, append, overwrite)
    total, stopped, failure = games * len(table.line_ups), False, None
    try:
        with _plain_errors(), _progress("matches", total, as_json) as advance:
            for line_up in table.line_ups:
                names = [players[player] for player in line_up]
                records = play_matches(
                    game_id,
                    [made[player] for player in line_up],
                    games,
                    seed,
                    illegal=illegal,
                    options=options,
                )
                for each, sitting in seated(records, names):
                    with _uninterrupted():
                        if file is not None:
                            write_records([each], file)
                        table.add(each, [line_up[player] for player in sitting])
                    advance(1)
    except (KeyboardInterrupt, Quit):
        stopped = True
    except PolicyError as error:
        failure = error
    finally:
        if file is not None:
            file.close()
    with _plain_errors():
        _report_tournament(table, as_json)
        if plot is not None and table.matches:
            draw_cross_play(table, f"{game_id}, {table.matches} matches", str(plot))
    if record is not None:
        _err.print(f"{table.matches} records in {record}; check them: arenas verify {record}")
    if stopped or failure:
        _err.print(f"stopped after {table.matches} of {total} matches")
    if failure:
        raise click.ClickException(str(failure))
    if stopped:
        sys.exit(INTERRUPTED)
    if games % game.spec.seats:
        _err.print(f"{games} is no multiple of {game.spec.seats} seats: the last deal is lopsided")


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
    _print_table(table)
    if tournament.seats == 2 and len(tournament.players) > 1:
        cross = Table(box=box.SIMPLE_HEAD)
        cross.add_column("player")
        for name in tournament.players:
            cross.add_column(f"with {name}", justify="right")
        cells_of = {(a, b): _mean_cell(mean) for a, b, mean in pairs}
        for name in tournament.players:
            cross.add_row(name, *(cells_of.get((name, other), "") for other in tournament.players))
        _print_table(cross)
    _out.print("Mean reward a match with its 95 % confidence interval over deals.")


def _pairs(tournament: Tournament) -> list[tuple[str, str, Mean]]:
    """Games of two seats: who got what with whom."""
    if tournament.seats != 2:
        return []
    named = list(enumerate(tournament.players))
    found = [(a, b, tournament.against(i, j)) for i, a in named for j, b in named]
    return [(a, b, mean) for a, b, mean in found if mean is not None]


def _mean_cell(mean: Mean) -> str:
    return f"{mean.mean:+.3f} ± {mean.interval:.3f}"


@app.command()
@click.argument(
    "files", metavar="FILE...", nargs=-1, required=True, type=click.Path(path_type=Path)
)
@json_option
def verify(files: tuple[Path, ...], as_json: bool) -> None:
    """Play every recorded match again and say whether its rewards are true.

    Names the line of each record that is refused, and why. The exit status is 1 if there is one.
    """
    refused = 0
    for path in files:
        good, bad = 0, []
        try:
            with _progress("records", path.stat().st_size, as_json) as advance:
                for verdict in verify_file(path):
                    advance(verdict.bytes_read)
                    good += not verdict.problems
                    if verdict.problems:
                        bad.append({"line": verdict.line, "problems": verdict.problems})
                        if not as_json:
                            print(f"{path}:{verdict.line}: {'; '.join(verdict.problems)}")
        except OSError as error:
            raise click.ClickException(f"cannot read {path}: {error.strerror}") from None
        refused += len(bad)
        if as_json:
            print(json.dumps({"file": str(path), "verified": good, "refused": bad}))
        else:
            print(f"{path}: {good} verified, {len(bad)} refused")
    if refused:
        sys.exit(1)


@app.command()
@game_argument
@click.option(
    "--player",
    "-p",
    "players",
    multiple=True,
    required=True,
    metavar="PLAYER",
    help="Who sits: once for all seats, or once for each seat.",
    shell_complete=_complete_player,
)
@option_option
@json_option
def exploitability(
    game_id: str, players: tuple[str, ...], option: tuple[str, ...], as_json: bool
) -> None:
    """Print exactly how much every seat could gain against a player: NashConv.

    For games small enough to walk, and players that can say how likely they play each move.

    \b
    arenas exploitability KuhnPoker-v0 --player scripted
    arenas exploitability KuhnPoker-v0 --player network:runs/kuhn/policy.pt
    arenas exploitability KuhnPoker-v0 -o players=3 -p random -p random -p scripted
    """  # noqa: D301 - click reads the escape itself
    from arenas.rating.exploitability import nash_conv

    with _plain_errors():
        game = arenas.make_game(game_id, **read_options(option))
        seats = game.spec.seats
        names = players * seats if len(players) == 1 else players
        made = {name: arenas.make_player(game_id, name, game) for name in dict.fromkeys(names)}
        try:
            with _err.status("walking the whole game"):
                result = nash_conv(game, [made[name] for name in names])
        except TypeError as error:
            raise ValueError(str(error)) from None
    if as_json:
        columns = (names, result.values, result.best, result.gains)
        fields = ("player", "value", "best_response", "gain")
        by_seat = [dict(zip(fields, row, strict=True)) for row in zip(*columns, strict=True)]
        summary = {"nash_conv": result.total, "exploitability": result.exploitability}
        print(json.dumps({**summary, "seats": by_seat}, indent=2))
        return
    table = Table(box=box.SIMPLE_HEAD)
    for column in ("seat", "player"):
        table.add_column(column)
    for column in ("value", "best response", "gain"):
        table.add_column(column, justify="right")
    for seat, name in enumerate(names):
        figures = (result.values[seat], result.best[seat], result.gains[seat])
        table.add_row(str(seat), name, *(f"{figure:+.6f}" for figure in figures))
    _print_table(table)
    _out.print(f"NashConv {result.total:.6f}, exploitability {result.exploitability:.6f}")


@app.command()
@game_argument
@click.option(
    "--vs",
    default="random",
    metavar="PLAYER",
    help="Who sits in the other seats.  [random]",
    shell_complete=_complete_player,
)
@click.option("--seat", default=0, type=click.IntRange(0), help="Your seat.  [0]")
@click.option("--seed", type=click.IntRange(0), help="Deals the same match again; else a new one.")
@option_option
def play(game_id: str, vs: str, seat: int, seed: int | None, option: tuple[str, ...]) -> None:
    """Play a match yourself, in the terminal.

    \b
    arenas play TicTacToe-v0 --vs exact
    arenas play KuhnPoker-v0 --vs nash --seat 1 -o hands=10
    """  # noqa: D301 - click reads the escape itself
    from arenas.ui import terminal

    with _plain_errors():
        game = arenas.make_game(game_id, **read_options(option))
        if seat >= game.spec.seats:
            raise ValueError(f"--seat {seat}: the seats are 0 to {game.spec.seats - 1}")
        human = arenas.make_player(game_id, "human", game)
        other = arenas.make_player(game_id, vs, game)
        chosen = SeedSequence().next() if seed is None else seed
        against = Match(game, chosen, illegal="raise", language=other.speaks)
    policies: list[Policy] = [other] * game.spec.seats
    policies[seat] = human
    print(f"You are {game.spec.agents[seat]} against {vs}; --seed {chosen} deals this again.\n")
    print(game.brief(seat))
    try:
        terminal.play(against, policies, seat)
    except (KeyboardInterrupt, Quit):
        print("\nYou left before the end.")
        sys.exit(INTERRUPTED)
    except PolicyError as error:
        raise click.ClickException(str(error)) from None


def _algorithms() -> list[str]:
    """The training algorithms, by name; none of them is imported."""
    return sorted(module.name for module in pkgutil.iter_modules(arenas.baselines.__path__))


@app.command(
    add_help_option=False, context_settings={"ignore_unknown_options": True}, options_metavar=""
)
@click.option("--algo", default="ppo_selfplay", type=click.Choice(_algorithms()))
@click.argument(
    "arguments",
    metavar="GAME_ID [OPTIONS]",
    nargs=-1,
    type=click.UNPROCESSED,
    shell_complete=_complete_game,
)
def train(algo: str, arguments: tuple[str, ...]) -> None:
    """Train a player of a game by self-play; `arenas train --help` shows how."""
    with _plain_errors():
        module = importlib.import_module(f"arenas.baselines.{algo}")
    command: click.Command = module.command
    command.epilog = f"Algorithms (--algo NAME): {', '.join(_algorithms())}"
    command.main(list(arguments) or ["--help"], prog_name=f"arenas train --algo {algo}")


@app.group()
def repos() -> None:
    """The projects of BugRepair-v0: those that are here, and real ones that you add."""


@repos.command("list")
@json_option
def list_repos(as_json: bool) -> None:
    """List the projects with their sizes."""
    from arenas.games.bug_repair import project

    rows = []
    with _plain_errors():
        for name in (*project.shipped(), *project.added()):
            each = project.load(name)
            lines = sum(each.tree[path].count(b"\n") for path in each.code_files)
            rows.append(
                {
                    "name": name,
                    "code_files": len(each.code_files),
                    "lines": lines,
                    "test_files": len(each.test_files),
                    "commits": len(each.history),
                    "tree": each.tree.hash,
                }
            )
    if as_json:
        print(json.dumps(rows, indent=2))
        return
    table = Table(box=box.SIMPLE_HEAD)
    table.add_column("project")
    for column in ("code files", "lines", "test files", "commits"):
        table.add_column(column, justify="right")
    for row in rows:
        table.add_row(*map(str, list(row.values())[:-1]))
    _print_table(table)


@repos.command("add")
@click.argument("source")
@click.option("--name", default="", help="What to call it.  [the folder's or archive's name]")
@click.option(
    "--package",
    "packages",
    multiple=True,
    help="An installed distribution that its tests import; repeatable.",
)
def add_repo(source: str, name: str, packages: tuple[str, ...]) -> None:
    """Add a real project with pytest tests that pass: SOURCE is a folder, an archive or a name.

    Its tests are run in the sandbox, several times; what is not steady is left out and named. A
    name is downloaded with pip, which runs the project's own build script without walls.

    \b
    arenas repos add ../toolz
    arenas repos add toolz-1.0.0.tar.gz
    arenas repos add toolz==1.0.0
    """  # noqa: D301 - click reads the escape itself
    from arenas.games.bug_repair.adding import add

    with _plain_errors(), _err.status(f"running the tests of {source}"):
        added = add(source, name, packages)
    print(f"{added.project.name}: {len(added.suite.passing)} tests pass")
    for what, names in (
        ("test files left out", added.left_out),
        ("tests that are not steady", added.suite.flaky),
        ("tests that do not pass", added.suite.other),
    ):
        if names:
            print(f"{what}: {', '.join(names)}")
    print(f"play it: arenas match BugRepair-v0 -o 'projects=[\"{added.project.name}\"]' ...")


@repos.command("remove")
@click.argument("name")
def remove_repo(name: str) -> None:
    """Remove a project that was added."""
    from arenas.games.bug_repair.project import forget

    with _plain_errors():
        forget(name)


@repos.command("export")
@click.argument("name")
@click.argument("folder", type=click.Path(path_type=Path))
def export_repo(name: str, folder: Path) -> None:
    """Write a project's files into a new FOLDER."""
    from arenas.games.bug_repair.project import load

    with _plain_errors():
        if folder.exists():
            raise ValueError(f"{folder} exists already")
        load(name).tree.write(folder)


@app.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print the completion script of a shell.

    \b
    bash, zsh: eval "$(arenas completion bash)"      in ~/.bashrc or ~/.zshrc
    fish:      arenas completion fish | source       in config.fish
    """  # noqa: D301 - click reads the escape itself
    complete = get_completion_class(shell)
    assert complete is not None
    print(complete(app, {}, "arenas", "_ARENAS_COMPLETE").source())


@app.group("sandbox")
def sandbox_group() -> None:
    """What runs hostile code here, and how safely.

    \b
    Begin with:
      arenas sandbox doctor
    """  # noqa: D301


@sandbox_group.command("doctor")
@json_option
def sandbox_doctor(as_json: bool) -> None:
    """Say which walls stand on this machine; the status is 1 where hostile code is refused.

    \b
    Example:
      arenas sandbox doctor
    """  # noqa: D301
    from arenas.sandbox.walls import walls

    report = walls()
    if as_json:
        rows = [vars(wall) for wall in report.walls]
        print(
            json.dumps({"level": report.level, "missing": report.missing, "walls": rows}, indent=2)
        )
    else:
        table = Table(box=box.SIMPLE_HEAD)
        for column in ("wall", "stands", "keeps out", "note"):
            table.add_column(column)
        for wall in report.walls:
            table.add_row(wall.name, "yes" if wall.stands else "no", wall.keeps_out, wall.note)
        _print_table(table)
        if report.enough:
            _out.print(f"Hostile code is run at the level {report.level}.")
        else:
            _out.print(f"Hostile code is refused: there is no {', no '.join(report.missing)}.")
    if not report.enough:
        sys.exit(1)


def _print_table(table: Table) -> None:
    """Prints a table at its full width; a narrow terminal wraps it rather than cut it."""
    wide = Console(width=1_000)
    needed = Measurement.get(wide, wide.options, table).maximum
    Console(width=max(needed, _out.width), highlight=False).print(table)


@contextmanager
def _plain_errors() -> Iterator[None]:
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
def _uninterrupted() -> Iterator[None]:
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
def _progress(what: str, total: int, quiet: bool) -> Iterator[Callable[[int], None]]:
    """A progress bar on a terminal's standard error; nothing elsewhere."""
    hidden = quiet or not _err.is_terminal
    with Progress(console=_err, transient=True, disable=hidden) as progress:
        task = progress.add_task(what, total=total)
        yield lambda amount: progress.advance(task, amount)


def main() -> None:
    """Entry point of the `arenas` command."""
    try:
        app(prog_name="arenas")
    except BrokenPipeError:
        # The reader of our output left early (`arenas verify FILE | head`).
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
