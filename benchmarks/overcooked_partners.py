"""Who cooks well with whom: players x partners x layouts of Overcooked, in both seats.

README.md of the game and of the baselines have the tables that this prints. A player may be given
as NAME=PLAYER, and `{layout}` in it is replaced, so that each kitchen has trained cooks of its own:

    --players "sp=network:runs/{layout}-sp-0/policy.pt" "fcp=network:runs/{layout}-fcp-0/policy.pt"
"""

from __future__ import annotations

import os

os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1", MKL_NUM_THREADS="1")

import argparse
import json
import sys
import time
from collections.abc import Iterable, Sequence
from datetime import datetime, timezone
from pathlib import Path
from statistics import fmean, stdev
from typing import Any, NamedTuple

from rich.progress import Progress

import arenas
from arenas.games.overcooked.layouts import CLASSICS
from arenas.games.overcooked.proagent.cook import beliefs_of
from arenas.rating.results import half_width

GAME = "Overcooked-v0"
PLAYERS = ("greedy", "courier", "proagent")
PARTNERS = (
    "random",
    "stay",
    "greedy",
    "greedy:2",
    "onion-only",
    "dish-only",
    "lazy",
    "slow",
    "courier",
)


class Cell(NamedTuple):
    """One player with one partner in one kitchen.

    Attributes:
        layout, player, partner: names; a partner "itself" is the player's twin.
        seats: points of each match by the player's seat.
        beliefs: whether each thing that a ProAgent cook expected of its partner came true.
    """

    layout: str
    player: str
    partner: str
    seats: tuple[list[float], list[float]]
    beliefs: list[bool]

    @property
    def mean(self) -> float:
        """Points a match, both seats alike."""
        return fmean(fmean(seat) for seat in self.seats)

    @property
    def interval(self) -> float:
        """Half-width of the 95 % interval of the mean, over deals played in both seats."""
        return half_width([fmean(pair) for pair in zip(*self.seats, strict=True)])


def is_named(player: str) -> bool:
    """Whether it is NAME=PLAYER, and no player's name with an equals sign in its argument."""
    name, equals, _ = player.partition("=")
    return bool(equals) and ":" not in name


def short(player: str) -> str:
    """The name that stands in tables."""
    return player.partition("=")[0] if is_named(player) else player


def measure(layout: str, player: str, partner: str, options: argparse.Namespace) -> Cell:
    """Plays every deal in both seats."""
    kitchen = {"kitchen": layout, "dynamics": options.dynamics, "starts": options.starts}
    named = [player, player if partner == "itself" else partner]
    seats = [each.partition("=")[2] if is_named(each) else each for each in named]
    seats = [each.replace("{layout}", layout) for each in seats]
    cell = Cell(layout, short(player), short(partner), ([], []), [])
    records = arenas.play_matches(
        GAME, seats, 2 * options.episodes, seed=options.seed, options=kitchen
    )
    for number, record in enumerate(records):
        # Every deal is played first in this order and then in the other.
        seat = number % 2
        cell.seats[seat].append(record.rewards[seat])
        cell.beliefs.extend(belief.held for belief in beliefs_of(record, seat))
    return cell


def table(cells: Iterable[Cell], layouts: Sequence[str]) -> list[str]:
    """A row for each player and partner: mean and interval in every kitchen, and on average."""
    by_row: dict[tuple[str, str], dict[str, Cell]] = {}
    for cell in cells:
        by_row.setdefault((cell.partner, cell.player), {})[cell.layout] = cell
    lines = [
        "| partner | player | " + " | ".join(layouts) + " | mean |",
        "| --- | --- |" + " --- |" * (len(layouts) + 1),
    ]
    for (partner, player), row in by_row.items():
        entries = []
        for layout in layouts:
            cell = row[layout]
            seats = " / ".join(f"{fmean(seat):.0f}" for seat in cell.seats)
            entries.append(f"{cell.mean:.0f} ± {cell.interval:.0f} ({seats})")
        mean = fmean(cell.mean for cell in row.values())
        lines.append(f"| {partner} | {player} | {' | '.join(entries)} | {mean:.0f} |")
    return lines


