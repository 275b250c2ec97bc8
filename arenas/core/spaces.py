"""The space of replies and prompts: any Unicode string."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gymnasium import spaces

_LETTERS = "abcdefghijklmnopqrstuvwxyzäßçéñøλжשعक日本語한국어0123456789 .,:;!?[]<>{}\\\"'\n\t"


class TextSpace(spaces.Text):
    """Strings of 0 to `max_length` characters of any kind.

    Gymnasium's `Text` lists its alphabet, which shuts out prompts in any language. This one
    contains every string, and samples one of `examples` (replies that mean something in the game)
    where there are any.
    """

    def __init__(self, max_length: int, examples: Sequence[str] = ()) -> None:
        super().__init__(max_length, min_length=0)
        self.examples = tuple(examples)

    def sample(self, mask: Any = None, probability: Any = None) -> str:
        """An example if there are any, else a short random text.

        Raises:
            ValueError: a mask or probabilities were given; strings have none.
        """
        if mask is not None or probability is not None:
            raise ValueError("a space of all strings takes no mask; sample it without one")
        if self.examples:
            return self.examples[int(self.np_random.integers(len(self.examples)))]
        length = int(self.np_random.integers(min(self.max_length, 40) + 1))
        return "".join(_LETTERS[i] for i in self.np_random.integers(len(_LETTERS), size=length))

    def contains(self, x: Any) -> bool:
        """Whether `x` is a string of at most `max_length` characters."""
        return isinstance(x, str) and len(x) <= self.max_length

    def __eq__(self, other: object) -> bool:
        return isinstance(other, TextSpace) and (other.max_length, other.examples) == (
            self.max_length,
            self.examples,
        )

    def __repr__(self) -> str:
        return f"TextSpace({self.max_length})"
