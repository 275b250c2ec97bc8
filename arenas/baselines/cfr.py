"""Counterfactual regret minimisation: the tabular reference, by OpenSpiel's solvers.

CFR (Zinkevich et al., "Regret minimization in games with incomplete information", 2007) brings the
average policy of a two-player zero-sum game to a Nash equilibrium; CFR+ (Tammelin, "Solving large
imperfect information games using CFR+", 2014) gets there much sooner; external sampling (Lanctot et
al., "Monte Carlo sampling for regret minimization in extensive games", 2009) draws chance and the
others' moves instead of walking them all. With three seats or more, or in games that are not
zero-sum, there is no such promise, and NashConv says how far it got.

The solvers see our game through `arenas.adapters.openspiel`; NashConv is measured by our own
`rating/exploitability.py`.

    arenas train KuhnPoker-v0 --algo cfr --iterations 1000 --out runs/kuhn-cfr
    arenas match KuhnPoker-v0 --seats table:runs/kuhn-cfr/policy.json random
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from arenas.adapters.openspiel import import_pyspiel, to_openspiel
from arenas.policies.files import replacing
from arenas.policies.game_tree import GameTree
from arenas.policies.tabular import TabularPolicy
from arenas.rating.exploitability import nash_conv
from arenas.registry import find, make_game, read_options
from arenas.training import commands
from arenas.training.folder import write_config, write_table

SOLVERS = ("cfr", "cfr+", "mccfr")
MEASUREMENTS = 40
"""Points of the curve, unless `--every` says otherwise."""


class Point(NamedTuple):
    """One measurement of the average policy.

    Attributes:
        iteration: iterations so far.
        nash_conv: its NashConv, in the game's unit.
        exploitability: that divided by the number of seats.
    """

    iteration: int
    nash_conv: float
    exploitability: float


class Solver:
    """One of OpenSpiel's solvers at work on a game of ours.

    Args:
        game_id: as in `arenas.make`; the game is sequential and discrete, and small.
        options: the game's own.
        name: "cfr", "cfr+" or "mccfr".
        seed: of what "mccfr" samples; the others draw nothing.

    Raises:
        MissingOpenSpielError: OpenSpiel is not installed.
        ValueError: the game cannot be walked.
    """

    def __init__(self, game_id: str, options: dict[str, Any], name: str, seed: int = 0) -> None:
        self._pyspiel = pyspiel = import_pyspiel()
        self.game = make_game(game_id, **options)
        self.tree = GameTree(self.game)
        # The solver walks OpenSpiel's copy of the tree, which is compiled, instead of our states.
        theirs = pyspiel.convert_to_cached_tree(to_openspiel(game_id, **options))
        self.name = name
        if name == "mccfr":
            self._solver = pyspiel.ExternalSamplingMCCFRSolver(theirs, seed)
            self.iterate = self._solver.run_iteration
        else:
            kinds = {"cfr": pyspiel.CFRSolver, "cfr+": pyspiel.CFRPlusSolver}
            self._solver = kinds[name](theirs)
            self.iterate = self._solver.evaluate_and_update_policy
        self.iterations = 0

    def run(self, iterations: int) -> None:
        """Runs so many iterations more; one visits every seat."""
        for _ in range(iterations):
            self.iterate()
        self.iterations += iterations

    def average(self) -> TabularPolicy:
        """The average policy so far, uniform in information states that sampling has not met."""
        policy = self._solver.average_policy()
        table: dict[str, list[float]] = {}
        for each in self.tree.infosets:
            chances = dict.fromkeys(each.legal, 1 / len(each.legal))
            if self.iterations:
                with suppress(self._pyspiel.SpielError):
                    chances = policy.action_probabilities(each.key)
            row = [float(chances.get(action, 0.0)) for action in range(self.game.num_actions)]
            table[each.key] = row
        return TabularPolicy(table, self.name)

    def measure(self) -> Point:
        """NashConv of the average policy."""
        result = nash_conv(self.tree, self.average())
        return Point(self.iterations, result.total, result.exploitability)


def solve(solver: Solver, iterations: int, every: int) -> Iterator[Point]:
    """Runs a solver and measures it after every `every` iterations, and at the end."""
    while solver.iterations < iterations:
        solver.run(min(every, iterations - solver.iterations))
        yield solver.measure()


def draw_curve(points: list[Point], title: str, path: Path) -> None:
    """Draws NashConv over iterations on logarithmic axes, as PNG.

    Raises:
        ImportError: matplotlib is not installed.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6, 4), layout="constrained")
    axes = figure.subplots()
    axes.loglog([p.iteration for p in points], [p.nash_conv for p in points], marker=".")
    axes.set(xlabel="iterations", ylabel="NashConv of the average policy", title=title)
    axes.grid(visible=True, which="both", alpha=0.3)
    with replacing(path) as partial:
        figure.savefig(partial, format="png", dpi=150)


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@commands.game_id
@click.option(
    "--iterations", default=1_000, type=click.IntRange(1), help="Each visits every seat.  [1000]"
)
@click.option("--solver", default="cfr+", type=click.Choice(SOLVERS), help="The solver.  [cfr+]")
@click.option(
    "--seed", default=0, type=click.IntRange(0, 2**31 - 1), help="Of mccfr's samples.  [0]"
)
@click.option(
    "--every", type=click.IntRange(1), help="Iterations between measurements.  [--iterations / 40]"
)
@commands.folder("runs/GAME-SOLVER")
@commands.overwrite
@commands.game_options
def command(
    game_id: str,
    iterations: int,
    solver: str,
    seed: int,
    every: int | None,
    out: Path | None,
    overwrite: bool,
    option: tuple[str, ...],
) -> None:
    """Solve a small game by counterfactual regret minimisation and save the average policy.

    \b
    arenas train KuhnPoker-v0 --algo cfr --iterations 1000 --out runs/kuhn-cfr
    arenas train KuhnPoker-v0 --algo cfr -o players=3 --solver cfr
    arenas match KuhnPoker-v0 --seats table:runs/kuhn-cfr/policy.json random

    The folder gets policy.json, curve.csv, curve.png and config.json.
    """  # noqa: D301 - click reads the escape itself
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    with commands.one_line_errors():
        options = read_options(option)
        full = find(game_id).id
        out = out or Path("runs") / f"{game_id.split('/')[-1]}-{solver}"
        commands.refuse_a_run(out, overwrite)
        work = Solver(game_id, options, solver, seed)
        config = {"game": full, "options": work.game.options, "solver": solver, "seed": seed}
        write_config({**config, "iterations": iterations}, out)
    points = [work.measure()]
    columns = (
        TextColumn(solver),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("NashConv {task.fields[gap]:.6f}"),
        TimeRemainingColumn(),
    )
    stopped = False
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        task = progress.add_task(solver, total=iterations, gap=points[0].nash_conv)
        try:
            for point in solve(work, iterations, every or max(1, iterations // MEASUREMENTS)):
                points.append(point)
                progress.update(task, completed=point.iteration, gap=point.nash_conv)
        except KeyboardInterrupt:
            stopped = True
    write_table(Point._fields, points, out / "curve.csv")
    work.average().save(out / "policy.json", work.game)
    try:
        draw_curve(points[1:], f"{solver} on {full}", out / "curve.png")
    except ImportError:
        console.print("no curve.png: pip install matplotlib")
    last = points[-1]
    click.echo(
        f"NashConv {last.nash_conv:.6f}, exploitability {last.exploitability:.6f} "
        f"after {last.iteration} iterations"
    )
    console.print(f"play against it: table:{out / 'policy.json'}")
    if stopped:
        raise click.exceptions.Exit(commands.INTERRUPTED)


def main() -> None:
    """Entry point of `python -m arenas.baselines.cfr`."""
    command(prog_name="python -m arenas.baselines.cfr")


if __name__ == "__main__":
    main()
