"""Questions in words: a formal query written out, and read back from the words alone.

The grammar is small and fixed, so that a question means one query and everybody can check which:

    question  = [ "According to the articles, " ... ] ("who" | "what") ("is" | "was") phrase "?"
    phrase    = NAME | VALUE
              | of-wording over a phrase                      "the birthplace of Mira Dalvane"
              | "the" kind ("who" | "that") whose-wording     "the person who studied under ..."
                    { ", and" ("who" | "that") whose-wording }
              | "whichever of these" clause ": " phrase ", or " phrase

The wordings are those of `relations.py`. A text that reads as two different queries is ambiguous.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

from arenas.core.rng import Rng
from arenas.games.deep_search.articles import write_value
from arenas.games.deep_search.queries import Query
from arenas.games.deep_search.reader import NAME, read_value, value_pattern
from arenas.games.deep_search.relations import BY_NAME, PRONOUN, RELATIONS, Relation

OPENINGS = (
    "According to the articles of the encyclopedia, ",
    "Going by what the articles of the encyclopedia say, ",
    "With the help of the articles, find out: ",
    "Look it up in the articles of the encyclopedia: ",
)
_LEAD = re.compile(
    rf"(?:{'|'.join(map(re.escape, OPENINGS))})?(?:who|what|Who|What) (?:is|was) ", re.ASCII
)
_NAME = re.compile(NAME)
MAX_READINGS = 8


def write_question(query: Query, rng: Rng) -> str:
    """A question in words; wordings are drawn.

    Raises:
        KeyError: the query is not one that `check_query` accepts.
    """
    kind = BY_NAME[query[1]].object if query[0] == "of" else "thing"
    if query[0] != "of":
        kind = BY_NAME[query[1] if query[0] != "and" else query[1][1]].subject
    asked = "who" if kind == "person" else "what"
    return f"{rng.choice(OPENINGS)}{asked} is {_phrase(query, rng)}?"


def _phrase(query: Query, rng: Rng) -> str:
    operator = query[0]
    if operator == "is":
        return str(query[1])
    if operator == "and":
        # What is itself a phrase comes last, where nothing can be taken to belong to it.
        ordered = sorted(query[1:], key=lambda part: part[2][0] != "is")
        pronoun = PRONOUN[BY_NAME[ordered[0][1]].subject]
        clauses = f", and {pronoun} ".join(_clause(part, rng) for part in ordered)
        return f"the {BY_NAME[ordered[0][1]].subject} {pronoun} {clauses}"
    relation = BY_NAME[query[1]]
    if operator == "of":
        return rng.choice(relation.of).format(_argument(query[2], None, rng))
    if operator == "whose":
        return f"the {relation.subject} {PRONOUN[relation.subject]} {_clause(query, rng)}"
    clause = relation.more if operator == "most" else relation.less
    one, other = (_phrase(part, rng) for part in query[2:])
    return f"whichever of these {clause}: {one}, or {other}"


def _clause(query: Query, rng: Rng) -> str:
    relation = BY_NAME[query[1]]
    return rng.choice(relation.whose).format(_argument(query[2], relation, rng))


def _argument(query: Query, relation: Relation | None, rng: Rng) -> str:
    if query[0] == "is" and relation is not None and not relation.entity:
        return write_value(relation, query[1], american=rng.below(2) == 1)
    return _phrase(query, rng)


# -- reading ---------------------------------------------------------------------------------------

_Form = tuple[Relation, str, str]
"""A wording as what stands before and after its slot."""


def _split(relation: Relation, form: str) -> _Form:
    before, _, after = form.partition("{}")
    return relation, before, after


_OF = [_split(r, form) for r in RELATIONS for form in r.of]
_WHOSE = [_split(r, form) for r in RELATIONS for form in r.whose]
_COMPARED = [
    (operator, r, f"whichever of these {clause}: ")
    for r in RELATIONS
    for operator, clause in (("most", r.more), ("least", r.less))
    if clause
]
_VALUE = {r.name: re.compile(value_pattern(r)) for r in RELATIONS if not r.entity}


@lru_cache(maxsize=4096)
def read_question(text: str) -> tuple[Query, ...]:
    """Every query that a question can mean, by its words alone; empty if it means none.

    The query of a well-worded question is the only one. Do not change what is returned.
    """
    lead = _LEAD.match(text)
    if lead is None or len(text) > 2_000:
        return ()
    found: list[Query] = []
    for query, end in _phrases(text, lead.end(), 0):
        if text[end:] == "?" and query[0] != "is" and query not in found:
            found.append(query)
            if len(found) == MAX_READINGS:
                break
    return tuple(found)


def _phrases(text: str, at: int, depth: int) -> Iterator[tuple[Query, int]]:
    """Every phrase that begins at a place, with the place where it ends."""
    if depth > 8:
        return
    name = _NAME.match(text, at)
    if name is not None:
        yield ["is", name[0]], name.end()
        return
    if text.startswith("whichever", at):
        for operator, relation, lead in _COMPARED:
            if text.startswith(lead, at):
                for one, middle in _phrases(text, at + len(lead), depth + 1):
                    if text.startswith(", or ", middle):
                        for other, end in _phrases(text, middle + len(", or "), depth + 1):
                            yield [operator, relation.name, one, other], end
        return
    if not text.startswith("the ", at):
        return
    for relation, before, after in _OF:
        if text.startswith(before, at):
            for inner, end in _phrases(text, at + len(before), depth + 1):
                if text.startswith(after, end):
                    yield ["of", relation.name, inner], end + len(after)
    for kind, pronoun in PRONOUN.items():
        lead = f"the {kind} {pronoun} "
        if text.startswith(lead, at):
            for clauses, end in _conjunctions(text, at + len(lead), kind, depth + 1):
                yield (clauses[0] if len(clauses) == 1 else ["and", *clauses]), end


def _conjunctions(text: str, at: int, kind: str, depth: int) -> Iterator[tuple[list[Query], int]]:
    for clause, end in _clauses(text, at, kind, depth):
        yield [clause], end
        more = f", and {PRONOUN[kind]} "
        if depth <= 8 and text.startswith(more, end):
            for rest, last in _conjunctions(text, end + len(more), kind, depth + 1):
                yield [clause, *rest], last


def _clauses(text: str, at: int, kind: str, depth: int) -> Iterator[tuple[Query, int]]:
    for relation, before, after in _WHOSE:
        if relation.subject != kind or not text.startswith(before, at):
            continue
        start = at + len(before)
        if relation.entity:
            inners = _phrases(text, start, depth + 1)
        else:
            value = _VALUE[relation.name].match(text, start)
            read = None if value is None else read_value(relation, value[0])
            if value is None or read is None:
                continue
            inners = iter([(["is", read], value.end())])
        for inner, end in inners:
            if text.startswith(after, end):
                yield ["whose", relation.name, inner], end + len(after)
