"""Replies token by token, for rows that come and go: a row that ends makes room for the next."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

import torch
import torch.nn.functional as F  # noqa: N812

from arenas.core.rng import Rng
from arenas.policies.language.constrain import Constraint
from arenas.policies.language.passes import Passes, Seen
from arenas.policies.language.prompts import Prompt, Prompts

K = TypeVar("K")

_REFILL = 8
"""Rows are replaced, and finished ones handed out, once an eighth of them has ended."""


@dataclass(frozen=True)
class Sampling:
    """How tokens are drawn.

    Attributes:
        temperature: logits are divided by it; 0 takes the most likely token.
        top_p: draw among the fewest tokens whose probabilities reach this sum; 1 for all.
        top_k: draw among this many most likely tokens; 0 for all.
        max_tokens: budget of a reply; what does not end within it is cut there.
        stop: strings that end a reply once they stand in it; they stay in it.
    """

    temperature: float = 1.0
    top_p: float = 1.0
    top_k: int = 0
    max_tokens: int = 256
    stop: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.temperature >= 0:
            raise ValueError(f"temperature={self.temperature}: at least 0")
        if not 0 < self.top_p <= 1:
            raise ValueError(f"top_p={self.top_p}: above 0 and at most 1")
        if self.top_k < 0 or self.max_tokens < 1:
            raise ValueError("top_k is at least 0 and max_tokens at least 1")
        if not isinstance(self.stop, tuple) or not all(self.stop):
            raise ValueError(f"stop={self.stop!r}: a tuple of strings, none of them empty")

    @property
    def scale(self) -> float:
        """The temperature that log-probabilities are recorded at: greedy choices at 1."""
        return self.temperature or 1.0


@dataclass(slots=True)
class Writing(Generic[K]):
    """One reply under way.

    Attributes:
        key: the caller's own.
        prompt: what it answers.
        sampling: its settings.
        rng: its own stream; each token takes one number of it.
        constraint: None for free text.
        version: of the weights that began it.
        completion: ids so far.
        logprobs: one for each of them.
        finish: "stop" or "length" at the end; empty before.
    """

    key: K
    prompt: Prompt
    sampling: Sampling
    rng: Rng
    constraint: Constraint | None = None
    version: int | str = 0
    completion: list[int] = field(default_factory=list)
    logprobs: list[float] = field(default_factory=list)
    finish: str = ""


class Decoder(Generic[K]):
    """Continuous batching over keys and values that lie side by side, padded on the left.

    New rows are read in passes of their own and then join those under way. What a row says depends
    on its prompt, its settings and its stream alone, as far as sums of other shapes round alike.

    Args:
        passes: of the model.
        prompts: for stop strings and end tokens.
        max_rows: most replies under way at once; the others wait.
        max_tokens: most prompt tokens of one pass, with padding and what is kept of them.
    """

    def __init__(
        self, passes: Passes, prompts: Prompts, max_rows: int = 256, max_tokens: int = 65_536
    ) -> None:
        self.passes = passes
        self.prompts = prompts
        self.max_rows = max_rows
        self.max_tokens = max_tokens
        self._waiting: deque[Writing[K]] = deque()
        self._rows: list[Writing[K]] = []
        self._seen: Seen | None = None
        self._ended: list[Writing[K]] = []

    def __len__(self) -> int:
        """Replies that were asked for and not yet taken."""
        return len(self._waiting) + len(self._live()) + len(self._ended)

    def put(self, writing: Writing[K]) -> None:
        """Asks for a reply."""
        self._waiting.append(writing)

    def take(self) -> list[Writing[K]]:
        """Goes on until some replies have ended, and gives those; empty if none was asked for."""
        while True:
            live = self._live()
            room = self.max_rows - len(live)
            ended = len(self._rows) - len(live)
            if self._waiting and (not live or room * _REFILL >= self.max_rows):
                self._admit(room)
            elif len(self._ended) * _REFILL >= len(live):
                break
            elif ended * _REFILL >= 2 * len(self._rows):
                self._compact(live)
            else:
                self._step(live)
        if not live:
            self._rows, self._seen = [], None
        taken, self._ended = self._ended, []
        return taken

    # -- rows that come and go -----------------------------------------------------------------

    def _live(self) -> list[int]:
        return [number for number, each in enumerate(self._rows) if not each.finish]

    def _compact(self, live: list[int]) -> None:
        """Drops rows that have ended, which copies all others."""
        assert self._seen is not None
        self._rows = [self._rows[number] for number in live]
        self._seen = self._seen.selected(self._places(live))

    def _places(self, numbers: list[int]) -> torch.Tensor:
        return torch.tensor(numbers, device=self.passes.device)

    def _admit(self, room: int) -> None:
        new = [self._waiting.popleft() for _ in range(min(room, len(self._waiting)))]
        # Of like length together: less padding.
        new.sort(key=lambda each: len(each.prompt.ids))
        while new:
            size = 1
            while size < len(new) and (size + 1) * len(new[size].prompt.ids) <= self.max_tokens:
                size += 1
            batch, new = new[:size], new[size:]
            logits, seen = self._read([each.prompt for each in batch])
            self._place(batch, seen)
            self._choose(batch, logits)

    def _place(self, batch: list[Writing[K]], new: Seen) -> None:
        """Puts rows that were read in the places of ended ones, the rest behind them."""
        live = self._live()
        if self._seen is None or not live:
            self._rows, self._seen = batch, new
            return
        self._seen = self._seen.trimmed()
        if new.width > self._seen.width:
            self._compact(live)
        free = [number for number, each in enumerate(self._rows) if each.finish][: len(batch)]
        some, rest = list(range(len(free))), list(range(len(free), len(batch)))
        if free:
            self._seen.replace(
                self._places(free), new.selected(self._places(some)) if rest else new
            )
            for number, each in zip(free, batch, strict=False):
                self._rows[number] = each
        if rest:
            self._seen = self._seen.joined(new.selected(self._places(rest)) if free else new)
            self._rows = self._rows + batch[len(free) :]

    def _read(self, prompts: list[Prompt]) -> tuple[torch.Tensor, Seen]:
        """Logits after each prompt and what was read; equal prompts are read once."""
        places = {prompt: number for number, prompt in enumerate(dict.fromkeys(prompts))}
        logits, seen = self.passes.read(list(places))
        if len(places) == len(prompts):
            return logits, seen
        rows = self._places([places[prompt] for prompt in prompts])
        return logits[rows.to(logits.device)], seen.selected(rows)

    def _step(self, live: list[int]) -> None:
        seen = self._seen
        assert seen is not None
        ids = self.passes.tokens([[each.completion[-1]] for each in self._rows])
        mask = F.pad(seen.mask, (0, 1), value=True)
        # Ended rows are read along until they are replaced; their places need not exist.
        counts = torch.tensor([not each.finish for each in self._rows], device=mask.device)
        positions = (seen.lengths * counts)[:, None]
        adapters = [each.prompt.adapter for each in self._rows]
        logits = self.passes(ids, mask, positions, seen.cache, adapters)[:, -1]
        self._seen = Seen(seen.cache, mask, seen.lengths + 1)
        if len(live) < len(self._rows):
            logits = logits[live]
        self._choose([self._rows[number] for number in live], logits)

    def _choose(self, rows: Sequence[Writing[K]], logits: torch.Tensor) -> None:
        """Adds a token to each row."""
        tokens, logprobs = choose(logits, rows)
        for each, token, logprob in zip(rows, tokens, logprobs, strict=True):
            self._add(each, token, logprob)
            if each.finish:
                self._ended.append(each)

    def _add(self, each: Writing[K], token: int, logprob: float) -> None:
        each.completion.append(token)
        each.logprobs.append(logprob)
        if each.constraint is not None:
            each.constraint.advance(token)
            rest = each.constraint.rest()
            if rest is not None:
                # Nothing is left to choose, so nothing needs to be computed.
                each.completion += rest
                each.logprobs += [0.0] * len(rest)
                each.finish = "stop"
                return
        elif token in self.prompts.end_ids or self._stops(each):
            each.finish = "stop"
            return
        if len(each.completion) >= each.sampling.max_tokens:
            each.finish = "length"

    def _stops(self, each: Writing[K]) -> bool:
        if not each.sampling.stop:
            return False
        # A token is at least a byte, so that a new stop string begins in the last of them.
        longest = max(len(stop.encode()) for stop in each.sampling.stop)
        recent = self.prompts.text(each.completion[-longest:])
        return any(stop in recent for stop in each.sampling.stop)


def choose(logits: torch.Tensor, rows: Sequence[Writing[K]]) -> tuple[list[int], list[float]]:
    """A token for each row and its log-probability.

    The log-probability is at the row's temperature, over all tokens or those that its constraint
    allows; `top_k` and `top_p` cut what is drawn from and not what is recorded.

    Args:
        logits: float32, (rows, vocabulary).
        rows: their settings, streams and constraints.
    """
    device, vocabulary = logits.device, logits.shape[-1]
    scales = torch.tensor([each.sampling.scale for each in rows], device=device)
    logits = logits / scales[:, None]
    bound = [number for number, each in enumerate(rows) if each.constraint is not None]
    if bound:
        allowed = torch.zeros((len(bound), vocabulary), dtype=torch.bool)
        for row, number in zip(allowed, bound, strict=True):
            constraint = rows[number].constraint
            assert constraint is not None
            constraint.allow(row)
        logits[bound] = logits[bound].masked_fill(~allowed.to(device), -torch.inf)
    logprobs = logits.log_softmax(-1)
    tokens = logprobs.argmax(-1)
    drawn = [number for number, each in enumerate(rows) if each.sampling.temperature > 0]
    if drawn:
        places = torch.tensor(drawn, device=device)
        settings = [rows[number].sampling for number in drawn]
        uniform = [rows[number].rng.random() for number in drawn]
        probabilities = _cut(logprobs[places].exp(), settings)
        sums = probabilities.double().cumsum(-1)
        # Inverse transform sampling: one number a token, whatever the batch.
        marks = torch.tensor(uniform, dtype=torch.float64, device=device)[:, None] * sums[:, -1:]
        found = torch.searchsorted(sums, marks, right=True)[:, 0]
        # A number just below 1 can round to the whole sum.
        found = torch.where(found < vocabulary, found, probabilities.argmax(-1))
        tokens[places] = found
    taken = logprobs.gather(-1, tokens[:, None])[:, 0]
    return tokens.tolist(), taken.tolist()


def _cut(probabilities: torch.Tensor, settings: Sequence[Sampling]) -> torch.Tensor:
    """Sets to zero what `top_k` and `top_p` leave out."""
    if all(each.top_p == 1 and each.top_k == 0 for each in settings):
        return probabilities
    device, vocabulary = probabilities.device, probabilities.shape[-1]
    top_k = torch.tensor([each.top_k or vocabulary for each in settings], device=device)
    top_p = torch.tensor([each.top_p for each in settings], device=device)
    ordered, order = probabilities.sort(dim=-1, descending=True, stable=True)
    before = ordered.cumsum(-1) - ordered
    ranks = torch.arange(vocabulary, device=device)
    kept = (ranks < top_k[:, None]) & (before < top_p[:, None])
    return torch.zeros_like(probabilities).scatter(-1, order, ordered * kept)
