"""What prime-rl's trainer takes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from arenas.rollout.conversions.rows import credited_rows, incomparable, own_logprobs, spread
from arenas.rollout.trajectories import Trajectory


def prime_rl_samples(
    trajectories: Sequence[Trajectory], advantages: Sequence[float], weigh: bool = False
) -> list[dict[str, Any]]:
    """The fields of prime-rl's `TrainingSample`s (prime-rl 0.8.1.dev67).

    This is what its packer takes (`prime_rl.trainer.batch.prepare_batch`), after its orchestrator
    has made such samples of a `verifiers` trace and stamped advantages and temperatures on them.

    Args:
        trajectories: any; seats that are not trainable or made no turn are left out.
        advantages: one for each trajectory.
        weigh: give the rows' weights as `rl_weights`, which scale a token's loss. False leaves them
            out, so that all tokens weigh the same, as the orchestrator does.

    Returns:
        A dict a row: `token_ids` and, as long, `mask`, `logprobs`, `temperatures`, `advantages` and
        perhaps `rl_weights`, all 0 where nothing is trained on but for temperatures; `env_name`,
        the game.

    Raises:
        ValueError: there are not as many advantages as trajectories; or the trainer could not
            compute the log-probabilities again (see `rows.incomparable`).
    """
    found, row_advantages = credited_rows(trajectories, advantages)
    problem = incomparable(found, temperatures=True)
    if problem is not None:
        raise ValueError(problem)
    samples: list[dict[str, Any]] = []
    for (trajectory, row, weight), advantage in zip(found, row_advantages, strict=True):
        sample = {
            "token_ids": list(row.ids),
            "mask": list(row.mask),
            "logprobs": own_logprobs(row),
            "temperatures": [row.temperature] * len(row.ids),
            "env_name": trajectory.game,
            "advantages": spread(row, advantage),
        }
        if weigh:
            sample["rl_weights"] = spread(row, weight)
        samples.append(sample)
    return samples
