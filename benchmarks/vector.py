"""Steps a second of the vector environment, side by side with other libraries.

Every row plays uniformly random legal moves in one thread. A step is one decision of one game;
chance, resets and dead steps are paid for but not counted. The peers live in an interpreter of
their own, which peers.sh makes. README.md in this folder says more.
"""

from __future__ import annotations

# First, because it holds every library to one thread.
from vector_peers import KUHN, PEERS, TTT, NotZeroSum, Pass, Play, measure  # isort: skip

import argparse
import json
import math
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial
from itertools import product
from pathlib import Path
from statistics import mean, median
from typing import Any

import numpy as np
from aec import describe_machine, headline, table

GAMES = {KUHN: "KuhnPoker-v0", TTT: "TicTacToe-v0"}
BATCHES = (1, 64, 1024, 16384, 65536)
OURS = "arenas"
LOOP = "arenas, compiled loop"
ALONE = "arenas, step alone"
COMPILED_LOOPS = ("pgx, categorical", "pgx, one uniform")
"""Rows whose whole loop is compiled, as in LOOP."""

NAMES = {"cpu": "CPU", "wall": "wall"}


# -- our rows ---------------------------------------------------------------------------------


def make(game: str, batch: int, device: str) -> Any:
    import arenas

    if device == "cuda":
        from numba import cuda

        if not cuda.is_available():
            raise ImportError("numba finds no CUDA device")
    env = arenas.make_vec(GAMES[game], num_envs=batch, device=device, copy=False)
    env.reset(seed=0)
    return env


def play_steps(env: Any, device: str, actions: Iterable[Any]) -> int:
    """Plays a step with each of the actions and returns the number of matches that ended.

    Raises:
        NotZeroSum: the rewards of the first step, which stands for all, do not sum to zero.
    """
    # On a GPU the sum stays there until the last step, so that nothing waits for it.
    count = np.count_nonzero if device == "cpu" else lambda over: over.sum()
    ended: Any = 0
    for number, chosen in enumerate(actions):
        _, _, terminated, _, info = env.step(chosen)
        ended = ended + count(terminated)
        if number == 0 and info["rewards"].sum(axis=1).any():
            raise NotZeroSum
    return int(ended)


