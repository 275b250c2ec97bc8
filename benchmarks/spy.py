"""How often the spy escapes in Who Is the Spy, for each pairing of scripted players.

    python benchmarks/spy.py pairings            # every spy against every kind of civilians
    python benchmarks/spy.py pairings -o spy_sees=pair
    python benchmarks/spy.py difficulty          # by how much the two scenes differ

A cell is the share of matches in which the spy is not caught, with Wilson's 95 % interval; the same
seed deals the same scenes, spies and openers in every cell. What is written is a table in Markdown.
"""

from __future__ import annotations

import math

import click
from rich.console import Console
from rich.progress import track

import arenas
from arenas.registry import read_options

SPIES = ("random", "parrot", "literal", "consistency", "infer", "infer:0.5")
CIVILIANS = ("random", "parrot", "literal", "consistency", "bayes")
PAIRINGS = (
    ("consistency", "consistency"),
    ("literal", "literal"),
    ("infer:0.5", "consistency"),
    ("consistency", "bayes"),
)
CHANGES = (1, 2, 3, 4)


def wilson(won: int, of: int) -> tuple[float, float]:
    """Wilson's 95 % interval of a share."""
    z = 1.959964
    share, room = won / of, z * z / of
    middle = (share + room / 2) / (1 + room)
    half = z * math.sqrt(share * (1 - share) / of + room / (4 * of)) / (1 + room)
    return middle - half, middle + half


def cell(spy: str, civilians: str, matches: int, seed: int, options: dict[str, object]) -> str:
    """The spy's share of matches as text."""
    game = arenas.make_game("Spy-v0", **options)
    player = arenas.make_player("Spy-v0", f"by-role:{spy},{civilians}", game)
    records = arenas.play_matches(
        "Spy-v0", [player] * game.spec.seats, matches, seed, swap=False, options=options
    )
    escaped = sum(not record.evidence["caught"] for record in records)
    low, high = wilson(escaped, matches)
    return f"{escaped / matches:.3f} ({low:.3f} to {high:.3f})"


@click.group()
def app() -> None:
    """Spy win rates of scripted players."""


def _common(command):  # type: ignore[no-untyped-def]
    for option in (
        click.option("--matches", default=5_000, type=click.IntRange(1), help="Of each cell."),
        click.option("--seed", default=0, type=click.IntRange(0)),
        click.option("--option", "-o", multiple=True, metavar="NAME=VALUE", help="Of the game."),
    ):
        command = option(command)
    return command


@app.command()
@_common
def pairings(matches: int, seed: int, option: tuple[str, ...]) -> None:
    """Every spy against every kind of civilians."""
    options = read_options(option)
    cells = [(spy, civilians) for spy in SPIES for civilians in CIVILIANS]
    rates = [
        cell(spy, civilians, matches, seed, options)
        for spy, civilians in track(cells, "cells", console=Console(stderr=True))
    ]
    print(f"| spy | {' | '.join(CIVILIANS)} |")
    print("| --- |" + " --- |" * len(CIVILIANS))
    for number, spy in enumerate(SPIES):
        row = rates[number * len(CIVILIANS) : (number + 1) * len(CIVILIANS)]
        print(f"| `{spy}` | {' | '.join(row)} |")


@app.command()
@_common
def difficulty(matches: int, seed: int, option: tuple[str, ...]) -> None:
    """By how much the two scenes differ."""
    options = {"spy_sees": "pair", **read_options(option)}
    cells = [(pairing, changes) for pairing in PAIRINGS for changes in CHANGES]
    rates = [
        cell(*pairing, matches, seed, {**options, "changes": changes})
        for pairing, changes in track(cells, "cells", console=Console(stderr=True))
    ]
    print(f"| spy | civilians | {' | '.join(f'{n} changed' for n in CHANGES)} |")
    print("| --- | --- |" + " --- |" * len(CHANGES))
    for number, (spy, civilians) in enumerate(PAIRINGS):
        row = rates[number * len(CHANGES) : (number + 1) * len(CHANGES)]
        print(f"| `{spy}` | `{civilians}` | {' | '.join(row)} |")


if __name__ == "__main__":
    app()
