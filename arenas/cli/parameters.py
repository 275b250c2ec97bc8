"""Arguments and options that several commands take."""

from __future__ import annotations

from pathlib import Path
from typing import IO

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
