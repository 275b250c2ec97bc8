"""What SkyRL's trainer takes from a generator."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from arenas.rollout.advantages import deal_and_seat
from arenas.rollout.conversions.rows import incomparable, own_logprobs, training_rows
from arenas.rollout.trajectories import Row, Trajectory


class TrajectoryID(NamedTuple):
    """Has the fields and the method of SkyRL's own class of this name.

    Attributes:
        instance_id: names what trajectories share whose returns are compared.
        repetition_id: which of them it is.
    """

    instance_id: str
    repetition_id: int

    def to_string(self) -> str:
        """Both in one word."""
        return f"{self.instance_id}_{self.repetition_id}"


def skyrl_output(trajectories: Iterable[Trajectory], token_rewards: bool = False) -> dict[str, Any]:
    """What `GeneratorInterface.generate` of SkyRL returns, a `GeneratorOutput` (SkyRL 0.3.0).

    SkyRL compares the returns of neighbouring rows with one `instance_id`: here seats of the same
    number in matches of the same deal, which `repeats` of `play_trajectories` gives. Rows come in
    that order. SkyRL wants `train_batch_size` such instances of `n_samples_per_prompt` trajectories
    each; where all seats make one row, they are also the rows of its prompts in order. Seats that
    make several rows need `generator.step_wise_trajectories=true`; it then takes the advantage of
    the last row for all, so weights have no place.

    Args:
        trajectories: any; seats that are not trainable or made no turn are left out.
        token_rewards: False gives each row the seat's return; True each turn's reward at the last
            token of its reply, 0 elsewhere. The latter add up to the return but for what the seat
            was paid before its first turn.

    Returns:
        Lists of one entry a row. `response_ids` are all ids from the first sampled one on;
        `loss_masks`, `rollout_logprobs` and token rewards are as long. `stop_reasons` are of the
        last reply. `rollout_logprobs` is None where the trainer could not compute the same (see
        `rows.incomparable`); its temperature must be the players'. The other columns are None.

    Raises:
        ValueError: token rewards are asked for a seat with several rows, of which SkyRL would read
            the last one's alone; or nothing is left to train on.
    """
    instances: dict[str, list[Trajectory]] = {}
    for trajectory in trajectories:
        if training_rows([trajectory]):
            name = " ".join(map(str, deal_and_seat(trajectory)))
            instances.setdefault(name, []).append(trajectory)
    if not instances:
        raise ValueError("no trainable seat has turns with tokens")
    found, names, last = [], [], []
    for name, members in instances.items():
        for number, member in enumerate(members):
            rows = training_rows([member])
            if token_rewards and len(rows) > 1:
                raise ValueError(
                    f"seat {member.seat} of match {member.number} makes {len(rows)} rows, and "
                    "SkyRL reads rewards of the last one alone: give returns, or take prompts that "
                    "only grow"
                )
            found += rows
            names += [TrajectoryID(name, number)] * len(rows)
            last += [False] * (len(rows) - 1) + [True]
    comparable = incomparable(found) is None
    return {
        "prompt_token_ids": [row.ids[: row.prompt] for _, row, _ in found],
        "response_ids": [row.ids[row.prompt :] for _, row, _ in found],
        "rewards": [_token_rewards(row) if token_rewards else t.reward for t, row, _ in found],
        "loss_masks": [[int(own) for own in row.mask[row.prompt :]] for _, row, _ in found],
        "stop_reasons": [row.finishes[-1] for _, row, _ in found],
        "rollout_metrics": None,
        "rollout_logprobs": [own_logprobs(row)[row.prompt :] for _, row, _ in found]
        if comparable
        else None,
        "trajectory_ids": names,
        "trajectory_generation_times": None,
        "rollout_expert_indices": None,
        "is_last_step": last,
        "env_metrics": None,
        "pixel_values": None,
        "image_grid_thw": None,
    }


def _token_rewards(row: Row) -> list[float]:
    rewards = [0.0] * len(row.ids)
    for (_, end), reward in zip(row.spans, row.rewards, strict=True):
        rewards[max(end - 1, row.prompt)] += reward
    return rewards[row.prompt :]
