"""Propose and solve by policy gradients: one small player in every seat of deep search.

A linear softmax over the structured view (`games/deep_search/learned.py`) plays proposer and
solvers. After each batch of matches both rows of weights take a step of REINFORCE (Williams, 1992):
the proposer's advantage is its reward less a running mean, a solver's is its reward less the mean
of the attempts at the same question (as in GRPO, without the division by the deviation). This is
the loop of Search Self-play (Lu et al., arXiv 2510.18821) with a policy of a few hundred numbers,
so that the loop itself can be watched: what the proposer is paid for, what the checks refuse.

    arenas train --algo search_selfplay --out runs/search
    arenas train --algo search_selfplay --skip "unique answer" --skip shortest --out runs/loose
    arenas match DeepSearch-v0 -o moves=numbered --seats learned:runs/search/policy.json ...

`--skip` leaves checks out, for ablations; `fair` then tells which share of the accepted questions
the whole list of checks would have accepted. `--entropy` pays both roles for staying undecided:
solvers that all do the same solve a question together or not at all, and then it is in no band.

The same command goes on with a run that was stopped, and with more `--iterations` one that was not.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import click
import numpy as np
from rich.console import Console
from rich.progress import Progress

from arenas.core.match import Match
from arenas.core.policy import Turn
from arenas.core.rng import SeedSequence
from arenas.games.deep_search.game import DeepSearch
from arenas.games.deep_search.learned import FEATURES, LinearPlayer, describe_moves
from arenas.policies.files import replacing
from arenas.registry import make_game, read_options
from arenas.training import commands

GAME = "DeepSearch-v0"


class Step(NamedTuple):
    """One decision: features of the legal moves, their probabilities, which was chosen."""

    features: np.ndarray
    shares: np.ndarray
    chosen: int


class Point(NamedTuple):
    """One batch.

    Attributes:
        iteration: from 1.
        reward: mean reward of the proposer.
        valid: share of the questions that passed the checks.
        fair: share of those that pass all checks, also the ones left out.
        solved: mean solve rate of the valid questions.
        band: share of the valid questions that some and not all attempts solved.
        hops: mean number of facts that a valid question rests on.
    """

    iteration: int
    reward: float
    valid: float
    fair: float
    solved: float
    band: float
    hops: float


def play(match: Match, player: LinearPlayer) -> list[list[Step]]:
    """Plays a match to its end; the decisions of each seat."""
    steps: list[list[Step]] = [[] for _ in range(match.game.spec.seats)]
    while not match.over:
        seat = match.awaited[0]
        turn = Turn.of(match, seat)
        legal = turn.legal or ()
        features = describe_moves(turn.view, legal, player.layout)
        shares = player.shares(turn, features)
        chosen = turn.rng.weighted(shares.tolist())
        steps[seat].append(Step(features, shares, chosen))
        match.submit(seat, legal[chosen])
    return steps


def gradient(steps: list[Step]) -> np.ndarray:
    """The gradient of the log-probability of a seat's decisions: (FEATURES,)."""
    total = np.zeros(FEATURES)
    for step in steps:
        total += step.features[step.chosen] - step.shares @ step.features
    return total


def spread(steps: list[Step]) -> np.ndarray:
    """The gradient of the sum of the decisions' entropies: (FEATURES,)."""
    total = np.zeros(FEATURES)
    for step in steps:
        logs = np.log(np.maximum(step.shares, np.finfo(float).tiny))
        entropy = -(step.shares @ logs)
        total -= (step.shares * (logs + entropy)) @ step.features
    return total


