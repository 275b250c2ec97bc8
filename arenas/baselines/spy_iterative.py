"""Iterative Self-Play Policy Optimisation of Vision-Zero, on the structured view of Who Is the Spy.

Wang et al. (arXiv 2509.25541) train one model in two stages that take turns. In the clue stage the
clues are trained, with the zero-sum reward of the votes less a running mean for each role; in the
decision stage the votes are, with rewards normalised among the civilians' votes of one match. Which
stage comes next follows from running means of how often the votes are right and how often they are
"n/a": when the civilians find the spy nearly always, clues are trained, so that the spy gets harder
to find; when they err or abstain too often, votes are.

What is as in the paper: both rewards, both advantages, the running means (weights 0.95, from zero,
beginning in the decision stage), the thresholds, the least length of a stage. What differs, for a
network of twenty thousand weights that starts from nothing:

- A language model describes what it sees before any training. Here the network begins with a
  weight for what is true of its own scene (`truthful`); without it nobody's clues mean anything,
  and there is nothing to learn from.
- `patience` ends a stage that meets no threshold; the paper lists it and does not use it.
- The KL term pulls to the policy that training began with, at a weight that suits rewards of a
  tenth.
- A share of the matches is played with a scripted player as the spy, and another share with it as
  the civilians (`against`); only the network's moves are trained on.

    arenas train Spy-v0 --algo spy_iterative -o spy_sees=pair --out runs/spy
    arenas match Spy-v0 -o spy_sees=pair --seats trained:runs/spy/policy.pt literal ...

The same command continues a run that was killed, from its last checkpoint, to the same figures.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import click
import numpy as np
import torch
from matplotlib.figure import Figure
from torch import nn

import arenas
from arenas.core.policy import Policy, Turn
from arenas.core.rng import Rng
from arenas.games.spy import Spy, rewards
from arenas.games.spy.game import SpyState
from arenas.games.spy.network import NetworkPlayer, SpyNetwork
from arenas.policies.files import replacing
from arenas.policies.network import write_saved
from arenas.registry import read_options
from arenas.training import commands, settings
from arenas.training.checkpoint import going_on, read_checkpoint
from arenas.training.folder import write_config, write_curve
from arenas.training.loop import interruptible, iterations
from arenas.training.progress import shown
from arenas.training.settings import COUNT, NOT_NEGATIVE, POSITIVE, SEED, SHARE, setting

CLUE, DECISION = "clue", "decision"
SCHEDULES = ("iterative", "joint", CLUE, DECISION)
MEASURED_SEED = 1 << 40
"""Matches of measurements begin here, apart from those of training."""
NETWORK, SCRIPTED = "network", "scripted"


@dataclass(frozen=True)
class Config:
    """Settings of a run; the help of each is what `--help` prints."""

    seed: int = setting(0, SEED, "Everything random follows from it.")
    iterations: int = setting(160, COUNT, "Updates; each plays its own matches.")
    matches: int = setting(64, COUNT, "Of one iteration.")
    schedule: str = setting(
        "iterative", click.Choice(SCHEDULES), "Stages in turns, both at once, or one alone."
    )
    group: int = setting(8, COUNT, "Votes drawn for each civilian; the first one counts.")
    learning_rate: float = setting(3e-3, POSITIVE, "Adam's; falls linearly to a tenth.")
    kl: float = setting(0.001, NOT_NEGATIVE, "Weight of KL(policy || where it began).")
    decay: float = setting(0.95, SHARE, "Of each role's mean reward in the clue stage.")
    smoothing: float = setting(0.95, SHARE, "Of the running means of right and n/a votes.")
    found: float = setting(0.9, SHARE, "Votes right from which clues are trained.")
    unsure: float = setting(0.1, SHARE, "Votes n/a up to which clues are trained.")
    lost: float = setting(0.4, SHARE, "Votes not right from which votes are trained.")
    abstained: float = setting(0.5, SHARE, "Votes n/a from which votes are trained.")
    dwell: int = setting(5, COUNT, "Iterations that a stage lasts at least.")
    patience: int = setting(20, COUNT, "Iterations that a stage lasts at most.")
    against: str = setting("literal", click.STRING, "Scripted player to train and measure against.")
    against_share: float = setting(
        0.5, SHARE, "Of the matches: half of them with it as the spy, half as the civilians."
    )
    truthful: float = setting(1.0, NOT_NEGATIVE, "Weight of the truth that clues begin with.")
    width: int = setting(64, COUNT, "Of the hidden layer.")
    max_grad_norm: float = setting(0.5, POSITIVE, "Longer gradients are shortened to this.")
    evaluate_every: int = setting(
        20, COUNT, "Iterations between two measurements, each with a checkpoint."
    )
    evaluate_games: int = setting(200, COUNT, "Matches of each role at a measurement.")
    final_games: int = setting(400, COUNT, "The same at the start and at the end.")

    def __post_init__(self) -> None:
        settings.check(self)


# -- playing -----------------------------------------------------------------------------------


class Moves(NamedTuple):
    """The network's moves of one kind, clues or votes, as rows.

    Attributes:
        view: float32 (n, N).
        mask: bool (n, A).
        action: int64 (n, G): what was drawn; one clue, or several votes of which the first counted.
        match: int64 (n,).
        seat: int64 (n,).
    """

    view: torch.Tensor
    mask: torch.Tensor
    action: torch.Tensor
    match: np.ndarray
    seat: np.ndarray


class Played(NamedTuple):
    """A batch of finished matches, and the network's clues and votes in them."""

    states: list[SpyState]
    clues: Moves
    votes: Moves


