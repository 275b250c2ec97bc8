"""What a scene source offers the game: scenes in pairs, clues about them, and what follows."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Sequence
from functools import cached_property, lru_cache
from typing import Any

import numpy as np

from arenas.core.rng import Rng

Scene = Any
"""A nested tuple of integers and strings: hashable, and a JSON value once tuples are lists."""

BANK = 1024
"""Scenes behind the prior of each clue."""

TELLING = (0.0, 0.5, 1.0, 2.0, 3.0, 4.0)
"""Levels of information for networks, each from so many bits to the next."""

_BANK_SEED = 0x5C3E
_CACHED = 1 << 14
_GRAMMARS = 1 << 8
_PICTURES = 1 << 6


class World(ABC):
    """One source of scenes with a closed vocabulary of clues, numbered 0 to C - 1.

    Attributes:
        features: int8 of shape (C, F), 0 or 1: what each clue speaks of, for networks.
        entails: bool of shape (C, C); `entails[a, b]`: in every scene of this source where clue a
            is true, clue b is true.
        scene_size: numbers in `encode`.
        max_changes: the most by which the spy's scene may differ.
        subject: what a player sees, in words: "a picture with 4 to 6 objects".
        hint: examples of the vocabulary's sentences, for prompts and for those whose reply could
            not be read.
        made_by: a function and its arguments that give this world.
    """

    features: np.ndarray
    entails: np.ndarray
    scene_size: int
    max_changes: int
    subject: str
    hint: str
    made_by: tuple[Any, ...]

    def __init__(self) -> None:
        self.truth = lru_cache(_CACHED)(self._truth)
        self.grammar = lru_cache(_GRAMMARS)(self._grammar)
        self.painted = lru_cache(_PICTURES)(self._painted)

    def __reduce__(self) -> tuple[Any, ...]:
        # A copy in another process is made there; in this one it is the same world.
        return self.made_by

    @property
    def example(self) -> str:
        """One sentence of the vocabulary, or any sentence where there is none."""
        return self.hint.split(" | ")[0] if self.hint else "There is a dog near the door."

    @property
    def num_clues(self) -> int:
        """C, the number of clues."""
        return len(self.features)

    @abstractmethod
    def draw(self, rng: Rng) -> Scene:
        """A scene of the civilians."""

    @abstractmethod
    def change(self, scene: Scene, changes: int, rng: Rng) -> Scene:
        """A scene that differs from `scene` in exactly so many controlled ways."""

    @abstractmethod
    def truths(self, scenes: Sequence[Scene]) -> np.ndarray:
        """Which clues are true in which scene: bool of shape (len(scenes), C)."""

    @abstractmethod
    def encode(self, scene: Scene) -> np.ndarray:
        """The scene as an int8 vector of `scene_size` numbers, each 0 or 1."""

    @abstractmethod
    def describe(self, scene: Scene) -> str:
        """The scene in words, complete: whoever reads it can check every clue."""

    @abstractmethod
    def say(self, clue: int) -> str:
        """A clue as an English sentence without brackets, such that `read` reads it back."""

    @abstractmethod
    def read(self, sentence: str) -> int | None:
        """The clue that a sentence states; None if it states none of the vocabulary."""

    @abstractmethod
    def paint(self, scene: Scene | None, pixels: int) -> np.ndarray:
        """The scene as a picture, uint8 of shape (pixels, pixels, 3); None paints a blank one.

        Raises:
            ImportError: pygame is not installed.
        """

    def restore(self, value: Any) -> Scene:
        """A scene from its JSON value."""
        return tuple(value)

    def public(self, scene: Scene) -> int:
        """What everybody knows of a scene, the spy included, as a number; 0 for nothing."""
        return 0

    def announce(self, public: int) -> str:
        """The same in words; empty for nothing."""
        return ""

    def sayable(self, public: int) -> np.ndarray:
        """Clues that speak of such scenes: bool of shape (C,)."""
        return self._all

    def own_word(self, scene: Scene | None) -> str:
        """The word that a player must not say, in word games; empty elsewhere."""
        return ""

    def redraw(self, public: int, rng: Rng) -> Scene:
        """A fresh scene of which the same is `public`."""
        return self.draw(rng)

    def _grammar(self, clues: tuple[int, ...]) -> str:
        """A regular expression of these clues in brackets."""
        return "|".join(re.escape(f"[{self.say(clue)}]") for clue in clues)

    @cached_property
    def _all(self) -> np.ndarray:
        return np.ones(self.num_clues, bool)

    def _painted(self, scene: Scene | None, pixels: int) -> np.ndarray:
        """What `paint` gives; callers do not change it."""
        picture = self.paint(scene, pixels)
        picture.flags.writeable = False
        return picture

    def _truth(self, scene: Scene) -> np.ndarray:
        """The row of `truths` of one scene; callers do not change it."""
        row: np.ndarray = self.truths([scene])[0]
        row.flags.writeable = False
        return row

    def bank(self, public: int) -> np.ndarray:
        """The truths of many scenes, for inference: bool of shape (n, C)."""
        return self._bank

    @cached_property
    def _bank(self) -> np.ndarray:
        rng = Rng(_BANK_SEED)
        return self.truths([self.draw(rng) for _ in range(BANK)])

    @cached_property
    def prior(self) -> np.ndarray:
        """The share of scenes in which each clue is true, by Monte Carlo, never 0 or 1."""
        prior: np.ndarray = (self._bank.sum(0) + 0.5) / (len(self._bank) + 1)
        return prior

    @cached_property
    def bits(self) -> np.ndarray:
        """The information of each clue, -log2 of its prior."""
        bits: np.ndarray = -np.log2(self.prior)
        return bits

    @cached_property
    def table(self) -> np.ndarray:
        """`features`, and how much each clue tells: in which of `TELLING` its bits lie, one-hot.

        int8 of shape (C, F + len(TELLING)).
        """
        level = np.searchsorted(TELLING[1:], self.bits, side="right")
        told = np.eye(len(TELLING), dtype=np.int8)[level]
        table: np.ndarray = np.concatenate([self.features, told], axis=1)
        return table
