"""The structured view: what a seat has read, as numbered names and facts, and moves by number.

Names and values come in the order in which the seat met them and keep their numbers (slots); facts
are those that the reader of patterns finds in what the seat was shown. It is a view of the text:
nothing stands here that the seat could not have read for itself.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from arenas.games.deep_search.articles import write_date
from arenas.games.deep_search.checks import Shown
from arenas.games.deep_search.queries import Query, parts
from arenas.games.deep_search.reader import Statement, read_article
from arenas.games.deep_search.relations import ALIAS, BY_NAME, RELATIONS

_ISO = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")

SLOTS, FACTS, TOKENS = 64, 96, 16
"""Names and values, facts, and tokens of the question that the view holds; more are left out."""

HEAD, SLOT_WIDTH, FACT_WIDTH, TOKEN_WIDTH = 8, 5, 4, 3
OPERATORS = ("is", "of", "whose", "and", "most", "least")
RELATION_NUMBER = {relation.name: i for i, relation in enumerate(RELATIONS, 1)} | {
    ALIAS: len(RELATIONS) + 1
}
"""Relations by number, from 1; the last is that between a thing and its other name."""


class Layout(NamedTuple):
    """Where the parts of the view lie, for `results` results a search."""

    results: int

    @property
    def slots(self) -> slice:
        """64 x 5: 0 empty, 1 name, 2 value; given at the start; searched; opened; facts (0-99)."""
        return slice(HEAD, HEAD + SLOTS * SLOT_WIDTH)

    @property
    def hits(self) -> slice:
        """For each result of the last search: slot + 1 of its title."""
        return slice(self.slots.stop, self.slots.stop + self.results)

    @property
    def facts(self) -> slice:
        """96 x 4: relation, slot + 1 of subject and of object, linked; zeros where empty."""
        return slice(self.hits.stop, self.hits.stop + FACTS * FACT_WIDTH)

    @property
    def question(self) -> slice:
        """16 x 3: operator + 1, relation, slot + 1, the question's query in prefix order."""
        return slice(self.facts.stop, self.facts.stop + TOKENS * TOKEN_WIDTH)

    @property
    def length(self) -> int:
        """Numbers in the view."""
        return int(self.question.stop)

    # -- moves -------------------------------------------------------------------------------

    @property
    def open(self) -> int:
        """Moves 0 to 63 search for the name in a slot; from here on they open a result."""
        return SLOTS

    @property
    def link(self) -> int:
        """From here on moves add a fact to the proposer's chain."""
        return self.open + self.results

    @property
    def ask(self) -> int:
        """This move submits the chain as a question."""
        return self.link + FACTS

    @property
    def answer(self) -> int:
        """From here on moves answer with what is in a slot."""
        return self.ask + 1

    @property
    def moves(self) -> int:
        """Number of moves."""
        return self.answer + SLOTS


def searchable(name: str) -> str:
    """A name or value as articles write it: ISO dates in words."""
    return write_date(name, american=False) if _ISO.fullmatch(name) else name


