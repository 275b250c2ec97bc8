"""What a seat's return is worth beside what its role usually gets.

In a zero-sum game both seats' rewards of self-play always average to nothing, so that one baseline
for all says nothing about either: whoever has the better seat is praised for having it. SPIRAL (Liu
et al., "SPIRAL: Self-play on zero-sum games incentivizes reasoning via multi-agent multi-turn
reinforcement learning", 2025, arXiv:2506.24119) keeps one baseline b for each game and role, an
exponential average of its returns R. What is published under its name differs in three points:

| source | A | b moves | b is kept for |
| --- | --- | --- | --- |
| paper, equation 2 and algorithm 1 | R - b after the update | at each match | game and role |
| its code | R - b before the update | at each match | role |
| prime-rl | R - b before the update | at each match | game and role |
| tinker-cookbook's recipe | R - b before the update | at each batch, to its mean | game and role |
| UnstableBaselines, decay 0.999 | R - b after the update | at each match | |

Updating first is `decay` times updating afterwards, match by match: with
b' = decay * b + (1 - decay) * R is R - b' = decay * (R - b), so the two differ by a factor that a
learning rate absorbs, and neither is less biased. A role is a seat here: a game whose seats are
alike by name (`player`, `player`) still has one that acts first.
"""

from __future__ import annotations

import json
from collections.abc import Hashable, Iterable, Mapping, Sequence
from statistics import fmean, pstdev
from typing import Literal, get_args

from arenas.rollout.trajectories import Trajectory

Update = Literal["after", "before"]
Per = Literal["match", "batch"]
Key = Literal["game-seat", "seat", "none"]


class RoleBaselines:
    """Role-conditioned advantage estimation (RAE).

    Args:
        decay: in [0, 1): what is left of a baseline at each update; baselines begin at 0.
        update: "after" subtracts the baseline as it was and then moves it; "before" the reverse.
        per: "match" moves it at each return, in order; "batch" once, to the mean of the batch.
        key: what has a baseline of its own: each seat of each game (with its options), each seat
            whatever the game, or nothing, so that there is one for all.

    Raises:
        ValueError: a value is none of these.
    """

    def __init__(
        self,
        decay: float = 0.95,
        update: Update = "after",
        per: Per = "match",
        key: Key = "game-seat",
    ) -> None:
        if not 0 <= decay < 1:
            raise ValueError(f"decay={decay}: at least 0 and below 1")
        for name, value, known in (
            ("update", update, Update),
            ("per", per, Per),
            ("key", key, Key),
        ):
            if value not in get_args(known):
                raise ValueError(f"{name}={value!r}: one of {', '.join(get_args(known))}")
        self.decay, self.update, self.per, self.key = decay, update, per, key
        self._baselines: dict[str, float] = {}

    def baseline(self, trajectory: Trajectory) -> float:
        """What is expected of this seat now."""
        return self._baselines.get(self._name(trajectory), 0.0)

    def advantages(self, trajectories: Sequence[Trajectory]) -> list[float]:
        """The advantage of each seat's return, and so of every token that it sampled.

        The return counts once: whoever adds it to a sum of rewards has it twice.
        """
        batches: Iterable[Sequence[Trajectory]] = ([each] for each in trajectories)
        if self.per == "batch":
            batches = [trajectories]
        return [each for batch in batches for each in self._of(batch)]

    def _of(self, batch: Sequence[Trajectory]) -> list[float]:
        before = [each.reward - self.baseline(each) for each in batch]
        returns: dict[str, list[float]] = {}
        for each in batch:
            returns.setdefault(self._name(each), []).append(each.reward)
        for name, values in returns.items():
            old = self._baselines.get(name, 0.0)
            self._baselines[name] = self.decay * old + (1 - self.decay) * fmean(values)
        if self.update == "after":
            return before
        return [each.reward - self.baseline(each) for each in batch]

    def _name(self, trajectory: Trajectory) -> str:
        if self.key == "none":
            return ""
        options = json.dumps(trajectory.options, sort_keys=True)
        game = f"{trajectory.game} {options} " if self.key == "game-seat" else ""
        return f"{game}{trajectory.seat}"

    def state(self) -> dict[str, float]:
        """The baselines, as JSON values."""
        return dict(self._baselines)

    def restore(self, state: Mapping[str, float]) -> None:
        """Goes on from what `state` gave."""
        self._baselines = dict(state)


def group_advantages(trajectories: Sequence[Trajectory], scale: bool = True) -> list[float]:
    """Advantages as in GRPO: a return beside those of the same seat in matches of the same deal.

    Such matches come from `repeats` of `play_trajectories`. Where a group's returns are all the
    same, or it has one member, the advantage is 0.

    Args:
        trajectories: of one rollout.
        scale: divide by the group's standard deviation (Shao et al., "DeepSeekMath", 2024); False
            is Dr. GRPO (Liu et al., "Understanding R1-Zero-like training", 2025).
    """
    groups: dict[Hashable, list[float]] = {}
    for each in trajectories:
        groups.setdefault(deal_and_seat(each), []).append(each.reward)
    found = []
    for each in trajectories:
        returns = groups[deal_and_seat(each)]
        spread = pstdev(returns)
        if spread == 0:
            found.append(0.0)
            continue
        found.append((each.reward - fmean(returns)) / (spread if scale else 1.0))
    return found


def deal_and_seat(trajectory: Trajectory) -> tuple[str, int, int]:
    """What trajectories share whose returns are compared: game, seed and seat."""
    return trajectory.game, trajectory.seed, trajectory.seat
