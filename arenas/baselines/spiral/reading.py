"""What a model says of choices that were made, in one pass over many rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import nn

from arenas.core.policy import Tokens
from arenas.rollout.trajectories import Row

_NEVER = torch.finfo(torch.float32).min / 2
"""The logit of what may not be chosen: finite, so that 0 times its logarithm is 0."""

Weights = dict[str, torch.Tensor]
"""By parameter."""


class Choices(NamedTuple):
    """What a model says of choices that were made: of distinct ones once, then by row.

    A choice is a token; where moves were scored, it is a whole reply.

    Attributes:
        logprobs: float32 (distinct, options), of all that could have been chosen there, at the
            rows' temperature.
        where: int64 (choices,): which of them each choice of the rows was, row after row.
        chosen: int64 (choices,): the option taken.
        before: float32 (choices,): the log-probability with which it was taken.
        sizes: number of choices of each row.
    """

    logprobs: torch.Tensor
    where: torch.Tensor
    chosen: torch.Tensor
    before: torch.Tensor
    sizes: list[int]

    def taken(self) -> torch.Tensor:
        """The log-probability of each choice now: float32 (choices,)."""
        return self.logprobs[self.where, self.chosen]


def read(model: Any, rows: Sequence[Row], weights: Weights | None = None) -> Choices:
    """One pass over rows, equal ones being read once.

    Args:
        model: a causal language model.
        rows: of one kind of log-probabilities.
        weights: others than the model's own, by parameter.
    """
    if rows[0].kind == "scored":
        return _read_scored(model, rows, weights)
    unique: dict[Any, Row] = {}
    keys = [(tuple(row.ids), row.prompt, tuple(row.mask)) for row in rows]
    for key, row in zip(keys, rows, strict=True):
        unique.setdefault(key, row)
    numbers = {key: number for number, key in enumerate(unique)}
    width, first = max(len(row.ids) for row in rows), min(row.prompt for row in rows)
    device = model.get_input_embeddings().weight.device
    ids = torch.zeros((len(unique), width), dtype=torch.int64)
    mask = torch.zeros((len(unique), width), dtype=torch.int64)
    places: list[tuple[int, int]] = []
    among: dict[int, list[int]] = {}
    starts, temperatures = [0], []
    for number, row in enumerate(unique.values()):
        ids[number, : len(row.ids)] = torch.tensor(row.ids)
        mask[number, : len(row.ids)] = 1
        allowed = row.allowed()
        for place in _sampled(row):
            if allowed[place]:
                among[len(places)] = list(allowed[place])
            # The logits of a token stand at the one before it.
            places.append((number, place - first))
            temperatures.append(row.temperature)
        starts.append(len(places))
    arguments = {
        "input_ids": ids.to(device),
        "attention_mask": mask.to(device),
        # Nothing before the last token of the shortest prompt is asked for.
        "logits_to_keep": width - first + 1,
        "use_cache": False,
    }
    if weights is None:
        logits = model(**arguments).logits
    else:
        logits = torch.func.functional_call(model, weights, (), arguments).logits
    row_of, column = torch.tensor(places, device=logits.device).T
    options = logits[row_of, column].float().to(device)
    options = options / torch.tensor(temperatures, device=device)[:, None]
    if among:
        forbidden = torch.zeros(options.shape, dtype=torch.bool)
        for place, tokens in among.items():
            forbidden[place] = True
            forbidden[place, tokens] = False
        options = options.masked_fill(forbidden.to(device), _NEVER)
    sampled = [_sampled(row) for row in rows]
    where = [place for key in keys for place in range(*starts[numbers[key] : numbers[key] + 2])]
    own = [(row, place) for row, places in zip(rows, sampled, strict=True) for place in places]
    return Choices(
        options.log_softmax(-1),
        torch.tensor(where, device=device),
        torch.tensor([row.ids[place] for row, place in own], device=device),
        torch.tensor([row.logprobs[place] for row, place in own], device=device),
        [len(places) for places in sampled],
    )


def _read_scored(model: Any, rows: Sequence[Row], weights: Weights | None) -> Choices:
    """The same of replies chosen as a whole: every candidate is read as a row of its own."""
    turns = [(row, number) for row in rows for number in range(len(row.spans))]
    asked = [(tuple(row.ids[: row.spans[number][0]]), row.candidates[number] or ())
             for row, number in turns]  # fmt: skip
    numbers = {question: number for number, question in enumerate(dict.fromkeys(asked))}
    written = [
        Row.of(Tokens(prompt, reply), 0.0) for prompt, replies in numbers for reply in replies
    ]
    tokens = read(model, written, weights)
    scores = torch.stack([each.sum() for each in torch.split(tokens.taken(), tokens.sizes)])
    by_question = torch.split(scores, [len(replies) for _, replies in numbers])
    options = nn.utils.rnn.pad_sequence(list(by_question), batch_first=True, padding_value=_NEVER)
    where = torch.tensor([numbers[question] for question in asked], device=scores.device)
    spans = [row.spans[number] for row, number in turns]
    chosen = [
        replies.index(tuple(row.ids[slice(*span)]))
        for (row, _), span, (_, replies) in zip(turns, spans, asked, strict=True)
    ]
    before = [sum(row.logprobs[slice(*span)]) for (row, _), span in zip(turns, spans, strict=True)]
    return Choices(
        (options / rows[0].temperature).log_softmax(-1),
        where,
        torch.tensor(chosen, device=scores.device),
        torch.tensor(before, device=scores.device),
        [len(row.spans) for row in rows],
    )


def _sampled(row: Row) -> list[int]:
    return [place for place, own in enumerate(row.mask) if own]
