"""`arenas play`."""

from __future__ import annotations

import sys
import webbrowser
from typing import Any

import click

import arenas
from arenas.cli.console import INTERRUPTED, plain_errors
from arenas.cli.parameters import complete_player, game_argument, option_option
from arenas.core.game import Game
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
@click.option(
    "--ui",
    default="lines",
    type=click.Choice(["window", "browser", "terminal", "lines"]),
    help="Where you play; `terminal` fills it, `lines` asks line by line.  [lines]",
)
def command(
    game_id: str, vs: str, seat: int, seed: int | None, option: tuple[str, ...], ui: str
) -> None:
    """Play a match yourself.

    \b
    arenas play TicTacToe-v0 --vs exact
    arenas play KuhnPoker-v0 --vs nash --seat 1 -o hands=10
    arenas play Overcooked-v0 --vs scripted --ui window
    arenas play Negotiation-v0 --vs scripted --ui browser
    arenas play Spy-v0 --vs bayes --ui terminal
    """  # noqa: D301 - click reads the escape itself
    played = {
        "window": _in_window,
        "browser": _in_browser,
        "terminal": _in_terminal,
        "lines": _in_lines,
    }
    played[ui](game_id, vs, seat, seed, option)


def _in_window(game_id: str, vs: str, seat: int, seed: int | None, option: tuple[str, ...]) -> None:
    with plain_errors():
        from arenas.core.screen import NoScreen
        from arenas.ui.session import Session
        from arenas.ui.window import Window

        options = read_options(option)
        _seats(arenas.make_game(game_id, **options), seat)
        seeds = SeedSequence() if seed is None else SeedSequence(seed)
        chosen: list[int] = [] if seed is None else [seed]

        def opened() -> Session:
            # The first match is that of --seed; further ones follow from it.
            number = chosen.pop() if chosen else seeds.next()
            return Session(game_id, vs, (seat,), number, options=options)

        try:
            window = Window(opened, seat)
        except NoScreen as error:
            raise ValueError(f"{error}; take --ui terminal or --ui browser") from None
    print(f"Close the window to end; --seed {window.session.seed} deals this again.", flush=True)
    window.run()


def _in_browser(
    game_id: str, vs: str, seat: int, seed: int | None, option: tuple[str, ...]
) -> None:
    with plain_errors():
        from arenas.ui.server.app import Served
        from arenas.ui.server.tables import PERSON, House

        options = read_options(option)
        seats = _seats(arenas.make_game(game_id, **options), seat)
        house = House()
        players = [PERSON if each == seat else vs for each in range(seats)]
        table = house.open(game_id, options, players, seed=seed)
        served = Served(house)
    link = served.link(table.keys[seat])
    print(f"{link}\nCtrl-C ends it; --seed {table.session.seed} deals this again.", flush=True)
    webbrowser.open(link)
    served.run()


def _seats(game: Game[Any], seat: int) -> int:
    seats = game.spec.seats
    if seat >= seats:
        raise ValueError(f"--seat {seat}: the seats are 0 to {seats - 1}")
    return seats


def _in_terminal(
    game_id: str, vs: str, seat: int, seed: int | None, option: tuple[str, ...]
) -> None:
    with plain_errors():
        from arenas.ui.session import Session
        from arenas.ui.terminal_app import Play

        if not sys.stdout.isatty():
            raise ValueError("this is no terminal; take --ui lines")
        options = read_options(option)
        _seats(arenas.make_game(game_id, **options), seat)
        session = Session(game_id, vs, (seat,), seed, options=options)
    with session:
        Play(session, seat).run()
    print(session.snapshot(seat).farewell or "You left before the end.")
    print(f"--seed {session.seed} deals this again.")


def _in_lines(game_id: str, vs: str, seat: int, seed: int | None, option: tuple[str, ...]) -> None:
    from arenas.ui import terminal

    with plain_errors():
        game = arenas.make_game(game_id, **read_options(option))
        _seats(game, seat)
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
