"""Which rows are trained on, with what, and what their log-probabilities can be compared with."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypeAlias

from arenas.rollout.trajectories import Row, Trajectory

Found: TypeAlias = tuple[Trajectory, Row, float]
"""A trajectory, one of its rows, and the row's weight."""


def training_rows(trajectories: Iterable[Trajectory]) -> list[Found]:
    """The rows of trainable seats, each with its trajectory and its weight.

    Rows without a token to train on are left out. The weight is 1 over the seat's number of rows.
    """
    found = []
    for trajectory in trajectories:
        if trajectory.trainable:
            rows = [row for row in trajectory.rows() if any(row.mask)]
            found += [(trajectory, row, 1.0 / len(rows)) for row in rows]
    return found


def credited_rows(
    trajectories: Sequence[Trajectory], advantages: Sequence[float]
) -> tuple[list[Found], list[float]]:
    """`training_rows`, and the advantage of each one's trajectory.

    Args:
        trajectories: any; seats that are not trainable are left out.
        advantages: one for each trajectory, as `RoleBaselines` and `group_advantages` give them.

    Raises:
        ValueError: there are not as many advantages as trajectories.
    """
    if len(trajectories) != len(advantages):
        raise ValueError(
            f"{len(advantages)} advantages for {len(trajectories)} trajectories: give one for "
            "each, also for seats that are left out"
        )
    found: list[Found] = []
    row_advantages: list[float] = []
    for trajectory, advantage in zip(trajectories, advantages, strict=True):
        rows = training_rows([trajectory])
        found += rows
        row_advantages += [advantage] * len(rows)
    return found, row_advantages


def spread(row: Row, value: float) -> list[float]:
    """A value on each token of a row that is trained on, 0 on all others."""
    return [value if own else 0.0 for own in row.mask]


def own_logprobs(row: Row) -> list[float]:
    """The log-probability of each token of a row that is trained on, 0 of all others."""
    return [p if own else 0.0 for p, own in zip(row.logprobs, row.mask, strict=True)]


def incomparable(found: Iterable[Found], temperatures: bool = False) -> str | None:
    """Why a trainer could not compute the recorded log-probabilities again; None if it could.

    Trainers take the softmax over the whole vocabulary, of logits divided by a temperature.

    Args:
        found: the rows.
        temperatures: whether the trainer takes a temperature for each row, or one for all.
    """
    found = list(found)
    kinds = sorted({row.kind for _, row, _ in found} - {"sampled"})
    if kinds:
        return (
            f"log-probabilities of the kind {' and '.join(kinds)} are of another distribution than "
            'the softmax over the vocabulary that the trainer computes: play with moves="free"'
        )
    for trajectory, _, _ in found:
        turns = (turn.tokens for turn in trajectory.turns)
        if any(tokens is not None and tokens.logprobs is None for tokens in turns):
            return f"player {trajectory.player!r} recorded no log-probabilities in some turns"
    if not temperatures and len({row.temperature for _, row, _ in found}) > 1:
        return "rows were sampled at several temperatures, and the trainer takes one"
    return None
