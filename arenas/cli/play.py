"""`arenas play`."""

from __future__ import annotations

import sys

import click

import arenas
from arenas.cli.console import INTERRUPTED, plain_errors
from arenas.cli.parameters import complete_player, game_argument, option_option
from arenas.core.match import Match
from arenas.core.policy import Policy, PolicyError
from arenas.core.rng import SeedSequence
from arenas.policies.human import Quit
from arenas.registry import read_options


@click.command("play")
@game_argument
@click.option(
    "--vs",
    default="random",
    metavar="PLAYER",
    help="Who sits in the other seats.  [random]",
    shell_complete=complete_player,
)
@click.option("--seat", default=0, type=click.IntRange(0), help="Your seat.  [0]")
@click.option("--seed", type=click.IntRange(0), help="Deals the same match again; else a new one.")
@option_option
def command(game_id: str, vs: str, seat: int, seed: int | None, option: tuple[str, ...]) -> None:
    """Play a match yourself, in the terminal.

    \b
    arenas play TicTacToe-v0 --vs exact
    arenas play KuhnPoker-v0 --vs nash --seat 1 -o hands=10
    """  # noqa: D301 - click reads the escape itself
    from arenas.ui import terminal

    with plain_errors():
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
