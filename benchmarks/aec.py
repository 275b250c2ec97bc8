"""Decisions a second of one environment at a time, side by side with other libraries.

Every row plays whole matches of uniformly random legal moves in one thread of one process. A
decision is one move by one seat, with its observation fetched first; resets, dead steps, chance and
the reading of rewards are paid for but not counted. README.md in this folder says more.
"""

from __future__ import annotations

import os

# One thread in every library, set before NumPy is imported; and no greeting from pygame.
os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1", MKL_NUM_THREADS="1")
os.environ.update(PYGAME_HIDE_SUPPORT_PROMPT="1")

import argparse
import gc
import json
import platform
import subprocess
import sys
import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone
from importlib import metadata
from pathlib import Path
from random import Random
from statistics import median
from typing import Any, NamedTuple

Play = Callable[[int], tuple[int, float]]
"""Plays the match of a seed; returns its number of decisions and the sum of its rewards."""

MATCHES_A_LOOK = 8
"""Matches played between two looks at the clock."""


# -- the rows ---------------------------------------------------------------------------------


def play_aec(env: Any) -> Play:
    """The plain PettingZoo loop; legal moves come from the observation's mask."""
    rng = Random(0)

    def play(seed: int) -> tuple[int, float]:
        decisions, paid = 0, 0.0
        env.reset(seed=seed)
        for _ in env.agent_iter():
            observation, reward, terminated, truncated, _ = env.last()
            if terminated or truncated:
                paid += reward
                env.step(None)
                continue
            legal = observation["action_mask"].nonzero()[0]
            env.step(legal.item(int(rng.random() * len(legal))))
            decisions += 1
        return decisions, paid

    return play


def our_array(game_id: str, **options: Any) -> Play:
    import arenas

    return play_aec(arenas.make(game_id, **options))


def pettingzoo(kind: str) -> Play:
    with warnings.catch_warnings():
        # PettingZoo 1.27 wants its environments made by name, which wraps none of them otherwise.
        warnings.simplefilter("ignore", DeprecationWarning)
        from pettingzoo.classic import tictactoe_v3
    return play_aec(getattr(tictactoe_v3, kind)())


def openspiel(name: str) -> Play:
    """OpenSpiel's own RL loop; legal moves come from the time step. Only chance takes a seed."""
    from open_spiel.python import rl_environment

    env, rng = rl_environment.Environment(name), Random(0)
    env.seed(0)

    def play(seed: int) -> tuple[int, float]:
        decisions = 0
        step = env.reset()
        while not step.last():
            seat = step.observations["current_player"]
            legal = step.observations["legal_actions"][seat]
            step = env.step([legal[int(rng.random() * len(legal))]])
            decisions += 1
        return decisions, sum(step.rewards)

    return play


def our_text(game_id: str, **options: Any) -> Play:
    """The plain PettingZoo loop in words; legal moves come from the match, not from the prompt."""
    import arenas

    env, rng = arenas.make(game_id, view="text", **options), Random(0)
    game = env.game

    def play(seed: int) -> tuple[int, float]:
        decisions, paid = 0, 0.0
        env.reset(seed=seed)
        match = env.match
        for _ in env.agent_iter():
            _, reward, terminated, truncated, _ = env.last()
            if terminated or truncated:
                paid += reward
                env.step(None)
                continue
            seat, state = match.awaited[0], match.state
            legal = game.replies(state, seat)
            assert legal is not None
            env.step(legal[int(rng.random() * len(legal))])
            decisions += 1
        return decisions, paid

    return play


def textarena(env_id: str, legal_of: Callable[[dict[str, Any]], Sequence[Any]], **kw: Any) -> Play:
    """TextArena's own loop with its default wrappers; legal moves come from its `game_state`."""
    import textarena as ta

    rng = Random(0)

    def play(seed: int) -> tuple[int, float]:
        decisions, done = 0, False
        # The default wrappers carry earlier matches' messages through reset, so each match needs
        # an environment of its own.
        env = ta.make(env_id, **kw)
        env.reset(num_players=2, seed=seed)
        game_state = env.state.game_state
        while not done:
            env.get_observation()
            legal = legal_of(game_state)
            done, _ = env.step(f"[{legal[int(rng.random() * len(legal))]}]")
            decisions += 1
        rewards, _ = env.close()
        return decisions, sum(rewards.values())

    return play


