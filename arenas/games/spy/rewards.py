"""The rewards of Vision-Zero (Wang et al., arXiv 2509.25541), as pure functions of the votes.

The paper's second version and its released code differ in the reward of a vote; both are here.
What its trainer does with rewards (role advantages, normalisation in groups, switching stages) is
in `arenas/baselines/spy_iterative.py`.
"""

from __future__ import annotations

from collections.abc import Sequence

BETA = 0.1
"""Weight of the votes on the spy against those on civilians."""
LAMBDA = 0.1
"""Weight of a civilian's votes against the civilians' mean."""

Vote = int | None
"""The seat that is voted for; None is "n/a"."""


def tally(votes: Sequence[Vote], players: int) -> list[int]:
    """Votes on each player; "n/a" counts for nobody."""
    return [sum(vote == seat for vote in votes) for seat in range(players)]


def clue_rewards(votes: Sequence[int], spy: int) -> list[float]:
    """The zero-sum reward of the clue stage (the paper's section 3.2).

    With v_s votes on the spy and a mean of m on each civilian, the spy gets -beta (v_s - m) and
    civilian j gets beta / n_c (v_s - m) - lambda (v_j - m).

    Args:
        votes: on each player, the spy included.
        spy: its seat.

    Returns:
        One reward a player; their sum is zero up to rounding.
    """
    civilians = len(votes) - 1
    mean = (sum(votes) - votes[spy]) / civilians
    caught = BETA * (votes[spy] - mean)
    rewards = [caught / civilians - LAMBDA * (each - mean) for each in votes]
    rewards[spy] = -caught
    return rewards


def decision_reward(vote: Vote, spy: int, published: str = "v2") -> float:
    """The reward of one civilian's (or the reader's) vote.

    "v2" is the paper's: 1 for the spy, -0.5 for "n/a", -1 for anybody else. "v1-code" is the
    released code's: 1.2 times that, 0.3 for the form (a vote that counts has it), and 0.99 more if
    it is right.
    """
    base = -0.5 if vote is None else 1.0 if vote == spy else -1.0
    if published == "v2":
        return base
    return 1.2 * base + 0.3 + (0.99 if base > 0 else 0.0)


def caught(votes: Sequence[int], spy: int) -> bool:
    """Whether the spy has more votes than every other player."""
    return votes[spy] > max(each for seat, each in enumerate(votes) if seat != spy)


def team_rewards(spy_caught: bool, spy: int, seats: int) -> list[float]:
    """The plain zero-sum outcome: the spy gets 1 or -1, the others share the opposite."""
    share = (1.0 if spy_caught else -1.0) / (seats - 1)
    rewards = [share] * seats
    rewards[spy] = -1.0 if spy_caught else 1.0
    return rewards