class Knowledge:
    """What a seat has read.

    Args:
        given: names that it was given, in order: the answer to ask for, or the question's names.
        shown: what it was shown of documents, in order.
        searched: queries that it searched for.
        links: facts that a proposer has chained, in order.

    Attributes:
        names: text by slot.
        facts: (relation number, subject slot, object slot), in the order of reading.
        end: slot at which the chain ends.
    """

    def __init__(
        self,
        given: Sequence[str],
        shown: Iterable[Shown],
        searched: Iterable[str] = (),
        links: Sequence[Statement] = (),
    ) -> None:
        self.names: list[str] = []
        self._slot: dict[str, int] = {}
        self._same: dict[int, int] = {}
        self.facts: list[tuple[int, int, int]] = []
        self.values: set[int] = set()
        self.given = [self.slot(name) for name in given]
        self.opened: set[int] = set()
        known: set[tuple[int, int, int]] = set()
        for document in shown:
            title = self.slot(document.title)
            if title is not None:
                self.opened.add(title)
            for statement in read_article(document.title, document.text):
                self._learn(statement, known)
        made = set(searched)
        self.searched = {s for s, name in enumerate(self.names) if searchable(name) in made}
        self.links = list(links)

    def slot(self, name: str) -> int | None:
        """The slot of a name, a new one if there is room; None if there is none."""
        if name not in self._slot:
            if len(self.names) == SLOTS:
                return None
            self._slot[name] = len(self.names)
            self.names.append(name)
        return self._slot[name]

    def _learn(self, statement: Statement, known: set[tuple[int, int, int]]) -> None:
        subject, node = self.slot(statement.subject), self.slot(statement.object)
        if subject is None or node is None:
            return
        fact = (RELATION_NUMBER[statement.relation], subject, node)
        if statement.relation == ALIAS:
            self._same[node] = subject
        elif not BY_NAME[statement.relation].entity:
            self.values.add(node)
        if fact not in known and len(self.facts) < FACTS:
            known.add(fact)
            self.facts.append(fact)

    def main(self, slot: int) -> int:
        """The slot of a thing's first name, where the slot holds its other one."""
        return self._same.get(slot, slot)

    def statement(self, fact: int) -> Statement:
        """A fact with its names."""
        relation, subject, node = self.facts[fact]
        return Statement(self.names[subject], _RELATION[relation], self.names[node])

    # -- the proposer's chain --------------------------------------------------------------------

    def chain(self) -> tuple[list[tuple[Statement, str]], list[Statement], str]:
        """The chain so far: (fact, node it leaves from) each, clauses about the answer, its end.

        A fact at the end of the chain prolongs it; one whose subject is the answer is a clause.
        """
        goal = self._called(self.names[self.given[0] or 0])
        path: list[tuple[Statement, str]] = []
        clauses: list[Statement] = []
        end, met = goal, {goal}
        for link in self.links:
            subject, node = self._called(link.subject), self._called(link.object)
            if end in (subject, node):
                path.append((link, end))
                end = node if end == subject else subject
                met.add(end)
            elif subject == goal:
                clauses.append(link)
        return path, clauses, end

    def _called(self, name: str) -> str:
        slot = self._slot.get(name)
        return name if slot is None else self.names[self.main(slot)]

    def linkable(self) -> list[int]:
        """Facts that can be added to the chain: they lead on to something new, or qualify."""
        path, clauses, end = self.chain()
        goal = self._called(self.names[self.given[0] or 0])
        met = {goal, end} | {left for _, left in path}
        used = {link.relation for link in clauses} | {link.relation for link, _ in path[:1]}
        found = []
        for number, (relation, subject, node) in enumerate(self.facts):
            if _RELATION[relation] == ALIAS:
                continue
            one, other = self.names[self.main(subject)], self.names[self.main(node)]
            ahead = other if one == end else one if other == end else None
            leads = ahead is not None and ahead not in met and not (path and end in self._values())
            qualifies = bool(path) and one == goal and other not in met
            qualifies = qualifies and _RELATION[relation] not in used and len(clauses) < 2
            if leads or qualifies:
                found.append(number)
        return found

    def _values(self) -> set[str]:
        return {self.names[slot] for slot in self.values}

    def query(self) -> Query | None:
        """The query that the chain stands for; None for an empty one."""
        path, clauses, end = self.chain()
        if not path:
            return None
        query: Query = ["is", end]
        for link, left in reversed(path):
            symmetric = BY_NAME[link.relation].symmetric
            forward = symmetric or self._called(link.object) == left
            query = ["of" if forward else "whose", link.relation, query]
        more = [["whose", c.relation, ["is", self._called(c.object)]] for c in clauses]
        return ["and", query, *more] if more else query


_RELATION = {number: name for name, number in RELATION_NUMBER.items()}


def tokens(query: Query, knowledge: Knowledge) -> list[tuple[int, int, int]]:
    """A query in prefix order: operator + 1, relation (0 for none), slot + 1 (0 for none)."""
    operator = OPERATORS.index(query[0]) + 1
    if query[0] == "is":
        slot = knowledge.slot(query[1])
        return [(operator, 0, 0 if slot is None else slot + 1)]
    relation = 0 if query[0] == "and" else RELATION_NUMBER[query[1]]
    return [(operator, relation, 0)] + [t for part in parts(query) for t in tokens(part, knowledge)]


def make_view(
    layout: Layout,
    head: Sequence[int],
    knowledge: Knowledge,
    hits: Sequence[str],
    query: Query | None,
) -> np.ndarray:
    """The view as one vector; see `Layout`.

    Args:
        head: up to 8 numbers that come first.
        hits: titles of the last search's results.
        query: the question's, for solvers.
    """
    view = np.zeros(layout.length, np.int32)
    view[: len(head)] = head
    asked = tokens(query, knowledge)[:TOKENS] if query is not None else []
    slots = view[layout.slots].reshape(SLOTS, SLOT_WIDTH)
    for slot in range(len(knowledge.names)):
        slots[slot, 0] = 2 if slot in knowledge.values else 1
        slots[slot, 1] = slot in knowledge.given
        slots[slot, 2] = slot in knowledge.searched
        slots[slot, 3] = slot in knowledge.opened
    facts = view[layout.facts].reshape(FACTS, FACT_WIDTH)
    linked = set(knowledge.links)
    for number, (relation, subject, node) in enumerate(knowledge.facts):
        facts[number] = relation, subject + 1, node + 1, knowledge.statement(number) in linked
        for slot in (subject, node):
            slots[slot, 4] = min(99, slots[slot, 4] + 1)
    for place, title in enumerate(hits):
        slot_of = knowledge.slot(title)
        view[layout.hits][place] = 0 if slot_of is None else slot_of + 1
    for place, token in enumerate(asked):
        view[layout.question].reshape(TOKENS, TOKEN_WIDTH)[place] = token
    return view
