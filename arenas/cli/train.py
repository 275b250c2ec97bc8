"""`arenas train`."""

from __future__ import annotations

import importlib
import pkgutil

import click

import arenas.baselines
from arenas.cli.console import plain_errors
from arenas.cli.parameters import complete_game


def _algorithms() -> list[str]:
    """The training algorithms, by name; none of them is imported."""
    return sorted(module.name for module in pkgutil.iter_modules(arenas.baselines.__path__))


@click.command(
    "train",
    add_help_option=False,
    context_settings={"ignore_unknown_options": True},
    options_metavar="",
)
@click.option("--algo", default="ppo_selfplay", type=click.Choice(_algorithms()))
@click.argument(
    "arguments",
    metavar="GAME_ID [OPTIONS]",
    nargs=-1,
    type=click.UNPROCESSED,
    shell_complete=complete_game,
)
def command(algo: str, arguments: tuple[str, ...]) -> None:
    """Train a player of a game by self-play; `arenas train --help` shows how."""
    with plain_errors():
        module = importlib.import_module(f"arenas.baselines.{algo}")
    trainer: click.Command = module.command
    trainer.epilog = f"Algorithms (--algo NAME): {', '.join(_algorithms())}"
    trainer.main(list(arguments) or ["--help"], prog_name=f"arenas train --algo {algo}")
