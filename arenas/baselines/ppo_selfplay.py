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
import csv
import json
import math
import shutil
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any, NamedTuple

import click
import numpy as np
import torch
from matplotlib.figure import Figure
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from torch import nn
from torch.utils.tensorboard import SummaryWriter

import arenas
from arenas.core.flat import FlatGame
from arenas.core.game import Game
from arenas.core.policy import Policy
from arenas.policies.files import replacing
from arenas.policies.game_tree import GameTree
from arenas.policies.network import ActorCritic, NetworkPolicy, read_saved, write_saved
from arenas.policies.pool import FROM_POOL, MIRROR, Member, OpponentPool
from arenas.rating.exploitability import nash_conv
from arenas.rating.results import PlayerResult, Results
from arenas.registry import read_options
from arenas.rollout.matches import sitting_of

LEARNER = "learner"
"""Name of the policy in training among the results of the pool."""


# -- settings ----------------------------------------------------------------------------------


def _setting(default: Any, kind: click.ParamType[Any], help: str) -> Any:
    return field(default=default, metadata={"kind": kind, "help": help})


COUNT = click.IntRange(1)
SHARE = click.FloatRange(0, 1)
POSITIVE = click.FloatRange(0, min_open=True)
NOT_NEGATIVE = click.FloatRange(0)


@dataclass(frozen=True)
class Config:
    """Settings of a run; the help of each is what `--help` prints.

    Rewards are divided by the greatest that a seat can win or lose, so that weights mean the same
    in every game.
    """

    seed: int = _setting(0, click.IntRange(0, 2**31 - 1), "Everything random follows from it.")
    total_steps: int = _setting(
        2_500_000, COUNT, "Moves to play, of all seats and matches together."
    )
    num_envs: int = _setting(1024, COUNT, "Matches of one iteration, all played at once.")
    learning_rate: float = _setting(3e-3, POSITIVE, "Adam's at the start; falls linearly to zero.")
    epochs: int = _setting(2, COUNT, "Passes over each iteration's decisions.")
    minibatches: int = _setting(2, COUNT, "Updates a pass.")
    gamma: float = _setting(1.0, SHARE, "Discount between two decisions of a seat.")
    gae_lambda: float = _setting(1.0, SHARE, "Of generalised advantage estimation.")
    clip: float = _setting(0.2, POSITIVE, "PPO's limit on the change of a probability's ratio.")
    magnet_weight: float = _setting(0.5, NOT_NEGATIVE, "Weight of KL(policy || magnet).")
    magnet_rate: float = _setting(
        0.03, click.FloatRange(0, 1, min_open=True), "The magnet's step towards the policy."
    )
    value_weight: float = _setting(0.5, NOT_NEGATIVE, "Weight of the squared error of the value.")
    max_grad_norm: float = _setting(0.5, POSITIVE, "Longer gradients are shortened to this.")
    width: int = _setting(64, COUNT, "Units of each hidden layer.")
    depth: int = _setting(2, COUNT, "Hidden layers.")
    groups: int = _setting(8, COUNT, "Matches are split into so many; each draws its opponent.")
    pool_share: float = _setting(0.0, SHARE, "Chance that a group meets the pool, not itself.")
    pool_rule: str = _setting(
        "hard", click.Choice(FROM_POOL), "Whom it meets; see arenas.policies.pool."
    )
    pool_size: int = _setting(16, COUNT, "Members kept in the pool.")
    pool_memory: float = _setting(
        0.95, click.FloatRange(0, 1, min_open=True), "By what old results fade at each new one."
    )
    snapshot_every: int = _setting(25, COUNT, "Iterations between two members of the pool.")
    evaluate_every: int = _setting(
        25, COUNT, "Iterations between two measurements, each with a checkpoint."
    )
    evaluate_games: int = _setting(
        200, COUNT, "Matches against each reference player at a measurement."
    )
    final_games: int = _setting(
        2000, COUNT, "The same at the end; every seat has an equal share of them."
    )
    nash_conv: bool = _setting(False, click.BOOL, "Measure NashConv exactly; walks the whole game.")

    def __post_init__(self) -> None:
        for each in fields(self):
            value = getattr(self, each.name)
            try:
                if isinstance(value, float) and not math.isfinite(value):
                    raise click.BadParameter(f"{value} is not finite.")
                each.metadata["kind"].convert(value, None, None)
            except click.BadParameter as error:
                raise ValueError(f"{each.name}={value}: {error.message}") from None


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

