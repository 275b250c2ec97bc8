"""The scripted solver of deep search by hops and search budget, beside controls.

`python benchmarks/deep_search.py` plays, for each kind of question, matches in which one proposer
(`walker`) is faced by the same solver with growing budgets, and by two controls: `closed-book`
answers at once, `browser` opens documents at random and never searches. All solvers of a match get
the same question. The table shows the share of valid questions that each solved, with the 95 %
interval of Wilson.
"""

from __future__ import annotations

import argparse
import math
import sys
import time

import arenas

QUESTIONS = ("1", "2", "3", "4", "2:intersection", "4:comparison", "3:mixed")
BUDGETS = (1, 2, 3, 4, 6, 9)
CONTROLS = ("closed-book", "browser")


def wilson(solved, matches, z=1.96):
    """Centre and half width of the interval of Wilson for a share."""
    share = solved / matches
    scale = 1 + z * z / matches
    half = z * math.sqrt(share * (1 - share) / matches + z * z / (4 * matches * matches)) / scale
    return (share + z * z / (2 * matches)) / scale, half


def row(question, matches, seed, options):
    """How often each solver solved one kind of question, and how many questions were valid."""
    solvers = [f"reader:{budget}" for budget in BUDGETS] + list(CONTROLS)
    players = [f"walker:{question}", *solvers]
    solved, valid, hops = [0] * len(solvers), 0, 0
    for record in arenas.play_matches(
        "DeepSearch-v0",
        players,
        matches,
        seed,
        swap=False,
        options={**options, "solvers": len(solvers)},
    ):
        if record.reason == "scored":
            valid += 1
            hops += record.evidence["hops"]
            won = record.evidence["solved"]
            solved = [n + did for n, did in zip(solved, won, strict=True)]
    return solved, valid, hops / max(1, valid)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--matches", type=int, default=2_000)
    parser.add_argument("--documents", type=int, default=10_000)
    parser.add_argument("--engine", default="tantivy")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--questions", nargs="+", default=QUESTIONS)
    arguments = parser.parse_args()
    options = {"documents": arguments.documents, "engine": arguments.engine}
    heads = [f"{budget} calls" for budget in BUDGETS] + list(CONTROLS)
    print(f"| question | valid | {' | '.join(heads)} |")
    print(f"| --- | --- |{' --- |' * len(heads)}", flush=True)
    for question in arguments.questions:
        begun = time.process_time()
        solved, valid, _ = row(question, arguments.matches, arguments.seed, options)
        cells = []
        for won in solved:
            centre, half = wilson(won, max(1, valid))
            cells.append(f"{100 * centre:.1f} ± {100 * half:.1f}")
        print(f"| {question} | {valid} | {' | '.join(cells)} |", flush=True)
        print(f"{question}: {time.process_time() - begun:.0f} CPU s", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
