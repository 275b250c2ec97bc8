"""How long it takes to plan in Overcooked: planners per layout, and decisions of each cook.

`pip install overcooked==0.2.1` in the same environment adds overcooked-ai's planners to compare.
"""

from __future__ import annotations

import os

os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1", MKL_NUM_THREADS="1")

import argparse
import importlib.util
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from datetime import datetime, timezone

from arenas.core.match import Match
from arenas.core.policy import Turn
from arenas.games.overcooked import Overcooked
from arenas.games.overcooked.layouts import CLASSICS, layout_names, read_layout
from arenas.games.overcooked.snapshot import Kitchen
from arenas.registry import make_player

PLAYERS = ("stay", "random", "greedy", "courier", "proagent")


def cpu(call: Callable[[], object], times: int) -> float:
    """Median CPU seconds of a call."""
    taken = []
    for _ in range(times):
        start = time.process_time()
        call()
        taken.append(time.process_time() - start)
    return statistics.median(taken)


def ours(layout: str) -> float:
    """Milliseconds to prepare a kitchen for its players: ways to every feature, and the rest."""
    dynamics = "old" if any(len(recipe) == 3 for recipe in read_layout(layout).ordered) else "new"
    game = Overcooked(layout, dynamics=dynamics)

    def prepare() -> None:
        kitchen = Kitchen(game.layout, game.table)
        _ = kitchen.onward, kitchen.supplies, kitchen.shelves

    return 1000 * cpu(prepare, 5)


def theirs(layout: str, counters: bool) -> float | None:
    """Milliseconds that overcooked-ai's MediumLevelActionManager takes; None without it."""
    if importlib.util.find_spec("overcooked") is None:
        return None
    from overcooked.mdp.overcooked_mdp import OvercookedGridworld
    from overcooked.planning.planners import NO_COUNTERS_PARAMS, MediumLevelActionManager

    mdp = OvercookedGridworld.from_layout_name(layout)
    places = mdp.terrain_pos_dict["X"] if counters else []
    names = ("counter_goals", "counter_drop", "counter_pickup")
    params = {**NO_COUNTERS_PARAMS, **dict.fromkeys(names, places)}
    return 1000 * cpu(lambda: MediumLevelActionManager(mdp, params), 1)


def decisions(player: str, layout: str, seconds: float) -> float:
    """Decisions a CPU second of two such cooks in turns that are at hand, the rules not counted."""
    game = Overcooked(layout)
    cook = make_player("Overcooked-v0", player, game)
    spent, made, seed = 0.0, 0, 0
    while spent < seconds:
        match, seed = Match(game, seed), seed + 1
        while match.outcome is None:
            turns = [Turn.of(match, seat, seed) for seat in match.awaited]
            start = time.process_time()
            replies = cook.act(turns)
            spent += time.process_time() - start
            made += len(turns)
            for turn, reply in zip(turns, replies, strict=True):
                if reply.text is None:
                    match.submit(turn.seat, reply.move)
                else:
                    match.reply(turn.seat, reply.text)
    return made / spent


def main(arguments: Sequence[str] | None = None) -> int:
    """Prints both tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=2.0, help="CPU time of a row of decisions")
    parser.add_argument("--layouts", nargs="+", default=layout_names())
    parser.add_argument(
        "--all-counters", action="store_true", help="theirs with counters, minutes on one layout"
    )
    options = parser.parse_args(arguments)
    print(f"{datetime.now(timezone.utc):%Y-%m-%d}; CPU milliseconds until players can plan\n")
    print("| layout | floor | arenas | overcooked-ai | ... with all counters |")
    print("| --- | --- | --- | --- | --- |")
    for layout in options.layouts:
        floor = len(read_layout(layout).where(" "))
        row = [f"{ours(layout):.2f}"]
        for counters in (False, True):
            asked = layout in CLASSICS and (options.all_counters or not counters)
            taken = theirs(layout, counters) if asked else None
            row.append("" if taken is None else f"{taken:,.0f}")
        print(f"| {layout} | {floor} | {' | '.join(row)} |", flush=True)
    print("\nDecisions a CPU second\n")
    print(f"| player | {' | '.join(CLASSICS)} |")
    print("| --- |" + " --- |" * len(CLASSICS))
    for player in PLAYERS:
        rates = [f"{decisions(player, each, options.seconds):,.0f}" for each in CLASSICS]
        print(f"| {player} | {' | '.join(rates)} |", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