def ours(game: str, batch: int, device: str) -> Play:
    """Actions drawn by the environment, then the step, which writes observations and masks."""
    env = make(game, batch, device)
    steps = max(16, 4096 // batch) if device == "cpu" else 256

    def play() -> tuple[int, int]:
        drawn = (env.sample_actions() for _ in range(steps))
        return steps * batch, play_steps(env, device, drawn)

    return play


def ours_loop(game: str, batch: int, device: str) -> Play:
    """The same with the loop compiled, as in the plain rows of pgx."""
    env = make(game, batch, device)
    steps = min(4096, max(64, 2**17 // batch)) if device == "cpu" else 1024

    def play() -> tuple[int, int]:
        before = int(env.matches.sum())
        if env.play_randomly(steps)[-1]["rewards"].sum(axis=1).any():
            raise NotZeroSum
        return steps * batch, int(env.matches.sum()) - before

    return play


def ours_alone(game: str, batch: int, device: str) -> Play:
    """The same without the drawing: moves drawn beforehand, played again from the same state."""
    env = make(game, batch, device)
    for _ in range(32):  # All matches start together: wait until they are mixed.
        env.step(env.sample_actions())
    start, drawn = env.get_state(), []
    for _ in range(max(64, 4096 // batch)):
        drawn.append(env.sample_actions() + 0)  # A copy: the environment writes into its own.
        env.step(drawn[-1])

    def play() -> tuple[int, int]:
        env.set_state(start)
        return len(drawn) * batch, play_steps(env, device, drawn)

    return play


OUR_ROWS = {OURS: ours, LOOP: ours_loop, ALONE: ours_alone}


# -- rows of both kinds -----------------------------------------------------------------------


class Absent(Exception):
    """A library or a device that is not here."""


class Local:
    """Plays our rows in this process; a row stays alive from its first question on."""

    def __init__(self, device: str) -> None:
        self._device = device
        self._plays: dict[tuple[str, str, int], Play] = {}

    def ask(self, row: str, game: str, batch: int, seconds: float) -> Pass:
        """Plays a row on for `seconds`; raises Absent where it cannot be made."""
        if (row, game, batch) not in self._plays:
            try:
                self._plays[row, game, batch] = OUR_ROWS[row](game, batch, self._device)
            except ImportError as error:
                raise Absent(error) from error
        return measure(self._plays[row, game, batch], seconds, self._device)


class Worker:
    """A process of the peers' interpreter that plays the rows of one package."""

    def __init__(
        self, python: Path, package: str, device: str, script: str = "vector_peers.py"
    ) -> None:
        self._process = subprocess.Popen(
            [python, Path(__file__).with_name(script), "serve", package, device],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.versions: dict[str, str] = self._read()

    def _read(self) -> Any:
        assert self._process.stdout
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"the process ended with status {self._process.wait()}")
        return json.loads(line)

    def ask(self, row: str, game: str, batch: int, seconds: float) -> Pass:
        """Has a row play on for `seconds`.

        Raises:
            Absent: the package is not installed.
            RuntimeError: anything else went wrong there.
        """
        question = {"row": row, "game": game, "batch": batch, "seconds": seconds}
        assert self._process.stdin
        print(json.dumps(question), file=self._process.stdin, flush=True)
        answer = self._read()
        if "skipped" in answer:
            raise Absent(answer["skipped"])
        if "failed" in answer:
            raise RuntimeError(answer["failed"])
        return Pass(**answer)

    def close(self) -> None:
        self._process.communicate()


@dataclass
class Row:
    """One contestant at one game and batch and, pass by pass, what it did."""

    game: str
    label: str
    batch: int
    run: Callable[[float], Pass]
    passes: list[Pass] = field(default_factory=list)
    lost: bool = False

    def __str__(self) -> str:
        return f"{self.game}, {self.label}, batch {self.batch:,}"

    def rate(self, clock: str) -> float:
        """Steps a second, the median over the passes; `clock` is "cpu" or "wall"."""
        return median(each.decisions / getattr(each, clock) for each in self.passes)


def all_rows(batches: Iterable[int], device: str, workers: dict[str, Worker]) -> list[Row]:
    """The rows in the order in which they are played; what is compared stands close together."""
    local = Local(device)
    rows = []
    for game, batch in product(GAMES, batches):
        rows += [Row(game, name, batch, partial(local.ask, name, game, batch)) for name in OUR_ROWS]
        for name, peer in PEERS.items():
            offered = game in peer.games and device in peer.devices and (peer.batched or batch == 1)
            if offered and peer.package in workers:
                ask = partial(workers[peer.package].ask, name, game, batch)
                rows.append(Row(game, name, batch, ask))
    return rows


# -- measuring --------------------------------------------------------------------------------


def run(rows: list[Row], seconds: float, passes: int) -> list[str]:
    """Measures the rows round robin and returns lines about those that are missing.

    Pass 0 warms up and compiles and is not kept. Every other pass goes through the rows backwards,
    so that drift of the machine falls on all of them alike.
    """
    from rich.console import Console
    from rich.progress import Progress

    missing: dict[str, str] = {}
    # Without a thread that redraws, which would run in our rows' time.
    with Progress(console=Console(stderr=True), transient=True, auto_refresh=False) as progress:
        task = progress.add_task("", total=(passes + 1) * len(rows))
        for number in range(passes + 1):
            kind = "warm-up" if number == 0 else f"pass {number} of {passes}"
            for row in rows if number % 2 == 0 else reversed(rows):
                progress.update(task, advance=1, description=f"{kind}: {row}", refresh=True)
                if row.lost:
                    continue
                try:
                    result = row.run(seconds)
                except Absent as error:
                    missing[row.label] = f"skipped: {row.label}: {error}"
                    row.lost = True
                except (RuntimeError, OSError) as error:
                    missing[str(row)] = f"FAILED: {row}: {error}"
                    row.lost = True
                else:
                    if number:
                        row.passes.append(result)
    rows[:] = [row for row in rows if not row.lost]
    return list(missing.values())


def match_length(game: str) -> tuple[float, float]:
    """Mean and variance of the decisions of a match between random players, by a tree walk."""
    import arenas

    rules = arenas.make_game(GAMES[game])
    known: dict[Any, tuple[float, float]] = {}

    def moments(state: Any) -> tuple[float, float]:
        """Mean of the decisions still to come, and of their square."""
        movers = rules.movers(state)
        if not movers:
            return 0.0, 0.0
        key = rules.key(state)
        if key not in known:
            after = [
                moments(rules.apply(rules.copy(state), {movers[0]: move}))
                for move in rules.legal(state, movers[0])
            ]
            first, second = (mean(each) for each in zip(*after, strict=True))
            known[key] = 1 + first, 1 + 2 * first + second
        return known[key]

    first = second = 0.0
    for weight, start in rules.chance():
        one, two = moments(start)
        first, second = first + weight * one, second + weight * two
    return first, second - first * first


def check_lengths(rows: list[Row]) -> list[str]:
    """Lines about rows whose decisions are not those of whole matches of random play.

    Such a row does not play the game, or does not count as it says.
    """
    lengths = {game: match_length(game) for game in {row.game for row in rows}}
    wrong = []
    for row in rows:
        decisions = sum(each.decisions for each in row.passes)
        matches = sum(each.matches for each in row.passes)
        expected, variance = lengths[row.game]
        # A match under way at either end of what is counted is at most nine decisions long. What
        # is played again from the same state has such ends at every turn, and is not checked.
        room = 9 * row.batch + 5 * math.sqrt(variance * matches)
        if row.label != ALONE and abs(decisions - matches * expected) > room:
            counted = f"{decisions:,} decisions in {matches:,} matches"
            wrong.append(f"FAILED: {row}: {counted}; random play takes {expected:.4f} a match")
    return wrong


def measure_starts(
    rows: list[Row], python: Path | None, runs: int, device: str
) -> list[dict[str, Any]]:
    """Wall seconds of whole processes up to their first steps: compiling, then from the cache."""
    first_steps = (
        "import arenas; env = arenas.make_vec({!r}, num_envs=1024, device={!r}); "
        "env.reset(seed=0); env.step(env.sample_actions())"
    )
    peers = Path(__file__).with_name("vector_peers.py")
    commands: list[tuple[str, str, list[Any]]] = []
    for game in dict.fromkeys(row.game for row in rows):
        labels = {row.label for row in rows if row.game == game}
        if OURS in labels:
            ours = [sys.executable, "-c", first_steps.format(GAMES[game], device)]
            commands.append((game, OURS, ours))
        if "pgx, categorical" in labels:
            commands.append((game, "pgx, categorical", [python, peers, "start", game, device]))
    starts = []
    for game, label, command in commands:
        first, cached = [], []
        for _ in range(runs):
            with tempfile.TemporaryDirectory() as folder:
                caches = {
                    "NUMBA_CACHE_DIR": folder,
                    "JAX_COMPILATION_CACHE_DIR": folder,
                    "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
                    "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1",
                }
                for seconds in (first, cached):
                    began = time.perf_counter()
                    environment = {**os.environ, **caches}
                    subprocess.run(command, env=environment, check=True, stderr=subprocess.PIPE)
                    seconds.append(time.perf_counter() - began)
        starts.append({"game": game, "row": label, "first": first, "cached": cached})
    return starts


# -- reporting --------------------------------------------------------------------------------


def by_batch(rows: list[Row], cell: Callable[[Row], str]) -> str:
    """A table with a line a game and label, and a column a batch."""
    batches = sorted({row.batch for row in rows})
    lines: dict[tuple[str, str], dict[int, str]] = {}
    for row in rows:
        lines.setdefault((row.game, row.label), {})[row.batch] = cell(row)
    body = [(*names, *(cells.get(b, "") for b in batches)) for names, cells in lines.items()]
    return table(("game", "row", *(f"{b:,}" for b in batches)), body)


def compare(row: Row, ours: Row, clock: str) -> str:
    """Median, least and most of the ratios pass by pass of our rate to a row's."""
    pairs = zip(ours.passes, row.passes, strict=True)
    each = [a.decisions / getattr(a, clock) / (b.decisions / getattr(b, clock)) for a, b in pairs]
    return f"{median(each):.2f} ({min(each):.2f}-{max(each):.2f})"


def report(
    machine: dict[str, Any],
    rows: list[Row],
    missing: list[str],
    starts: list[dict[str, Any]],
    options: argparse.Namespace,
) -> str:
    """The whole report as text."""
    clock = "cpu" if options.device == "cpu" else "wall"
    parts = [
        headline(machine),
        f"Median of {options.passes} passes of {options.seconds:g} {NAMES[clock]} seconds a row, "
        f"one thread, device {options.device}.\n"
        "A step is one decision of one game; chance, resets and dead steps are paid, not counted.",
    ]
    if missing:
        parts.append("\n".join(missing))
    if rows:
        for name in ("cpu", "wall") if options.device == "cpu" else ("wall",):
            parts.append(f"Steps a {NAMES[name]} second, by batch:")
            parts.append(by_batch(rows, lambda row, name=name: f"{row.rate(name):,.0f}"))
        loads = [(sum(p.cpu for p in r.passes) / sum(p.wall for p in r.passes), r) for r in rows]
        most, row = max(loads, key=lambda pair: pair[0])
        parts.append(
            f"CPU seconds a wall second: at most {most:.2f} ({row}); well above 1, that row had "
            "more than one thread."
        )
        parts += ["Decisions a match:", by_batch(rows, decisions_a_match)]
    for label, against in ((OURS, [*PEERS]), (LOOP, COMPILED_LOOPS)):
        own = {(row.game, row.batch): row for row in rows if row.label == label}
        peers = [row for row in rows if row.label in against and (row.game, row.batch) in own]
        if peers:
            parts.append(
                f'"{label}" over each peer, {NAMES[clock]} rates, pass by pass: median (least-most)'
            )
            parts.append(
                by_batch(peers, lambda r, own=own: compare(r, own[r.game, r.batch], clock))
            )
    if starts:
        parts.append("A whole process up to its first steps at batch 1,024, wall seconds:")
        body = [
            (s["game"], s["row"], f"{median(s['first']):.2f}", f"{median(s['cached']):.2f}")
            for s in starts
        ]
        parts.append(table(("game", "row", "compiling", "from its cache"), body))
    return "\n\n".join(parts)


def decisions_a_match(row: Row) -> str:
    matches = sum(each.matches for each in row.passes)
    return f"{sum(each.decisions for each in row.passes) / matches:.3f}" if matches else ""


def read_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description="Measures steps a second of this package's vector environment and, in an "
        "interpreter of their own, of pgx, EnvPool, OpenSpiel and PettingZoo on the same games, "
        "side by side in one run. What is not installed is skipped and named. The report goes to "
        "standard output, progress to standard error.",
    )
    add = parser.add_argument
    add("--peers", type=Path, metavar="PYTHON", help="the peers' interpreter; see peers.sh")
    add("--device", choices=("cpu", "cuda"), default="cpu", help="cuda compares with pgx alone")
    add("--batches", type=int, nargs="+", metavar="B", default=list(BATCHES))
    add("--seconds", type=float, help="CPU seconds of a pass of one row (default 1)")
    add("--passes", type=int, help="passes over all rows (default 7)")
    add("--starts", type=int, help="fresh starts to time (default 3; 0 for none)")
    add("--quick", action="store_true", help="0.1 seconds, 3 passes, 1 start: only a look")
    add("--json", type=Path, metavar="FILE", help="also write every pass of every row to FILE")
    options = parser.parse_args()
    defaults = (0.1, 3, 1) if options.quick else (1.0, 7, 3)
    for name, value in zip(("seconds", "passes", "starts"), defaults, strict=True):
        if getattr(options, name) is None:
            setattr(options, name, value)
    if options.seconds <= 0 or options.passes < 1 or min(options.batches) < 1:
        parser.error("--seconds is more than 0; --passes and --batches are at least 1")
    if options.peers and not options.peers.exists():
        parser.error(f"--peers {options.peers} is not there; peers.sh makes it")
    return options


def main() -> None:
    options = read_arguments()
    packages = dict.fromkeys(p.package for p in PEERS.values() if options.device in p.devices)
    workers: dict[str, Worker] = {}
    if options.peers:
        workers = {name: Worker(options.peers, name, options.device) for name in packages}
    machine = describe_machine("numpy", "gymnasium", "numba", "numba-cuda")
    for worker in workers.values():
        machine["versions"] |= worker.versions
    rows = all_rows(options.batches, options.device, workers)
    missing = run(rows, options.seconds, options.passes)
    for worker in workers.values():
        worker.close()
    if not workers:
        missing.append("skipped: every peer: their interpreter was not named with --peers")
    missing += check_lengths(rows)
    starts = []
    if options.starts:
        starts = measure_starts(rows, options.peers, options.starts, options.device)
    print(report(machine, rows, missing, starts, options))
    if options.json:
        result = {
            "machine": machine,
            "device": options.device,
            "seconds": options.seconds,
            "rows": [
                {
                    "game": row.game,
                    "row": row.label,
                    "batch": row.batch,
                    "passes": [each._asdict() for each in row.passes],
                }
                for row in rows
            ],
            "starts": starts,
            "missing": missing,
        }
        options.json.write_text(json.dumps(result, indent=1) + "\n")
    if any(line.startswith("FAILED") for line in missing):
        sys.exit(1)


if __name__ == "__main__":
    main()
