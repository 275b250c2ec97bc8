"""What OpenRLHF's trainer takes from an agent executor."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from arenas.rollout.conversions.rows import incomparable, own_logprobs, training_rows
from arenas.rollout.trajectories import Row, Trajectory


def openrlhf_responses(
    trajectories: Iterable[Trajectory], prompt: str = "", label: str = ""
) -> list[dict[str, Any]]:
    """What `AgentExecutorBase.execute` of OpenRLHF returns, for each row (OpenRLHF 0.11.2).

    `execute` returns one such dict for the prompt it was called with, so it takes seats whose turns
    make one row. The trainer compares the returns of `n_samples_per_prompt` calls with one prompt.

    Args:
        trajectories: any; seats that are not trainable or made no turn are left out.
        prompt, label: as `execute` got them; the trainer logs them.

    Returns:
        `observation_tokens`, all ids; `action_ranges`, start and end of each stretch of them that
        is trained on; `rollout_log_probs`, as long as the ids, 0 elsewhere, or None where the
        trainer could not compute the same (see `rows.incomparable`; its temperature must be the
        players'); `reward` and `scores`, the seat's return; `truncated`, whether the token budget
        cut the last reply (a match that was cut short is not this); `extra_logs`, the `seat` and
        the row's `weight`, which the trainer logs; and the rest of what `execute` gives, None.
    """
    found = training_rows(trajectories)
    comparable = incomparable(found) is None
    return [
        {
            "prompt": prompt,
            "label": label,
            "images": None,
            "mm_train_inputs": None,
            "reward": trajectory.reward,
            "scores": trajectory.reward,
            "observation_tokens": list(row.ids),
            "action_ranges": _own_ranges(row),
            "rollout_log_probs": own_logprobs(row) if comparable else None,
            "truncated": row.finishes[-1] == "length",
            "extra_logs": {"seat": float(trajectory.seat), "weight": weight},
        }
        for trajectory, row, weight in found
    ]


def _own_ranges(row: Row) -> list[tuple[int, int]]:
    mask = [False, *row.mask, False]
    edges = [place for place in range(len(row.ids) + 1) if mask[place] != mask[place + 1]]
    return list(zip(edges[::2], edges[1::2], strict=True))
