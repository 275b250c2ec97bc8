"""What TRL's GRPO trainer takes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from arenas.rollout.conversions.rows import training_rows
from arenas.rollout.trajectories import Trajectory


def trl_rollout(trajectories: Sequence[Trajectory], size: int, end_id: int) -> dict[str, Any]:
    """What a `rollout_func` of TRL's `GRPOTrainer` returns (TRL 1.16).

    The column `reward` reaches reward functions: `def reward(reward, **columns): return reward`.
    TRL takes the mean reward of every `num_generations` neighbouring rows as their baseline, so
    give the seats in the order that this mean should be over.

    Args:
        trajectories: in order; seats that are not trainable are left out.
        size: the number of prompts that TRL asked for, each already repeated `num_generations`
            times. What is missing is filled with rows of one masked token.
        end_id: the masked token.

    Raises:
        ValueError: there are more rows than `size`.
    """
    found = training_rows(trajectories)
    if len(found) > size:
        raise ValueError(
            f"{len(found)} rows for {size} prompts: play fewer matches a step, or take prompts "
            "that only grow, so that a seat's turns make one row"
        )
    missing = size - len(found)
    return {
        "prompt_ids": [r.ids[: r.prompt] for _, r, _ in found] + [[end_id]] * missing,
        "completion_ids": [r.ids[r.prompt :] for _, r, _ in found] + [[end_id]] * missing,
        "logprobs": [r.logprobs[r.prompt :] for _, r, _ in found] + [[0.0]] * missing,
        "env_mask": [[int(own) for own in r.mask[r.prompt :]] for _, r, _ in found]
        + [[0]] * missing,
        # A reward of None keeps a row out of TRL's group mean.
        "reward": [t.reward for t, _, _ in found] + [None] * missing,
        "weight": [weight for _, _, weight in found] + [0.0] * missing,
        "game": [t.game for t, _, _ in found] + [""] * missing,
        "role": [t.role for t, _, _ in found] + [""] * missing,
        "seat": [t.seat for t, _, _ in found] + [-1] * missing,
        "group": [t.group for t, _, _ in found] + [-1] * missing,
    }
