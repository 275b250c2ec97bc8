"""A pool of frozen opponents: which are kept, who is met next, and how it went.

A member is a name, a version and a payload that only the caller can load (a path of weights, an
adapter of a language model), so the pool serves networks and language models alike. Everything in
it is JSON, its random stream included: a pool that was saved goes on as if it had not been.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from arenas.core.rng import Rng, check_seed
from arenas.policies.files import replacing

FORMAT = 1
"""Version of the layout of pool files."""

MIRROR = "mirror"
FROM_POOL = ("latest", "uniform", "hard", "variance")
RULES = (MIRROR, *FROM_POOL)
"""How an opponent is chosen, by those of the pool or not; see `OpponentPool`."""


@dataclass(frozen=True)
class Member:
    """A frozen player.

    Attributes:
        name: unique in its pool.
        version: training steps behind it.
        payload: a JSON value from which the caller loads it.
    """

    name: str
    version: int
    payload: Any = None


@dataclass
class Score:
    """Results of one player against another; counts are floats because old ones fade.

    Attributes:
        wins, draws, losses: matches with a positive, zero and negative reward.
        total: sum of rewards.
    """

    wins: float = 0.0
    draws: float = 0.0
    losses: float = 0.0
    total: float = 0.0

    @property
    def matches(self) -> float:
        """Matches counted."""
        return self.wins + self.draws + self.losses

    @property
    def mean(self) -> float:
        """Mean reward a match; 0 before the first."""
        return self.total / self.matches if self.matches else 0.0

    @property
    def points(self) -> float:
        """Probability of winning, a draw being half a win.

        One draw is added to what was seen, so that a player not yet met counts as an equal and
        nobody's probability is 0 or 1.
        """
        return (self.wins + 0.5 * self.draws + 0.5) / (self.matches + 1)


class OpponentPool:
    """Frozen members and the payoff matrix between players.

    An opponent is chosen by a rule, and the rule is drawn by the weights of `mix`:

    - "mirror": nobody of the pool; the learner meets itself.
    - "latest": the member of the highest version.
    - "uniform": any member.
    - "hard": prioritised fictitious self-play with f(p) = (1 - p)^power, p being the learner's
      probability of beating the member: mostly those it loses to.
    - "variance": the same with f(p) = p (1 - p): mostly its equals.

    The last two follow Vinyals et al., "Grandmaster level in StarCraft II using multi-agent
    reinforcement learning", Nature 575 (2019), Methods, "Prioritized fictitious self-play".

    When a member too many is added, the one is dropped whose neighbours in version are closest to
    each other, the oldest of equals: the oldest and the latest stay, the rest stays spread over the
    whole of training. A pool of one keeps the latest.

    Args:
        capacity: members kept, at least 1.
        mix: rule to weight; weights are not negative and not all zero.
        seed: of the pool's own random stream.
        power: exponent of "hard".
        memory: in (0, 1]; by what the counts of two players are multiplied whenever a result of
            theirs is recorded. A learner changes, so below 1 for a learner.

    Raises:
        ValueError: a value is out of range, or there is no such rule.
    """

    def __init__(
        self,
        capacity: int = 32,
        mix: Mapping[str, float] | None = None,
        *,
        seed: int = 0,
        power: float = 2.0,
        memory: float = 1.0,
    ) -> None:
        self.capacity = capacity
        self.mix = dict(mix if mix is not None else {MIRROR: 1.0})
        self.seed = check_seed(seed)
        self.power = power
        self.memory = memory
        self.members: list[Member] = []
        self._scores: dict[str, dict[str, Score]] = {}
        self._drawn = 0
        if capacity < 1:
            raise ValueError(f"capacity={capacity}: at least 1")
        if unknown := sorted(set(self.mix) - set(RULES)):
            raise ValueError(f"no rule is called {unknown[0]!r}; there are: {', '.join(RULES)}")
        weights = self.mix.values()
        if not all(0 <= w < math.inf for w in weights) or not sum(weights) > 0:
            raise ValueError(f"mix={self.mix}: weights are not negative and not all zero")
        if not 0 <= power < math.inf:
            raise ValueError(f"power={power}: 0 or more")
        if not 0 < memory <= 1:
            raise ValueError(f"memory={memory}: above 0 and at most 1")

    # -- members -------------------------------------------------------------------------------

    def add(self, member: Member) -> Member | None:
        """Adds a member and returns the one that is dropped for it, whose payload may go.

        Raises:
            ValueError: its name is taken, or its version is below the latest member's.
        """
        if member.name in (each.name for each in self.members):
            raise ValueError(f"the pool has a member called {member.name!r} already")
        if self.members and member.version < self.members[-1].version:
            latest = self.members[-1]
            raise ValueError(f"{member} is older than the latest member, {latest}")
        self.members.append(member)
        if len(self.members) <= self.capacity:
            return None
        dropped = self.members.pop(self._superfluous())
        self._scores.pop(dropped.name, None)
        for row in self._scores.values():
            row.pop(dropped.name, None)
        return dropped

    def _superfluous(self) -> int:
        versions = [member.version for member in self.members]
        inner = range(1, len(versions) - 1)
        return min(inner, key=lambda i: versions[i + 1] - versions[i - 1], default=0)

    # -- who is met ----------------------------------------------------------------------------

    def sample(self, learner: str) -> Member | None:
        """The next opponent of `learner`, or None to meet itself, as it does while nobody is here.

        Each call moves the pool's random stream by one.
        """
        rng = Rng(self.seed).fork(self._drawn)
        self._drawn += 1
        rule = list(self.mix)[rng.weighted(list(self.mix.values()))]
        if rule == MIRROR or not self.members:
            return None
        return self.members[rng.weighted(self.chances(rule, learner))]

    def chances(self, rule: str, learner: str) -> list[float]:
        """Each member's probability under one rule other than "mirror"; the pool is not empty.

        Raises:
            ValueError: no such rule, or no member.
        """
        if rule not in FROM_POOL:
            raise ValueError(f"no rule that chooses a member is called {rule!r}")
        if not self.members:
            raise ValueError("the pool is empty")
        if rule == "latest":
            weights = [0.0] * (len(self.members) - 1) + [1.0]
        elif rule == "uniform":
            weights = [1.0] * len(self.members)
        else:
            points = [self.score(learner, member.name).points for member in self.members]
            if rule == "hard":
                weights = [(1 - p) ** self.power for p in points]
            else:
                weights = [p * (1 - p) for p in points]
        # Tiny weights of members that always lose would vanish if they were summed as they are.
        largest = max(weights)
        weights = [w / largest if largest > 0 else 1.0 for w in weights]
        total = math.fsum(weights)
        return [w / total for w in weights]

    # -- how it went ---------------------------------------------------------------------------

    def record(self, player: str, opponent: str, rewards: list[float]) -> None:
        """Counts matches of `player` against `opponent` by the rewards of `player`.

        Only this direction is counted: in a game that is not zero-sum the other's rewards are
        another list. Names need not be members' (a learner's is not).
        """
        score = self._scores.setdefault(player, {}).setdefault(opponent, Score())
        score.wins = score.wins * self.memory + sum(reward > 0 for reward in rewards)
        score.draws = score.draws * self.memory + sum(reward == 0 for reward in rewards)
        score.losses = score.losses * self.memory + sum(reward < 0 for reward in rewards)
        score.total = score.total * self.memory + math.fsum(rewards)

    def score(self, player: str, opponent: str) -> Score:
        """What was recorded of `player` against `opponent`; an empty score if nothing was."""
        return self._scores.get(player, {}).get(opponent, Score())

    def payoffs(self, players: list[str]) -> list[list[float]]:
        """The payoff matrix: mean reward of each player against each; 0 where they never met."""
        return [[self.score(a, b).mean for b in players] for a in players]

    # -- saving --------------------------------------------------------------------------------

    def state(self) -> dict[str, Any]:
        """Everything in the pool, as JSON values."""
        return {
            "format": FORMAT,
            "capacity": self.capacity,
            "mix": dict(self.mix),
            "seed": self.seed,
            "power": self.power,
            "memory": self.memory,
            "drawn": self._drawn,
            "members": [asdict(member) for member in self.members],
            "scores": {
                player: {opponent: asdict(score) for opponent, score in row.items()}
                for player, row in self._scores.items()
            },
        }

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> OpponentPool:
        """The pool that `state` was taken of.

        Raises:
            ValueError: it is no such state.
        """
        if state.get("format") != FORMAT:
            raise ValueError(f"this is no opponent pool of format {FORMAT}")
        try:
            pool = cls(
                state["capacity"],
                state["mix"],
                seed=state["seed"],
                power=state["power"],
                memory=state["memory"],
            )
            pool._drawn = state["drawn"]
            pool.members = [Member(**member) for member in state["members"]]
            pool._scores = {
                player: {opponent: Score(**score) for opponent, score in row.items()}
                for player, row in state["scores"].items()
            }
        except (AttributeError, KeyError, TypeError) as error:
            raise ValueError(f"this is a damaged opponent pool: {error!r}") from None
        return pool

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes the pool as JSON; the file is replaced in one step."""
        text = json.dumps(self.state(), indent=1, allow_nan=False)
        with replacing(path) as partial:
            partial.write_text(text + "\n", encoding="utf-8")

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> OpponentPool:
        """Reads a file that `save` wrote.

        Raises:
            OSError: it cannot be read.
            ValueError: it is no such file.
        """
        try:
            state = json.loads(Path(path).read_text(encoding="utf-8"))
            return cls.from_state(state if isinstance(state, dict) else {})
        except ValueError as error:
            raise ValueError(f"{path}: {error}") from None
