"""PPO by self-play that settles: a KL term pulls the policy towards its own slow average.

Plain policy gradients by self-play do not settle in games of hidden information. In Kuhn poker each
policy is answered by its best response, and the answers run in a circle round the equilibrium (try
`--magnet-weight 0`: NashConv ends worse than uniform play). Two additions to PPO (Schulman et al.,
"Proximal Policy Optimization Algorithms", 2017) stop that here.

- Each update pays `magnet_weight` * KL(policy || magnet) at every decision that was visited. That
  is magnetic mirror descent (Sokota et al., "A Unified Approach to Reinforcement Learning, Quantal
  Response Equilibria, and Two-Player Zero-Sum Games", ICLR 2023) with PPO's clipped step in the
  place of its proximal term. With that term a game has one equilibrium, which their method provably
  approaches without averaging where strategies are single choices, and in their experiments where
  they are trees of choices, as here. Rudolph et al., "Reevaluating Policy Gradient Methods for
  Imperfect-Information Games" (2025), find policy gradients so strongly regularised at
  least as good as deep versions of fictitious play, double oracle and CFR.
- The magnet is not the uniform policy, which would leave the equilibrium off by about the weight.
  It is an average of the policy's own weights and moves a step of `magnet_rate` towards them after
  each update. Where policy and magnet rest, they are the same and the term is zero, so no seat
  gains by small changes: with every move in play, an equilibrium of the game itself. R-NaD moves
  its magnet in jumps to the same end (Perolat et al., "Mastering the game of Stratego with
  model-free multiagent reinforcement learning", Science 378, 2022).

**The magnet is what is measured, saved and played**: the average iterate, as weights, whose noise
is averaged away too. The learning rate falls linearly to zero, which settles the rest of it. Where
nothing is hidden it is measured and played greedily: there mixing moves gains nothing.

Every iteration plays `num_envs` whole matches, so no trajectory is cut and nothing is bootstrapped.
A seat's own decisions form its trajectory; what it is paid while others move belongs to its last
decision before. Most groups of matches are mirror self-play, where all seats are trained. In the
others one seat is the learner's and the rest belong to a frozen policy out of the pool, from whose
moves nothing is learnt.

    arenas train KuhnPoker-v0 --out runs/kuhn
    arenas train TicTacToe-v0 --out runs/tictactoe
    arenas match KuhnPoker-v0 --seats network:runs/kuhn/policy.pt random

The same command continues a run that was killed, from its last checkpoint, and every figure comes
out as it would have: the checkpoint and the pool's files hold all that training depends on.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import click
import numpy as np
import torch
from matplotlib.figure import Figure
from torch import nn
from torch.utils.tensorboard import SummaryWriter

import arenas
from arenas.core.flat import FlatGame
from arenas.core.game import Game
from arenas.core.policy import Policy
from arenas.policies.files import replacing
from arenas.policies.game_tree import GameTree
from arenas.policies.network import ActorCritic, NetworkPolicy, write_saved
from arenas.policies.pool import FROM_POOL, MIRROR, Member, OpponentPool
from arenas.rating.exploitability import nash_conv
from arenas.rating.results import PlayerResult, Results
from arenas.registry import read_options
from arenas.rollout.matches import sitting_of
from arenas.training import commands, settings
from arenas.training.checkpoint import going_on, read_checkpoint
from arenas.training.folder import write_config, write_curve, write_pool
from arenas.training.loop import interruptible, iterations
from arenas.training.measuring import LEARNER, MAX_STATES, references
from arenas.training.progress import shown
from arenas.training.settings import COUNT, NOT_NEGATIVE, POSITIVE, SEED, SHARE, setting

# -- settings ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Config:
    """Settings of a run; the help of each is what `--help` prints.

    Rewards are divided by the greatest that a seat can win or lose, so that weights mean the same
    in every game.
    """

    seed: int = setting(0, SEED, "Everything random follows from it.")
    total_steps: int = setting(
        2_500_000, COUNT, "Moves to play, of all seats and matches together."
    )
    num_envs: int = setting(1024, COUNT, "Matches of one iteration, all played at once.")
    learning_rate: float = setting(3e-3, POSITIVE, "Adam's at the start; falls linearly to zero.")
    epochs: int = setting(2, COUNT, "Passes over each iteration's decisions.")
    minibatches: int = setting(2, COUNT, "Updates a pass.")
    gamma: float = setting(1.0, SHARE, "Discount between two decisions of a seat.")
    gae_lambda: float = setting(1.0, SHARE, "Of generalised advantage estimation.")
    clip: float = setting(0.2, POSITIVE, "PPO's limit on the change of a probability's ratio.")
    magnet_weight: float = setting(0.5, NOT_NEGATIVE, "Weight of KL(policy || magnet).")
    magnet_rate: float = setting(
        0.03, click.FloatRange(0, 1, min_open=True), "The magnet's step towards the policy."
    )
    value_weight: float = setting(0.5, NOT_NEGATIVE, "Weight of the squared error of the value.")
    max_grad_norm: float = setting(0.5, POSITIVE, "Longer gradients are shortened to this.")
    width: int = setting(64, COUNT, "Units of each hidden layer.")
    depth: int = setting(2, COUNT, "Hidden layers.")
    groups: int = setting(8, COUNT, "Matches are split into so many; each draws its opponent.")
    pool_share: float = setting(0.0, SHARE, "Chance that a group meets the pool, not itself.")
    pool_rule: str = setting(
        "hard", click.Choice(FROM_POOL), "Whom it meets; see arenas.policies.pool."
    )
    pool_size: int = setting(16, COUNT, "Members kept in the pool.")
    pool_memory: float = setting(
        0.95, click.FloatRange(0, 1, min_open=True), "By what old results fade at each new one."
    )
    snapshot_every: int = setting(25, COUNT, "Iterations between two members of the pool.")
    evaluate_every: int = setting(
        25, COUNT, "Iterations between two measurements, each with a checkpoint."
    )
    evaluate_games: int = setting(
        200, COUNT, "Matches against each reference player at a measurement."
    )
    final_games: int = setting(
        2000, COUNT, "The same at the end; every seat has an equal share of them."
    )
    nash_conv: bool = setting(False, click.BOOL, "Measure NashConv exactly; walks the whole game.")

    def __post_init__(self) -> None:
        settings.check(self)


DEFAULTS: dict[str, dict[str, Any]] = {
    # Mirror matches only: the argument above is about a policy that meets itself.
    "selfplay/KuhnPoker-v0": {"magnet_weight": 0.25, "magnet_rate": 0.02, "nash_conv": True},
    # Whoever plays well accepts nothing that gains the other more, and then no offer teaches
    # anything; past selves, the first ones too, go on accepting.
    "selfplay/Negotiation-v0": {
        "total_steps": 1_500_000,
        "learning_rate": 1e-3,
        "magnet_weight": 0.1,
        "pool_share": 0.5,
        "pool_rule": "uniform",
        "pool_size": 64,
        "snapshot_every": 5,
    },
    "selfplay/TicTacToe-v0": {
        "total_steps": 4_000_000,
        "width": 128,
        "pool_share": 0.25,
        "nash_conv": True,
    },
}
"""What each game sets otherwise."""


# -- playing -----------------------------------------------------------------------------------


class Batch(NamedTuple):
    """What the learner decided in one iteration, as rows: the only thing it is trained on."""

    observation: torch.Tensor  # float32 (n, inputs)
    mask: torch.Tensor  # bool (n, actions)
    action: torch.Tensor  # int64 (n,)
    log_prob: torch.Tensor  # float32 (n,), when it was drawn
    value: torch.Tensor  # float32 (n,), when it was drawn
    advantage: torch.Tensor  # float32 (n,)


class Matches(NamedTuple):
    """Whole matches, step by step: T steps of B matches of S seats.

    `live` says that the match was still going on, `learner` that the learner made the move.
    """

    observation: torch.Tensor  # float32 (T, B, inputs)
    mask: torch.Tensor  # bool (T, B, actions)
    action: torch.Tensor  # int64 (T, B)
    log_prob: torch.Tensor  # float32 (T, B)
    value: torch.Tensor  # float32 (T, B)
    seat: np.ndarray  # int64 (T, B)
    live: np.ndarray  # bool (T, B)
    learner: np.ndarray  # bool (T, B)
    rewards: np.ndarray  # float64 (T, B, S)

    def batch(self, gamma: float, gae_lambda: float) -> Batch:
        """The learner's decisions with their advantages."""
        advantage = advantages(
            self.rewards, self.value.numpy(), self.seat, self.live, gamma, gae_lambda
        )
        chosen = torch.from_numpy(self.learner)
        return Batch(
            self.observation[chosen],
            self.mask[chosen],
            self.action[chosen],
            self.log_prob[chosen],
            self.value[chosen],
            torch.from_numpy(advantage)[chosen],
        )


