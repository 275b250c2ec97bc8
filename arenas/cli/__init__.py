"""The command line: a file a command, each with its click command as `command`."""

from __future__ import annotations

import os
import sys

import click

import arenas
from arenas.cli import (
    completion,
    corpus,
    exploitability,
    list_games,
    match,
    play,
    repos,
    sandbox,
    serve,
    tournament,
    train,
    verify,
    watch,
)


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


for _module in (
    list_games,
    match,
    tournament,
    verify,
    watch,
    exploitability,
    play,
    serve,
    train,
    corpus,
    repos,
    sandbox,
    completion,
):
    app.add_command(_module.command)


def main() -> None:
    """Entry point of the `arenas` command."""
    try:
        app(prog_name="arenas")
    except BrokenPipeError:
        # The reader of our output left early (`arenas verify FILE | head`).
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