def strangers(cells: Sequence[Cell], layouts: Sequence[str]) -> list[str]:
    """A row for each player: with all partners but itself, as seat 0 and as seat 1.

    With the standard error over partners, in the form of table 1 of the ProAgent paper (Zhang et
    al., AAAI 2024).
    """
    lines = [
        "| player | " + " | ".join(layouts) + " |",
        "| --- |" + " --- |" * len(layouts),
    ]
    for player in dict.fromkeys(cell.player for cell in cells):
        entries = []
        for layout in layouts:
            met = [
                cell
                for cell in cells
                if (cell.player, cell.layout) == (player, layout)
                and cell.partner not in ("itself", player)
            ]
            by_seat = [[fmean(cell.seats[seat]) for cell in met] for seat in (0, 1)]
            errors = (stdev(seat) / len(seat) ** 0.5 if len(seat) > 1 else 0 for seat in by_seat)
            means = (fmean(seat) for seat in by_seat)
            entries.append(
                " / ".join(f"{m:.1f} ± {e:.1f}" for m, e in zip(means, errors, strict=True))
            )
        lines.append(f"| {player} | {' | '.join(entries)} |")
    return lines


def belief_lines(cells: Iterable[Cell]) -> list[str]:
    """How often what was expected of a partner came true, over all kitchens."""
    by_partner: dict[tuple[str, str], list[bool]] = {}
    for cell in cells:
        if cell.beliefs:
            by_partner.setdefault((cell.player, cell.partner), []).extend(cell.beliefs)
    return [
        f"{player} with {partner}: {sum(held)} of {len(held)} expectations came true "
        f"({100 * fmean(held):.0f} %)"
        for (player, partner), held in by_partner.items()
    ]


def behind(cells: Sequence[Cell], player: str, rival: str) -> list[str]:
    """Partners with whom a player scores less than another, on average over the kitchens."""
    found = []
    for partner in dict.fromkeys(cell.partner for cell in cells if cell.partner != "itself"):
        mean = {
            name: fmean(c.mean for c in cells if (c.player, c.partner) == (name, partner))
            for name in (player, rival)
        }
        if mean[player] < mean[rival]:
            found.append(f"{partner} ({mean[player]:.0f} to {mean[rival]:.0f})")
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    """Prints the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--players", nargs="+", default=list(PLAYERS))
    parser.add_argument("--partners", nargs="+", default=[*PARTNERS, "itself"])
    parser.add_argument("--layouts", nargs="+", default=list(CLASSICS))
    parser.add_argument("--episodes", type=int, default=10, help="deals; each in both seats")
    parser.add_argument("--dynamics", default="old", choices=("old", "new"))
    parser.add_argument("--starts", default="fixed", choices=("fixed", "places", "everything"))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path, help="keeps every match")
    options = parser.parse_args(arguments)
    begun, cells = time.process_time(), []
    plan = [
        (lay, p, q) for q in options.partners for p in options.players for lay in options.layouts
    ]
    with Progress(transient=True) as progress:
        for layout, player, partner in progress.track(plan, description="matches"):
            cells.append(measure(layout, player, partner, options))
    now = datetime.now(timezone.utc)
    print(
        f"{now:%Y-%m-%d}; Overcooked-v0, {options.dynamics} dynamics, starts {options.starts}, 400 "
        f"steps, {options.episodes} deals in both seats, seed {options.seed}"
    )
    print("Points a match ± 95 % interval (as seat 0 / as seat 1)\n")
    print("\n".join(table(cells, options.layouts)))
    print(
        "\nWith all partners but itself, as seat 0 / as seat 1 (± standard error over partners)\n"
    )
    print("\n".join(strangers(cells, options.layouts)))
    print("\n".join(["", *belief_lines(cells)]))
    if {"proagent", "greedy"} <= set(options.players):
        worse = behind(cells, "proagent", "greedy")
        print(f"\nproagent scores less than greedy with: {', '.join(worse) or 'no partner'}")
    print(f"\n{time.process_time() - begun:.0f} s of CPU")
    if options.json:
        rows: list[dict[str, Any]] = [cell._asdict() for cell in cells]
        options.json.write_text(json.dumps(rows, indent=1), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
