"""A network learns which mutations keep the solve rate in a band: a proposer's curriculum.

The injector of structured bug repair chooses a mutation; scripted solvers of fixed strength try to
undo it. A bug that is valid and that a share of them within the band repairs pays 1, any other 0.
REINFORCE (Williams, 1992) with the mean of the batch as its baseline and a small bonus on entropy
trains one perceptron over the rows of the view (`games/bug_repair/chooser.py`), by Adam.

Bugs whose solve rate lies in a band are those that solvers learn from: SvS trains on tasks that
1/8 to 5/8 of attempts solve.

    arenas train BugRepair-v0 --algo bug_curriculum --iterations 40 --out runs/curriculum
    arenas match BugRepair-v0 -o solvers=4 --no-swap --seats chooser:runs/curriculum/chooser.json \
        repair repair repair repair
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import click
import numpy as np
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from arenas.core.match import Match
from arenas.core.policy import Policy, Reply, Turn
from arenas.core.rng import SeedSequence
from arenas.games.bug_repair.chooser import Chooser, Layers, save
from arenas.games.bug_repair.players import Repairer
from arenas.policies.files import replacing
from arenas.registry import make_game, read_options
from arenas.rollout.scheduler import Running, run
from arenas.training import commands
from arenas.training.folder import write_config, write_table

BAND = "band:0.125:0.625"


class Point(NamedTuple):
    """One iteration.

    Attributes:
        iteration: from 1.
        in_band: share of matches whose bug paid 1.
        valid: share of matches with a valid bug.
        solve_rate: mean over valid bugs; 0 if there was none.
        entropy: of the choices, in nats, mean over matches.
    """

    iteration: int
    in_band: float
    valid: float
    solve_rate: float
    entropy: float


class _Watched(Policy):
    """A chooser that keeps what it saw and chose, by match."""

    waits = True

    def __init__(self, layers: Layers) -> None:
        self.chooser = Chooser(layers)
        self.name = self.chooser.name
        self.chosen: dict[int, list[tuple[np.ndarray, int]]] = {}

    def act(self, turns: Sequence[Turn]) -> list[Reply]:
        replies = []
        for turn in turns:
            legal: list[int] = list(turn.legal or ())
            rows = turn.view[legal].astype(np.float64)
            place = turn.rng.weighted(list(self.chooser.layers.probabilities(rows)))
            self.chosen.setdefault(turn.match_id, []).append((rows, place))
            replies.append(Reply(legal[place]))
        return replies


class Adam:
    """Adam (Kingma and Ba, 2015) that climbs, over a `Layers`."""

    def __init__(self, rate: float) -> None:
        self.rate = rate
        self.steps = 0
        self._mean: list[np.ndarray] = []
        self._square: list[np.ndarray] = []

    def step(self, layers: Layers, gradient: Layers) -> Layers:
        """The weights after a step along the gradient."""
        self.steps += 1
        if not self._mean:
            self._mean = [np.zeros_like(part) for part in gradient]
            self._square = [np.zeros_like(part) for part in gradient]
        moved = []
        for number, (part, slope) in enumerate(zip(layers, gradient, strict=True)):
            self._mean[number] = 0.9 * self._mean[number] + 0.1 * slope
            self._square[number] = 0.99 * self._square[number] + 0.01 * slope**2
            mean = self._mean[number] / (1 - 0.9**self.steps)
            square = self._square[number] / (1 - 0.99**self.steps)
            moved.append(part + self.rate * mean / (np.sqrt(square) + 1e-8))
        return Layers(*moved)


def policy_gradient(
    layers: Layers, decisions: Sequence[tuple[np.ndarray, int, float]], bonus: float
) -> tuple[Layers, float]:
    """The gradient of sum(advantage * log p(choice)) + bonus * entropy, a decision's mean.

    Args:
        layers: the weights.
        decisions: rows of the legal choices, which was chosen, and its advantage.
        bonus: weight of the entropy.

    Returns:
        The gradient, and the mean entropy in nats.
    """
    total = [np.zeros_like(part) for part in layers]
    entropy = 0.0
    for rows, choice, advantage in decisions:
        chances = layers.probabilities(rows)
        logs = np.log(chances + 1e-300)
        own = -float(chances @ logs)
        outer = -advantage * chances - bonus * chances * (logs + own)
        outer[choice] += advantage
        for part, slope in zip(total, layers.gradient(rows, outer), strict=True):
            part += slope / len(decisions)
        entropy += own / len(decisions)
    return Layers(*total), entropy


class Trainer:
    """Plays batches and learns from each.

    Args:
        options: of the game; `acting` is structured.
        band: the injector's pay.
        batch: matches an iteration.
        rate: of Adam.
        bonus: weight of the entropy.
        hidden: units of the network.
        seed: of weights and matches.
        focus: of the solvers' choice of lines, see `Repairer`.
    """

    def __init__(
        self,
        options: dict[str, Any],
        band: str = BAND,
        batch: int = 16,
        rate: float = 0.03,
        bonus: float = 0.01,
        hidden: int = 16,
        seed: int = 0,
        focus: float = 4.0,
    ) -> None:
        self.options = {**options, "acting": "structured", "pay": band, "invalid": 0.0}
        self.batch, self.bonus, self.seed = batch, bonus, seed
        self.layers = Layers.draw(hidden, seed)
        self.solver = Repairer(focus=focus)
        self.points: list[Point] = []
        self._adam = Adam(rate)
        self.game = make_game("BugRepair-v0", **self.options)

    def iterate(self) -> Point:
        """One batch of matches and one step."""
        number = len(self.points) + 1
        watched = _Watched(self.layers)
        solvers = self.game.spec.seats - 1
        seats = (watched, *(self.solver,) * solvers)
        seeds = SeedSequence(self.seed * 1_000_003 + number)
        # On one game, so that what a bug's tests came to is known when it comes again.
        matches = (
            Running(n, n, "selfplay/BugRepair-v0", Match(self.game, seeds.next()), (), seats)
            for n in range(self.batch)
        )
        played = list(run(matches, 4))
        outcomes = [each.match.outcome for each in played]
        assert all(outcome is not None for outcome in outcomes)
        pays = np.array([outcome.rewards[0] for outcome in outcomes if outcome])
        advantages = pays - pays.mean()
        decisions = [
            (rows, place, float(advantage))
            for each, advantage in zip(played, advantages, strict=True)
            for rows, place in watched.chosen[each.number]
        ]
        gradient, entropy = policy_gradient(self.layers, decisions, self.bonus)
        self.layers = self._adam.step(self.layers, gradient)
        rates = [
            float(np.mean(o.evidence["solved"])) for o in outcomes if o and o.reason == "scored"
        ]
        mean_rate = float(np.mean(rates)) if rates else 0.0
        point = Point(number, float(pays.mean()), len(rates) / self.batch, mean_rate, entropy)
        self.points.append(point)
        return point


def draw_curve(points: Sequence[Point], title: str, path: Path) -> None:
    """Draws shares and the solve rate over iterations, as PNG.

    Raises:
        ImportError: matplotlib is not installed.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6, 4), layout="constrained")
    axes = figure.subplots()
    for name in ("in_band", "valid", "solve_rate"):
        values = [getattr(point, name) for point in points]
        width = min(5, len(values))
        smooth = np.convolve(values, np.ones(width) / width, mode="valid")
        axes.plot(range(width, len(values) + 1), smooth, label=name.replace("_", " "))
    axes.set(xlabel="iterations (mean of 5)", ylabel="share", ylim=(0, 1), title=title)
    axes.grid(visible=True, alpha=0.3)
    axes.legend()
    with replacing(path) as partial:
        figure.savefig(partial, format="png", dpi=150)


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@commands.game_id
@click.option("--iterations", default=40, type=click.IntRange(1), help="Batches.  [40]")
@click.option("--batch", default=16, type=click.IntRange(2), help="Matches a batch.  [16]")
@click.option("--band", default=BAND, help=f"The injector's pay.  [{BAND}]")
@click.option("--rate", default=0.03, help="Of Adam.  [0.03]")
@click.option("--focus", default=4.0, help="How sharply solvers look at suspicious lines.  [4]")
@click.option("--seed", default=0, type=click.IntRange(0, 2**20), help="Of everything.  [0]")
@commands.folder("runs/curriculum", Path("runs/curriculum"))
@commands.overwrite
@commands.game_options
def command(
    game_id: str,
    iterations: int,
    batch: int,
    band: str,
    rate: float,
    focus: float,
    seed: int,
    out: Path,
    overwrite: bool,
    option: tuple[str, ...],
) -> None:
    """Train a network to choose mutations whose bugs are solved as often as a band says.

    \b
    arenas train BugRepair-v0 --algo bug_curriculum --iterations 40 --out runs/curriculum
    arenas train BugRepair-v0 --algo bug_curriculum -o 'projects=["spanset"]' -o choices=32

    The folder gets chooser.json (a player: chooser:runs/curriculum/chooser.json), curve.csv,
    curve.png and config.json.
    """  # noqa: D301 - click reads the escape itself
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    with commands.one_line_errors():
        if game_id.split("/")[-1] != "BugRepair-v0":
            raise ValueError(f"bug_curriculum trains for BugRepair-v0, not {game_id}")
        commands.refuse_a_run(out, overwrite)
        trainer = Trainer(read_options(option), band, batch, rate, seed=seed, focus=focus)
        config = {"game": game_id, "options": trainer.game.options, "batch": batch, "rate": rate}
        write_config({**config, "focus": focus, "seed": seed}, out)
    columns = (
        TextColumn("in band {task.fields[share]:.2f}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        task = progress.add_task("batches", total=iterations, share=0.0)
        for _ in range(iterations):
            point = trainer.iterate()
            progress.update(task, advance=1, share=point.in_band)
            write_table(Point._fields, trainer.points, out / "curve.csv")
            save(trainer.layers, out / "chooser.json")
    try:
        draw_curve(trainer.points, f"solve rate in {band}", out / "curve.png")
    except ImportError:
        console.print("no curve.png: pip install matplotlib")
    first, last = (
        float(np.mean([point.in_band for point in part]))
        for part in (trainer.points[:5], trainer.points[-5:])
    )
    click.echo(f"in band: {first:.3f} in the first five batches, {last:.3f} in the last five")
    console.print(f"play it: chooser:{out / 'chooser.json'}")


def main() -> None:
    """Entry point of `python -m arenas.baselines.bug_curriculum`."""
    command(prog_name="python -m arenas.baselines.bug_curriculum")


if __name__ == "__main__":
    main()
