"""The generated world: a knowledge graph that is a function of its seed and its size.

Everything is a column of numbers over all things of a kind, drawn in one sweep by the words of
`core.rng` (SplitMix64): what the capital of a region is, when a person was born. A world of a
million things takes about 200 MB and a few seconds, and no article is kept: `articles.py` writes
each when it is asked for. The graph is the oracle; whatever the game says is true, it asks here.

The facts agree with each other. Marriages and partnerships of towns hold both ways; a capital lies
in its region; a work comes out and a company opens when its maker is grown up; people study under
those who are older; nobody dies before birth; a parent company is older in the list, so ownership
has no circles.
"""

from __future__ import annotations

from datetime import date
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from arenas.core.compiled import mix64
from arenas.core.rng import GAMMA, Rng, check_seed
from arenas.games.deep_search.names import NUMERALS, make_names
from arenas.games.deep_search.relations import BY_NAME, CATEGORIES, KINDS, RELATIONS, Relation

Node = int | str
"""A thing by its number, or a value as canonical text: "1843", "1843-03-12", "12450", "weaver"."""

WORLD_FORMAT = 1
"""Raised when the same seed would make another world."""

MIN_DOCUMENTS, MAX_DOCUMENTS = 200, 2_000_000
SHARES = {"region": 0.01, "town": 0.12, "work": 0.24, "company": 0.11, "event": 0.10}
"""The share of each kind among all things; people are the rest."""

FIRST_YEAR, YEARS = 1500, 420
"""People are born in these years, in the order of their numbers."""

ABSENT = -1


class Fact(NamedTuple):
    """One edge of the graph."""

    subject: int
    relation: str
    object: Node