class Table:
    """Plays batches of matches in step: each has as many clues and votes as the next.

    Args:
        game: with structured clues, where the players vote.
        network: plays the seats of `NETWORK`.
        scripted: plays the others.
        generator: draws the network's moves.
        group: votes drawn for each seat of the network.
    """

    def __init__(
        self,
        game: Spy,
        network: SpyNetwork,
        scripted: Policy,
        generator: torch.Generator,
        group: int,
    ) -> None:
        self.game, self.network, self.scripted = game, network, scripted
        self.generator, self.group = generator, group

    def play(self, seeds: list[int], spies: list[str], civilians: list[str]) -> Played:
        """Plays the match of each seed.

        Args:
            seeds: of the matches.
            spies, civilians: who plays that role in each match, `NETWORK` or `SCRIPTED`.
        """
        game = self.game
        states = [game.new(Rng(seed)) for seed in seeds]
        who = [
            [spies[i] if seat == state.spy else civilians[i] for seat in range(game.players)]
            for i, state in enumerate(states)
        ]
        talked = []
        for turn in range(game.rounds * game.players):
            seats = [(i, game.speaker(state, turn)) for i, state in enumerate(states)]
            moves, decided = self._decide(states, seeds, seats, who, 1)
            talked.append(decided)
            states = [
                game.apply(state, {seat: moves[i, seat]})
                for state, (i, seat) in zip(states, seats, strict=True)
            ]
        seats = [(i, seat) for i in range(len(states)) for seat in range(game.players)]
        moves, votes = self._decide(states, seeds, seats, who, self.group)
        states = [
            game.apply(state, {seat: moves[i, seat] for seat in range(game.players)})
            for i, state in enumerate(states)
        ]
        # The spy's vote counts for nothing, so there is nothing to learn from it.
        kept = np.array(
            [states[i].spy != s for i, s in zip(votes.match, votes.seat, strict=True)], bool
        )
        return Played(states, _joined(talked), _only(votes, kept))

    def _decide(
        self,
        states: list[SpyState],
        seeds: list[int],
        seats: list[tuple[int, int]],
        who: list[list[str]],
        draws: int,
    ) -> tuple[dict[tuple[int, int], int], Moves]:
        """A move for each (match, seat), and those of the network as rows."""
        game = self.game
        moves: dict[tuple[int, int], int] = {}
        own = [(i, seat) for i, seat in seats if who[i][seat] == NETWORK]
        other = [(i, seat) for i, seat in seats if who[i][seat] == SCRIPTED]
        turns = [
            Turn(game, states[i], seat, Rng(seeds[i]).fork(len(states[i].said), seat))
            for i, seat in other
        ]
        for each, reply in zip(other, self.scripted.act(turns), strict=True):
            moves[each] = reply.move
        shape = game.spec.observation_space.shape
        assert shape is not None
        views = np.zeros((len(own), shape[0]), np.int8)
        masks = np.zeros((len(own), game.num_actions), bool)
        for row, (i, seat) in enumerate(own):
            views[row] = game.view(states[i], seat)
            masks[row] = game.mask(states[i], seat)
        view, mask = torch.from_numpy(views).float(), torch.from_numpy(masks)
        action = torch.zeros((len(own), draws), dtype=torch.int64)
        if own:
            with torch.no_grad():
                odds = self.network.log_probs(view, mask).exp()
            action = torch.multinomial(odds, draws, replacement=True, generator=self.generator)
        moves |= dict(zip(own, action[:, 0].tolist(), strict=True))
        match, seat_of = np.array(own, np.int64).reshape(-1, 2).T
        return moves, Moves(view, mask, action, match, seat_of)


