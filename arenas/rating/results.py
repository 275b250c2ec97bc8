"""Results of players over many matches, with confidence intervals."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from statistics import NormalDist, fmean, stdev
from typing import Any

from arenas.core.record import MatchRecord


@dataclass(frozen=True)
class PlayerResult:
    """One player's results.

    Attributes:
        player: name.
        matches: matches played.
        mean: mean reward a match.
        interval: half-width of the 95 % confidence interval of `mean`, infinite where one deal is
            too few to tell.
        wins, draws, losses: matches with a positive, zero and negative reward.
        by_seat: mean reward in each seat; NaN in a seat it never had.
        illegal_moves: illegal submissions.
    """

    player: str
    matches: int
    mean: float
    interval: float
    wins: int
    draws: int
    losses: int
    by_seat: list[float]
    illegal_moves: int

    def to_json(self) -> dict[str, Any]:
        """JSON values; what is infinite or NaN becomes null."""
        return finite(asdict(self))  # type: ignore[no-any-return]


@dataclass
class _Sums:
    rewards: dict[int, list[float]] = field(default_factory=lambda: defaultdict(list))
    groups: dict[int, list[float]] = field(default_factory=lambda: defaultdict(list))
    illegal_moves: int = 0


class Results:
    """Gathers records of one line-up.

    Matches of one group (the same deal, seats exchanged) are not independent, so intervals are
    those of the mean over groups.

    Args:
        players: names in the order in which they were given to `play_matches`.
    """

    def __init__(self, players: Sequence[str]) -> None:
        self.players = list(players)
        self.matches = 0
        self._sums = [_Sums() for _ in players]

    def add(self, record: MatchRecord, sitting: Sequence[int]) -> None:
        """Adds a match in which player `sitting[s]` had seat s."""
        self.matches += 1
        group = self.matches if record.group is None else record.group
        for seat, player in enumerate(sitting):
            sums = self._sums[player]
            sums.rewards[seat].append(record.rewards[seat])
            sums.groups[group].append(record.rewards[seat])
            sums.illegal_moves += record.illegal_moves[seat]

    def table(self) -> list[PlayerResult]:
        """One row per player that has played, in their order."""
        return [
            self._row(name, sums)
            for name, sums in zip(self.players, self._sums, strict=True)
            if sums.groups
        ]

    def _row(self, name: str, sums: _Sums) -> PlayerResult:
        rewards = [reward for seat in sums.rewards.values() for reward in seat]
        seats = range(len(self.players))
        return PlayerResult(
            player=name,
            matches=len(rewards),
            mean=fmean(rewards),
            interval=half_width([fmean(group) for group in sums.groups.values()]),
            wins=sum(reward > 0 for reward in rewards),
            draws=sum(reward == 0 for reward in rewards),
            losses=sum(reward < 0 for reward in rewards),
            by_seat=[fmean(sums.rewards[s]) if sums.rewards[s] else math.nan for s in seats],
            illegal_moves=sums.illegal_moves,
        )


def finite(value: Any) -> Any:
    """JSON values as they are, but for null in place of what is infinite or NaN."""
    if isinstance(value, dict):
        return {name: finite(each) for name, each in value.items()}
    if isinstance(value, list):
        return [finite(each) for each in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def half_width(samples: Sequence[float], confidence: float = 0.95) -> float:
    """Half-width of the confidence interval of the mean of independent samples.

    Student's t, its quantile by the expansion 26.7.5 of Abramowitz and Stegun, "Handbook of
    Mathematical Functions" (off by under 1 % from 5 samples on); infinite for a single sample.
    """
    n = len(samples)
    if n < 2:
        return math.inf
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    v = n - 1
    t = z + (z**3 + z) / (4 * v) + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * v**2)
    return t * stdev(samples) / math.sqrt(n)