def learner_seats(matches: int, seats: int) -> np.ndarray:
    """The learner's seat in each match against a frozen opponent: every seat in turn."""
    return np.arange(matches) % seats


def group_numbers(matches: int, groups: int) -> np.ndarray:
    """The group of each match: groups are neighbours, as equal in size as can be."""
    return np.arange(matches) * groups // matches


def play(
    env: Any,
    network: ActorCritic,
    opponents: Sequence[ActorCritic | None],
    generator: torch.Generator,
) -> Matches:
    """Plays one match in each place of the vector environment.

    Args:
        env: from `arenas.make_vec`, with `layout="self_play"` and same-step reset. It plays on
            where a match is over until the longest is; those moves are left out.
        network: the learner.
        opponents: for each group of matches who has the other seats; None means the learner.
        generator: draws the actions.
    """
    matches, seats = env.num_envs, env.game.spec.seats
    group = group_numbers(matches, len(opponents))
    mirror = np.array([opponent is None for opponent in opponents])[group]
    own_seat = learner_seats(matches, seats)
    steps: list[tuple[Any, ...]] = []
    observations, info = env.reset()
    live = np.ones(matches, bool)
    while live.any():
        seat = info["seat"].copy()
        learner = live & (mirror | (seat == own_seat))
        flat = observations["observation"].reshape(matches, -1).astype(np.float32)
        observation = torch.from_numpy(flat)
        mask = torch.from_numpy(observations["action_mask"].astype(bool))
        with torch.no_grad():
            log_probs, value = network(observation, mask)
            for number, opponent in enumerate(opponents):
                if opponent is not None:
                    theirs = torch.from_numpy(live & ~learner & (group == number))
                    log_probs[theirs] = opponent.log_probs(observation[theirs], mask[theirs])
            action = torch.multinomial(log_probs.exp(), 1, generator=generator)
            log_prob = log_probs.gather(1, action).squeeze(1)
        action = action.squeeze(1)
        observations, _, terminated, truncated, info = env.step(action.numpy())
        rewards = info["rewards"].copy()
        steps.append((observation, mask, action, log_prob, value, seat, live, learner, rewards))
        live = live & ~(terminated | truncated)
    # One column for each field of `Matches`: five of tensors, then arrays.
    columns = list(zip(*steps, strict=True))
    tensors: list[Any] = [torch.stack(column) for column in columns[:5]]
    return Matches(*tensors, *(np.stack(column) for column in columns[5:]))