class World:
    """A graph of `documents` things, each with one article.

    Args:
        documents: 200 to 2,000,000.
        seed: 0..2**63-1.

    Attributes:
        first: the number of the first thing of each kind, and after the last kind the end.

    Raises:
        ValueError: an argument is out of range.
    """

    def __init__(self, documents: int, seed: int = 0) -> None:
        if not MIN_DOCUMENTS <= documents <= MAX_DOCUMENTS:
            raise ValueError(
                f"documents={documents}: a world has {MIN_DOCUMENTS} to {MAX_DOCUMENTS} articles"
            )
        self.documents = documents
        self.seed = check_seed(seed)
        sizes = {kind: max(4, int(documents * share)) for kind, share in SHARES.items()}
        sizes["person"] = documents - sum(sizes.values())
        self.sizes = sizes
        self.first: dict[str, int] = {}
        start = 0
        for kind in KINDS:
            self.first[kind] = start
            start += sizes[kind]
        self._starts = np.array([self.first[kind] for kind in KINDS])
        self._names = make_names(self.seed, documents)
        self._draw_names()
        self._columns = _Columns(self).draw()
        self._inverse: dict[str, tuple[np.ndarray, np.ndarray]] = {}

    @property
    def fingerprint(self) -> str:
        """Names the world's contents: equal for equal worlds."""
        return f"world-{WORLD_FORMAT}-{self.documents}-{self.seed}"

    def words(self, label: int, count: int) -> np.ndarray:
        """The first `count` words (uint64) of the stream `label` of this world."""
        word = np.uint64(Rng(self.seed).fork(self.documents, label).bits())
        steps = np.arange(1, count + 1, dtype=np.uint64) * np.uint64(GAMMA)
        return np.asarray(mix64(word + steps))

    # -- names ---------------------------------------------------------------------------------

    def _draw_names(self) -> None:
        """A name for everything, and a second one for a quarter; codes of all kinds in one row."""
        base, bases = 0, {}
        for kind in KINDS:
            bases[kind] = base
            base += self._names[kind].count
        self._bases = np.array([bases[kind] for kind in KINDS])
        names = np.empty(self.documents, np.int64)
        aliases = np.full(self.documents, ABSENT, np.int64)
        for number, kind in enumerate(KINDS):
            rows = slice(self.first[kind], self.first[kind] + self.sizes[kind])
            for column, codes in ((0, names), (1, aliases)):
                drawn = self._draw_codes(kind, 10 * number + column)
                if column:
                    some = self.words(10 * number + 2, len(drawn)) >> np.uint64(62) == 0
                    drawn = np.where(some & (drawn != names[rows]), drawn, ABSENT)
                codes[rows] = drawn
        self._name_codes, self._alias_codes = names, aliases
        aliased = np.flatnonzero(aliases >= 0)
        codes = np.concatenate([names, aliases[aliased]])
        owners = np.concatenate([np.arange(self.documents), aliased])
        order = np.lexsort((owners, codes))
        self._sorted_codes, self._owners = codes[order], owners[order].astype(np.int32)

    def _draw_codes(self, kind: str, label: int) -> np.ndarray:
        """Codes of a kind: a pattern with equal odds, then any of its names."""
        names, count = self._names[kind], self.sizes[kind]
        firsts = np.array(names.first)
        pattern = (self.words(0x1000 + label, count) % np.uint64(len(names.patterns))).astype(int)
        spans = (firsts[1:] - firsts[:-1])[pattern].astype(np.uint64)
        within = self.words(0x2000 + label, count) % spans
        codes = firsts[pattern] + within.astype(np.int64)
        return np.asarray(codes + self._bases[KINDS.index(kind)])

    def kind(self, thing: int) -> str:
        """The kind of a thing."""
        return KINDS[int(np.searchsorted(self._starts, thing, "right")) - 1]

    def _write(self, code: int) -> str:
        kind = int(np.searchsorted(self._bases, code, "right")) - 1
        return self._names[KINDS[kind]].write(code - int(self._bases[kind]))

    def name(self, thing: int) -> str:
        """A thing's name as it stands, which namesakes may share."""
        return self._write(int(self._name_codes[thing]))

    def _label(self, thing: int, code: int) -> str:
        low, high = _span(self._sorted_codes, code)
        if high - low == 1:
            return self._write(code)
        rank = int(np.searchsorted(self._owners[low:high], thing))
        numeral = NUMERALS[rank] if rank < len(NUMERALS) else rank + 1
        return f"{self._write(code)} ({numeral})"

    def label(self, thing: int) -> str:
        """The one name that nothing else has: the name, with a numeral where it is shared."""
        return self._label(thing, int(self._name_codes[thing]))

    def alias(self, thing: int) -> str | None:
        """The other name of a thing, with a numeral where it is shared; None if it has none."""
        code = int(self._alias_codes[thing])
        return None if code < 0 else self._label(thing, code)

    def named(self, text: str) -> list[int]:
        """The things that a label, a name or an alias means, ascending; several for namesakes."""
        name, _, numeral = text.partition(" (")
        code = self._code(name)
        if code is None:
            return []
        low, high = _span(self._sorted_codes, code)
        owners = self._owners[low:high].tolist()
        if not numeral:
            return [int(owner) for owner in owners]
        rank = _rank(numeral.removesuffix(")"))
        return [int(owners[rank])] if len(owners) > 1 and 0 <= rank < len(owners) else []

    def _code(self, name: str) -> int | None:
        for kind, base in zip(KINDS, self._bases.tolist(), strict=True):
            code = self._names[kind].read(name)
            if code is not None:
                return int(base) + code
        return None

    def say(self, node: Node) -> str:
        """A node as records have it: the label of a thing, the text of a value."""
        return node if isinstance(node, str) else self.label(node)

    # -- edges ---------------------------------------------------------------------------------

    def objects(self, node: Node, relation: str) -> list[Node]:
        """What a thing is related to: one node, or none."""
        if isinstance(node, str):
            return []
        column = self._columns.get(relation)
        row = node - self.first[BY_NAME[relation].subject]
        if column is None or not 0 <= row < len(column) or column[row] < 0:
            return []
        return [self._node(BY_NAME[relation], int(column[row]))]

    def subjects(self, relation: str, node: Node) -> list[int]:
        """Everything that is related to a node, ascending."""
        value = self._number(BY_NAME[relation], node)
        if value is None:
            return []
        order, objects = self._by_object(relation)
        low, high = _span(objects, value)
        return [int(row) for row in order[low:high].tolist()]

    def _by_object(self, relation: str) -> tuple[np.ndarray, np.ndarray]:
        """Subjects in the order of their objects, and those objects; made when first needed."""
        if relation not in self._inverse:
            column = self._columns[relation]
            order = np.argsort(column, kind="stable")
            order = order[np.searchsorted(column[order], 0) :]
            first = self.first[BY_NAME[relation].subject]
            self._inverse[relation] = ((order + first).astype(np.int32), column[order])
        return self._inverse[relation]

    def _node(self, relation: Relation, value: int) -> Node:
        if relation.entity:
            return value
        if relation.object == "category":
            return CATEGORIES[relation.name][value]
        if relation.object == "date":
            return date.fromordinal(value).isoformat()
        return str(value)

    def _number(self, relation: Relation, node: Node) -> int | None:
        """A node as its column holds it; None if the column cannot hold it."""
        if isinstance(node, int):
            return node if relation.entity else None
        try:
            if relation.entity:
                return None
            if relation.object == "category":
                return CATEGORIES[relation.name].index(node)
            if relation.object == "date":
                return date.fromisoformat(node).toordinal()
            return int(node) if node.isascii() and node.isdigit() and len(node) < 10 else None
        except ValueError:
            return None

    def facts(self, thing: int) -> list[Fact]:
        """The facts that a thing is the subject of, in the order of `RELATIONS`."""
        found = []
        for relation in _OF_KIND[self.kind(thing)]:
            value = int(self._columns[relation.name][thing - self.first[relation.subject]])
            if value >= 0:
                found.append(Fact(thing, relation.name, self._node(relation, value)))
        return found

    def facts_about(self, thing: int, most: int | None = None) -> list[Fact]:
        """The facts that a thing is the object of, at most `most` of each relation."""
        found = []
        for relation in _ABOUT_KIND[self.kind(thing)]:
            if not relation.symmetric:
                for subject in self.subjects(relation.name, thing)[:most]:
                    found.append(Fact(subject, relation.name, thing))
        return found

    def neighbours(self, thing: int) -> list[int]:
        """The things that share a fact with a thing, ascending, some twice."""
        starts, ends = self._adjacency
        return ends[starts[thing] : starts[thing + 1]].tolist()  # type: ignore[no-any-return]

    @cached_property
    def _adjacency(self) -> tuple[np.ndarray, np.ndarray]:
        """All facts between things from both ends: where each thing's begin, and the other ends."""
        pairs = []
        for relation in RELATIONS:
            if relation.entity:
                column = self._columns[relation.name]
                rows = np.flatnonzero(column >= 0)
                subjects = (rows + self.first[relation.subject]).astype(np.int32)
                pairs += [(subjects, column[rows]), (column[rows], subjects)]
        ones = np.concatenate([one for one, _ in pairs])
        others = np.concatenate([other for _, other in pairs])
        order = np.lexsort((others, ones))
        starts = np.searchsorted(ones[order], np.arange(self.documents + 1))
        return starts, others[order]

    def frequency(self, relation: str, node: Node) -> float:
        """The share of a relation's subjects that have this object."""
        _, objects = self._by_object(relation)
        return len(self.subjects(relation, node)) / max(1, len(objects))