MAX_STATES = 20_000
"""NashConv is measured for games of no more states."""


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
        path = self.out / "checkpoint.pt"
        saved = read_saved(path)
        if "config" not in saved:
            raise ValueError(f"{path} is no checkpoint of this algorithm")
        there = {**saved["config"], "game_id": saved["game_id"], "options": saved["options"]}
        here = {**asdict(self.config), "game_id": self.game_id, "options": self.options}
        check_same_run(there, here)
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


@contextmanager
def going_on(out: Path) -> Iterator[None]:
    """Says of a checkpoint that is refused what can be done instead.

    Raises:
        ValueError: as the refusal, with that advice.
    """
    try:
        yield
    except ValueError as error:
        raise ValueError(
            f"cannot go on from {out}: {error}; say --fresh to discard that run, "
            "or choose another --out"
        ) from None


def check_same_run(there: Mapping[str, Any], here: Mapping[str, Any]) -> None:
    """Accepts a checkpoint made with the settings of this run, silently.

    Raises:
        ValueError: they differ; the message names what does.
    """
    if other := [name for name in here if there.get(name) != here[name]]:
        differences = ", ".join(f"{n}={there.get(n)!r}, now {here[n]!r}" for n in other)
        raise ValueError(f"it holds a run with other settings ({differences})")


def write_curve(curve: Sequence[Mapping[str, float]], out: Path) -> None:
    """Writes the measurements so far as `curve.csv`; nothing before the first."""
    if curve:
        with replacing(out / "curve.csv") as partial, partial.open("w", newline="") as file:
            writer = csv.DictWriter(file, list(curve[0]))
            writer.writeheader()
            writer.writerows(curve)


def write_pool(pool: OpponentPool, out: Path) -> None:
    """Writes `pool.json` and removes the files of members that have left the pool.

    Call it after the checkpoint, which until then may name such a member.
    """
    pool.save(out / "pool.json")
    kept = {member.payload for member in pool.members}
    for path in (out / "pool").glob("*.pt"):
        if f"pool/{path.name}" not in kept:
            path.unlink()


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


def references(game_id: str, game: Game[Any], names: Sequence[str]) -> dict[str, Policy]:
    """Those of the named players that the game has."""
    found: dict[str, Policy] = {}
    for name in names:
        if name in arenas.player_names(game_id):
            try:
                found[name] = arenas.make_player(game_id, name, game)
            except ValueError:
                continue  # An exact player may not know these options of the game.
    return found


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
    config, out = training.config, training.out
    started = time.monotonic()
    with (
        SummaryWriter(str(out / "tensorboard"), purge_step=training.steps + 1) as writer,
        _show_progress(training) as show,
        interruptible() as interrupted,
    ):
        while not training.over:
            rows = len(training.curve)
            training.iterate()
            for row in training.curve[rows:]:
                for name, figure in row.items():
                    writer.add_scalar(name, figure, training.steps)
            late = time_limit is not None and time.monotonic() - started > time_limit
            stop = interrupted() or late
            if training.over or stop or training.iteration % config.evaluate_every == 0:
                # Events first: those that come after the checkpoint are purged, not made up for.
                writer.flush()
                training.save()
                training.export()
            show()
            if stop:
                break
    # Once more for a run that was killed between its last checkpoint and these.
    training.export()
    if training.curve:
        draw(training, out / "curve.png")
    return interrupted() and not training.over


@contextmanager
def interruptible() -> Iterator[Callable[[], bool]]:
    """Makes the first Ctrl-C a request that is asked for; a second one interrupts at once."""
    asked = threading.Event()

    def ask(*_: Any) -> None:
        asked.set()
        signal.signal(signal.SIGINT, signal.default_int_handler)

    if threading.current_thread() is not threading.main_thread():
        yield asked.is_set
        return
    before = signal.signal(signal.SIGINT, ask)
    try:
        yield asked.is_set
    finally:
        signal.signal(signal.SIGINT, before)


