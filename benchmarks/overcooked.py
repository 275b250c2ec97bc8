"""Joint steps of Overcooked a second, beside overcooked-ai and JaxMARL.

    python benchmarks/overcooked.py --overcooked A/bin/python --jaxmarl B/bin/python

A is an interpreter with `overcooked==0.2.1`, B one with `jaxmarl==0.2.0`; each is left out where it
is not given. Every row plays uniformly random actions in one thread, in the old dynamics; a step is
one joint step of one kitchen. README.md in this folder says more.
"""

from __future__ import annotations

# First, because it holds every library to one thread.
from vector import Row, Worker, run  # isort: skip

import argparse
import json
from functools import partial
from pathlib import Path
from random import Random
from statistics import median
from typing import Any

from aec import describe_machine, headline, table
from overcooked_peers import (
    HORIZON,
    JAX,
    JAX_ENCODED,
    LAYOUTS,
    OVERCOOKED_AI,
    STEP,
    STEP_ENCODED,
    TRANSITION,
    TRANSITION_ENCODED,
)
from vector_peers import Pass, Play, measure

GAME = "Overcooked-v0"
VECTOR = "arenas, steps, lossless"
LOOP, BLIND = "arenas, compiled loop, lossless", "arenas, compiled loop, no observations"
NUMBERS = "arenas, compiled loop, feature vector"
PARALLEL, AEC = "arenas, ParallelEnv", "arenas, AEC"

ONE = 1
"""Batch of rows that play one kitchen."""

BARS = [
    (VECTOR, TRANSITION, 100),
    (VECTOR, TRANSITION_ENCODED, 100),
    (VECTOR, STEP_ENCODED, 100),
    (LOOP, JAX_ENCODED, 5),
    (BLIND, JAX, 10),
    (PARALLEL, STEP_ENCODED, 5),
    (AEC, STEP_ENCODED, 5),
    (PARALLEL, STEP, None),
]
"""What is compared with what, and how many times as fast ours should be."""


