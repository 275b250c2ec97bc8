"""Pairs of words, as in the classic undercover game, with clues that can be checked.

`words.txt` lists words by category with what holds of each. A clue affirms or denies one phrase of
the category ("It has thick fur."); two words make a pair if they are of one category and differ in
1 to 4 phrases. The category is known to everybody.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cached_property
from importlib import resources
from typing import NamedTuple

import numpy as np

from arenas.core.rng import Rng
from arenas.games.spy.world import Scene, World

WIDEST = 4
"""Phrases by which the two words of a pair differ at most."""

_DENIED = {"is": "is not", "has": "does not have", "can": "cannot"}
_SUBJECT = re.compile(
    r"^(?:it|this|mine|my word|the word|this thing|my thing|what i see|i have something that|"
    r"something that|a thing that)\b[\s,]*"
)
_SHORT = (
    (r"\bisn't\b", "is not"),
    (r"\b(?:can't|can not)\b", "cannot"),
    (r"\bdoesn't\b", "does not"),
    (r"^'s\b", "is"),
    (r"\bhas no\b|\bhas not\b|\bhasn't\b", "does not have"),
)


class Category(NamedTuple):
    """Words of one kind.

    Attributes:
        name: of the kind, in the plural.
        phrases: numbers of the phrases that are asked of its words.
        words: in the order of the file.
        holds: bool of shape (words, phrases).
    """

    name: str
    phrases: tuple[int, ...]
    words: tuple[str, ...]
    holds: np.ndarray


class WordWorld(World):
    """A scene is a word: the number of its category and its number there."""

    subject = "a word"
    max_changes = WIDEST

    def __init__(self) -> None:
        super().__init__()
        self.phrases, self.categories = _load()
        said = len(self.phrases)
        self.hint = "It is red. | It is not red. | It can fly. | It does not have a lid."
        self.features = np.repeat(np.eye(said, dtype=np.int8), 2, axis=0)
        denies = np.tile(np.array([[0], [1]], np.int8), (said, 1))
        self.features = np.concatenate([self.features, denies], axis=1)
        self.entails = np.eye(2 * said, dtype=bool)
        self.scene_size = len(self.categories) + said
        self._sentences = [
            f"It {text}."
            for phrase in self.phrases
            for text in (phrase, _DENIED[phrase.split()[0]] + phrase[len(phrase.split()[0]) :])
        ]
        self._number = {text[3:-1].lower(): n for n, text in enumerate(self._sentences)}

    # -- scenes --------------------------------------------------------------------------------

    def draw(self, rng: Rng) -> Scene:
        return self.redraw(rng.below(len(self.categories)), rng)

    def redraw(self, public: int, rng: Rng) -> Scene:
        return (public, rng.below(len(self.categories[public].words)))

    def change(self, scene: Scene, changes: int, rng: Rng) -> Scene:
        """A word of the category that differs in `changes` phrases, or else in the next number."""
        number, word = scene
        holds = self.categories[number].holds
        apart = (holds != holds[word]).sum(1)
        off = np.abs(apart - changes) + (apart == 0) * len(self.phrases)
        return (number, int(rng.choice(np.flatnonzero(off == off.min()).tolist())))

    @cached_property
    def pairs(self) -> list[tuple[str, str, str, int]]:
        """Every pair: category, one word, the other, and in how many phrases they differ."""
        found = []
        for category in self.categories:
            for i, one in enumerate(category.words):
                for j in range(i + 1, len(category.words)):
                    apart = int((category.holds[i] != category.holds[j]).sum())
                    if 1 <= apart <= WIDEST:
                        found.append((category.name, one, category.words[j], apart))
        return found

    def public(self, scene: Scene) -> int:
        return int(scene[0])

    def announce(self, public: int) -> str:
        category = self.categories[public]
        asked = "; ".join(self.phrases[number] for number in category.phrases)
        return f"The words are of the category {category.name}. Clues affirm or deny: it {asked}."

    def own_word(self, scene: Scene | None) -> str:
        return "" if scene is None else self.categories[scene[0]].words[scene[1]]

    def truths(self, scenes: Sequence[Scene]) -> np.ndarray:
        truths = np.zeros((len(scenes), self.num_clues), bool)
        for row, (number, word) in zip(truths, scenes, strict=True):
            category = self.categories[number]
            asked = np.array(category.phrases)
            row[2 * asked] = category.holds[word]
            row[2 * asked + 1] = ~category.holds[word]
        return truths

    def sayable(self, public: int) -> np.ndarray:
        return self._sayable[public]

    @cached_property
    def _sayable(self) -> list[np.ndarray]:
        allowed = []
        for category in self.categories:
            row = np.zeros(self.num_clues, bool)
            asked = np.array(category.phrases)
            row[2 * asked] = row[2 * asked + 1] = True
            allowed.append(row)
        return allowed

    def bank(self, public: int) -> np.ndarray:
        return self._banks[public]

    @cached_property
    def _banks(self) -> list[np.ndarray]:
        return [
            self.truths([(number, word) for word in range(len(category.words))])
            for number, category in enumerate(self.categories)
        ]

    @cached_property
    def prior(self) -> np.ndarray:
        """The share of the words that a clue is asked of of which it is true, never 0 or 1."""
        true = sum(bank.sum(0) for bank in self._banks)
        asked = sum(
            len(bank) * allowed for bank, allowed in zip(self._banks, self._sayable, strict=True)
        )
        prior: np.ndarray = (true + 0.5) / (asked + 1)
        return prior

    def encode(self, scene: Scene) -> np.ndarray:
        code = np.zeros(self.scene_size, np.int8)
        number, word = scene
        category = self.categories[number]
        code[number] = 1
        code[len(self.categories) + np.array(category.phrases)] = category.holds[word]
        return code

    # -- words ---------------------------------------------------------------------------------

    def describe(self, scene: Scene) -> str:
        return f'the word "{self.own_word(scene)}".'

    def say(self, clue: int) -> str:
        return self._sentences[clue]

    def read(self, sentence: str) -> int | None:
        text = " ".join(sentence.lower().replace("\u2019", "'").split()).rstrip(" .!")
        text = _SUBJECT.sub("", text)
        for pattern, full in _SHORT:
            text = re.sub(pattern, full, text)
        return self._number.get(text.strip())

    def paint(self, scene: Scene | None, pixels: int) -> np.ndarray:
        from arenas.games.spy.pictures import paint_word

        return paint_word(None if scene is None else self.own_word(scene), pixels)


def _load() -> tuple[list[str], list[Category]]:
    """The phrases of all categories, and the categories of `words.txt`."""
    source = resources.files("arenas.games.spy").joinpath("words.txt").read_text(encoding="utf-8")
    phrases: dict[str, int] = {}
    categories: list[Category] = []
    for part in re.split(r"^\[", source, flags=re.MULTILINE)[1:]:
        name, header, *lines = [line for line in part.splitlines() if line]
        keys: dict[str, int] = {}
        for each in header.split(";"):
            key, _, phrase = each.partition("=")
            keys[key.strip()] = phrases.setdefault(phrase.strip(), len(phrases))
        holds = np.zeros((len(lines), len(keys)), bool)
        words = []
        for row, line in zip(holds, lines, strict=True):
            word, _, listed = line.partition(":")
            words.append(word)
            row[[list(keys).index(key) for key in listed.split()]] = True
        categories.append(Category(name.rstrip("]"), tuple(keys.values()), tuple(words), holds))
    return list(phrases), categories