@contextmanager
def _show_progress(training: Training) -> Iterator[Callable[[], None]]:
    """A bar with the latest figures on a terminal; elsewhere a line for each measurement."""
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(bar_width=20),
        TextColumn("{task.percentage:3.0f} %"),
        TimeRemainingColumn(),
        TextColumn("{task.fields[figures]}"),
    )
    shown = len(training.curve)
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        task = progress.add_task(
            training.game_id.split("/")[-1],
            total=training.config.total_steps,
            completed=training.steps,
            figures="",
        )

        def show() -> None:
            nonlocal shown
            figures = _brief(training.curve[-1]) if training.curve else ""
            progress.update(task, completed=training.steps, figures=figures)
            if len(training.curve) > shown and not console.is_terminal:
                console.print(f"{training.steps} moves: {figures}")
            shown = len(training.curve)

        yield show


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
    return f"{training.game_id}, {training.steps} moves: " + "; ".join(parts)


def _options(command: Callable[..., None]) -> Callable[..., None]:
    """An option for every setting, in their order."""
    for each in reversed(fields(Config)):
        flag = each.name.replace("_", "-")
        by_game = [
            f"{full.split('/')[1]}: {defaults[each.name]}"
            for full, defaults in DEFAULTS.items()
            if each.name in defaults
        ]
        command = click.option(
            f"--{flag}/--no-{flag}" if isinstance(each.default, bool) else f"--{flag}",
            each.name,
            type=each.metadata["kind"],
            default=None,
            help=f"{each.metadata['help']}  [{'; '.join([str(each.default), *by_game])}]",
        )(command)
    return command


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("game_id", metavar="GAME_ID")
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder of the run.  [runs/GAME-SEED]",
)
@click.option(
    "--resume/--fresh",
    default=True,
    help="Go on from the checkpoint in --out, or discard it.  [resume]",
)
@click.option("--time-limit", type=NOT_NEGATIVE, help="Stop after so many seconds, ready to go on.")
@click.option("--threads", default=1, type=click.IntRange(1), help="PyTorch's; part of what the "
              "last bits depend on.  [1]")  # fmt: skip
@click.option(
    "--option", "-o", multiple=True, metavar="NAME=VALUE", help="An option of the game; repeatable."
)
@_options
def command(
    game_id: str,
    out: Path | None,
    resume: bool,
    time_limit: float | None,
    threads: int,
    option: tuple[str, ...],
    **settings: Any,
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
    try:
        full = arenas.registry.find(game_id).id
        chosen = {name: value for name, value in settings.items() if value is not None}
        config = replace(Config(), **{**DEFAULTS.get(full, {}), **chosen})
        out = out or Path("runs") / f"{game_id.split('/')[-1]}-{config.seed}"
        training = Training(full, read_options(option), config, out)
        if not resume:
            _discard(out)
        if (out / "checkpoint.pt").exists():
            with going_on(out):
                training.restore()
            click.echo(f"going on after {training.steps} moves", err=True)
        written = {"game_id": full, "options": training.options, **asdict(config)}
        with replacing(out / "config.json") as partial:
            partial.write_text(json.dumps(written, indent=2) + "\n", encoding="utf-8")
        interrupted = train(training, time_limit)
    except (ValueError, OSError, FloatingPointError) as error:
        raise click.ClickException(str(error)) from None
    if training.over:
        click.echo(report(training))
        return
    again = "the same command goes on" if resume else "the same command without --fresh goes on"
    click.echo(f"stopped after {training.steps} moves; {again}", err=True)
    if interrupted:
        raise click.exceptions.Exit(128 + signal.SIGINT)  # As shells have it.


def _discard(out: Path) -> None:
    """Removes what a run has written, and nothing else."""
    # The checkpoint first: what is left if this is killed is no run to go on with.
    for name in (
        "checkpoint.pt",
        "config.json",
        "policy.pt",
        "pool.json",
        "curve.csv",
        "curve.png",
    ):
        (out / name).unlink(missing_ok=True)
    for name in ("pool", "tensorboard"):
        shutil.rmtree(out / name, ignore_errors=True)


if __name__ == "__main__":
    command()