def _joined(parts: list[Moves]) -> Moves:
    columns = list(zip(*parts, strict=True))
    tensors: list[Any] = [torch.cat(column) for column in columns[:3]]
    return Moves(*tensors, *(np.concatenate(column) for column in columns[3:]))


def _only(moves: Moves, kept: np.ndarray) -> Moves:
    rows = torch.from_numpy(kept)
    return Moves(
        moves.view[rows], moves.mask[rows], moves.action[rows], moves.match[kept], moves.seat[kept]
    )


# -- rewards and stages ------------------------------------------------------------------------


class RoleMeans:
    """Role Advantage Estimation: the running mean reward of the spy and of the civilians.

    Args:
        decay: weight of what was before; both start at 0.
    """

    def __init__(self, decay: float) -> None:
        self.decay = decay
        self.spy = self.civilians = 0.0

    def advantages(self, game: Spy, played: Played) -> torch.Tensor:
        """Each clue's reward less its role's mean, which the batch has moved before.

        Returns:
            float32 of shape (n,), a row of `played.clues` each.
        """
        paid = np.array([clue_rewards(game, state) for state in played.states])
        spies = np.array([state.spy for state in played.states])
        clues = played.clues
        worth = self.less(paid, spies)[clues.match, clues.seat]
        return torch.from_numpy(worth.astype(np.float32))

    def less(self, paid: np.ndarray, spies: np.ndarray) -> np.ndarray:
        """Each player's reward less its role's mean, which the batch has moved before.

        Args:
            paid: float (n, P), the clue-stage rewards of each match.
            spies: int (n,), its spy.

        Returns:
            float (n, P).
        """
        row, own = np.arange(len(paid)), 1 - self.decay
        spy, rest = paid[row, spies], paid.sum(1) - paid[row, spies]
        self.spy += own * (float(spy.mean()) - self.spy)
        self.civilians += own * (float(rest.mean()) / (paid.shape[1] - 1) - self.civilians)
        is_spy = np.arange(paid.shape[1]) == spies[:, None]
        return np.asarray(paid - np.where(is_spy, self.spy, self.civilians))


def clue_rewards(game: Spy, state: SpyState) -> list[float]:
    """The clue-stage reward of each player of a finished match."""
    outcome = game.outcome(state)
    assert outcome is not None
    paid: list[float] = outcome.evidence["clue_rewards"]
    return paid


def vote_advantages(game: Spy, played: Played) -> torch.Tensor:
    """Decision rewards normalised among all votes drawn for the civilians of one match.

    Returns:
        float32 of shape (n, G), as `played.votes.action`; 0 where all were paid alike.
    """
    votes = played.votes
    paid = np.zeros(tuple(votes.action.shape))
    for row, (i, seat) in enumerate(zip(votes.match, votes.seat, strict=True)):
        for draw, action in enumerate(votes.action[row].tolist()):
            target = game.voted(int(seat), action)
            paid[row, draw] = rewards.decision_reward(target, played.states[i].spy, game.published)
    advantage = np.zeros_like(paid, dtype=np.float32)
    for i in np.unique(votes.match):
        rows = votes.match == i
        advantage[rows] = (paid[rows] - paid[rows].mean()) / (paid[rows].std() + 1e-6)
    return torch.from_numpy(advantage)