def advantages(
    rewards: np.ndarray,
    value: np.ndarray,
    seat: np.ndarray,
    live: np.ndarray,
    gamma: float,
    gae_lambda: float,
) -> np.ndarray:
    """Generalised advantage estimation (Schulman et al. 2016, equation 16), seat by seat.

    The next state of a decision is the same seat's next decision in the match, whose value is 0 if
    there is none; its reward is all that the seat is paid until then.

    Args:
        rewards: of shape (T, B, S), what each step paid each seat.
        value: of shape (T, B), of the seat to move.
        seat: of shape (T, B), the seat to move.
        live: of shape (T, B), false for the steps after a match's end.
        gamma: discount from a decision to the seat's next.
        gae_lambda: weight of the later temporal differences.

    Returns:
        float32 of shape (T, B), 0 where the match was over.
    """
    steps, matches, seats = rewards.shape
    advantage = np.zeros((steps, matches), np.float32)
    paid = np.zeros((matches, seats))
    next_value = np.zeros((matches, seats))
    next_advantage = np.zeros((matches, seats))
    for t in reversed(range(steps)):
        rows = np.flatnonzero(live[t])
        cells = rows, seat[t, rows]
        paid[rows] += rewards[t, rows]
        delta = paid[cells] + gamma * next_value[cells] - value[t, rows]
        advantage[t, rows] = next_advantage[cells] = (
            delta + gamma * gae_lambda * next_advantage[cells]
        )
        next_value[cells] = value[t, rows]
        paid[cells] = 0.0
    return advantage


