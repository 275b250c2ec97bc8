"""Scenes of objects on a floor of 4 x 4 cells, and the clues that can be checked against them.

Sizes, materials, colours and shapes are those of CLEVR (Johnson et al., 2017). A clue is one of

- `exists`: an object of a kind is there ("There is a red cube.");
- `count`: exactly k objects are of a kind, k from 0 to 3;
- `where`: an object of a kind lies in one half of the floor;
- `relation`: an object of one kind is left of, or in front of, an object of another.

A kind is up to two attributes of an object (`exists`), one or none (`count`), one (`where`), or one
colour or shape (`relation`).
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import Any, NamedTuple

import numpy as np

from arenas.core.rng import Rng
from arenas.games.spy.world import World

SIDE = 4
"""Cells along each side of the floor; cell number = row * SIDE + column, row 0 at the back."""
CELLS = SIDE * SIDE
FEWEST, MOST = 4, 6
"""Objects in a scene."""

ATTRIBUTES = {
    "size": ("small", "large"),
    "material": ("rubber", "metal"),
    "colour": ("red", "blue", "green", "yellow", "purple", "cyan", "brown", "gray"),
    "shape": ("cube", "sphere", "cylinder"),
}
"""Values of each attribute, in the order in which English puts them before a noun."""

VALUES = tuple(value for values in ATTRIBUTES.values() for value in values)
_MATERIAL, _COLOUR, _SHAPE = 2, 4, 12
"""Places in `VALUES` of each attribute's first value; sizes begin."""
_ATTRIBUTE_OF = [number for number, name in enumerate(ATTRIBUTES) for _ in ATTRIBUTES[name]]
_HALVED = ((0, 1), (2, 3))
"""Values of the attributes that have two."""
_COLOURS_AND_SHAPES = range(_COLOUR, len(VALUES))

HALVES = ("left", "right", "back", "front")
DIRECTIONS = ("left of", "in front of")
COUNTS = range(4)

EDITS = ("size", "material", "colour", "shape", "position", "add", "remove")
"""Ways in which the spy's scene can differ; each change is one of them, on an object of its own."""


class Thing(NamedTuple):
    """An object: its cell, and the number of its value of each attribute."""

    cell: int
    size: int
    material: int
    colour: int
    shape: int

    @property
    def values(self) -> tuple[int, ...]:
        """Its values as places in `VALUES`."""
        _, size, material, colour, shape = self
        return size, _MATERIAL + material, _COLOUR + colour, _SHAPE + shape


Objects = tuple[Thing, ...]
"""A scene: its objects by cell, no two in one."""

Kind = tuple[int, ...]
"""Places in `VALUES` that an object must have all of, ascending; empty for any object."""


class Clue(NamedTuple):
    """One statement. `second` is of relations; `detail` is a count, a half or a direction."""

    form: str
    first: Kind
    second: Kind = ()
    detail: int = 0


FORMS = ("exists", "count", "where", "relation")


def _vocabulary() -> list[Clue]:
    singles: list[Kind] = [(value,) for value in range(len(VALUES))]
    pairs: list[Kind] = [
        pair
        for pair in combinations(range(len(VALUES)), 2)
        if _ATTRIBUTE_OF[pair[0]] != _ATTRIBUTE_OF[pair[1]]
    ]
    related = [(value,) for value in _COLOURS_AND_SHAPES]
    return [
        *(Clue("exists", kind) for kind in [*singles, *pairs]),
        *(Clue("count", kind, detail=k) for kind in singles for k in COUNTS),
        *(Clue("count", (), detail=n) for n in range(FEWEST, MOST + 1)),
        *(Clue("where", kind, detail=half) for kind in singles for half in range(4)),
        *(
            Clue("relation", one, other, way)
            for way in range(2)
            for one in related
            for other in related
        ),
    ]


CLUES = _vocabulary()
_EXISTS = [clue.first for clue in CLUES if clue.form == "exists"]
_KIND_A = [kind[0] for kind in _EXISTS]
_KIND_B = [kind[-1] for kind in _EXISTS]
NUMBER = {clue: number for number, clue in enumerate(CLUES)}
"""The number of each clue."""


# -- truth -------------------------------------------------------------------------------------