class Stages:
    """Which stage is trained next, by the paper's thresholds.

    Attributes:
        stage: `CLUE` or `DECISION`.
        right: running mean of the share of votes on the spy.
        nobody: running mean of the share of votes "n/a".
        lasted: iterations of this stage so far.
    """

    def __init__(self, config: Config) -> None:
        self.config = config
        self.stage, self.right, self.nobody, self.lasted = DECISION, 0.0, 0.0, 0

    def trained(self) -> tuple[str, ...]:
        """What this iteration trains."""
        schedule = self.config.schedule
        if schedule == "joint":
            return (CLUE, DECISION)
        return (self.stage,) if schedule == "iterative" else (schedule,)

    def step(self, right: float, nobody: float) -> None:
        """Takes in an iteration's shares of right votes and of "n/a"."""
        config, own = self.config, 1 - self.config.smoothing
        self.right += own * (right - self.right)
        self.nobody += own * (nobody - self.nobody)
        self.lasted += 1
        if self.stage == DECISION:
            over = self.right >= config.found and self.nobody <= config.unsure
        else:
            over = 1 - self.right >= config.lost or self.nobody >= config.abstained
        if (over and self.lasted >= config.dwell) or self.lasted >= config.patience:
            self.stage = CLUE if self.stage == DECISION else DECISION
            self.lasted = 0


# -- learning ----------------------------------------------------------------------------------