# -- learning ----------------------------------------------------------------------------------


def update(
    network: ActorCritic,
    magnet: ActorCritic,
    optimizer: torch.optim.Optimizer,
    batch: Batch,
    config: Config,
    generator: torch.Generator,
) -> dict[str, float]:
    """Trains the network on one iteration's decisions; returns the means of what it minimised."""
    target = batch.advantage + batch.value
    with torch.no_grad():
        magnet_log_probs = magnet.log_probs(batch.observation, batch.mask)
    minimised: list[dict[str, float]] = []
    for _ in range(config.epochs):
        order = torch.randperm(len(target), generator=generator)
        for rows in order.chunk(config.minibatches):
            log_probs, value = network(batch.observation[rows], batch.mask[rows])
            probs = log_probs.exp()
            log_prob = log_probs.gather(1, batch.action[rows, None]).squeeze(1)
            ratio = (log_prob - batch.log_prob[rows]).exp()
            clipped = ratio.clamp(1 - config.clip, 1 + config.clip)
            advantage = batch.advantage[rows]
            policy_loss = -torch.minimum(ratio * advantage, clipped * advantage).mean()
            value_loss = (value - target[rows]).square().mean()
            magnet_kl = (probs * (log_probs - magnet_log_probs[rows])).sum(1).mean()
            loss = policy_loss + config.value_weight * value_loss + config.magnet_weight * magnet_kl
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(network.parameters(), config.max_grad_norm)
            optimizer.step()
            minimised.append(
                {
                    "policy_loss": policy_loss.item(),
                    "value_loss": value_loss.item(),
                    "magnet_kl": magnet_kl.item(),
                    "entropy": -(probs * log_probs).sum(1).mean().item(),
                    "clipped": ((ratio - 1).abs() > config.clip).float().mean().item(),
                }
            )
    return {name: float(np.mean([each[name] for each in minimised])) for name in minimised[0]}


