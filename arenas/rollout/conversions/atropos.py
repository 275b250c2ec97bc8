"""What Atropos' rollout server takes."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any

from arenas.rollout.advantages import deal_and_seat
from arenas.rollout.conversions.rows import (
    Found,
    credited_rows,
    incomparable,
    own_logprobs,
    spread,
    training_rows,
)
from arenas.rollout.trajectories import Trajectory

_MASKED_ID, _MASKED_LOGPROB = -100, 1.0
"""What stands where nothing is trained on, in the two columns."""


def atropos_groups(
    trajectories: Sequence[Trajectory], advantages: Sequence[float] | None = None
) -> list[dict[str, Any]]:
    """What `/scored_data_list` of Atropos' server takes, `ScoredDataGroup`s (atroposlib 0.4.0).

    Its trainers take a group's mean score as the baseline of its members. So a group holds the
    seats of the same number in matches of the same deal, which `repeats` of `play_trajectories`
    gives. A seat with several rows has its return as the score of each, and so more say in the
    mean; `advantages` do without it.

    Args:
        trajectories: any; seats that are not trainable or made no turn are left out.
        advantages: one for each trajectory; None leaves them to the trainer.

    Returns:
        Groups with lists of one entry a row. `tokens` and, as long, `masks` (the id where it is
        trained on, -100 elsewhere), `inference_logprobs` (1.0 where nothing is trained on; None for
        a group whose log-probabilities no trainer can compute again, see `rows.incomparable`) and
        `advantages` (0 where nothing is trained on). `scores` are returns. `overrides` have the
        row's `temperature`, which trainers read, and its `weight`; `group_overrides` the
        `group_size`.

    Raises:
        ValueError: there are not as many advantages as trajectories.
    """
    row_advantages: list[float] | None = None
    if advantages is None:
        found = training_rows(trajectories)
    else:
        found, row_advantages = credited_rows(trajectories, advantages)
    groups: dict[Hashable, list[int]] = {}
    for number, (trajectory, _, _) in enumerate(found):
        groups.setdefault(deal_and_seat(trajectory), []).append(number)
    return [
        _group([found[i] for i in group], row_advantages and [row_advantages[i] for i in group])
        for group in groups.values()
    ]


def _group(found: list[Found], advantages: list[float] | None) -> dict[str, Any]:
    rows = [row for _, row, _ in found]
    comparable = incomparable(found, temperatures=True) is None
    return {
        "tokens": [list(row.ids) for row in rows],
        "masks": [
            [each if own else _MASKED_ID for each, own in zip(row.ids, row.mask, strict=True)]
            for row in rows
        ],
        "scores": [trajectory.reward for trajectory, _, _ in found],
        "advantages": None
        if advantages is None
        else [spread(row, advantage) for row, advantage in zip(rows, advantages, strict=True)],
        "ref_logprobs": None,
        "messages": None,
        "generation_params": None,
        "inference_logprobs": [
            [
                p if own else _MASKED_LOGPROB
                for p, own in zip(own_logprobs(row), row.mask, strict=True)
            ]
            for row in rows
        ]
        if comparable
        else None,
        "group_overrides": {"group_size": len(rows)},
        "overrides": [{"temperature": row.temperature, "weight": w} for _, row, w in found],
        "images": None,
        "distill_token_ids": None,
        "distill_logprobs": None,
    }