class Training:
    """All that training depends on, so all that a checkpoint holds.

    Args:
        options: of the game.
        config: settings.
        out: folder of the run.

    Raises:
        ValueError: the game's options or the settings are out of range, or do not go together.
    """

    def __init__(self, options: Mapping[str, Any], config: Config, out: Path) -> None:
        game = arenas.make_game("Spy-v0", **options)
        assert isinstance(game, Spy)
        self.game, self.config, self.out = game, config, out
        self.options = dict(game.options)
        self.generator = torch.Generator().manual_seed(config.seed)
        self.network = SpyNetwork(game, config.width, config.truthful, self.generator)
        self.start = copy.deepcopy(self.network)
        self.optimizer = torch.optim.Adam(self.network.parameters(), lr=config.learning_rate)
        self.scripted = arenas.make_player("Spy-v0", config.against, game)
        self.table = Table(game, self.network, self.scripted, self.generator, config.group)
        self.means = RoleMeans(config.decay)
        self.stages = Stages(config)
        self.iteration = 0
        self.curve: list[dict[str, float]] = []

    @property
    def over(self) -> bool:
        """Whether all iterations are done."""
        return self.iteration >= self.config.iterations

    @property
    def so_far(self) -> str:
        """What has been done, in words."""
        return f"{self.iteration} iterations"

    def iterate(self) -> None:
        """Plays, learns, and measures if it is time to.

        Raises:
            FloatingPointError: training has diverged; the checkpoint is of before.
        """
        config = self.config
        if not self.curve:
            self.curve.append({"iteration": 0, **self._state(0.0, 0.0), **self.measure(True)})
        for each in self.optimizer.param_groups:
            each["lr"] = config.learning_rate * (1 - 0.9 * self.iteration / config.iterations)
        first = (config.seed << 32) + self.iteration * config.matches
        scripted = round(config.matches * config.against_share / 2)
        spies = [SCRIPTED] * scripted + [NETWORK] * (config.matches - scripted)
        civilians = [NETWORK] * (config.matches - scripted) + [SCRIPTED] * scripted
        played = self.table.play(list(range(first, first + config.matches)), spies, civilians)
        trained = self.stages.trained()
        losses = []
        # The roles' means follow the play in both stages.
        clue_advantages = self.means.advantages(self.game, played)
        if CLUE in trained:
            losses.append(self._loss(played.clues, clue_advantages[:, None]))
        if DECISION in trained:
            losses.append(self._loss(played.votes, vote_advantages(self.game, played)))
        self.optimizer.zero_grad()
        torch.stack(losses).sum().backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self.network.parameters(), config.max_grad_norm)
        self.optimizer.step()
        if not all(p.isfinite().all() for p in self.network.parameters()):
            raise FloatingPointError(
                f"training has diverged after {self.iteration} iterations; choose a lower "
                "--learning-rate"
            )
        right, nobody = vote_shares(self.game, played)
        self.stages.step(right, nobody)
        self.iteration += 1
        if self.over or self.iteration % config.evaluate_every == 0:
            state = self._state(right, nobody)
            measured = self.measure(self.over)
            self.curve.append({"iteration": self.iteration, **state, **measured})

    def _loss(self, moves: Moves, advantage: torch.Tensor) -> torch.Tensor:
        """The policy gradient, and the pull to where training began."""
        log_probs = self.network.log_probs(moves.view, moves.mask)
        with torch.no_grad():
            start = self.start.log_probs(moves.view, moves.mask)
        taken = log_probs.gather(1, moves.action)
        kl = (log_probs.exp() * (log_probs - start)).sum(1).mean()
        return -(taken * advantage).mean() + self.config.kl * kl

    def _state(self, right: float, nobody: float) -> dict[str, float]:
        """What the curve says of training itself."""
        return {
            "clue_stage": float(self.stages.stage == CLUE),
            "right": right,
            "nobody": nobody,
            "right_mean": self.stages.right,
            "nobody_mean": self.stages.nobody,
        }

    def measure(self, final: bool = False) -> dict[str, float]:
        """The network's results against the scripted player, in both roles.

        Returns:
            As the civilians and as the spy: mean reward, half its 95 % interval, and how often the
            spy was caught.
        """
        count = self.config.final_games if final else self.config.evaluate_games
        figures: dict[str, float] = {}
        # A stream of its own, so that measuring does not move training.
        generator = torch.Generator().manual_seed(self.config.seed)
        table = Table(self.game, self.network, self.scripted, generator, 1)
        for role in ("civilians", "spy"):
            spy = NETWORK if role == "spy" else SCRIPTED
            civilian = SCRIPTED if role == "spy" else NETWORK
            paid, caught = [], 0
            for start in range(0, count, 200):
                size = min(200, count - start)
                seeds = [MEASURED_SEED + start + i for i in range(size)]
                for state in table.play(seeds, [spy] * size, [civilian] * size).states:
                    outcome = self.game.outcome(state)
                    assert outcome is not None
                    caught += outcome.evidence["caught"]
                    own = outcome.rewards[state.spy]
                    rest = (sum(outcome.rewards) - own) / (self.game.players - 1)
                    paid.append(own if role == "spy" else rest)
            figures[f"{role}_reward"] = float(np.mean(paid))
            figures[f"{role}_interval"] = float(1.96 * np.std(paid) / len(paid) ** 0.5)
            figures[f"{role}_caught"] = caught / count
        return figures

    # -- files ---------------------------------------------------------------------------------

    def save(self) -> None:
        """Writes the checkpoint."""
        stages, means = self.stages, self.means
        contents = {
            "options": self.options,
            "config": asdict(self.config),
            "iteration": self.iteration,
            "curve": self.curve,
            "network": self.network.state_dict(),
            "start": self.start.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "generator": self.generator.get_state(),
            "stages": [stages.stage, stages.right, stages.nobody, stages.lasted],
            "means": [means.spy, means.civilians],
        }
        write_saved(contents, self.out / "checkpoint.pt")

    def export(self) -> None:
        """Writes what follows from the checkpoint: the policy and the curve."""
        NetworkPlayer(self.game, self.network).save(self.out / "policy.pt")
        write_curve(self.curve, self.out)

    def restore(self) -> None:
        """Goes on from the checkpoint in `out`.

        Raises:
            ValueError: it is damaged, or of a run with other settings, which the message names.
        """
        with going_on(self.out):
            saved = read_checkpoint(self.out, "stages", self.config, options=self.options)
            self.iteration, self.curve = saved["iteration"], saved["curve"]
            self.network.load_state_dict(saved["network"])
            self.start.load_state_dict(saved["start"])
            self.optimizer.load_state_dict(saved["optimizer"])
            self.generator.set_state(saved["generator"])
            stages, means = self.stages, self.means
            stages.stage, stages.right, stages.nobody, stages.lasted = saved["stages"]
            means.spy, means.civilians = saved["means"]


def vote_shares(game: Spy, played: Played) -> tuple[float, float]:
    """The shares of the network's counted votes that are right, and that are "n/a"."""
    votes = played.votes
    cast = [
        (game.voted(int(seat), action), played.states[i].spy)
        for i, seat, action in zip(
            votes.match, votes.seat, votes.action[:, 0].tolist(), strict=True
        )
    ]
    right = sum(vote == spy for vote, spy in cast)
    return right / max(len(cast), 1), sum(vote is None for vote, _ in cast) / max(len(cast), 1)


