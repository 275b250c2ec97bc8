"""Arguments and options that several commands take."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

import click

import arenas


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


def complete_game(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    """Names of games, for the shell."""
    names = [entry.short for entry in arenas.entries()]
    return [name for name in names if name.startswith(incomplete)]


def complete_player(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    """Names of players of the game that was typed, for the shell."""
    try:
        names = arenas.player_names(ctx.params.get("game_id") or "")
    except ValueError:
        return []
    return [name for name in names if name.startswith(incomplete)]


game_argument = click.argument("game_id", metavar="ID", shell_complete=complete_game)


option_option = click.option(
    "--option", "-o", multiple=True, metavar="NAME=VALUE", help="An option of the game; repeatable."
)


json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON for scripts.")


seed_option = click.option(
    "--seed", default=0, type=click.IntRange(0), help="The same seed plays the same matches.  [0]"
)


illegal_option = click.option(
    "--illegal",
    default="retry:1",
    help="What follows an illegal move: retry:K, raise, random-legal, penalty:X.  [retry:1]",
)


_RECORD = (
    click.option(
        "--record", type=click.Path(path_type=Path), help="Write one JSON line per match."
    ),
    click.option("--append", is_flag=True, help="Add to the record file."),
    click.option("--overwrite", is_flag=True, help="Replace the record file."),
)


def record_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds `--record`, `--append` and `--overwrite`, which `open_records` takes."""
    for option in reversed(_RECORD):
        command = option(command)
    return command


def open_records(path: Path | None, append: bool, overwrite: bool) -> IO[str] | None:
    """The file that `--record` names, None without it.

    Raises:
        ValueError: it exists and neither flag is given, or its folder does not exist.
    """
    if path is None:
        return None
    if path.exists() and not append and not overwrite:
        raise ValueError(f"{path} exists: say --append or --overwrite")
    if not path.absolute().parent.is_dir():
        raise ValueError(f"there is no folder {path.parent} to write {path.name} into")
    return path.open("a" if append else "w", encoding="ascii")
