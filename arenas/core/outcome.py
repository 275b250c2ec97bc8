"""What a finished match is worth to each seat, and the evidence it follows from."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

TOLERANCE = 1e-9


class RulesError(Exception):
    """A game broke its own contract: a bug in the game, not a player's fault."""


@dataclass(frozen=True)
class Outcome:
    """The end of a match.

    Attributes:
        rewards: total reward of each seat, in the game's own unit.
        reason: how it ended in the rules' words: "showdown", "line", "forfeit", "truncated", ...
        evidence: JSON values from which a third party recomputes the rewards by the rules.
        truncated: the match was cut short from outside; the rules had not ended it.
    """

    rewards: tuple[float, ...]
    reason: str
    evidence: dict[str, Any] = field(default_factory=dict)
    truncated: bool = False


def check_rewards(rewards: tuple[float, ...], seats: int, payoff: str) -> None:
    """Asserts that rewards are finite and of the declared kind.

    Raises:
        RulesError: a seat has no finite reward, or `payoff` is "zero_sum" and they do not sum to
            zero, or it is "common" and they differ (tolerance 1e-9).
    """
    if len(rewards) != seats or not all(math.isfinite(r) for r in rewards):
        raise RulesError(f"{seats} seats need {seats} finite rewards, got {rewards}")
    if payoff == "zero_sum" and abs(math.fsum(rewards)) > TOLERANCE:
        raise RulesError(f"a zero-sum game paid {rewards}, which sums to {math.fsum(rewards)}")
    if payoff == "common" and max(rewards) - min(rewards) > TOLERANCE:
        raise RulesError(f"a game of common payoff paid its seats differently: {rewards}")