def vector(row: str, kitchen: str, batch: int) -> Play:
    """Our kitchens in lockstep: call by call with drawn actions, or in a compiled loop."""
    from arenas.core.joint_vector import JointVectorEnv
    from arenas.games.overcooked import Overcooked

    features = "vector" if row == NUMBERS else "lossless"
    env = JointVectorEnv(Overcooked(kitchen, features=features), batch, views=row != BLIND)
    env.reset(seed=0)
    steps = max(16, 2**15 // batch)

    def play() -> tuple[int, int]:
        before = int(env.matches.sum())
        if row == VECTOR:
            for _ in range(steps):
                env.step(env.sample_actions())
        else:
            env.play_randomly(steps)
        return steps * batch, int(env.matches.sum()) - before

    return play


def parallel(kitchen: str) -> Play:
    """One kitchen as a ParallelEnv, whose step gives both cooks their observations."""
    import arenas

    env = arenas.make_parallel(GAME, kitchen=kitchen)
    rng = Random(0)

    def play() -> tuple[int, int]:
        env.reset(seed=0)
        while env.agents:
            env.step({agent: int(rng.random() * 6) for agent in env.agents})
        return HORIZON, 1

    return play


def aec(kitchen: str) -> Play:
    """One kitchen in PettingZoo's loop: each cook observes, then acts."""
    import arenas

    env = arenas.make(GAME, kitchen=kitchen)
    rng = Random(0)

    def play() -> tuple[int, int]:
        env.reset(seed=0)
        for _ in env.agent_iter():
            _, _, terminated, truncated, _ = env.last()
            env.step(None if terminated or truncated else int(rng.random() * 6))
        return HORIZON, 1

    return play


class Local:
    """Plays our rows in this process; a row stays alive from its first question on."""

    def __init__(self) -> None:
        self._plays: dict[tuple[str, str, int], Play] = {}

    def ask(self, row: str, kitchen: str, batch: int, seconds: float) -> Pass:
        key = row, kitchen, batch
        if key not in self._plays:
            if row in (PARALLEL, AEC):
                self._plays[key] = {PARALLEL: parallel, AEC: aec}[row](kitchen)
            else:
                self._plays[key] = vector(row, kitchen, batch)
        return measure(self._plays[key], seconds, "cpu")


def all_rows(kitchens: list[str], batches: list[int], workers: dict[str, Worker]) -> list[Row]:
    """The rows, kitchen by kitchen, what is compared close together."""
    local, rows = Local(), []

    def add(name: str, kitchen: str, batch: int, ask: Any) -> None:
        rows.append(Row(kitchen, name, batch, partial(ask, name, kitchen, batch)))

    for kitchen in kitchens:
        for name in (PARALLEL, AEC):
            add(name, kitchen, ONE, local.ask)
        if "overcooked" in workers:
            for name in OVERCOOKED_AI:
                add(name, kitchen, ONE, workers["overcooked"].ask)
        for batch in batches:
            for name in (VECTOR, LOOP, BLIND, NUMBERS):
                add(name, kitchen, batch, local.ask)
            if "jaxmarl" in workers:
                for name in (JAX_ENCODED, JAX):
                    add(name, kitchen, batch, workers["jaxmarl"].ask)
    return rows


def ratios(rows: list[Row]) -> list[dict[str, Any]]:
    """Ours over theirs, pass by pass, as medians with the least and the most."""
    found = []
    for ours, theirs, bar in BARS:
        for one in (row for row in rows if row.label == ours):
            for other in (row for row in rows if row.label == theirs):
                # overcooked-ai plays one kitchen at a time; JaxMARL is held to the same batch.
                if other.game == one.game and other.batch in (ONE, one.batch):
                    each = [
                        (a.decisions / a.cpu) / (b.decisions / b.cpu)
                        for a, b in zip(one.passes, other.passes, strict=True)
                    ]
                    names = {"kitchen": one.game, "ours": ours, "batch": one.batch}
                    ends = {"least": min(each), "most": max(each), "bar": bar}
                    found.append({**names, "theirs": theirs, "ratio": median(each), **ends})
    return found


def report(rows: list[Row], compared: list[dict[str, Any]]) -> str:
    """Rates and ratios as text."""
    rates = [
        [
            row.game,
            row.label,
            f"{row.batch:,}",
            f"{row.rate('cpu'):,.0f}",
            f"{row.rate('wall'):,.0f}",
        ]
        for row in rows
    ]
    parts = [table(["kitchen", "row", "batch", "a CPU second", "a wall second"], rates)]
    if compared:
        lines = [
            [
                each["kitchen"],
                each["ours"],
                f"{each['batch']:,}",
                each["theirs"],
                f"{each['ratio']:,.1f}x",
                f"{each['least']:,.1f}-{each['most']:,.1f}",
                "" if each["bar"] is None else f"{each['bar']}x",
            ]
            for each in compared
        ]
        head = ["kitchen", "ours", "batch", "theirs", "ratio", "passes", "wanted"]
        parts.append("Ratios of joint steps a CPU second, pass by pass:\n" + table(head, lines))
    return "\n\n".join(parts)


def read_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--overcooked", type=Path, help="interpreter with overcooked==0.2.1")
    parser.add_argument("--jaxmarl", type=Path, help="interpreter with jaxmarl==0.2.0")
    parser.add_argument(
        "--kitchens", nargs="+", default=["cramped_room", "counter_circuit_o_1order"],
        choices=list(LAYOUTS),
    )  # fmt: skip
    parser.add_argument("--batches", type=int, nargs="+", default=[1024, 4096])
    parser.add_argument("--seconds", type=float, default=2.0, help="of CPU, a row and pass")
    parser.add_argument("--passes", type=int, default=5)
    parser.add_argument("--quick", action="store_true", help="half a second, two passes")
    parser.add_argument("--json", type=Path, help="file for every pass")
    given = parser.parse_args()
    if given.quick:
        given.seconds, given.passes = 0.5, 2
    for name in ("overcooked", "jaxmarl"):
        python = getattr(given, name)
        if python is not None and not python.exists():
            parser.error(f"{python} is not there")
    return given


def main() -> None:
    given = read_arguments()
    peers = {"overcooked": given.overcooked, "jaxmarl": given.jaxmarl}
    workers = {
        name: Worker(python, name, "cpu", "overcooked_peers.py")
        for name, python in peers.items()
        if python is not None
    }
    machine = describe_machine("numpy", "numba", "pettingzoo")
    for worker in workers.values():
        machine["versions"].update(worker.versions)
    rows = all_rows(given.kitchens, given.batches, workers)
    missing = run(rows, given.seconds, given.passes)
    missing += [f"skipped: {name}: no --{name}" for name in peers if name not in workers]
    compared = ratios(rows)
    print(headline(machine))
    print(
        f"\nMedian of {given.passes} passes of {given.seconds:g} CPU seconds a row, one thread.\n"
    )
    print(report(rows, compared))
    print(*missing, sep="\n")
    if given.json:
        passes = [
            {
                "kitchen": r.game,
                "row": r.label,
                "batch": r.batch,
                "passes": [p._asdict() for p in r.passes],
            }
            for r in rows
        ]
        whole = {"machine": machine, "rows": passes, "ratios": compared, "missing": missing}
        given.json.write_text(json.dumps(whole, indent=1), encoding="utf-8")
    for worker in workers.values():
        worker.close()
    if any(line.startswith("FAILED") for line in missing):
        raise SystemExit(1)


if __name__ == "__main__":
    main()