_OF_KIND = {kind: [r for r in RELATIONS if r.subject == kind] for kind in KINDS}
_ABOUT_KIND = {kind: [r for r in RELATIONS if r.object == kind] for kind in KINDS}


class _Columns:
    """Draws the columns of a world, kind by kind; rows count from 0 in each kind."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.columns: dict[str, np.ndarray] = {}
        self.size = world.sizes
        self.label = 0x10000

    def draw(self) -> dict[str, np.ndarray]:
        """Column by relation: int32, the number of the object or value, -1 for none."""
        self._people()
        self._regions_and_towns()
        self._companies()
        self._works()
        self._events()
        assert set(self.columns) == set(BY_NAME), set(BY_NAME) ^ set(self.columns)
        return {name: column.astype(np.int32) for name, column in self.columns.items()}

    def below(self, n: Any, count: int) -> np.ndarray:
        """Uniform integers in 0..n-1; `n` is a number or one for each row."""
        self.label += 1
        words = self.world.words(self.label, count) >> np.uint64(32)
        return np.asarray((words * np.asarray(n, np.uint64)) >> np.uint64(32)).astype(np.int64)

    def some(self, share: float, values: np.ndarray) -> np.ndarray:
        """A column in which only this share of the rows has a value."""
        return np.where(self.below(1_000, len(values)) < int(share * 1_000), values, ABSENT)

    def near(self, kind: str, place: np.ndarray, spread: float) -> np.ndarray:
        """Things of a kind about a place in 0..1 of the list of that kind, as global numbers."""
        count = self.size[kind]
        reach = max(2, int(spread * count))
        rows = (place * count).astype(np.int64) - reach // 2 + self.below(reach, len(place))
        return np.asarray(self.world.first[kind] + np.clip(rows, 0, count - 1))

    def any(self, kind: str, count: int) -> np.ndarray:
        """Things of a kind, uniformly."""
        return self.world.first[kind] + self.below(self.size[kind], count)

    def pairs(self, kind: str, share: float) -> np.ndarray:
        """A symmetric relation: neighbours in the list, two by two, in this share of pairs."""
        count = self.size[kind]
        rows = np.arange(count)
        other = rows ^ 1
        drawn = self.below(1_000, (count + 1) // 2)[rows // 2] < int(share * 1_000)
        return np.where(drawn & (other < count), self.world.first[kind] + other, ABSENT)

    def _people(self) -> None:
        n, columns = self.size["person"], self.columns
        rows = np.arange(n)
        year = FIRST_YEAR + rows * YEARS // n
        self.place = rows / n
        born = _new_year(year) + self.below(365, n)
        self.birth_year = year
        columns["birth_date"] = born
        columns["death_date"] = self.some(0.8, born + 365 * 56 + self.below(365 * 36, n))
        columns["birthplace"] = self.any("town", n)
        columns["residence"] = self.some(0.9, self.any("town", n))
        burial = self.some(0.7, self.any("town", n))
        columns["burial_place"] = np.where(columns["death_date"] >= 0, burial, ABSENT)
        columns["occupation"] = self.below(len(CATEGORIES["occupation"]), n)
        gap = max(1, 20 * n // YEARS)
        older = rows - gap - self.below(2 * gap, n)
        columns["teacher"] = self.some(0.6, np.where(older >= 0, older, ABSENT))
        columns["spouse"] = self.pairs("person", 0.5)
        employer = self.near("company", np.clip(self.place - 30 / YEARS, 0, 1), 0.05)
        columns["employer"] = self.some(0.55, employer)

    def _regions_and_towns(self) -> None:
        columns, towns, regions = self.columns, self.size["town"], self.size["region"]
        first_town = self.world.first["town"]
        rows = np.arange(towns)
        columns["region"] = self.world.first["region"] + rows % regions
        own = towns // regions
        columns["capital"] = first_town + np.arange(regions) + regions * self.below(own, regions)
        columns["governor"] = self.any("person", regions)
        columns["area"] = 900 + self.below(60_000, regions)
        columns["summit"] = 150 + self.below(4_000, regions)
        columns["population"] = 400 + self.below(90_000, towns) * (1 + self.below(9, towns))
        columns["charter_year"] = 900 + self.below(580, towns)
        columns["mayor"] = self.some(0.7, self.any("person", towns))
        columns["twin_town"] = self.pairs("town", 0.5)
        columns["elevation"] = 1 + self.below(1_800, towns)

    def _companies(self) -> None:
        n, columns = self.size["company"], self.columns
        rows = np.arange(n)
        founder = self.near("person", rows / n, 0.01)
        columns["founder"] = founder
        columns["headquarters"] = self.any("town", n)
        birth = self.birth_year[founder - self.world.first["person"]]
        columns["founding_year"] = birth + 22 + self.below(24, n)
        columns["employees"] = 5 + self.below(40_000, n)
        older = rows - 1 - self.below(max(1, n // 10), n)
        parent = np.where(older >= 0, self.world.first["company"] + older, ABSENT)
        columns["parent"] = self.some(0.4, parent)
        columns["industry"] = self.below(len(CATEGORIES["industry"]), n)

    def _works(self) -> None:
        n, columns = self.size["work"], self.columns
        author = self.near("person", np.arange(n) / n, 0.02)
        rows = author - self.world.first["person"]
        columns["author"] = author
        columns["publication_year"] = self.birth_year[rows] + 22 + self.below(30, n)
        columns["genre"] = self.below(len(CATEGORIES["genre"]), n)
        earlier = np.clip(self.place[rows] - 20 / YEARS, 0, 1)
        columns["publisher"] = self.some(0.85, self.near("company", earlier, 0.05))
        columns["setting"] = self.some(0.7, self.any("town", n))
        columns["dedicatee"] = self.some(0.4, self.near("person", self.place[rows], 0.05))
        columns["length"] = 24 + self.below(1_400, n)

    def _events(self) -> None:
        n, columns = self.size["event"], self.columns
        winner = self.near("person", np.arange(n) / n, 0.02)
        rows = winner - self.world.first["person"]
        columns["venue"] = self.any("town", n)
        year = self.birth_year[rows] + 20 + self.below(25, n)
        columns["date"] = _new_year(year) + self.below(365, n)
        earlier = np.clip(self.place[rows] - 20 / YEARS, 0, 1)
        columns["organiser"] = self.some(0.8, self.near("company", earlier, 0.05))
        columns["winner"] = winner
        before = np.clip(self.place[rows] - 50 / YEARS, 0, 1)
        columns["honouree"] = self.some(0.4, self.near("person", before, 0.05))
        columns["attendance"] = 120 + self.below(80_000, n)


def _span(ascending: np.ndarray, value: int) -> tuple[int, int]:
    """Where a value begins and ends in ascending numbers."""
    return int(ascending.searchsorted(value)), int(ascending.searchsorted(value, "right"))


def _rank(numeral: str) -> int:
    """The place among namesakes that a numeral means, from 0; -1 for none."""
    if numeral in NUMERALS:
        return NUMERALS.index(numeral)
    digits = numeral.isascii() and numeral.isdigit() and len(numeral) < 8
    return int(numeral) - 1 if digits else -1


def _new_year(years: np.ndarray) -> np.ndarray:
    """The ordinal of 1 January of each year, as `datetime.date.toordinal` counts."""
    before = years - 1
    return np.asarray(365 * before + before // 4 - before // 100 + before // 400 + 1)