class Trainer:
    """The loop.

    Args:
        game: whose checks decide what is valid.
        strict: the same game with all checks.
        seed: of the matches.
        batch: matches a step.
        rate: length of a step of either role's weights, for a gradient of length 1 or more.
        decay: of the proposer's running mean reward.
        entropy: what a decision's entropy, in nats, is worth beside rewards.
    """

    def __init__(
        self,
        game: DeepSearch,
        strict: DeepSearch,
        seed: int = 0,
        batch: int = 24,
        rate: float = 1.0,
        decay: float = 0.9,
        entropy: float = 0.05,
    ) -> None:
        self.game, self.strict = game, strict
        self.player = LinearPlayer(game)
        self.batch, self.rate, self.decay, self.entropy = batch, rate, decay, entropy
        self._seeds = SeedSequence(seed)
        self._mean = 0.0
        self.iteration = 0

    def step(self) -> Point:
        """Plays a batch, moves the weights, and says how the batch went."""
        change = np.zeros_like(self.player.weights)
        rows: list[tuple[float, float, float, float, float]] = []
        rewards = []
        for _ in range(self.batch):
            match = Match(self.game, self._seeds.next())
            steps = play(match, self.player)
            assert match.outcome is not None
            reward, *wages = match.outcome.rewards
            rewards.append(reward)
            change[0] += (reward - self._mean) * gradient(steps[0])
            if self.entropy:
                change[0] += self.entropy * spread(steps[0])
                change[1] += self.entropy * sum(map(spread, steps[1:]), np.zeros(FEATURES))
            if match.state.valid:
                rate = sum(wages) / len(wages)
                for wage, seat in zip(wages, steps[1:], strict=True):
                    change[1] += (wage - rate) * gradient(seat)
                rows.append(self._judged(match, rate))
        self._mean = self.decay * self._mean + (1 - self.decay) * float(np.mean(rewards))
        for row, moved in zip(self.player.weights, change, strict=True):
            row += self.rate * moved / max(1.0, float(np.linalg.norm(moved)))
        self.iteration += 1
        columns = np.array(rows, float) if rows else np.full((1, 5), np.nan)
        _, fair, solved, band, hops = columns.mean(0).tolist()
        valid = len(rows) / self.batch
        return Point(self.iteration, float(np.mean(rewards)), valid, fair, solved, band, hops)

    def state(self) -> dict[str, Any]:
        """JSON values from which `restore` goes on."""
        weights = self.player.weights.tolist()
        return {"iteration": self.iteration, "mean": self._mean, "weights": weights}

    def restore(self, saved: Mapping[str, Any]) -> None:
        """Goes on from what `state` gave."""
        self.iteration, self._mean = saved["iteration"], saved["mean"]
        self.player.weights[:] = saved["weights"]
        for _ in range(self.iteration * self.batch):
            self._seeds.next()

    def _judged(self, match: Match, rate: float) -> tuple[float, float, float, float, float]:
        proposal = match.state.parts[0].answer
        checks, _ = self.strict.validate(match.state, proposal)
        fair = all(check.passed for check in checks)
        assert match.outcome is not None
        hops = float(match.outcome.evidence.get("hops", np.nan))
        return 1.0, float(fair), rate, float(0 < rate < 1), hops