class Training:
    """All that training depends on, so all that a checkpoint holds.

    Args:
        game_id: as registered.
        options: of the game.
        config: settings.
        out: folder of the run.

    Raises:
        ValueError: the game is none that this can train.
    """

    def __init__(self, game_id: str, options: Mapping[str, Any], config: Config, out: Path) -> None:
        self.game_id, self.config, self.out = game_id, config, out
        self.game: Game[Any] = arenas.make_game(game_id, **options)
        # Those that were not given as well, so that a run is the same however it was asked for.
        self.options = dict(self.game.options)
        if not isinstance(self.game, FlatGame):
            raise ValueError(
                f"{game_id} has no flat rules (`FlatGame`), as KuhnPoker-v0 has, to play in "
                "lockstep, so this cannot train it; --algo cfr solves small games without"
            )
        self.generator = torch.Generator().manual_seed(config.seed)
        hidden = [config.width] * config.depth
        self.network = ActorCritic.for_game(self.game, hidden, self.generator)
        self.magnet = copy.deepcopy(self.network)
        self.optimizer = torch.optim.Adam(
            self.network.parameters(), lr=config.learning_rate, eps=1e-5
        )
        mix = {MIRROR: 1 - config.pool_share, config.pool_rule: config.pool_share}
        self.pool = OpponentPool(config.pool_size, mix, seed=config.seed, memory=config.pool_memory)
        self.env: Any = arenas.make_vec(game_id, config.num_envs, **options)
        # Game i takes seed + i, so no two of these runs share a stream.
        self.env.reset(seed=config.seed * config.num_envs)
        self.iteration = 0
        self.steps = 0
        self.curve: list[dict[str, float]] = []
        self._reward_unit = max(abs(bound) for bound in self.game.spec.reward_range) or 1.0
        self._references = references(game_id, self.game, ("exact", "random"))
        if "exact" not in self._references:
            self._references |= references(game_id, self.game, ("scripted",))
        self._tree = _tree_of(self.game) if config.nash_conv else None
        self._loaded: dict[str, ActorCritic] = {}

    @property
    def over(self) -> bool:
        """Whether the moves of the run have been played."""
        return self.steps >= self.config.total_steps

    @property
    def so_far(self) -> str:
        """What has been done, in words."""
        return f"{self.steps} moves"

    @property
    def policy(self) -> NetworkPolicy:
        """The policy that a run is for: the magnet, greedy where nothing is hidden."""
        greedy = self.game.spec.information == "perfect"
        policy = NetworkPolicy(
            self.game, self.magnet, version=self.iteration, greedy=greedy, game_id=self.game_id
        )
        policy.name = LEARNER
        return policy

    def iterate(self) -> None:
        """Plays matches, learns from them, and measures if it is time to.

        Raises:
            FloatingPointError: training has diverged; the checkpoint is of before.
        """
        config = self.config
        for each in self.optimizer.param_groups:
            each["lr"] = config.learning_rate * (1 - self.steps / config.total_steps)
        members = [self.pool.sample(LEARNER) for _ in range(config.groups)]
        opponents = [None if member is None else self._opponent(member) for member in members]
        matches = play(self.env, self.network, opponents, self.generator)
        matches = matches._replace(rewards=matches.rewards / self._reward_unit)
        self._record(members, matches)
        batch = matches.batch(config.gamma, config.gae_lambda)
        figures = update(self.network, self.magnet, self.optimizer, batch, config, self.generator)
        if not all(p.isfinite().all() for p in self.network.parameters()):
            raise FloatingPointError(
                f"training has diverged after {self.steps} moves; choose a lower --learning-rate"
            )
        with torch.no_grad():
            pairs = zip(self.magnet.parameters(), self.network.parameters(), strict=True)
            for slow, fast in pairs:
                slow.lerp_(fast, config.magnet_rate)
        self.iteration += 1
        self.steps += int(matches.live.sum())
        if config.pool_share and self.iteration % config.snapshot_every == 0:
            self._snapshot()
        if self.over or self.iteration % config.evaluate_every == 0:
            measured = self.measure(config.evaluate_games)[0]
            counts = {"iteration": self.iteration, "steps": self.steps}
            self.curve.append({**counts, **measured, **figures})

    def _record(self, members: list[Member | None], matches: Matches) -> None:
        total = matches.rewards.sum(axis=0)
        count = len(total)
        own = total[np.arange(count), learner_seats(count, total.shape[1])]
        group = group_numbers(count, len(members))
        for number, member in enumerate(members):
            if member is not None:
                self.pool.record(LEARNER, member.name, own[group == number].tolist())

    def _snapshot(self) -> None:
        name = f"{self.iteration:06d}"
        path = f"pool/{name}.pt"
        self.policy.save(self.out / path)
        self.pool.add(Member(name, self.iteration, path))

    def _opponent(self, member: Member) -> ActorCritic:
        if member.name not in self._loaded:
            kept = {each.name for each in self.pool.members}
            self._loaded = {name: net for name, net in self._loaded.items() if name in kept}
            # Its network mixes moves, even where the saved policy would play greedily.
            policy = NetworkPolicy.load(self.out / member.payload, self.game)
            self._loaded[member.name] = policy.network
        return self._loaded[member.name]

    # -- measuring -----------------------------------------------------------------------------

    def measure(self, games: int) -> tuple[dict[str, float], dict[str, PlayerResult]]:
        """NashConv where it is asked for, and results against each reference player.

        Returns:
            Figures for the curve, and the results in full by player.
        """
        policy = self.policy
        figures: dict[str, float] = {}
        results = {}
        if self._tree is not None:
            figures["nash_conv"] = nash_conv(self._tree, policy).total
        for name, player in self._references.items():
            results[name] = compete(policy, player, games)
            figures[f"reward_vs_{name}"] = results[name].mean
            figures[f"losses_vs_{name}"] = results[name].losses
        return figures, results

    # -- files ---------------------------------------------------------------------------------

    def save(self) -> None:
        """Writes the checkpoint: all that training depends on but the members of the pool."""
        contents = {
            "game_id": self.game_id,
            "options": self.options,
            "config": asdict(self.config),
            "iteration": self.iteration,
            "steps": self.steps,
            "curve": self.curve,
            "network": self.network.state_dict(),
            "magnet": self.magnet.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "generator": self.generator.get_state(),
            "env": _as_tensors(self.env.get_state()),
            "pool": self.pool.state(),
        }
        write_saved(contents, self.out / "checkpoint.pt")

    def export(self) -> None:
        """Writes what follows from the checkpoint that was saved: the policy and the curve."""
        self.policy.save(self.out / "policy.pt")
        write_curve(self.curve, self.out)
        if self.config.pool_share:
            write_pool(self.pool, self.out)

    def restore(self) -> None:
        """Goes on from the checkpoint in `out`.

        Raises:
            ValueError: it is damaged, of a run with other settings, which the message names, or
                written by another version of the vector environment; or a member of its pool is
                missing.
        """
        trained = {"game_id": self.game_id, "options": self.options}
        with going_on(self.out):
            saved = read_checkpoint(self.out, "magnet", self.config, **trained)
            self.iteration, self.steps = saved["iteration"], saved["steps"]
            self.curve = saved["curve"]
            self.network.load_state_dict(saved["network"])
            self.magnet.load_state_dict(saved["magnet"])
            self.optimizer.load_state_dict(saved["optimizer"])
            self.generator.set_state(saved["generator"])
            self.env.set_state(_as_arrays(saved["env"]))
            self.pool = OpponentPool.from_state(saved["pool"])
            for member in self.pool.members:
                self._opponent(member)


