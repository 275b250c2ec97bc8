"""A small random generator whose streams never change.

A record must replay to the same match on any machine, any NumPy and any thread. NumPy promises no
stable streams for its distributions (NEP 19) and seeding one of its generators costs about 15 µs,
so chance comes from SplitMix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number
generators", OOPSLA 2014): one 64-bit word of state, ten integer operations a draw. The scalar
functions are free of objects, so compiled rules draw the very same numbers.
"""

from __future__ import annotations

import secrets
from collections.abc import MutableSequence, Sequence
from typing import TypeVar

T = TypeVar("T")

MASK64 = (1 << 64) - 1
GAMMA = 0x9E3779B97F4A7C15
MAX_SEED = (1 << 63) - 1
SEEDS = 3
"""Label of the stream of match seeds, apart from the streams that a match draws from."""


def mix64(word: int) -> int:
    """SplitMix64's output function: a bijection of 64-bit words that scatters every bit."""
    word = ((word ^ (word >> 30)) * 0xBF58476D1CE4E5B9) & MASK64
    word = ((word ^ (word >> 27)) * 0x94D049BB133111EB) & MASK64
    return word ^ (word >> 31)


def draw(seed: int, index: int) -> int:
    """The `index`-th 64-bit word of the stream of `seed`, by direct access."""
    # `mix64`, written out: deals of many draws wait for nothing else.
    word = (seed + (index + 1) * GAMMA) & MASK64
    word = ((word ^ (word >> 30)) * 0xBF58476D1CE4E5B9) & MASK64
    word = ((word ^ (word >> 27)) * 0x94D049BB133111EB) & MASK64
    return word ^ (word >> 31)


def scale(word: int, n: int) -> int:
    """Maps a 64-bit word to 0..n-1, n up to 2**32; odds differ by at most one part in 2**32 / n."""
    return ((word >> 32) * n) >> 32


def check_seed(seed: int) -> int:
    """Returns `seed` as an int, or says what a seed is.

    Raises:
        ValueError: `seed` is not an integer in 0..2**63-1.
    """
    try:
        value = seed.__index__()
    except AttributeError:
        raise ValueError(f"a seed is an integer, got {seed!r}") from None
    if not 0 <= value <= MAX_SEED:
        raise ValueError(f"a seed lies in 0..2**63-1, got {seed}")
    return value


class SeedSequence:
    """The seeds of matches played one after another: below 2**53, so exact in every JSON reader.

    Args:
        seed: integer in 0..2**63-1, or None for one from the operating system.
    """

    __slots__ = ("_rng", "_seed")

    def __init__(self, seed: int | None = None) -> None:
        self._seed = secrets.randbits(63) if seed is None else seed
        self._rng: Rng | None = None

    def next(self) -> int:
        """The next match's seed."""
        if self._rng is None:
            # Not before: whoever seeds every match never asks for the next seed.
            self._rng = Rng(self._seed).fork(SEEDS)
        return self._rng.bits() >> 11


class Rng:
    """One stream of random numbers; the word of state makes it cheap to make, copy and compare."""

    __slots__ = ("_state",)

    def __init__(self, seed: int) -> None:
        self._state = seed & MASK64

    def bits(self) -> int:
        """The next 64 random bits, as an integer in 0..2**64-1."""
        self._state = state = (self._state + GAMMA) & MASK64
        return mix64(state)

    def below(self, n: int) -> int:
        """A uniform integer in 0..n-1, for 1 <= n <= 2**32."""
        if n < 1:
            raise ValueError(f"there is no integer below {n} to draw")
        return scale(self.bits(), n)

    def random(self) -> float:
        """A uniform float in [0, 1) with 53 random bits."""
        return (self.bits() >> 11) * 2.0**-53

    def choice(self, items: Sequence[T]) -> T:
        """One of `items`, uniformly.

        Raises:
            ValueError: `items` is empty.
        """
        return items[self.below(len(items))]

    def weighted(self, weights: Sequence[float]) -> int:
        """An index drawn with probability proportional to its weight.

        Raises:
            ValueError: the weights are not positive in sum.
        """
        total = sum(weights)
        if not total > 0:
            raise ValueError(f"weights must have a positive sum, got {list(weights)}")
        left = self.random() * total
        last = 0
        for index, weight in enumerate(weights):
            if weight > 0:
                last = index
                left -= weight
                if left < 0:
                    break
        return last

    def shuffle(self, items: MutableSequence[T]) -> None:
        """Shuffles `items` in place (Fisher and Yates)."""
        for i in range(len(items) - 1, 0, -1):
            j = self.below(i + 1)
            items[i], items[j] = items[j], items[i]

    def fork(self, *labels: int) -> Rng:
        """An independent stream named by `labels`; this one does not move."""
        state = self._state
        for label in labels:
            state = mix64((state ^ mix64((label + GAMMA) & MASK64)) & MASK64)
        return Rng(state)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Rng) and other._state == self._state

    def __hash__(self) -> int:
        return hash(self._state)

    def __repr__(self) -> str:
        return f"Rng({self._state:#x})"
