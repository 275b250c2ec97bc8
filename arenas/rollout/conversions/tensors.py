"""Rows as padded tensors, for training loops of one's own."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from arenas.rollout.conversions.rows import training_rows
from arenas.rollout.trajectories import Trajectory

if TYPE_CHECKING:
    import torch


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