def train(
    out: Path,
    options: dict[str, Any],
    skip: tuple[str, ...] = (),
    iterations: int = 60,
    seed: int = 0,
    batch: int = 24,
    rate: float = 1.0,
    entropy: float = 0.05,
    resume: bool = True,
) -> list[Point]:
    """Trains and writes `curve.csv`, `curve.png` and `policy.json` to a folder.

    It goes on from the folder's `checkpoint.json`, which is written after each batch, if `resume`.

    Raises:
        ValueError: an option is out of range, or the folder holds a run with other settings.
        OSError: the folder cannot be written.
    """
    common = {"moves": "numbered", "reward": "hump", "turns": 8, "solvers": 4, **options}
    game = make_game(GAME, **common, skip=list(skip))
    strict = make_game(GAME, **common)
    assert isinstance(game, DeepSearch)
    assert isinstance(strict, DeepSearch)
    out.mkdir(parents=True, exist_ok=True)
    trainer = Trainer(game, strict, seed, batch, rate, entropy=entropy)
    settings = {"options": game.options, "seed": seed, "batch": batch, "rate": rate}
    settings["entropy"] = entropy
    points = _go_on(trainer, out, settings) if resume else []
    console = Console(stderr=True)
    with (out / "curve.csv").open("w", encoding="ascii", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(Point._fields)
        writer.writerows([f"{value:.6g}" for value in point] for point in points)
        with Progress(console=console, transient=True, disable=not console.is_terminal) as bar:
            task = bar.add_task("batches", total=iterations, completed=len(points))
            while len(points) < iterations:
                points.append(trainer.step())
                writer.writerow(f"{value:.6g}" for value in points[-1])
                file.flush()
                kept = {"settings": settings, "points": points, **trainer.state()}
                with replacing(out / "checkpoint.json") as partial:
                    partial.write_text(json.dumps(kept), encoding="ascii")
                bar.advance(task)
    trainer.player.write(out / "policy.json")
    draw(points, out / "curve.png")
    game.close()
    strict.close()
    return points


def _go_on(trainer: Trainer, out: Path, settings: Mapping[str, Any]) -> list[Point]:
    """Brings the trainer where the folder's checkpoint is; the points so far."""
    path = out / "checkpoint.json"
    if not path.exists():
        return []
    try:
        saved = json.loads(path.read_text(encoding="ascii"))
        same = saved["settings"] == json.loads(json.dumps(settings))
    except (ValueError, KeyError, TypeError):
        same = False
    if not same:
        raise ValueError(
            f"{path} is of a run with other settings, or damaged; say --fresh to discard it, or "
            "choose another --out"
        )
    trainer.restore(saved)
    return [Point(*each) for each in saved["points"]]


def draw(points: list[Point], path: Path, window: int = 10) -> None:
    """Draws reward, validity, fairness, solve rate and band, each as a moving mean of batches.

    Without matplotlib (the extra `train`) nothing is drawn.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError:
        return
    figure = Figure(figsize=(7, 4), layout="constrained")
    axes = figure.subplots()
    for name in ("reward", "valid", "fair", "solved", "band"):
        values = np.array([getattr(point, name) for point in points])
        recent = [values[max(0, i - window + 1) : i + 1] for i in range(len(values))]
        known = [part[~np.isnan(part)] for part in recent]
        smooth = [part.mean() if len(part) else np.nan for part in known]
        axes.plot([point.iteration for point in points], smooth, label=name)
    axes.set(xlabel="batches", ylim=(0, 1.02), title=f"moving mean of {window} batches")
    axes.legend(loc="center left", bbox_to_anchor=(1, 0.5))
    figure.savefig(path, dpi=110)


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("game_id", default=GAME, metavar="[GAME_ID]")
@click.option("--out", type=click.Path(path_type=Path), default=Path("runs/search"))
@click.option("--iterations", default=60, type=click.IntRange(1), help="Batches.  [60]")
@click.option("--batch", default=24, type=click.IntRange(1), help="Matches a batch.  [24]")
@click.option("--rate", default=1.0, type=click.FloatRange(0), help="Length of a step.  [1.0]")
@click.option(
    "--entropy", default=0.05, type=click.FloatRange(0), help="Worth of a nat of entropy.  [0.05]"
)
@click.option("--seed", default=0, type=click.IntRange(0), help="Of the matches.  [0]")
@click.option("--skip", multiple=True, metavar="CHECK", help="A check to leave out; repeatable.")
@click.option("--option", "-o", multiple=True, metavar="NAME=VALUE", help="Of the game.")
@click.option(
    "--resume/--fresh", default=True, help="Go on from the checkpoint in --out.  [resume]"
)
def command(
    game_id: str,
    out: Path,
    iterations: int,
    batch: int,
    rate: float,
    entropy: float,
    seed: int,
    skip: tuple[str, ...],
    option: tuple[str, ...],
    resume: bool,
) -> None:
    """Train one small player in every seat of deep search.

    \b
    arenas train DeepSearch-v0 --algo search_selfplay --iterations 40 --seed 0 --out runs/search
    arenas train DeepSearch-v0 --algo search_selfplay --skip "unique answer" --out runs/unchecked

    The folder gets policy.json (a player: learned:runs/search/policy.json), curve.csv, curve.png
    and checkpoint.json.
    """  # noqa: D301 - click reads the escape itself
    if game_id.removeprefix("selfplay/") != GAME:
        raise click.ClickException(f"search_selfplay trains {GAME}, not {game_id}")
    with commands.one_line_errors():
        points = train(
            out, read_options(option), skip, iterations, seed, batch, rate, entropy, resume
        )
    last = points[-min(10, len(points)) :]
    for name in Point._fields[1:]:
        values = [getattr(point, name) for point in last]
        known = [value for value in values if not np.isnan(value)]
        click.echo(f"{name}: {np.mean(known):.3f}" if known else f"{name}: none")