def draw(training: Training, path: Path) -> None:
    """Writes the curve as a picture: both roles' rewards against the scripted player."""
    curve, against = training.curve, training.config.against
    figure = Figure(figsize=(7, 4), layout="constrained")
    axes = figure.subplots()
    at = np.array([row["iteration"] for row in curve])
    for role, colour in (("civilians", "tab:blue"), ("spy", "tab:red")):
        mean = np.array([row[f"{role}_reward"] for row in curve])
        half = np.array([row[f"{role}_interval"] for row in curve])
        axes.plot(at, mean, color=colour, label=f"as {role} against {against}")
        axes.fill_between(at, mean - half, mean + half, color=colour, alpha=0.2)
    axes.set(xlabel="iterations", ylabel="mean reward a match", title=training.config.schedule)
    axes.grid(alpha=0.3)
    axes.legend()
    with replacing(path) as partial:
        figure.savefig(partial, format="png", dpi=120)


# -- the command -------------------------------------------------------------------------------


def train(training: Training, time_limit: float | None = None) -> bool:
    """Runs to the end, to the time limit, or to Ctrl-C, and writes a checkpoint there.

    Returns:
        Whether Ctrl-C stopped it.
    """
    with (
        shown("Spy-v0", training.config.iterations, training.iteration) as progress,
        interruptible() as interrupted,
    ):
        for rows in iterations(training, time_limit, interrupted):
            figures = _brief(training.curve[-1])
            line = f"{training.so_far}: {figures}" if rows else ""
            progress.update(training.iteration, figures, line)
    # Once more for a run that was killed between its last checkpoint and these.
    training.export()
    draw(training, training.out / "curve.png")
    return interrupted() and not training.over


def report(training: Training) -> str:
    """The last lines: results at the start and at the end."""
    rows = training.curve[0], training.curve[-1]
    return "\n".join(f"{row['iteration']} iterations: {_brief(row)}" for row in rows)


def _brief(row: Mapping[str, float]) -> str:
    stage = CLUE if row["clue_stage"] else DECISION
    parts = [
        f"{role} {row[f'{role}_reward']:+.3f} ± {row[f'{role}_interval']:.3f} "
        f"(caught {row[f'{role}_caught']:.3f})"
        for role in ("civilians", "spy")
    ]
    return f"{'  '.join(parts)}  votes right {row['right_mean']:.2f}, next stage {stage}"


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@commands.game_id
@commands.folder("runs/GAME-SCHEDULE-SEED")
@commands.resume
@commands.time_limit
@commands.game_options
@settings.options(Config, {})
def command(
    game_id: str,
    out: Path | None,
    resume: bool,
    time_limit: float | None,
    option: tuple[str, ...],
    **given: Any,
) -> None:
    """Train a small network of Who Is the Spy by Iterative Self-Play Policy Optimisation.

    \b
    arenas train Spy-v0 --algo spy_iterative -o spy_sees=pair --out runs/spy
    arenas train Spy-v0 --algo spy_iterative -o spy_sees=pair --schedule joint

    The folder gets policy.pt (a player: trained:runs/spy/policy.pt), curve.csv, curve.png,
    config.json and checkpoint.pt. Ctrl-C saves; the same command goes on from there.
    """  # noqa: D301 - click reads the escape itself
    torch.set_num_threads(1)
    with commands.one_line_errors():
        full = arenas.registry.find(game_id).id
        if full != "selfplay/Spy-v0":
            raise ValueError(f"{game_id}: this algorithm is for Spy-v0")
        config = replace(Config(), **settings.given(given))
        out = out or Path("runs") / f"Spy-v0-{config.schedule}-{config.seed}"
        out.mkdir(parents=True, exist_ok=True)
        training = Training(read_options(option), config, out)
        commands.begin(training, resume, ["policy.pt"], [])
        trained = {"game_id": full, "options": training.options}
        write_config({**trained, **asdict(config)}, out)
        interrupted = train(training, time_limit)
    commands.end(training, interrupted, report)


if __name__ == "__main__":
    command()
