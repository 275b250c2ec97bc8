"""Cooks trained by self-play, or against a population so that they get on with strangers.

A cook that was trained with copies of itself alone expects its partner to do what it would do, and
is lost with anyone else (Carroll et al., "On the Utility of Learning about Humans for Human-AI
Coordination", NeurIPS 2019). Two remedies train a population first and then a best response to it:

- `--method sp`: self-play, the baseline of both. One network sits in all seats.
- `--method fcp`: fictitious co-play (Strouse et al., "Collaborating with Humans without Human
  Data", NeurIPS 2021). The population is made by self-play from different seeds; each member is
  kept as it was at the start, half way (when it first got half of its final score) and at the end,
  so that the response meets partners of every skill. All are met equally often.
- `--method mep`: maximum-entropy population (Zhao et al., "Maximum Entropy Population-Based
  Training for Zero-Shot Human-AI Coordination", AAAI 2023). While the members train, each is paid
  `population_entropy` * -log of the probability that the population as a whole gives its action, so
  they drift apart. The response meets a partner with a chance that grows with its rank among the
  worst ones, to the power `hardness`.

The learning is PPO (Schulman et al. 2017) with shaped rewards that fade to nothing (Carroll et al.,
appendix C); they are summed over the cooks, since a cook that is paid for its own part alone does
not learn to hand things over. An iteration is a round of whole matches that begin and end together;
the learner is updated after every `segment` steps of it.

Networks read only the numbers of a view that ever change in the kitchen, about a quarter of the
planes. What is saved reads whole views again and is a player like any other.

    arenas train Overcooked-v0 --algo overcooked_population -o kitchen=cramped_room --out runs/sp
    arenas train Overcooked-v0 --algo overcooked_population -o kitchen=cramped_room --method fcp
    arenas tournament Overcooked-v0 --players network:runs/sp/policy.pt courier -n 20

The same command continues a run that was killed, from its last checkpoint, to the same figures.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from statistics import fmean
from typing import Any, NamedTuple

import click
import numpy as np
import torch
from matplotlib.figure import Figure
from torch import nn
from torch.utils.tensorboard import SummaryWriter

import arenas
from arenas.core.joint import JointFlatGame
from arenas.policies.files import replacing
from arenas.policies.network import ActorCritic, NetworkPolicy, write_saved
from arenas.rating.results import half_width
from arenas.registry import read_options
from arenas.training import commands, settings
from arenas.training.checkpoint import going_on, read_checkpoint
from arenas.training.folder import write_config, write_curve
from arenas.training.loop import interruptible, iterations
from arenas.training.progress import shown
from arenas.training.settings import COUNT, NOT_NEGATIVE, POSITIVE, SEED, SHARE, setting

SHAPED = "shaped_rewards"
"""The report of a game that training adds to the rewards."""

START, MIDDLE, END = "start", "middle", "end"
"""How far a member of the population had come."""


# -- settings --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Config:
    """Settings of a run; the help of each is what `--help` prints. Steps are those of a kitchen."""

    method: str = setting("sp", click.Choice(["sp", "fcp", "mep"]), "How partners are found.")
    seed: int = setting(0, SEED, "Everything random follows from it.")
    member_steps: int = setting(1_200_000, COUNT, "Steps by self-play, of each member.")
    response_steps: int = setting(2_000_000, COUNT, "Steps of the response to the population.")
    members: int = setting(4, COUNT, "Size of the population (of fcp and mep).")
    population_entropy: float = setting(
        0.04, NOT_NEGATIVE, "Points a nat for what the population seldom does (of mep)."
    )
    hardness: float = setting(3.0, NOT_NEGATIVE, "How much hard partners are preferred (of mep).")
    groups: int = setting(8, COUNT, "Partners of one round.")
    num_envs: int = setting(64, COUNT, "Matches of one round.")
    segment: int = setting(100, COUNT, "Steps between two updates.")
    learning_rate: float = setting(1e-3, POSITIVE, "Adam's at the start; falls linearly to zero.")
    entropy_start: float = setting(0.01, NOT_NEGATIVE, "Weight of the entropy at the start.")
    entropy_end: float = setting(0.001, NOT_NEGATIVE, "The same at the end.")
    shaped_until: float = setting(0.6, SHARE, "Share of the steps over which shaping fades.")
    reward_unit: float = setting(10.0, POSITIVE, "Points that count as 1.")
    epochs: int = setting(4, COUNT, "Passes over each segment.")
    minibatches: int = setting(4, COUNT, "Updates a pass.")
    gamma: float = setting(0.99, SHARE, "Discount a step.")
    gae_lambda: float = setting(0.95, SHARE, "Of generalised advantage estimation.")
    clip: float = setting(0.2, POSITIVE, "PPO's limit on the change of a probability's ratio.")
    value_weight: float = setting(0.5, NOT_NEGATIVE, "Weight of the squared error of the value.")
    max_grad_norm: float = setting(0.5, POSITIVE, "Longer gradients are shortened to this.")
    width: int = setting(64, COUNT, "Units of each hidden layer.")
    depth: int = setting(2, COUNT, "Hidden layers.")
    snapshot_every: int = setting(3, COUNT, "Rounds of a member between two of its snapshots.")
    evaluate_every: int = setting(10, COUNT, "Rounds between two rows of the curve.")
    final_matches: int = setting(200, COUNT, "Matches of each figure of the last line.")

    def __post_init__(self) -> None:
        settings.check(self)


DEFAULTS: dict[str, dict[str, Any]] = {
    # Nothing is paid for handing things over the counter, so it takes long to be found by chance.
    "forced_coordination": {
        "entropy_start": 0.05,
        "member_steps": 2_000_000,
        "response_steps": 2_500_000,
    },
    # The long way round is found by some seeds alone unless more is tried.
    "counter_circuit_o_1order": {"entropy_start": 0.05, "member_steps": 2_400_000},
}
"""What each kitchen sets otherwise."""


# -- networks over what changes --------------------------------------------------------------------


class Reading(NamedTuple):
    """Which numbers of a flattened view a network reads, and what they are multiplied by."""

    columns: torch.Tensor  # int64 (n,)
    scale: torch.Tensor  # float32 (n,)

    def __call__(self, observations: np.ndarray) -> torch.Tensor:
        """Views (games, seats, ...) as rows: float32 (games * seats, n)."""
        rows = torch.from_numpy(observations.reshape(len(observations) * observations.shape[1], -1))
        return rows.index_select(1, self.columns).float() * self.scale

    @classmethod
    def of(cls, game_id: str, options: Mapping[str, Any]) -> Reading:
        """What differs between the first positions of a few hundred random kitchens.

        So not the plane that is lit everywhere when closing time is near.
        """
        env: Any = arenas.make_vec(game_id, 512, **{**options, "starts": "everything"})
        views = [env.reset(seed=0)[0]["observation"].copy()]
        for _ in range(30):
            views.append(env.step(env.sample_actions())[0]["observation"].copy())
        seen = np.concatenate(views).reshape(-1, int(np.prod(views[0].shape[2:])))
        low, high = seen.min(0), seen.max(0)
        columns = np.flatnonzero(low != high)
        largest = np.maximum(np.abs(low), np.abs(high))[columns].astype(np.float32)
        return cls(torch.from_numpy(columns), torch.from_numpy(1 / largest))

    def widened(self, network: ActorCritic, game: JointFlatGame) -> ActorCritic:
        """The same network over whole views: what is not read has weight zero."""
        whole = ActorCritic.for_game(game, network.hidden)
        for wide, narrow in ((whole.actor, network.actor), (whole.critic, network.critic)):
            weights = narrow.state_dict()
            first = torch.zeros_like(wide.state_dict()["0.weight"])
            first[:, self.columns] = weights["0.weight"] * self.scale
            wide.load_state_dict({**weights, "0.weight": first})
        return whole


class Learner:
    """A network in training.

    Attributes:
        network: reads what `Reading` gives.
        optimizer: its own.
        steps: of its kitchens so far.
        snapshots: (steps, mean return, weights), as far as they are kept.
    """

    def __init__(self, inputs: int, actions: int, config: Config, generator: torch.Generator):
        hidden = [config.width] * config.depth
        self.network = ActorCritic(inputs, actions, hidden, generator)
        self.optimizer = torch.optim.Adam(
            self.network.parameters(), lr=config.learning_rate, eps=1e-5
        )
        self.steps = 0
        self.rounds = 0
        self.snapshots: list[tuple[int, float, dict[str, torch.Tensor]]] = []

    def keep(self, score: float) -> None:
        """Takes a snapshot."""
        weights = {name: each.clone() for name, each in self.network.state_dict().items()}
        self.snapshots.append((self.steps, score, weights))

    def stages(self) -> dict[str, dict[str, torch.Tensor]]:
        """Weights at the start, when half of the last score was first reached, and at the end."""
        half = self.snapshots[-1][1] / 2
        middle = next(each for each in self.snapshots if each[1] >= half)
        return {START: self.snapshots[0][2], MIDDLE: middle[2], END: self.snapshots[-1][2]}

    def state(self) -> dict[str, Any]:
        """All of it, for a checkpoint."""
        return {
            "network": self.network.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "steps": self.steps,
            "rounds": self.rounds,
            "snapshots": self.snapshots,
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Takes up what `state` gave."""
        self.network.load_state_dict(state["network"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.steps, self.rounds = state["steps"], state["rounds"]
        self.snapshots = [tuple(each) for each in state["snapshots"]]


# -- playing ---------------------------------------------------------------------------------------


class Seating(NamedTuple):
    """Who sits where in a round, by rows (game * seats + seat).

    Attributes:
        learner: rows of the learner.
        partners: networks in the other rows, with their rows.
    """

    learner: torch.Tensor
    partners: list[tuple[ActorCritic, torch.Tensor]]

    @classmethod
    def mirror(cls, games: int, seats: int) -> Seating:
        """The learner everywhere."""
        return cls(torch.arange(games * seats), [])

    @classmethod
    def among(cls, partners: Sequence[ActorCritic], games: int, seats: int) -> Seating:
        """The learner in one seat of each game, in turn; each partner in its share of the games."""
        rows = torch.arange(games * seats).reshape(games, seats)
        own = torch.arange(games) % seats
        learner = rows[torch.arange(games), own]
        group = torch.arange(games) * len(partners) // games
        others = torch.ones(games, seats, dtype=torch.bool)
        others[torch.arange(games), own] = False
        found = []
        for number, partner in enumerate(partners):
            theirs = rows[(group == number)[:, None] & others]
            if len(theirs):
                found.append((partner, theirs))
        return cls(learner, found)


class Segment(NamedTuple):
    """Steps of the learner, T steps of R rows."""

    observation: torch.Tensor  # float32 (T, R, n)
    action: torch.Tensor  # int64 (T, R)
    log_prob: torch.Tensor  # float32 (T, R), when it was drawn
    value: torch.Tensor  # float32 (T + 1, R), the last of what comes after
    rewards: np.ndarray  # float32 (T, R)


def draw(log_probs: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """An action of each row: int64 (rows,)."""
    uniform = torch.rand(len(log_probs), 1, generator=generator)
    return (log_probs.exp().cumsum(1) < uniform).sum(1).clamp_(max=log_probs.shape[1] - 1)


def play(
    env: Any,
    reading: Reading,
    network: ActorCritic,
    seating: Seating,
    steps: int,
    shaped: float,
    generator: torch.Generator,
) -> tuple[Segment, np.ndarray]:
    """Goes on with the matches of a vector environment.

    Args:
        env: in which no match ends before the last of these steps.
        reading: of the networks.
        network: the learner.
        seating: who sits where.
        steps: T.
        shaped: share of the shaped rewards that is added to the points.
        generator: draws the actions.

    Returns:
        The learner's steps, and the points of each game (B,).
    """
    games, seats = env.num_envs, env.game.spec.seats
    observation = reading(env.observations)
    columns: list[tuple[torch.Tensor, ...]] = []
    rewards, points = [], np.zeros(games)
    everyone = torch.zeros(games * seats, dtype=torch.int64)
    # A step has no mask: all actions are always legal.
    free = torch.ones(1, network.actions, dtype=torch.bool)
    with torch.no_grad():
        for _ in range(steps):
            own = observation[seating.learner]
            log_probs, value = network(own, free)
            action = draw(log_probs, generator)
            everyone[seating.learner] = action
            for partner, rows in seating.partners:
                theirs = partner.log_probs(observation[rows], free)
                everyone[rows] = draw(theirs, generator)
            log_prob = log_probs.gather(1, action[:, None]).squeeze(1)
            columns.append((own, action, log_prob, value))
            paid, extra = env.step(everyone.numpy().reshape(games, seats))
            points += paid
            team = np.repeat(paid + shaped * extra, seats).astype(np.float32)
            rewards.append(team[seating.learner.numpy()])
            observation = reading(env.observations)
        last = network.value(observation[seating.learner])
    own, action, log_prob, value = (torch.stack(each) for each in zip(*columns, strict=True))
    return Segment(own, action, log_prob, torch.cat([value, last[None]]), np.stack(rewards)), points


class Kitchens:
    """Matches of a round: a vector environment that begins them together.

    Attributes:
        observations: (B, S, ...) what is seen now.
    """

    def __init__(self, game_id: str, options: Mapping[str, Any], num_envs: int) -> None:
        env: Any = arenas.make_vec(game_id, num_envs, autoreset="disabled", **options)
        self._env = env
        self.game: JointFlatGame = env.game
        self.num_envs = num_envs
        self.observations: np.ndarray = np.zeros(0)

    def begin(self, seed: int) -> None:
        """Begins the matches of seeds `seed`, `seed + 1`, ..."""
        self.observations = self._env.reset(seed=seed)[0]["observation"]

    def step(self, actions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Plays actions (B, S); points and shaped rewards of the team, (B,) each."""
        observations, rewards, _, _, info = self._env.step(actions)
        self.observations = observations["observation"]
        return rewards[:, 0], info[SHAPED].sum(1)


# -- learning --------------------------------------------------------------------------------------


def advantages(segment: Segment, over: bool, gamma: float, gae_lambda: float) -> torch.Tensor:
    """Generalised advantage estimation (Schulman et al. 2016, equation 16): float32 (T, R).

    Args:
        segment: of T steps.
        over: the matches end with it, so nothing is to come.
        gamma, gae_lambda: as in the paper.
    """
    value = segment.value.numpy().copy()
    if over:
        value[-1] = 0.0
    found = np.zeros_like(segment.rewards)
    later = np.zeros_like(found[0])
    for t in reversed(range(len(found))):
        delta = segment.rewards[t] + gamma * value[t + 1] - value[t]
        found[t] = later = delta + gamma * gae_lambda * later
    return torch.from_numpy(found)


def update(
    learner: Learner,
    segment: Segment,
    advantage: torch.Tensor,
    entropy_weight: float,
    config: Config,
    generator: torch.Generator,
) -> dict[str, float]:
    """Trains a network on its steps; returns the means of what it minimised."""
    rows = advantage.numel()
    observation = segment.observation.reshape(rows, -1)
    action, log_prob, advantage = (
        each.reshape(rows) for each in (segment.action, segment.log_prob, advantage)
    )
    target = advantage + segment.value[:-1].reshape(rows)
    network, free = learner.network, torch.ones(1, learner.network.actions, dtype=torch.bool)
    minimised: list[tuple[float, float, float]] = []
    for _ in range(config.epochs):
        for chosen in torch.randperm(rows, generator=generator).chunk(config.minibatches):
            log_probs, value = network(observation[chosen], free)
            ratio = (log_probs.gather(1, action[chosen, None]).squeeze(1) - log_prob[chosen]).exp()
            own = advantage[chosen]
            own = (own - own.mean()) / (own.std() + 1e-8)
            clipped = ratio.clamp(1 - config.clip, 1 + config.clip)
            policy_loss = -torch.minimum(ratio * own, clipped * own).mean()
            value_loss = (value - target[chosen]).square().mean()
            entropy = -(log_probs.exp() * log_probs).sum(1).mean()
            loss = policy_loss + config.value_weight * value_loss - entropy_weight * entropy
            learner.optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(network.parameters(), config.max_grad_norm)
            learner.optimizer.step()
            minimised.append((policy_loss.item(), value_loss.item(), entropy.item()))
    means = (fmean(each) for each in zip(*minimised, strict=True))
    return dict(zip(("policy_loss", "value_loss", "entropy"), means, strict=True))


def rarity(networks: Sequence[ActorCritic], segment: Segment) -> np.ndarray:
    """-log of the probability that a population's mean policy gives each action: (T, R) float32."""
    rows = segment.action.numel()
    observation = segment.observation.reshape(rows, -1)
    free = torch.ones(1, networks[0].actions, dtype=torch.bool)
    with torch.no_grad():
        each = torch.stack([network.log_probs(observation, free) for network in networks])
        mean = each.logsumexp(0) - math.log(len(networks))
        chosen = mean.gather(1, segment.action.reshape(rows, 1))
    found: np.ndarray = -chosen.reshape(segment.action.shape).numpy()
    return found


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
        game = arenas.make_game(game_id, **options)
        cooperative = isinstance(game, JointFlatGame) and game.spec.payoff == "common"
        if not cooperative or SHAPED not in getattr(game, "reports", ()):
            raise ValueError(
                f"{game_id} is not Overcooked-v0: this trains cooks that all move at every step "
                "and get shaped rewards; take --algo ppo_selfplay"
            )
        self.game_id, self.config, self.out = game_id, config, out
        self.kitchens = Kitchens(game_id, game.options, config.num_envs)
        self.game = self.kitchens.game
        self.options = dict(game.options)
        self.horizon = self.game.spec.max_plies // self.game.spec.seats
        self.reading = Reading.of(game_id, game.options)
        self.generator = torch.Generator().manual_seed(config.seed)
        self.population = config.method != "sp"
        count = config.members if self.population else 1
        self.learners = [self._learner() for _ in range(count)]
        self.response = self._learner() if self.population else self.learners[0]
        self.iteration = 0
        self.curve: list[dict[str, Any]] = []
        self.partners: dict[str, ActorCritic] = {}
        self.met: dict[str, float] = {}
        for learner in self.learners:
            learner.keep(0.0)

    def _learner(self) -> Learner:
        return Learner(
            len(self.reading.columns), self.game.num_actions, self.config, self.generator
        )

    @property
    def member_rounds(self) -> int:
        """Rounds of each member of the population."""
        return math.ceil(self.config.member_steps / (self.config.num_envs * self.horizon))

    @property
    def rounds(self) -> int:
        """Rounds of the whole run."""
        found = self.member_rounds * len(self.learners)
        if self.population:
            found += math.ceil(self.config.response_steps / (self.config.num_envs * self.horizon))
        return found

    @property
    def over(self) -> bool:
        """Whether all rounds have been played."""
        return self.iteration >= self.rounds

    @property
    def so_far(self) -> str:
        """What has been done, in words."""
        return f"{self.iteration} rounds"

    @property
    def responding(self) -> bool:
        """Whether the population is complete and its response in training."""
        return self.population and self.iteration >= self.member_rounds * len(self.learners)

    def iterate(self) -> None:
        """Plays a round of one learner, which learns from it.

        Raises:
            FloatingPointError: training has diverged; the checkpoint is of before.
        """
        config, number = self.config, self.iteration % len(self.learners)
        if self.responding:
            name, learner, total = "response", self.response, config.response_steps
            self._meet()
            names = self._choose()
            chosen = [self.partners[each] for each in names]
            seating = Seating.among(chosen, config.num_envs, self.game.spec.seats)
        else:
            name, learner, total = f"member {number}", self.learners[number], config.member_steps
            names, seating = [], Seating.mirror(config.num_envs, self.game.spec.seats)
        self.kitchens.begin(config.seed * 1_000_000_007 + self.iteration * config.num_envs)
        points, figures, left = np.zeros(config.num_envs), {}, self.horizon
        while left:
            done = min(1.0, learner.steps / total)
            for each in learner.optimizer.param_groups:
                each["lr"] = config.learning_rate * (1 - done)
            weight = config.entropy_start + (config.entropy_end - config.entropy_start) * done
            shaped = max(0.0, 1 - done / config.shaped_until) if config.shaped_until else 0.0
            steps = min(config.segment, left)
            segment, got = play(
                self.kitchens,
                self.reading,
                learner.network,
                seating,
                steps,
                shaped,
                self.generator,
            )
            if config.method == "mep" and not self.responding and len(self.learners) > 1:
                networks = [each.network for each in self.learners]
                bonus = config.population_entropy * rarity(networks, segment)
                segment = segment._replace(rewards=segment.rewards + bonus)
            segment = segment._replace(rewards=segment.rewards / np.float32(config.reward_unit))
            points, left = points + got, left - steps
            advantage = advantages(segment, left == 0, config.gamma, config.gae_lambda)
            figures = update(learner, segment, advantage, weight, config, self.generator)
            learner.steps += steps * config.num_envs
        if not all(p.isfinite().all() for p in learner.network.parameters()):
            raise FloatingPointError(
                f"{name} has diverged after {learner.steps} steps; choose a lower --learning-rate"
            )
        self._note(name, learner, names, points, figures)

    def _note(
        self,
        name: str,
        learner: Learner,
        names: Sequence[str],
        points: np.ndarray,
        figures: Mapping[str, float],
    ) -> None:
        config = self.config
        self.iteration += 1
        learner.rounds += 1
        group = np.arange(config.num_envs) * max(1, len(names)) // config.num_envs
        for place, partner in enumerate(names):
            if (group == place).any():
                got = float(points[group == place].mean())
                self.met[partner] = 0.7 * self.met.get(partner, got) + 0.3 * got
        member = learner is not self.response or not self.population
        last = self.over or (member and learner.rounds == self.member_rounds)
        if member and (learner.rounds % config.snapshot_every == 0 or last):
            learner.keep(float(points.mean()))
        if last or learner.rounds == 1 or learner.rounds % config.evaluate_every == 0:
            row = {"learner": name, "steps": learner.steps, "points": float(points.mean())}
            self.curve.append({"round": self.iteration, **row, **figures})

    # -- partners ----------------------------------------------------------------------------------

    def _meet(self) -> None:
        """Makes the partners of the response out of the population, once."""
        if self.partners:
            return
        for number, member in enumerate(self.learners):
            for stage, weights in member.stages().items():
                network = ActorCritic(
                    len(self.reading.columns), self.game.num_actions, member.network.hidden
                )
                network.load_state_dict(weights)
                self.partners[f"{number}-{stage}"] = network.requires_grad_(False)

    def _choose(self) -> list[str]:
        """Partners of a round: any, or with `mep` rather those that it gets on with badly."""
        names = sorted(self.partners)
        weights = torch.ones(len(names), dtype=torch.float64)
        if self.config.method == "mep":
            # Whoever was not met yet comes first; the worst has the highest rank.
            order = sorted(names, key=lambda name: self.met.get(name, -math.inf), reverse=True)
            ranks = {name: rank for rank, name in enumerate(order, 1)}
            weights = torch.tensor([ranks[name] for name in names], dtype=torch.float64)
            weights **= self.config.hardness
        drawn = torch.multinomial(
            weights, self.config.groups, replacement=True, generator=self.generator
        )
        return [names[i] for i in drawn.tolist()]

    # -- measuring ---------------------------------------------------------------------------------

    def score(self, partner: ActorCritic | None = None) -> tuple[float, float]:
        """Points a match of what was trained with a partner, or with itself, in both seats.

        Returns:
            The mean over `final_matches`, and the half-width of its 95 % interval.
        """
        games, seats = self.config.num_envs, self.game.spec.seats
        if partner is None:
            seating = Seating.mirror(games, seats)
        else:
            seating = Seating.among([partner], games, seats)
        generator = torch.Generator().manual_seed(0)
        found: list[float] = []
        while len(found) < self.config.final_matches:
            self.kitchens.begin(2**40 + len(found))
            _, points = play(
                self.kitchens,
                self.reading,
                self.response.network,
                seating,
                self.horizon,
                0.0,
                generator,
            )
            found += points.tolist()
        found = found[: self.config.final_matches]
        return fmean(found), half_width(found)

    # -- files -------------------------------------------------------------------------------------

    def save(self) -> None:
        """Writes the checkpoint."""
        contents = {
            "game_id": self.game_id,
            "options": self.options,
            "config": asdict(self.config),
            "iteration": self.iteration,
            "curve": self.curve,
            "learners": [learner.state() for learner in self.learners],
            "response": self.response.state() if self.population else None,
            "met": self.met,
            "generator": self.generator.get_state(),
        }
        write_saved(contents, self.out / "checkpoint.pt")

    def restore(self) -> None:
        """Goes on from the checkpoint in `out`.

        Raises:
            ValueError: it is damaged, or of a run with other settings, which the message names.
        """
        trained = {"game_id": self.game_id, "options": self.options}
        with going_on(self.out):
            saved = read_checkpoint(self.out, "learners", self.config, **trained)
            self.iteration, self.curve, self.met = saved["iteration"], saved["curve"], saved["met"]
            for learner, state in zip(self.learners, saved["learners"], strict=True):
                learner.restore(state)
            if self.population:
                self.response.restore(saved["response"])
            self.generator.set_state(saved["generator"])

    def export(self) -> None:
        """Writes what follows from the checkpoint: players, and the curve."""
        self._write_player(self.response.network, self.response.rounds, "policy.pt")
        if self.responding:
            self._meet()
            (self.out / "members").mkdir(exist_ok=True)
            for name, partner in self.partners.items():
                self._write_player(partner, self.member_rounds, f"members/{name}.pt")
        write_curve(self.curve, self.out)

    def _write_player(self, network: ActorCritic, version: int, name: str) -> None:
        whole = self.reading.widened(network, self.game)
        policy = NetworkPolicy(self.game, whole, version=version, game_id=self.game_id)
        policy.save(self.out / name)


def draw_curve(training: Training, path: Path) -> None:
    """Draws points a match over the steps of each learner."""
    figure = Figure(figsize=(7, 4), layout="constrained")
    axes = figure.subplots()
    for name in dict.fromkeys(row["learner"] for row in training.curve):
        rows = [row for row in training.curve if row["learner"] == name]
        style = {"linewidth": 2, "color": "black"} if name == "response" else {"alpha": 0.7}
        axes.plot([r["steps"] for r in rows], [r["points"] for r in rows], label=name, **style)
    kitchen = training.options["kitchen"]
    named = kitchen if isinstance(kitchen, str) and "\n" not in kitchen else "own kitchen"
    axes.set(
        xlabel="steps of a learner",
        ylabel="points a match, as trained",
        title=f"{training.config.method}, {named}",
    )
    axes.grid(alpha=0.3)
    axes.legend()
    with replacing(path) as partial:
        figure.savefig(partial, format="png", dpi=120)


# -- the command -----------------------------------------------------------------------------------


def train(training: Training, time_limit: float | None = None) -> bool:
    """Runs to the end, to the time limit, or to Ctrl-C, and writes a checkpoint there.

    Returns:
        Whether Ctrl-C stopped it.
    """
    method, out = training.config.method, training.out
    with (
        SummaryWriter(str(out / "tensorboard"), purge_step=training.iteration + 1) as writer,
        shown(method, training.rounds, training.iteration) as progress,
        interruptible() as interrupted,
    ):
        for rows in iterations(training, time_limit, interrupted):
            for row in rows:
                writer.add_scalar(f"points/{row['learner']}", row["points"], row["steps"])
                writer.flush()
            figures = _brief(training.curve[-1]) if training.curve else ""
            progress.update(training.iteration, figures, figures if rows else "")
    # Once more for a run that was killed between its last checkpoint and these.
    training.export()
    if training.curve:
        draw_curve(training, out / "curve.png")
    return interrupted() and not training.over


def _brief(row: Mapping[str, Any]) -> str:
    return f"{row['learner']} after {row['steps']} steps: {row['points']:.1f} points"


def report(training: Training) -> str:
    """The last lines: points a match with itself, and with each stage of the population."""
    matches = training.config.final_matches
    mean, interval = training.score()
    lines = [f"with itself: {mean:.1f} ± {interval:.1f} points a match of {matches}"]
    if training.population:
        training._meet()
        for stage in (START, MIDDLE, END):
            names = [name for name in sorted(training.partners) if name.endswith(stage)]
            means = [training.score(training.partners[name])[0] for name in names]
            lines.append(f"with its population at the {stage}: {fmean(means):.1f}")
    return "\n".join(lines)


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@commands.game_id
@commands.folder("runs/GAME-METHOD-SEED")
@commands.resume
@commands.time_limit
@commands.threads
@commands.game_options
@settings.options(Config, DEFAULTS)
def command(
    game_id: str,
    out: Path | None,
    resume: bool,
    time_limit: float | None,
    threads: int,
    option: tuple[str, ...],
    **given: Any,
) -> None:
    """Train a cook by self-play (sp), or a best response to a population (fcp, mep).

    \b
    arenas train Overcooked-v0 --algo overcooked_population -o kitchen=cramped_room --out runs/sp
    arenas train Overcooked-v0 --algo overcooked_population --method fcp --out runs/fcp
    arenas tournament Overcooked-v0 --players network:runs/sp/policy.pt courier -n 20

    The folder gets policy.pt (a player: network:runs/sp/policy.pt), members/ with the population,
    curve.csv, curve.png, config.json, TensorBoard events and checkpoint.pt. Ctrl-C saves; the same
    command goes on from there, to the same figures as if it had never stopped.
    """  # noqa: D301 - click reads the escape itself
    torch.set_num_threads(threads)
    with commands.one_line_errors():
        full = arenas.registry.find(game_id).id
        options = read_options(option)
        kitchen = str(options.get("kitchen", ""))
        config = replace(Config(), **{**DEFAULTS.get(kitchen, {}), **settings.given(given)})
        name = f"{game_id.split('/')[-1]}-{config.method}-{config.seed}"
        training = Training(full, options, config, out or Path("runs") / name)
        commands.begin(training, resume, ["policy.pt"], ["members", "tensorboard"])
        trained = {"game_id": full, "options": training.options}
        write_config({**trained, **asdict(config)}, training.out)
        interrupted = train(training, time_limit)
    commands.end(training, interrupted, report)


if __name__ == "__main__":
    command()
