"""The loss and its updates: what is learnt from replies, and from moves that are imitated."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import torch
from torch import nn

from arenas.baselines.spiral.config import Config
from arenas.baselines.spiral.reading import Weights, read
from arenas.rollout.trajectories import Row


class Sampled(NamedTuple):
    """A row of tokens and what it was worth."""

    row: Row
    advantage: float


def passes(samples: Sequence[Sampled], most: int) -> Iterator[list[Sampled]]:
    """The samples in passes of rows of like length, at most so many tokens of distinct rows."""
    batch: list[Sampled] = []
    distinct, last = 0, None
    for each in sorted(samples, key=lambda sample: (len(sample.row.ids), sample.row.ids)):
        ids = each.row.ids
        if batch and ids != last and (distinct + 1) * len(ids) > most:
            yield batch
            batch, distinct = [], 0
        distinct += ids != last
        last = ids
        batch.append(each)
    if batch:
        yield batch


def some(rows: Sequence[Row], most: int, generator: torch.Generator) -> list[Row]:
    """All rows, if distinct ones have at most so many tokens; else as many as do, at random.

    At least one.
    """
    if sum(map(len, {tuple(row.ids) for row in rows})) <= most:
        return list(rows)
    chosen: list[Row] = []
    tokens, known = 0, set()
    for number in torch.randperm(len(rows), generator=generator).tolist():
        ids = tuple(rows[number].ids)
        if ids not in known:
            known.add(ids)
            tokens += len(ids)
        if chosen and tokens > most:
            break
        chosen.append(rows[number])
    return chosen


def update(
    model: Any,
    average: Weights,
    optimizer: torch.optim.Optimizer,
    samples: Sequence[Sampled],
    config: Config,
    generator: torch.Generator,
) -> dict[str, float]:
    """Trains the model on one iteration's replies.

    Returns:
        Means over replies of what was minimised, and of what tells how far the policy moved.
    """
    sums: dict[str, float] = {}
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    for _ in range(config.epochs):
        order = torch.randperm(len(samples), generator=generator)
        for chosen in order.chunk(config.minibatches):
            minibatch = [samples[number] for number in chosen.tolist()]
            replies = sum(len(sample.row.spans) for sample in minibatch)
            optimizer.zero_grad()
            for batch in passes(minibatch, config.pass_tokens):
                figures = loss(model, average, batch, config)
                torch.autograd.backward(figures["loss"] / replies)
                for name, figure in figures.items():
                    sums[name] = sums.get(name, 0.0) + figure.item()
            nn.utils.clip_grad_norm_(trained, config.max_grad_norm)
            optimizer.step()
    replies = sum(len(sample.row.spans) for sample in samples)
    return {name: total / (config.epochs * replies) for name, total in sums.items()}


def loss(
    model: Any, average: Weights, batch: Sequence[Sampled], config: Config
) -> dict[str, torch.Tensor]:
    """What is minimised in one pass, as sums over its choices."""
    rows = [sample.row for sample in batch]
    now = read(model, rows)
    worth = torch.tensor([sample.advantage for sample in batch], device=now.where.device)
    advantage = worth.repeat_interleave(torch.tensor(now.sizes, device=now.where.device))
    ratio = (now.taken() - now.before).exp()
    clipped = ratio.clamp(1 - config.clip, 1 + config.clip)
    gain = torch.minimum(ratio * advantage, clipped * advantage).sum()
    chances = now.logprobs.exp()
    figures = {
        "loss": -gain,
        "entropy": -(chances * now.logprobs).detach().sum(1)[now.where].sum(),
        "clipped": ((ratio - 1).abs() > config.clip).float().sum(),
    }
    if config.kl:
        with torch.no_grad():
            slow = read(model, rows, average).logprobs
        distance = (chances * (now.logprobs - slow)).sum(1)[now.where].sum()
        figures["loss"] = figures["loss"] + config.kl * distance
        figures["kl"] = distance
    return figures


def imitate(
    model: Any, optimizer: torch.optim.Optimizer, rows: Sequence[Row], config: Config
) -> float:
    """One update towards what the rows say; returns the mean loss of a reply before it."""
    total, replies = 0.0, sum(len(row.spans) for row in rows)
    optimizer.zero_grad()
    for batch in passes([Sampled(row, 0.0) for row in rows], config.pass_tokens):
        missing = -read(model, [sample.row for sample in batch]).taken().sum() / replies
        torch.autograd.backward(missing)
        total += missing.item()
    nn.utils.clip_grad_norm_(model.parameters(), config.max_grad_norm)
    optimizer.step()
    return total
