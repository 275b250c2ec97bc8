"""The checks of a proposed question: no judge, only rules, the graph and a reader of patterns.

They run in the order of `CHECKS`, up to the first that fails. Those after `copied` need the graph
of a generated world; over the user's own documents `quoted` stands in their place.

| check | passes when |
| --- | --- |
| `format` | one line, a `?` at its end, 10 to 1,000 characters, enough words, no `<`, `>` |
| `answer hidden` | no accepted form of the answer stands in the question |
| `searched` | enough different searches were made |
| `novel` | it is none of the recent questions, nor nearly the same words |
| `copied` | no twelve words in a row are those of a document that was shown |
| `query` | the formal query is well-formed, and every name in it means one thing |
| `read back` | the reader of questions reads exactly this query out of the words |
| `unique answer` | the query comes to the answer and to nothing else on the whole graph |
| `needed` | without any one of its clauses it would come to more |
| `shortest` | no shorter chain of facts joins a name in the question to the answer |
| `path hidden` | nothing on the way to the answer is named in the question |
| `closed book` | the answer is no more common among its like than `GUESSABLE`, so guessing fails |
| `grounded` | on the facts in the documents shown, and noise, it comes to the answer alone |
| `quoted` | the answer stands in a shown document, and the passage most like the question has it |
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from arenas.core.rng import Rng
from arenas.games.deep_search.answers import mentions
from arenas.games.deep_search.queries import (
    FactGraph,
    Query,
    QueryError,
    answer_type,
    check_query,
    derivation,
    evaluate,
    key_of,
    relations_in,
    resolve,
)
from arenas.games.deep_search.questions import short_cut, unneeded
from arenas.games.deep_search.reader import Statement, read_article, sentences
from arenas.games.deep_search.relations import ALIAS, BY_NAME, KINDS
from arenas.games.deep_search.wording import read_question, write_question
from arenas.games.deep_search.world import Fact, Node, World
from arenas.kernels.propose_solve import Check
from arenas.search.index import words

MIN_CHARS, MAX_CHARS = 10, 1_000
COPIED_WORDS = 12
SAME_WORDS = 0.8
"""The share of common words (Jaccard) from which a question is a recent one again."""

GUESSABLE = 0.02

ANYWHERE = ("format", "answer hidden", "searched", "novel", "copied")
IN_WORLDS = (
    *("query", "read back", "unique answer", "needed", "shortest"),
    *("path hidden", "closed book", "grounded"),
)
IN_CORPORA = ("quoted",)
CHECKS = (*ANYWHERE, *IN_WORLDS, *IN_CORPORA)
"""All checks, in order."""


class Shown(NamedTuple):
    """What a seat was shown of a document: its title and the beginning of its text."""

    title: str
    text: str


class Proposal(NamedTuple):
    """A question as it was submitted, with all that the checks look at.

    Attributes:
        text: the question; empty to have the engine word the query.
        formal: the query as JSON text; empty to have the reader read it out of the text.
        answer: the node or text that it must come to.
        accepted: the forms of the answer that are graded as right.
        searches: the queries that were searched for, in order.
        shown: of each document shown.
        noise: documents that nobody asked for, as they would be shown.
    """

    text: str
    formal: str
    answer: Node
    accepted: tuple[str, ...]
    searches: tuple[str, ...]
    shown: tuple[Shown, ...]
    noise: tuple[Shown, ...]


class Rules(NamedTuple):
    """The options that the checks depend on.

    Attributes:
        min_words: of a question.
        min_searches: different searches before it.
        recent: questions that were asked before.
        wording: "derive" (the reader must read the query out of the words) or "mention" (the words
            must name the query's constants and a word of each relation; weaker).
        skip: checks that are left out.
    """

    min_words: int
    min_searches: int
    recent: tuple[str, ...]
    wording: str
    skip: frozenset[str]


class Verdict(NamedTuple):
    """The checks up to the first failure; the question and its query as they stand."""

    checks: tuple[Check, ...]
    question: str
    query: Query | None
    path: tuple[Fact, ...]


class _Failed(Exception):
    """A check failed; the reason is written for the proposer."""


def validate(proposal: Proposal, rules: Rules, world: World | None) -> Verdict:
    """Runs the checks on a proposal."""
    return _Validation(proposal, rules, world).run()


class _Validation:
    def __init__(self, proposal: Proposal, rules: Rules, world: World | None) -> None:
        self.proposal, self.rules, self._world = proposal, rules, world
        self.question = proposal.text
        self.query: Query | None = None
        self.path: tuple[Fact, ...] = ()

    @property
    def world(self) -> World:
        assert self._world is not None
        return self._world

    @property
    def known_query(self) -> Query:
        if self.query is None:
            raise _Failed("there is no query to check")
        return self.query

    def run(self) -> Verdict:
        done: list[Check] = []
        name, names = "", (*ANYWHERE, *(IN_CORPORA if self._world is None else IN_WORLDS))
        try:
            if self._world is not None:
                self._fill()
            for name in names:
                if name in self.rules.skip:
                    continue
                try:
                    getattr(self, f"_{name.replace(' ', '_')}")()
                except QueryError as error:
                    raise _Failed(str(error)) from None
                done.append(Check(name, True))
        except _Failed as failure:
            done.append(Check(name, False, str(failure)))
        return Verdict(tuple(done), self.question, self.query, self.path)

    def _fill(self) -> None:
        """Reads the query, or writes the question, where one of the two was left out."""
        text, formal = self.proposal.text.strip(), self.proposal.formal.strip()
        if formal:
            try:
                self.query = check_query(json.loads(formal))
            except (ValueError, RecursionError):
                self.query = None
        elif text:
            readings = read_question(text)
            self.query = readings[0] if len(readings) == 1 else None
        if not text and self.query is not None:
            self.question = _worded(self.query)

    # -- anywhere ------------------------------------------------------------------------------

    def _format(self) -> None:
        text = self.question
        if not MIN_CHARS <= len(text) <= MAX_CHARS:
            raise _Failed(f"it has {len(text)} characters, not {MIN_CHARS} to {MAX_CHARS}")
        if not text.isprintable():
            raise _Failed("it has line breaks or control characters")
        if "<" in text or ">" in text:
            raise _Failed("it has < or >, which are for calls")
        if not text.endswith("?"):
            raise _Failed("it does not end in a question mark")
        if len(text.split()) < self.rules.min_words:
            raise _Failed(f"it has {len(text.split())} words, fewer than {self.rules.min_words}")

    def _answer_hidden(self) -> None:
        for name in self.proposal.accepted:
            if mentions(self.question, name):
                raise _Failed(f"it names the answer, {name}")

    def _searched(self) -> None:
        made = {" ".join(words(query)) for query in self.proposal.searches}
        if len(made) < self.rules.min_searches:
            raise _Failed(f"{len(made)} different searches, fewer than {self.rules.min_searches}")

    def _novel(self) -> None:
        own = set(words(self.question))
        key = None if self.query is None else key_of(self.query)
        for other in self.rules.recent:
            its = set(words(other))
            alike = len(own & its) / max(1, len(own | its))
            if own == its or (self._world is None and alike >= SAME_WORDS):
                raise _Failed("it was asked before")
            if key is not None and key in {key_of(each) for each in read_question(other)}:
                raise _Failed("a question with the same query was asked before")

    def _copied(self) -> None:
        asked = words(self.question)
        runs = {tuple(asked[i : i + COPIED_WORDS]) for i in range(len(asked) - COPIED_WORDS + 1)}
        for document in self.proposal.shown if runs else ():
            read = words(document.text)
            for i in range(len(read) - COPIED_WORDS + 1):
                if tuple(read[i : i + COPIED_WORDS]) in runs:
                    raise _Failed(f"{COPIED_WORDS} words in a row are copied from {document.title}")

    # -- in worlds -----------------------------------------------------------------------------

    def _query(self) -> None:
        if self.query is None:
            formal = self.proposal.formal.strip()
            if not formal:
                found = len(read_question(self.proposal.text.strip()))
                raise _Failed(
                    "the words read as several queries: it is ambiguous"
                    if found
                    else "no query can be read out of the words; the rules say how"
                )
            try:
                check_query(json.loads(formal))
            except QueryError as error:
                raise _Failed(str(error)) from None
            except (ValueError, RecursionError) as error:
                raise _Failed(f"the query is no JSON: {error}") from None
        for name, relation in _typed_constants(self.known_query):
            node = resolve(name, self.world)
            if relation is not None and BY_NAME[relation[1]].entity and isinstance(node, str):
                raise _Failed(f"nothing is called {name}")

    def _read_back(self) -> None:
        query = self.known_query
        if self.rules.wording == "mention":
            for name, _ in _typed_constants(query):
                if not mentions(self.question, name):
                    raise _Failed(f"the question does not name {name}")
            asked = set(words(self.question))
            for name in relations_in(query):
                if not asked & _lexemes(name):
                    raise _Failed(f"no word of the question stands for {name}")
            return
        readings = {key_of(each) for each in read_question(self.question)}
        if not readings:
            raise _Failed("no query can be read out of the words")
        if len(readings) > 1:
            raise _Failed("the words read as several queries: it is ambiguous")
        if readings != {key_of(query)}:
            raise _Failed("the words mean another query")

    def _unique_answer(self) -> None:
        found = evaluate(self.known_query, self.world, self.world)
        if self.proposal.answer not in found:
            raise _Failed(f"it comes to {_several(found, self.world)}, not to the answer")
        if len(found) > 1:
            raise _Failed(f"it comes to {len(found)} things, of which the answer is one")

    def _needed(self) -> None:
        part = unneeded(self.known_query, self.proposal.answer, self.world)
        if part is not None:
            raise _Failed(f"without the clause {json.dumps(part)} it comes to the same")

    def _shortest(self) -> None:
        name = short_cut(self.known_query, self.proposal.answer, self.world)
        if name is not None:
            raise _Failed(f"fewer facts than it uses join {name} to the answer")

    def _path_hidden(self) -> None:
        self.path = tuple(
            derivation(self.known_query, self.proposal.answer, self.world, self.world)
        )
        given = {resolve(name, self.world) for name, _ in _typed_constants(self.known_query)}
        for fact in self.path:
            for node in (fact.subject, fact.object):
                if node in given or node == self.proposal.answer or isinstance(node, str):
                    continue
                for name in names_of(self.world, node):
                    if mentions(self.question, name):
                        raise _Failed(f"it names {name}, which is on the way to the answer")

    def _closed_book(self) -> None:
        share = guess_rate(self.known_query, self.proposal.answer, self.world)
        if share > GUESSABLE:
            raise _Failed(f"a guess is right in {share:.0%} of cases without any document")

    def _grounded(self) -> None:
        facts = facts_in([*self.proposal.shown, *self.proposal.noise], self.world)
        found = evaluate(self.known_query, FactGraph(facts), self.world)
        if found != {self.proposal.answer}:
            raise _Failed(
                "the documents that you were shown do not state every fact that it rests on"
                if not found
                else f"on the documents shown it comes to {_several(found, self.world)}"
            )

    # -- in corpora ----------------------------------------------------------------------------

    def _quoted(self) -> None:
        shown = self.proposal.shown
        if not any(_stands_in(self.proposal.accepted, document) for document in shown):
            raise _Failed("no document that you were shown has the answer")
        asked = set(words(self.question))
        passages = [
            (document.title, sentence)
            for document in (*shown, *self.proposal.noise)
            for sentence in _passages(document)
        ]
        best = max(passages, key=lambda p: (len(asked & set(words(p[1]))), p), default=("", ""))
        if not any(mentions(f"{best[0]} {best[1]}", name) for name in self.proposal.accepted):
            raise _Failed("the passage most like the question does not have the answer")


def _worded(query: Query) -> str:
    """The engine's words for a query: the first of some wordings that reads back as it alone."""
    for attempt in range(16):
        text = write_question(query, Rng(attempt))
        if len(read_question(text)) == 1:
            break
    return text


def _several(nodes: set[Node], world: World) -> str:
    if len(nodes) == 1:
        return "something else"
    return f"{len(nodes)} things" if nodes else "nothing"


def _typed_constants(
    query: Query, parent: Query | None = None
) -> Iterator[tuple[str, Query | None]]:
    """The constants of a query, each with the `whose` that it is the object of, or None."""
    if query[0] == "is":
        yield query[1], parent
        return
    for part in query[1:]:
        if isinstance(part, list):
            yield from _typed_constants(part, query if query[0] == "whose" else None)


_EMPTY = frozenset(
    "the a an of in on at is was were to which that by with as it has from under".split()
)


def _lexemes(relation: str) -> set[str]:
    """The words that can stand for a relation."""
    forms = BY_NAME[relation]
    found = {word for form in (*forms.of, *forms.whose) for word in words(form)}
    return (found | set(words(forms.name.replace("_", " ")))) - _EMPTY


def names_of(world: World, thing: int) -> tuple[str, ...]:
    """Every name by which a thing alone is called."""
    alias = world.alias(thing)
    return (world.label(thing),) if alias is None else (world.label(thing), alias)


def guess_rate(query: Query, answer: Node, world: World) -> float:
    """How often the best guess without documents is right: the answer's share among its like."""
    kind = answer_type(query, world)
    if kind in KINDS:
        return 1.0 / world.sizes[kind]
    return world.frequency(query[1], answer)


def facts_in(shown: Sequence[Shown], world: World) -> list[Fact]:
    """The facts of the graph that stand in what was shown of some documents."""
    found = []
    for document in shown:
        for statement in read_article(document.title, document.text):
            fact = fact_of(statement, world)
            if fact is not None:
                found.append(fact)
    return found


def fact_of(statement: Statement, world: World) -> Fact | None:
    """A statement with its names resolved; None where one means nothing, or several things."""
    subjects = world.named(statement.subject)
    if statement.relation == ALIAS or len(subjects) != 1:
        return None
    node: Node = statement.object
    if BY_NAME[statement.relation].entity:
        things = world.named(statement.object)
        if len(things) != 1:
            return None
        node = things[0]
    return Fact(subjects[0], statement.relation, node)


def _stands_in(accepted: tuple[str, ...], document: Shown) -> bool:
    return any(mentions(f"{document.title} {document.text}", name) for name in accepted)


def _passages(document: Shown) -> list[str]:
    found = [sentence for line in document.text.split("\n") for sentence in sentences(line)]
    return found or [document.text]


def as_json(path: Sequence[Fact], world: World) -> list[list[Any]]:
    """A derivation as records have it: subject, relation, object, in words."""
    return [[world.say(f.subject), f.relation, world.say(f.object)] for f in path]
