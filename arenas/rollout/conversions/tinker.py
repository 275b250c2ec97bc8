"""What Tinker's training client takes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from arenas.rollout.conversions.rows import credited_rows, incomparable, own_logprobs, spread
from arenas.rollout.trajectories import Trajectory


def tinker_data(
    trajectories: Sequence[Trajectory], advantages: Sequence[float], weigh: bool = False
) -> list[dict[str, Any]]:
    """The fields of Tinker's `Datum`s, as the cookbook makes them (tinker 0.38, cookbook 0.6.1).

    The same as `assemble_training_data` of the cookbook gives without provenance. A datum of them:
    `tinker.Datum(tinker.ModelInput.from_ints(fields["model_input"]), fields["loss_fn_inputs"])`.
    The cookbook takes `mask` out again before it trains.

    Args:
        trajectories: any; seats that are not trainable or made no turn are left out.
        advantages: one for each trajectory.
        weigh: multiply advantages by the rows' weights; the losses are sums over tokens, so that
            this weighs rows. False is what the cookbook does.

    Returns:
        A dict a row: `model_input`, its ids but for the last; `loss_fn_inputs`, arrays of that
        length about the id that follows each of them: `target_tokens` (int64), `logprobs`,
        `advantages` and `mask` (float32), all 0 but `target_tokens` where nothing is trained on.

    Raises:
        ValueError: there are not as many advantages as trajectories; or the losses could not
            compute the log-probabilities again (see `rows.incomparable`; they know no temperature).
    """
    found, row_advantages = credited_rows(trajectories, advantages)
    problem = incomparable(found)
    if problem is None and any(row.temperature != 1 for _, row, _ in found):
        problem = "Tinker's losses know no temperature: sample at temperature 1"
    if problem is not None:
        raise ValueError(problem)
    return [
        {
            "model_input": row.ids[:-1],
            "loss_fn_inputs": {
                "target_tokens": np.array(row.ids[1:], np.int64),
                "logprobs": np.array(own_logprobs(row)[1:], np.float32),
                "advantages": np.array(
                    spread(row, advantage * weight if weigh else advantage)[1:], np.float32
                ),
                "mask": np.array(row.mask[1:], np.float32),
            },
        }
        for (_, row, weight), advantage in zip(found, row_advantages, strict=True)
    ]