def _tree_of(game: Game[Any]) -> GameTree:
    try:
        return GameTree(game, MAX_STATES)
    except ValueError as error:
        raise ValueError(f"{error}; to train without NashConv say --no-nash-conv") from None


def compete(policy: NetworkPolicy, against: Policy, games: int) -> PlayerResult:
    """The policy's results against others that all play as `against`, seats exchanged."""
    seats = policy.game.spec.seats
    players = [policy, *[against] * (seats - 1)]
    results = Results([player.name for player in players])
    records = arenas.play_matches(policy.game_id, players, games, options=policy.game.options)
    for number, record in enumerate(records):
        results.add(record, sitting_of(number, seats))
    return results.table()[0]


def _as_tensors(state: Any) -> Any:
    """Arrays as tensors, which files that execute nothing can hold."""
    if isinstance(state, dict):
        return {name: _as_tensors(value) for name, value in state.items()}
    return torch.from_numpy(state.copy()) if isinstance(state, np.ndarray) else state


def _as_arrays(state: Any) -> Any:
    if isinstance(state, dict):
        return {name: _as_arrays(value) for name, value in state.items()}
    return state.numpy() if isinstance(state, torch.Tensor) else state


def draw(training: Training, path: Path) -> None:
    """Writes the curve as a picture: NashConv where moves are mixed, else results of matches.

    A greedy policy's NashConv only takes the values of the game, mostly 0 in the end.
    """
    curve = training.curve
    figure = Figure(figsize=(7, 4), layout="constrained")
    axes = figure.subplots()
    moves = [row["steps"] for row in curve]
    if "nash_conv" in curve[0] and not training.policy.greedy:
        axes.plot(moves, [row["nash_conv"] for row in curve], label="NashConv")
        axes.axhline(0.05, color="grey", linestyle="--", label="0.05")
        axes.set(yscale="log", ylabel="NashConv (reward)")
    else:
        for name in curve[0]:
            if name.startswith("reward_vs_"):
                label = f"against {name.removeprefix('reward_vs_')}"
                axes.plot(moves, [row[name] for row in curve], label=label)
        axes.set(ylabel="mean reward a match")
    axes.set(xlabel="moves played", title=training.game_id)
    axes.grid(alpha=0.3)
    axes.legend()
    with replacing(path) as partial:
        figure.savefig(partial, format="png", dpi=120)