def in_half(cell: int, half: int) -> bool:
    """Whether a cell lies in the left, right, back or front half of the floor."""
    row, column = divmod(cell, SIDE)
    return (column < SIDE // 2, column >= SIDE // 2, row < SIDE // 2, row >= SIDE // 2)[half]


def holds(clue: Clue, scene: Objects) -> bool:
    """Whether a clue is true, read off the objects one by one.

    `ObjectWorld.truths` gives the same for many scenes and all clues at once.
    """

    def of(kind: Kind) -> list[Thing]:
        return [thing for thing in scene if set(kind) <= set(thing.values)]

    if clue.form == "exists":
        return bool(of(clue.first))
    if clue.form == "count":
        return len(of(clue.first)) == clue.detail
    if clue.form == "where":
        return any(in_half(thing.cell, clue.detail) for thing in of(clue.first))
    if clue.detail == 0:
        return any(a.cell % SIDE < b.cell % SIDE for a in of(clue.first) for b in of(clue.second))
    return any(a.cell // SIDE > b.cell // SIDE for a in of(clue.first) for b in of(clue.second))


def asserted(clue: Clue) -> list[Kind]:
    """Kinds of which a true clue says that one is there, the most specific ones."""
    if clue.form == "relation":
        return [clue.first, clue.second]
    if clue.form != "count":
        return [clue.first]
    kinds = [clue.first] if clue.detail and clue.first else []
    for values in _HALVED:
        if clue.first and clue.first[0] in values:
            # All counts are below FEWEST, so something has the attribute's other value.
            kinds += [(value,) for value in values if value != clue.first[0]]
    return kinds


def follows(a: Clue, b: Clue) -> bool:
    """Whether clue b is true in every scene in which clue a is."""
    return a == b or (b.form == "exists" and any(set(b.first) <= set(kind) for kind in asserted(a)))


# -- scenes ------------------------------------------------------------------------------------


class ObjectWorld(World):
    """Scenes of `FEWEST` to `MOST` objects.

    Args:
        edits: the ways in which the spy's scene may differ, of `EDITS`.
    """

    scene_size = CELLS * (1 + len(VALUES))
    max_changes = 4
    subject = f"a picture of {FEWEST} to {MOST} objects on a floor"
    hint = (
        "There is a red cube. | Exactly two objects are metal. | There is a sphere in the left "
        "half. | There is a blue object in front of a cylinder."
    )

    def __init__(self, edits: Sequence[str] = EDITS) -> None:
        super().__init__()
        self.edits = tuple(edits)
        self.features = np.array([_features(clue) for clue in CLUES], np.int8)
        self.entails = np.array([[follows(a, b) for b in CLUES] for a in CLUES])

    def draw(self, rng: Rng) -> Objects:
        cells = list(range(CELLS))
        rng.shuffle(cells)
        count = FEWEST + rng.below(MOST - FEWEST + 1)
        return tuple(_thing(cell, rng) for cell in sorted(cells[:count]))

    def change(self, scene: Objects, changes: int, rng: Rng) -> Objects:
        things = {thing.cell: thing for thing in scene}
        touched: set[int] = set()
        for _ in range(changes):
            old = [cell for cell in things if cell not in touched]
            free = [cell for cell in range(CELLS) if cell not in things and cell not in touched]
            edits = [
                edit
                for edit in self.edits
                if not (edit == "add" and len(things) == MOST)
                and not (edit == "remove" and len(things) == FEWEST)
            ]
            edit = rng.choice(edits)
            if edit == "add":
                cell = rng.choice(free)
                things[cell] = _thing(cell, rng)
                touched.add(cell)
                continue
            cell = rng.choice(old)
            thing = things.pop(cell)
            touched.add(cell)
            if edit == "position":
                to = rng.choice(free)
                things[to] = thing._replace(cell=to)
                touched.add(to)
            elif edit != "remove":
                values = [v for v in range(len(ATTRIBUTES[edit])) if v != getattr(thing, edit)]
                things[cell] = thing._replace(**{edit: rng.choice(values)})
        return tuple(things[cell] for cell in sorted(things))

    def truths(self, scenes: Sequence[Objects]) -> np.ndarray:
        count = len(scenes)
        has = np.zeros((count, MOST, len(VALUES)), bool)
        cell = np.zeros((count, MOST), np.int64)
        there = np.zeros((count, MOST), bool)
        for i, scene in enumerate(scenes):
            for j, thing in enumerate(scene):
                has[i, j, list(thing.values)] = True
                cell[i, j] = thing.cell
                there[i, j] = True
        row, column = cell // SIDE, cell % SIDE
        # Of each kind of `exists`: which objects are one.
        kinds = (has[:, :, _KIND_A] & has[:, :, _KIND_B]).any(1)
        number = has.sum(1)
        counts = number[:, :, None] == np.array(COUNTS)
        totals = there.sum(1)[:, None] == np.arange(FEWEST, MOST + 1)
        halves = np.stack([column < 2, column >= 2, row < 2, row >= 2], 1)
        where = np.einsum("kjv,khj->kvh", has, halves).astype(bool)
        related = has[:, :, _COLOUR:].astype(np.int8)
        both = there[:, :, None] & there[:, None, :]
        ways = (column[:, :, None] < column[:, None, :], row[:, :, None] > row[:, None, :])
        relations = [
            (related.transpose(0, 2, 1) @ (way & both).astype(np.int8) @ related) > 0
            for way in ways
        ]
        parts = [kinds, counts, totals, where, *relations]
        return np.concatenate([part.reshape(count, -1) for part in parts], 1)

    def encode(self, scene: Objects) -> np.ndarray:
        code = np.zeros((CELLS, 1 + len(VALUES)), np.int8)
        for thing in scene:
            code[thing.cell, [0, *(1 + value for value in thing.values)]] = 1
        return code.ravel()

    def describe(self, scene: Objects) -> str:
        floor = f"{SIDE} rows (1 is the back) and {SIDE} columns (1 is the left)"
        lines = [f"{len(scene)} objects on {floor}:"]
        for thing in scene:
            row, column = divmod(thing.cell, SIDE)
            lines.append(f"- row {row + 1}, column {column + 1}: a {_noun(thing.values)}")
        return "\n".join(lines)

    def say(self, clue: int) -> str:
        return SENTENCES[clue]

    def restore(self, value: Any) -> Objects:
        return tuple(Thing(*thing) for thing in value)

    def read(self, sentence: str) -> int | None:
        from arenas.games.spy.reading import read

        return read(sentence)

    def paint(self, scene: Objects | None, pixels: int) -> np.ndarray:
        from arenas.games.spy.pictures import paint_objects

        return paint_objects(scene, pixels)


def _thing(cell: int, rng: Rng) -> Thing:
    return Thing(cell, *(rng.below(len(values)) for values in ATTRIBUTES.values()))


# -- words -------------------------------------------------------------------------------------


def _noun(kind: Sequence[int]) -> str:
    words = [VALUES[value] for value in kind]
    if not any(value >= _SHAPE for value in kind):
        words.append("object")
    return " ".join(words)


def _sentence(clue: Clue) -> str:
    noun = _noun(clue.first)
    if clue.form == "exists":
        return f"There is a {noun}."
    if clue.form == "where":
        return f"There is a {noun} in the {HALVES[clue.detail]} half."
    if clue.form == "relation":
        return f"There is a {noun} {DIRECTIONS[clue.detail]} a {_noun(clue.second)}."
    number = ("no", "exactly one", "exactly two", "exactly three", "four", "five", "six")
    if not clue.first:
        return f"There are {number[clue.detail]} objects in all."
    if clue.detail == 1:
        return f"There is exactly one {noun}."
    return f"There are {number[clue.detail]} {noun}s."


SENTENCES = [_sentence(clue) for clue in CLUES]
"""The canonical wording of each clue."""


def _features(clue: Clue) -> list[int]:
    """Form, both kinds and the detail of a clue, as zeros and ones."""
    kinds = [[int(value in kind) for value in range(len(VALUES))] for kind in clue[1:3]]
    detail = [int(clue.form != "exists" and clue.detail == each) for each in range(MOST + 1)]
    return [*(int(clue.form == form) for form in FORMS), *kinds[0], *kinds[1], *detail]
