"""What may come next in a reply: replies that are listed, or a grammar."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import torch

from arenas.policies.language.prompts import Ids


class Constraint(ABC):
    """Follows one reply and says which tokens may come next.

    Attributes:
        replies: all that it allows, as ids; None where they are not listed.
    """

    replies: tuple[Ids, ...] | None = None

    @abstractmethod
    def allow(self, row: torch.Tensor) -> None:
        """Sets the allowed tokens in a bool tensor of zeros, (vocabulary,), on any device."""

    @abstractmethod
    def advance(self, token: int) -> None:
        """Takes an allowed token."""

    @abstractmethod
    def rest(self) -> Ids | None:
        """What must follow if nothing is left to choose (empty at the end); else None."""


class Listed(Constraint):
    """One of the listed replies.

    Args:
        replies: none of which begins another.
    """

    def __init__(self, replies: tuple[Ids, ...]) -> None:
        self.replies = replies
        self._left = list(replies)
        self._taken = 0

    def allow(self, row: torch.Tensor) -> None:
        row[[reply[self._taken] for reply in self._left]] = True

    def advance(self, token: int) -> None:
        self._left = [reply for reply in self._left if reply[self._taken] == token]
        self._taken += 1

    def rest(self) -> Ids | None:
        return self._left[0][self._taken :] if len(self._left) == 1 else None


class Grammars:
    """Compiles regular expressions for a tokenizer, with `xgrammar`.

    Args:
        tokenizer: of `transformers`.
        vocabulary: size of the model's output.
        end_ids: tokens that may end a reply.

    Raises:
        ImportError: `xgrammar` is not installed.
    """

    def __init__(self, tokenizer: Any, vocabulary: int, end_ids: Sequence[int]) -> None:
        import xgrammar

        info = xgrammar.TokenizerInfo.from_huggingface(
            tokenizer, vocab_size=vocabulary, stop_token_ids=list(end_ids)
        )
        self._matcher = xgrammar.GrammarMatcher
        self._bits = torch.zeros((1, -(-vocabulary // 32)), dtype=torch.int32)
        self._places = torch.arange(32, dtype=torch.int32)
        self._vocabulary = vocabulary
        self._compiled = lru_cache(1_024)(xgrammar.GrammarCompiler(info).compile_regex)

    def follow(self, grammar: str) -> Constraint:
        """A constraint to replies that match a regular expression as a whole."""
        return _Matching(self, self._matcher(self._compiled(grammar)))

    def allowed(self, matcher: Any) -> torch.Tensor:
        """Allowed tokens of a matcher: bool, (vocabulary,)."""
        matcher.fill_next_token_bitmask(self._bits)
        bits = (self._bits[0, :, None] >> self._places) & 1
        return bits.flatten()[: self._vocabulary].bool()


class _Matching(Constraint):
    def __init__(self, grammars: Grammars, matcher: Any) -> None:
        self._grammars = grammars
        self._matcher = matcher

    def allow(self, row: torch.Tensor) -> None:
        row |= self._grammars.allowed(self._matcher).to(row.device)

    def advance(self, token: int) -> None:
        assert self._matcher.accept_token(token), f"token {token} is not in the grammar"

    def rest(self) -> Ids | None:
        return () if self._matcher.is_terminated() else None