# -- the command -------------------------------------------------------------------------------


def train(training: Training, time_limit: float | None = None) -> bool:
    """Runs to the end, to the time limit, or to Ctrl-C, and writes a checkpoint there.

    It stops between two iterations.

    Returns:
        Whether Ctrl-C stopped it.
    """
    game, out = training.game_id.split("/")[-1], training.out
    with (
        SummaryWriter(str(out / "tensorboard"), purge_step=training.steps + 1) as writer,
        shown(game, training.config.total_steps, training.steps) as progress,
        interruptible() as interrupted,
    ):
        for rows in iterations(training, time_limit, interrupted):
            for row in rows:
                for name, figure in row.items():
                    writer.add_scalar(name, figure, training.steps)
                # Before the checkpoint: events after it are purged, not made up for.
                writer.flush()
            figures = _brief(training.curve[-1]) if training.curve else ""
            line = f"{training.so_far}: {figures}" if rows else ""
            progress.update(training.steps, figures, line)
    # Once more for a run that was killed between its last checkpoint and these.
    training.export()
    if training.curve:
        draw(training, out / "curve.png")
    return interrupted() and not training.over


def _brief(row: Mapping[str, float]) -> str:
    figures = [f"NashConv {row['nash_conv']:.4f}"] if "nash_conv" in row else []
    for name in row:
        if name.startswith("reward_vs_"):
            figures.append(f"{name.removeprefix('reward_').replace('_', ' ')} {row[name]:+.3f}")
    return "  ".join(figures)


def report(training: Training) -> str:
    """The final line: what the saved policy does in `final_games` matches with each reference."""
    figures, results = training.measure(training.config.final_games)
    parts = [f"NashConv {figures['nash_conv']:.4f}"] if "nash_conv" in figures else []
    for name, each in results.items():
        points = (each.wins + each.draws / 2) / each.matches
        parts.append(
            f"against {name} in {each.matches} matches: reward {each.mean:+.3f} ± "
            f"{each.interval:.3f}, W/D/L {each.wins}/{each.draws}/{each.losses}, "
            f"{points:.3f} points a match"
        )
    return f"{training.game_id}, {training.so_far}: " + "; ".join(parts)


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@commands.game_id
@commands.folder("runs/GAME-SEED")
@commands.resume
@commands.time_limit
@commands.threads
@commands.game_options
@settings.options(Config, {name.split("/")[1]: each for name, each in DEFAULTS.items()})
def command(
    game_id: str,
    out: Path | None,
    resume: bool,
    time_limit: float | None,
    threads: int,
    option: tuple[str, ...],
    **given: Any,
) -> None:
    """Train a network by self-play: PPO held to its own slow average, and a pool of opponents.

    \b
    arenas train KuhnPoker-v0 --out runs/kuhn
    arenas train TicTacToe-v0 --out runs/tictactoe --seed 3
    arenas train TicTacToe-v0 -o size=4 --no-nash-conv --total-steps 20000000
    tensorboard --logdir runs

    The folder gets policy.pt (a player: network:runs/kuhn/policy.pt), curve.csv, curve.png,
    config.json, TensorBoard events, checkpoint.pt, and the pool where it is used. Ctrl-C saves; the
    same command goes on from there, to the same figures as if it had never stopped.
    """  # noqa: D301 - click reads the escape itself
    torch.set_num_threads(threads)
    with commands.one_line_errors():
        full = arenas.registry.find(game_id).id
        config = replace(Config(), **{**DEFAULTS.get(full, {}), **settings.given(given)})
        out = out or Path("runs") / f"{game_id.split('/')[-1]}-{config.seed}"
        training = Training(full, read_options(option), config, out)
        commands.begin(training, resume, ["policy.pt", "pool.json"], ["pool", "tensorboard"])
        trained = {"game_id": full, "options": training.options}
        write_config({**trained, **asdict(config)}, out)
        interrupted = train(training, time_limit)
    again = "the same command goes on" if resume else "the same command without --fresh goes on"
    commands.end(training, interrupted, report, again)


if __name__ == "__main__":
    command()