def free_cells(game_state: dict[str, Any]) -> list[int]:
    board = game_state["board"]
    return [cell for cell in range(9) if not board[cell // 3][cell % 3]]


def kuhn_words(game_state: dict[str, Any]) -> tuple[str, ...]:
    return tuple(game_state["current_legal_action_tree"])


@dataclass
class Row:
    """One contestant and, pass by pass, what it did."""

    key: str
    game: str
    label: str
    make: Callable[[], Play]
    package: str = ""
    passes: list[Pass] = field(default_factory=list)


class Pass(NamedTuple):
    """Decisions and matches of one pass, and the seconds it took."""

    decisions: int
    matches: int
    cpu: float
    wall: float


class Ratio(NamedTuple):
    """Ours over a peer's, decisions a CPU second; `bar` is what this project holds itself to."""

    ours: str
    peer: str
    bar: float | None = None


TTT, TTT5, KUHN, KUHN3 = "TicTacToe", "TicTacToe 5x5", "Kuhn, 1 hand", "Kuhn, 3 hands"


def all_rows() -> list[Row]:
    """The rows in the order in which they are played; what is compared stands close together."""
    ttt, kuhn, rules = "TicTacToe-v0", "KuhnPoker-v0", "textarena-0.7.4"
    return [
        Row("ttt", TTT, "arenas, array", lambda: our_array(ttt)),
        Row("ttt raw", TTT, "PettingZoo raw_env()", lambda: pettingzoo("raw_env"), "pettingzoo"),
        Row("ttt env", TTT, "PettingZoo env()", lambda: pettingzoo("env"), "pettingzoo"),
        Row("ttt os", TTT, "OpenSpiel rl_environment", lambda: openspiel("tic_tac_toe"), OS),
        Row("ttt text", TTT, "arenas, text", lambda: our_text(ttt)),
        Row("ttt ta", TTT, "TextArena", lambda: textarena(ttt, free_cells), "textarena"),
        Row("kuhn", KUHN, "arenas, array", lambda: our_array(kuhn)),
        Row("kuhn os", KUHN, "OpenSpiel rl_environment", lambda: openspiel("kuhn_poker"), OS),
        Row("kuhn text", KUHN, "arenas, text", lambda: our_text(kuhn)),
        Row(
            "kuhn ta",
            KUHN,
            "TextArena, max_rounds=1",
            lambda: textarena(kuhn, kuhn_words, max_rounds=1),
            "textarena",
        ),
        Row("kuhn3 text", KUHN3, "arenas, text", lambda: our_text(kuhn, rules=rules)),
        Row("kuhn3 ta", KUHN3, "TextArena", lambda: textarena(kuhn, kuhn_words), "textarena"),
        # Hardly any position of this board comes twice, so nothing is played by look-up.
        Row("ttt5", TTT5, "arenas, array", lambda: our_array(ttt, size=5)),
        Row("ttt5 text", TTT5, "arenas, text", lambda: our_text(ttt, size=5)),
    ]


OS = "open_spiel"
RATIOS = [
    Ratio("ttt", "ttt env", 8.0),
    Ratio("ttt", "ttt raw", 2.0),
    Ratio("ttt", "ttt os"),
    Ratio("kuhn", "kuhn os"),
    Ratio("ttt text", "ttt ta", 3.0),
    Ratio("kuhn text", "kuhn ta", 3.0),
    Ratio("kuhn3 text", "kuhn3 ta", 3.0),
]


# -- measuring --------------------------------------------------------------------------------


def measure(play: Play, seconds: float, first_seed: int) -> Pass:
    """Plays the matches of consecutive seeds until `seconds` of CPU time are spent."""
    decisions, seed = 0, first_seed
    gc.collect()
    wall, cpu = time.perf_counter(), time.process_time()
    while (spent := time.process_time() - cpu) < seconds:
        for _ in range(MATCHES_A_LOOK):
            taken, paid = play(seed)
            if paid:
                raise RuntimeError(f"the rewards of a zero-sum match sum to {paid}")
            decisions += taken
            seed += 1
    return Pass(decisions, seed - first_seed, spent, time.perf_counter() - wall)


def run(rows: list[Row], seconds: float, passes: int) -> list[str]:
    """Measures the rows round robin and returns lines about those that were skipped.

    Pass 0 warms up and is not kept. Every other pass goes through the rows backwards, so that drift
    of the machine falls on all of them alike.
    """
    plays: list[tuple[Row, Play]] = []
    skipped = []
    for row in rows:
        try:
            plays.append((row, row.make()))
        except ImportError as error:
            skipped.append(f"skipped: {row.game}, {row.label}: not installed ({error})")
    for number in range(passes + 1):
        kind = "warm-up" if number == 0 else f"pass {number} of {passes}"
        for row, play in plays if number % 2 == 0 else reversed(plays):
            print(f"\r{kind}: {row.game}, {row.label}".ljust(70), end="", file=sys.stderr)
            sys.stderr.flush()
            result = measure(play, seconds, first_seed=number << 32)
            if number:
                row.passes.append(result)
    print("\r".ljust(71), end="\r", file=sys.stderr)
    return skipped


def rate(row: Row, clock: str = "cpu") -> float:
    """Decisions a second, the median over the passes; `clock` is "cpu" or "wall"."""
    return median(each.decisions / getattr(each, clock) for each in row.passes)


def compare(ours: Row, peer: Row) -> list[float]:
    """Ratio of decisions a CPU second, pass by pass."""
    pairs = zip(ours.passes, peer.passes, strict=True)
    return [(a.decisions / a.cpu) / (b.decisions / b.cpu) for a, b in pairs]


def measure_imports(runs: int) -> dict[str, dict[str, float]]:
    """Median wall seconds of a whole interpreter that imports a module, and its peak MiB.

    To be called while this process is small: where processes are forked, a child's peak counts that
    of the process it was forked from.
    """
    try:
        import resource  # noqa: F401
    except ImportError:
        report = "0"
    else:
        report = "__import__('resource').getrusage(0).ru_maxrss"
    unit = 1 << 20 if sys.platform == "darwin" else 1 << 10
    walls: dict[str, list[float]] = {"numpy": [], "arenas": []}
    peaks: dict[str, list[float]] = {"numpy": [], "arenas": []}
    for number in range(runs + 1):
        for module in walls:
            start = time.perf_counter()
            command = [sys.executable, "-c", f"import {module}; print({report})"]
            done = subprocess.run(command, check=True, capture_output=True, text=True)
            wall = time.perf_counter() - start
            # The first import may have to compile.
            if number:
                walls[module].append(wall)
                peaks[module].append(int(done.stdout) / unit)
    return {
        module: {"seconds": median(walls[module]), "peak_mib": median(peaks[module])}
        for module in walls
    }


# -- reporting --------------------------------------------------------------------------------


def describe_machine(*packages: str) -> dict[str, Any]:
    """Date, versions of this and other packages, processor and load."""
    import arenas

    versions = {"arenas": arenas.__version__}
    for package in packages:
        try:
            versions[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            versions[package] = "not installed"
    return {
        "date": datetime.now(timezone.utc).strftime("%Y-%m-%d %H:%M UTC"),
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "platform": platform.platform(),
        "cpu": cpu_model(),
        "cpus": os.cpu_count(),
        "load": list(os.getloadavg()) if hasattr(os, "getloadavg") else None,
        "versions": versions,
    }


def headline(machine: dict[str, Any]) -> str:
    """The description of the machine as three lines of text."""
    versions = ", ".join(f"{name} {version}" for name, version in machine["versions"].items())
    load = "" if machine["load"] is None else f", load {machine['load'][0]:.1f} at the start"
    return (
        f"{machine['date']}; {machine['cpu']}, {machine['cpus']} CPUs{load}\n"
        f"{machine['python']} on {machine['platform']}\n{versions}"
    )


def cpu_model() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def table(head: Sequence[str], body: Sequence[Sequence[str]]) -> str:
    """Aligned text: words to the left, figures to the right."""
    lines = [list(head), *map(list, body)]
    widths = [max(len(line[i]) for line in lines) for i in range(len(head))]
    left = [all(not line[i][:1].isdigit() for line in lines[1:]) for i in range(len(head))]

    def row(line: list[str]) -> str:
        cells = zip(line, widths, left, strict=True)
        return "  ".join(c.ljust(w) if to_left else c.rjust(w) for c, w, to_left in cells).rstrip()

    return "\n".join([row(lines[0]), "  ".join("-" * w for w in widths), *map(row, lines[1:])])


def report(
    machine: dict[str, Any],
    imports: dict[str, dict[str, float]],
    rows: list[Row],
    skipped: list[str],
    seconds: float,
    passes: int,
) -> str:
    """The whole report as text."""
    by_key = {row.key: row for row in rows if row.passes}
    speeds = [
        (
            row.game,
            row.label,
            f"{rate(row):,.0f}",
            f"{rate(row, 'wall'):,.0f}",
            f"{sum(p.decisions for p in row.passes) / sum(p.matches for p in row.passes):.2f}",
        )
        for row in by_key.values()
    ]
    ratios = []
    for ratio in RATIOS:
        if ratio.ours in by_key and ratio.peer in by_key:
            ours, peer = by_key[ratio.ours], by_key[ratio.peer]
            each = compare(ours, peer)
            figures = [f"{figure:.2f}" for figure in (median(each), min(each), max(each))]
            bar = f"{ratio.bar:.0f}" if ratio.bar else ""
            ratios.append((ours.game, f"{ours.label} / {peer.label}", *figures, bar))
    more = imports["arenas"]["peak_mib"] - imports["numpy"]["peak_mib"]
    loads = [
        (f"import {name}", f"{cost['seconds']:.3f}", f"{cost['peak_mib']:.1f}")
        for name, cost in imports.items()
    ]
    return "\n".join(
        [
            headline(machine),
            "",
            f"Median of {passes} passes of {seconds:g} CPU seconds a row, one thread.",
            "A decision is one move by one seat; resets and dead steps are paid, not counted.",
            "",
            table(("game", "row", "a CPU second", "a wall second", "a match"), speeds),
            *(["", *skipped] if skipped else []),
            "",
            "Ratios of decisions a CPU second, pass by pass:",
            "",
            table(("game", "ratio", "median", "least", "most", "bar"), ratios),
            "",
            "A whole interpreter that imports one module, wall time and peak memory:",
            "",
            table(("module", "seconds", "MiB"), loads),
            f"import arenas: {more:+.1f} MiB over the interpreter with numpy",
        ]
    )


def read_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description="Measures decisions a second of this package, PettingZoo, OpenSpiel and "
        "TextArena on the same games, side by side in one run. A peer that is not installed is "
        "skipped. The report goes to standard output, progress to standard error.",
    )
    parser.add_argument(
        "--seconds", type=float, default=2.0, help="CPU seconds of a pass of one row (default 2)"
    )
    parser.add_argument("--passes", type=int, default=7, help="passes over all rows (default 7)")
    parser.add_argument(
        "--quick", action="store_true", help="0.2 seconds and 3 passes: a look, not a measurement"
    )
    parser.add_argument(
        "--json", type=Path, metavar="FILE", help="also write every pass of every row to FILE"
    )
    arguments = parser.parse_args()
    if arguments.quick:
        arguments.seconds, arguments.passes = 0.2, 3
    if arguments.seconds <= 0 or arguments.passes < 1:
        parser.error("--seconds is more than 0 and --passes at least 1")
    return arguments


def main() -> None:
    arguments = read_arguments()
    seconds, passes = arguments.seconds, arguments.passes
    # First, while this process is small: see measure_imports.
    imports = measure_imports(runs=3 if arguments.quick else 10)
    machine = describe_machine("numpy", "gymnasium", "pettingzoo", "open_spiel", "textarena")
    rows = all_rows()
    skipped = run(rows, seconds, passes)
    print(report(machine, imports, rows, skipped, seconds, passes))
    if arguments.json:
        result = {
            "machine": machine,
            "seconds": seconds,
            "imports": imports,
            "rows": [
                {"game": row.game, "row": row.label, "passes": [p._asdict() for p in row.passes]}
                for row in rows
            ],
            "skipped": skipped,
        }
        arguments.json.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
