"""All pairs of players of Negotiation in every reward mode, over mirrored pairs of matches.

    python benchmarks/negotiation_players.py            # 2,000 pairs of matches a row
    python benchmarks/negotiation_players.py --pairs 50

Each deal is played twice with the seats exchanged, and the two matches count as one sample: the
intervals are 95 % intervals of means over deals. The table is Markdown, as on the game's page.
"""

from __future__ import annotations

import itertools
import json
import time
from statistics import fmean

import click
from rich.console import Console
from rich.progress import Progress

import arenas
from arenas.rating.results import half_width

PLAYERS = ("random", "greedy", "concession", "bayesian")
REWARDS = ("zero_sum", "surplus", "shared")
HEAD = (
    "| reward | first | second | first's reward | second's reward | first's lead | share of the "
    "surplus | Pareto distance | trades |"
)


def play_pair(one, two, reward, pairs, seed, options, advance):
    """One row: both players' rewards, the lead of the first, and how good the deals were."""
    samples = {name: {} for name in ("first", "second", "lead", "share", "distance", "trades")}
    records = arenas.play_matches(
        "Negotiation-v0", [one, two], 2 * pairs, seed, options={**options, "reward": reward}
    )
    for number, record in enumerate(records):
        mine, theirs = record.rewards if number % 2 == 0 else reversed(record.rewards)
        share, evidence = record.evidence["surplus_share"], record.evidence
        found = (
            mine,
            theirs,
            mine - theirs,
            0.0 if share is None else share,
            evidence["pareto_distance"],
            evidence["trades"],
        )
        for each, value in zip(samples.values(), found, strict=True):
            each.setdefault(record.group, []).append(value)
        advance()
    row = {"reward": reward, "one": one, "two": two, "pairs": pairs}
    for name, groups in samples.items():
        means = [fmean(values) for values in groups.values()]
        row[name], row[f"{name}_interval"] = fmean(means), half_width(means)
    return row


def line(row):
    digits = 1 if row["reward"] == "shared" else 3

    def cell(name):
        return f"{row[name]:+.{digits}f} ± {row[f'{name}_interval']:.{digits}f}"

    cells = [row["reward"], row["one"], row["two"], cell("first"), cell("second"), cell("lead")]
    cells += [f"{row['share']:.3f}", f"{row['distance']:.1f}", f"{row['trades']:.2f}"]
    return f"| {' | '.join(cells)} |"


@click.command()
@click.option("--pairs", default=2_000, type=click.IntRange(2), show_default=True)
@click.option("--seed", default=0, show_default=True)
@click.option("--players", default=",".join(PLAYERS), show_default=True)
@click.option("--rewards", default=",".join(REWARDS), show_default=True)
@click.option("--preset", default="five", show_default=True)
@click.option("--json", "path", type=click.Path(), help="Keeps every row.")
def main(pairs, seed, players, rewards, preset, path):
    """Plays all pairs and prints the table."""
    line_ups = list(itertools.combinations_with_replacement(players.split(","), 2))
    print(f"{time.strftime('%Y-%m-%d')}, preset {preset}, {pairs} pairs a row, seed {seed}\n")
    print(HEAD)
    print("|" + " --- |" * HEAD.count(" | ") + " --- |")
    rows = []
    with Progress(console=Console(stderr=True)) as progress:
        total = len(line_ups) * len(rewards.split(",")) * 2 * pairs
        task = progress.add_task("matches", total=total)
        for reward, (one, two) in itertools.product(rewards.split(","), line_ups):
            rows.append(
                play_pair(
                    one, two, reward, pairs, seed, {"preset": preset},
                    lambda: progress.advance(task),
                )
            )  # fmt: skip
            print(line(rows[-1]), flush=True)
    if path:
        with open(path, "w", encoding="utf-8") as file:
            json.dump(rows, file, indent=1)


if __name__ == "__main__":
    main()
