"""Charts of five values, and the clues that can be checked against them.

A chart is a bar, line or pie chart of whole values from 1 to 9 for A to E. A clue is one of

- `A is higher than B.`
- `A is the highest.` and `A is the lowest.`, of one alone;
- `A is 7.` and `A is above 5.`
- `A and B together are higher than C.`
- `All values together are above 25.`, also 20 and 30.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import combinations, permutations, product

import numpy as np

from arenas.core.rng import Rng
from arenas.games.spy.world import Scene, World

NAMES = "ABCDE"
KINDS = ("bar", "line", "pie")
HIGHEST = 9
_MIDDLE = 5
_TOTALS = (20, 25, 30)

_PAIRS = list(permutations(range(5), 2))
_SUMS = [(a, b, c) for a, b in combinations(range(5), 2) for c in range(5) if c not in (a, b)]
_VALUES = list(product(range(5), range(1, HIGHEST + 1)))

SENTENCES = [
    *(f"{NAMES[a]} is higher than {NAMES[b]}." for a, b in _PAIRS),
    *(f"{name} is the highest." for name in NAMES),
    *(f"{name} is the lowest." for name in NAMES),
    *(f"{NAMES[a]} is {value}." for a, value in _VALUES),
    *(f"{name} is above {_MIDDLE}." for name in NAMES),
    *(f"{NAMES[a]} and {NAMES[b]} together are higher than {NAMES[c]}." for a, b, c in _SUMS),
    *(f"All values together are above {total}." for total in _TOTALS),
]
_NUMBER = {sentence[:-1].lower(): number for number, sentence in enumerate(SENTENCES)}
_DIGITS = {word: str(n) for n, word in enumerate(
    ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"])}  # fmt: skip

_MORE = r"(?:higher|greater|bigger|larger|taller|more|longer)"
_LESS = r"(?:lower|less|smaller|shorter|fewer)"
_OWN = r"(?:(?:the )?(?:bar|slice|value|point|category|column) )?"
# From a free sentence to the vocabulary's; `x`, `y` and `z` are names, `n` a number.
_FORMS = [
    (rf"{_OWN}(?P<x>[a-e]) (?:is|has) (?:a )?{_MORE}(?: value)? than {_OWN}(?P<y>[a-e])",
     "{x} is higher than {y}"),
    (rf"{_OWN}(?P<x>[a-e]) (?:is|has) (?:a )?{_LESS}(?: value)? than {_OWN}(?P<y>[a-e])",
     "{y} is higher than {x}"),
    (rf"{_OWN}(?P<x>[a-e]) (?:is|has) the (?:highest|largest|biggest|greatest|tallest|maximum|most)"
     r"(?: (?:value|bar|slice|point|of all))?", "{x} is the highest"),
    (rf"{_OWN}(?P<x>[a-e]) (?:is|has) the (?:lowest|smallest|shortest|least|minimum)"
     r"(?: (?:value|bar|slice|point|of all))?", "{x} is the lowest"),
    (r"the (?:highest|largest|biggest|greatest|tallest)(?: (?:value|bar|slice|point))?"
     r" is (?P<x>[a-e])",
     "{x} is the highest"),
    (r"the (?:lowest|smallest|shortest)(?: (?:value|bar|slice|point))? is (?P<x>[a-e])",
     "{x} is the lowest"),
    (rf"{_OWN}(?P<x>[a-e]) (?:is|equals|has|shows|is at|is equal to|has the value|has a value of)"
     r" (?:exactly )?(?P<n>[1-9])", "{x} is {n}"),
    (rf"{_OWN}(?P<x>[a-e]) is (?:above|over|{_MORE} than) 5", "{x} is above 5"),
    (rf"{_OWN}(?P<x>[a-e]) and (?P<y>[a-e]) (?:together|combined) (?:are|is) {_MORE} than"
     rf" {_OWN}(?P<z>[a-e])",
     "{x} and {y} together are higher than {z}"),
    (r"(?:all (?:the )?values (?:together|combined) are|the (?:total|sum)(?: of all values)? is)"
     rf" (?:above|over|{_MORE} than) (?P<n>20|25|30)", "all values together are above {n}"),
]  # fmt: skip
_READERS = [(re.compile(pattern), form) for pattern, form in _FORMS]


class ChartWorld(World):
    """A scene is the kind of chart and its five values."""

    subject = "a chart of five values from 1 to 9, named A to E"
    hint = "A is higher than B. | C is the highest. | D is 7. | A and B together are higher than E."
    max_changes = 4
    scene_size = len(KINDS) + 5 * HIGHEST

    def __init__(self) -> None:
        super().__init__()
        self.features = _features()
        everything = np.array(list(product(range(1, HIGHEST + 1), repeat=5)))
        truths = _truths(everything).astype(np.float32)
        # Of all charts: none has clue a true and clue b false.
        self.entails = truths.T @ (1 - truths) == 0

    def draw(self, rng: Rng) -> Scene:
        return (rng.below(len(KINDS)), tuple(1 + rng.below(HIGHEST) for _ in NAMES))

    def change(self, scene: Scene, changes: int, rng: Rng) -> Scene:
        kind, values = scene[0], list(scene[1])
        places = list(range(5))
        rng.shuffle(places)
        for place in places[:changes]:
            values[place] = rng.choice([v for v in range(1, HIGHEST + 1) if v != values[place]])
        return (kind, tuple(values))

    def restore(self, value: Scene) -> Scene:
        return (value[0], tuple(value[1]))

    def truths(self, scenes: Sequence[Scene]) -> np.ndarray:
        return _truths(np.array([values for _, values in scenes]).reshape(-1, 5))

    def encode(self, scene: Scene) -> np.ndarray:
        code = np.zeros(self.scene_size, np.int8)
        code[scene[0]] = 1
        for place, value in enumerate(scene[1]):
            code[len(KINDS) + place * HIGHEST + value - 1] = 1
        return code

    def describe(self, scene: Scene) -> str:
        values = ", ".join(f"{n} {v}" for n, v in zip(NAMES, scene[1], strict=True))
        return f"a {KINDS[scene[0]]} chart: {values}."

    def say(self, clue: int) -> str:
        return SENTENCES[clue]

    def read(self, sentence: str) -> int | None:
        text = " ".join(sentence.lower().replace(",", " ").split()).rstrip(" .!")
        text = " ".join(_DIGITS.get(word, word) for word in text.split())
        for pattern, form in _READERS:
            if match := pattern.fullmatch(text):
                parts = match.groupdict()
                if "{z}" in form:
                    parts["x"], parts["y"] = sorted((parts["x"], parts["y"]))
                return _NUMBER.get(form.format(**parts))
        return None

    def paint(self, scene: Scene | None, pixels: int) -> np.ndarray:
        from arenas.games.spy.pictures import paint_chart

        return paint_chart(None if scene is None else (KINDS[scene[0]], scene[1]), pixels)


def _truths(values: np.ndarray) -> np.ndarray:
    """Clues true of each row of five values: bool of shape (n, C)."""
    ones, others = zip(*_PAIRS, strict=True)
    higher = values[:, list(ones)] > values[:, list(others)]
    rivals = higher.reshape(-1, 5, 4)
    beaten = values[:, list(others)] > values[:, list(ones)]
    exact = values[:, :, None] == np.arange(1, HIGHEST + 1)
    a, b, c = (list(each) for each in zip(*_SUMS, strict=True))
    together = values[:, a] + values[:, b] > values[:, c]
    totals = values.sum(1)[:, None] > np.array(_TOTALS)
    parts = [
        higher,
        rivals.all(2),
        beaten.reshape(-1, 5, 4).all(2),
        exact.reshape(len(values), -1),
        values > _MIDDLE,
        together,
        totals,
    ]
    return np.concatenate(parts, 1)


def _features() -> np.ndarray:
    """Form, names and number of each clue, as zeros and ones: int8 of shape (C, 7 + 15 + 12)."""
    counts = (len(_PAIRS), 5, 5, len(_VALUES), 5, len(_SUMS), len(_TOTALS))
    named = [
        *(((a,), (b,), None) for a, b in _PAIRS),
        *(((a,), (), None) for a in [*range(5), *range(5)]),
        *(((a,), (), value - 1) for a, value in _VALUES),
        *(((a,), (), None) for a in range(5)),
        *(((a, b), (c,), None) for a, b, c in _SUMS),
        *(((), (), HIGHEST + number) for number in range(len(_TOTALS))),
    ]
    features = np.zeros((sum(counts), 7 + 10 + HIGHEST + len(_TOTALS)), np.int8)
    features[np.arange(len(features)), np.repeat(np.arange(7), counts)] = 1
    for row, (first, second, number) in zip(features, named, strict=True):
        row[[7 + each for each in first]] = 1
        row[[12 + each for each in second]] = 1
        if number is not None:
            row[17 + number] = 1
    return features
