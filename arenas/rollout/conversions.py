"""Trajectories in the forms that trainers take: one function each, and no trainer is imported.

Every row of a seat carries the seat's whole return, as Monte Carlo estimators want it. A seat whose
turns make several rows would count for more than others; `weight` is 1 over its number of rows.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from arenas.rollout.trajectories import Row, Trajectory

if TYPE_CHECKING:
    import torch


def training_rows(trajectories: Iterable[Trajectory]) -> list[tuple[Trajectory, Row, float]]:
    """The rows of trainable seats, each with its trajectory and its weight."""
    found = []
    for trajectory in trajectories:
        if trajectory.trainable:
            rows = trajectory.rows()
            found += [(trajectory, row, 1.0 / len(rows)) for row in rows]
    return found


def padded_batch(trajectories: Iterable[Trajectory], pad_id: int) -> dict[str, torch.Tensor]:
    """The rows of trainable seats as tensors, padded on the right.

    Returns:
        `input_ids`, `attention_mask` and `loss_mask`, int64 (rows, tokens); `logprobs`, float32
        (rows, tokens), of each token given those before it, 0 outside the loss mask; `returns` and
        `weights`, float32 (rows,); `seats` and `groups`, int64 (rows,). Where tokens were chosen
        among listed ones (see `Row.allowed`) also `allowed`, int64 (rows, tokens, most): the ids
        that the log-probability was renormalised over, -1 behind them; none means all ids.

    Raises:
        ValueError: no trainable seat has a turn with tokens.
    """
    import torch

    found = training_rows(trajectories)
    if not found:
        raise ValueError("no trainable seat has turns with tokens")
    shape = len(found), max(len(row.ids) for _, row, _ in found)
    ids = torch.full(shape, pad_id, dtype=torch.int64)
    attention, loss = torch.zeros(shape, dtype=torch.int64), torch.zeros(shape, dtype=torch.int64)
    logprobs = torch.zeros(shape)
    for number, (_, row, _) in enumerate(found):
        size = len(row.ids)
        ids[number, :size] = torch.tensor(row.ids)
        attention[number, :size] = 1
        loss[number, :size] = torch.tensor(row.mask, dtype=torch.int64)
        logprobs[number, :size] = torch.tensor(row.logprobs) * loss[number, :size]
    batch = {
        "input_ids": ids,
        "attention_mask": attention,
        "loss_mask": loss,
        "logprobs": logprobs,
        "returns": torch.tensor([trajectory.reward for trajectory, _, _ in found]),
        "weights": torch.tensor([weight for _, _, weight in found]),
        "seats": torch.tensor([trajectory.seat for trajectory, _, _ in found]),
        "groups": torch.tensor([trajectory.group for trajectory, _, _ in found]),
    }
    lists = {
        number: row.allowed()
        for number, (_, row, _) in enumerate(found)
        if row.kind in ("constrained", "label") and None not in row.candidates
    }
    if lists:
        most = max(len(allowed) for row in lists.values() for allowed in row)
        batch["allowed"] = torch.full((*shape, most), -1, dtype=torch.int64)
        for number, places in lists.items():
            for place, allowed in enumerate(places):
                batch["allowed"][number, place, : len(allowed)] = torch.tensor(
                    allowed, dtype=torch.int64
                )
    return batch


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
