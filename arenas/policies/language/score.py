"""The exact distribution over listed replies, from one pass over a batch of prompts.

Every reply's tokens follow the prompt as branches of one tree: tokens that several replies begin
with are read once, and each token attends to the prompt and to its own branch alone, so that the
figures are those of scoring one reply after the other.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import torch

from arenas.policies.language.passes import Passes
from arenas.policies.language.prompts import Ids, Prompt

_MAX_LOGITS = 1 << 28
"""Most logits of one pass: 1 GiB in float32."""


class Tree(NamedTuple):
    """Listed replies as a tree of tokens.

    Attributes:
        tokens: int64, (nodes,): the tokens that others follow, in depth-first order.
        depths: int64, (nodes,): 0 for those that follow the prompt.
        sees: bool, (nodes, nodes): which nodes are on the way to each, itself included.
        after: int64, (edges,): the node that each step leaves, counted from 1; 0 is the prompt.
        steps: int64, (edges,): the token of each step, reply by reply.
        starts: int64, (replies,): where each reply's steps begin.
    """

    tokens: np.ndarray
    depths: np.ndarray
    sees: np.ndarray
    after: np.ndarray
    steps: np.ndarray
    starts: np.ndarray


@lru_cache(4_096)
def tree_of(replies: tuple[Ids, ...]) -> Tree:
    """The tree of different replies of at least one token each.

    Raises:
        ValueError: there are none, one is empty, or one is the beginning of another, which then
            could not be told from it.
    """
    if not replies or not all(replies):
        raise ValueError("scoring needs replies of at least one token each")
    ordered = sorted(replies)
    for first, second in pairwise(ordered):
        if second[: len(first)] == first:
            raise ValueError(f"the reply {first} begins or equals {second}: end each with a token")
    numbers: dict[Ids, int] = {(): 0}
    for reply in replies:
        for length in range(1, len(reply)):
            numbers.setdefault(reply[:length], len(numbers))
    inner = list(numbers)[1:]
    sees = np.zeros((len(inner), len(inner)), np.bool_)
    for number, path in enumerate(inner):
        sees[number, [numbers[path[:length]] - 1 for length in range(1, len(path) + 1)]] = True
    lengths = [len(reply) for reply in replies]
    return Tree(
        tokens=np.array([path[-1] for path in inner], np.int64),
        depths=np.array([len(path) - 1 for path in inner], np.int64),
        sees=sees,
        after=np.array([numbers[r[:i]] for r in replies for i in range(len(r))], np.int64),
        steps=np.array([token for reply in replies for token in reply], np.int64),
        starts=np.cumsum([0, *lengths[:-1]]),
    )


@dataclass(frozen=True, slots=True)
class Question:
    """A prompt and the replies that may follow it, as ids."""

    prompt: Prompt
    replies: tuple[Ids, ...]


def scores(
    passes: Passes, questions: Sequence[Question], max_tokens: int = 65_536
) -> list[np.ndarray]:
    """The log-probability of each reply of each question: float64, (replies,).

    Equal questions are read once.

    Args:
        passes: of the model.
        questions: in any order.
        max_tokens: most tokens of one pass, with padding and what is kept of the prompts.

    Raises:
        ValueError: as `tree_of`, or the model cannot read trees.
    """
    found: dict[Question, np.ndarray] = {}
    for batch in _batches(dict.fromkeys(questions), passes.vocabulary, max_tokens):
        found.update(zip(batch, _scores(passes, batch), strict=True))
    return [found[question] for question in questions]


def _batches(
    questions: dict[Question, None], vocabulary: int, max_tokens: int
) -> Iterator[list[Question]]:
    """Questions of like length together, as many as fit."""
    sized = [(len(q.prompt.ids), len(tree_of(q.replies).tokens), q) for q in questions]
    sized.sort(key=lambda each: each[:2])
    batch: list[Question] = []
    most_nodes = 0
    for length, nodes, question in sized:
        most_nodes = max(most_nodes, nodes)
        rows = len(batch) + 1
        tokens, logits = rows * (length + most_nodes), rows * (most_nodes + 1) * vocabulary
        if batch and (tokens > max_tokens or logits > _MAX_LOGITS):
            yield batch
            batch, most_nodes = [], nodes
        batch.append(question)
    if batch:
        yield batch


def _scores(passes: Passes, questions: Sequence[Question]) -> list[np.ndarray]:
    trees = [tree_of(question.replies) for question in questions]
    rows, nodes = len(trees), max(len(tree.tokens) for tree in trees)
    tails = np.full((rows, nodes), passes.pad_id, np.int64)
    depths = np.zeros((rows, nodes), np.int64)
    sees = np.zeros((rows, nodes, nodes), np.bool_)
    for row, tree in enumerate(trees):
        size = len(tree.tokens)
        tails[row, :size], depths[row, :size] = tree.tokens, tree.depths
        sees[row, :size, :size] = tree.sees
    device = passes.device
    logits = passes.read_with_tails(
        [question.prompt for question in questions],
        *(torch.from_numpy(each).to(device) for each in (tails, depths, sees)),
    )
    # Only the steps' own logits and each position's normaliser leave the device.
    edges = [len(tree.steps) for tree in trees]
    row_of = np.repeat(np.arange(rows), edges)
    after = np.concatenate([tree.after for tree in trees])
    steps = np.concatenate([tree.steps for tree in trees])
    places = [torch.from_numpy(each).to(device) for each in (row_of, after, steps)]
    normalisers = logits.logsumexp(-1)[places[0], places[1]]
    taken = (logits[places[0], places[1], places[2]] - normalisers).double().cpu().numpy()
    offsets = np.cumsum([0, *edges[:-1]])
    starts = [tree.starts + offset for tree, offset in zip(trees, offsets, strict=True)]
    sums = np.add.reduceat(taken, np.concatenate(starts))
    return np.split(sums, np.cumsum([len(each) for each in starts])[:-1])


def softmax(scored: np.ndarray, temperature: float) -> np.ndarray:
    """Probabilities in proportion to exp(score / temperature): float64, summing to 1.

    A temperature of 0 gives all to the highest score, the first of several.
    """
    if temperature == 0:
        best = np.zeros(len(scored))
        best[scored.argmax()] = 1.0
        return best
    weights = np.exp((scored - scored.max()) / temperature)
    shares: np.ndarray = weights / weights.sum()
    return shares


def step_logprobs(
    replies: Sequence[Ids], probabilities: Sequence[float], chosen: int
) -> tuple[float, ...]:
    """The log-probability of each token of the chosen reply, given those before it.

    Among whole replies of these probabilities; so the sum is the log of the chosen one's.
    """
    reply, found = replies[chosen], []
    before = 1.0
    for length in range(1, len(reply) + 1):
        begins = [
            p for r, p in zip(replies, probabilities, strict=True) if r[:length] == reply[:length]
        ]
        # Sums of the same probabilities in the same order, so that nothing forced costs anything.
        mass = math.fsum(begins) if len(begins) < len(replies) else 1.0
        found.append(math.log(mass / before))
        before = mass
    return tuple(found)
