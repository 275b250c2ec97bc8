"""A reader of articles: the facts that a text states, found by patterns and nothing else.

The patterns are made from the wordings in `relations.py`. The reader knows no graph and no list of
names; scripted players read with it, and the engine uses it to tell which facts stood in what a
player was shown.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from functools import lru_cache
from typing import NamedTuple

from arenas.games.deep_search.articles import MONTHS, PRONOUNS
from arenas.games.deep_search.relations import ALIAS, ALIAS_STATES, CATEGORIES, RELATIONS, Relation

NAME = r"[A-Z][A-Za-z]*(?: (?:[A-Z][A-Za-z]*|of|for|&))*(?: \((?:[IVX]+|[0-9]+)\))?"
"""A name as articles and questions write it."""

_MONTH = "|".join(MONTHS)
DATE = rf"[0-9]{{1,2}} (?:{_MONTH}) [0-9]{{1,4}}|(?:{_MONTH}) [0-9]{{1,2}}, [0-9]{{1,4}}"
NUMBER = r"[0-9]{1,3}(?:,[0-9]{3})+|[0-9]+"
VALUES = {"date": DATE, "number": NUMBER, "year": r"[0-9]{1,4}"}

_DAY = re.compile(r"(\d{1,2}) ([A-Z][a-z]+) (\d{1,4})|([A-Z][a-z]+) (\d{1,2}), (\d{1,4})")
_STANDINS = {word for words in PRONOUNS.values() for word in words}


class Statement(NamedTuple):
    """One sentence that states a fact: names as they were written, values as canonical text."""

    subject: str
    relation: str
    object: str


def value_pattern(relation: Relation) -> str:
    """What the object of a relation looks like."""
    if relation.entity:
        return NAME
    if relation.object == "category":
        longest = sorted(CATEGORIES[relation.name], key=len, reverse=True)
        return rf"(?:an? )?(?:{'|'.join(longest)})\b"
    return VALUES[relation.object]


def read_value(relation: Relation, text: str) -> str | None:
    """A value as canonical text ("1843-03-12", "12450", "weaver"); None if it is none."""
    if relation.object == "date":
        return read_date(text)
    if relation.object == "category":
        return text.rpartition(" ")[2]
    return str(int(text.replace(",", "")))


def read_date(text: str) -> str | None:
    """An ISO date from "12 March 1843" or "March 12, 1843"; None if there is no such day."""
    match = _DAY.fullmatch(text)
    if match is None:
        return None
    day, month, year = match.group(1, 2, 3) if match[1] else match.group(5, 4, 6)
    try:
        return date(int(year), MONTHS.index(month) + 1, int(day)).isoformat()
    except ValueError:
        return None


def _pattern(form: str, relation: Relation | None) -> str:
    """A wording as a regular expression with the groups `s` and `o`."""
    objects = NAME if relation is None else value_pattern(relation)
    standins = "|".join(sorted(_STANDINS, key=len, reverse=True))
    slots = {"s": rf"(?P<s>{standins}|{NAME})", "o": rf"(?P<o>{standins}|{objects})"}
    parts = re.split(r"\{([so])\}", form)
    return "".join(slots[part] if i % 2 else re.escape(part) for i, part in enumerate(parts))


def _anchor(form: str) -> str:
    """The longest literal stretch of a wording; a sentence without it cannot match."""
    return max(re.split(r"\{[so]\}", form), key=len)


_FORMS = [
    (_anchor(form), re.compile(_pattern(form, relation)), relation)
    for relation in RELATIONS
    for form in (*relation.states, *relation.mirrors)
] + [(_anchor(form), re.compile(_pattern(form, None)), None) for form in ALIAS_STATES]


def sentences(text: str) -> Iterator[str]:
    """The sentences of a text, each with its full stop."""
    for sentence in re.split(r"(?<=\.)\s+", text):
        if sentence.endswith("."):
            yield sentence


def read_sentence(sentence: str, title: str) -> Statement | None:
    """The fact that a sentence of the article `title` states; None if it states none."""
    for anchor, pattern, relation in _FORMS:
        if anchor not in sentence:
            continue
        match = pattern.fullmatch(sentence)
        if match is None:
            continue
        subject = title if match["s"] in _STANDINS else match["s"]
        stated = match["o"]
        if stated in _STANDINS:
            stated = title
        elif relation is not None and not relation.entity:
            value = read_value(relation, stated)
            if value is None:
                continue
            stated = value
        return Statement(subject, ALIAS if relation is None else relation.name, stated)
    return None


@lru_cache(maxsize=4096)
def read_article(title: str, text: str) -> tuple[Statement, ...]:
    """The facts that an article, or the beginning of one, states, in the order of its sentences."""
    found = (read_sentence(sentence, title) for sentence in sentences(text))
    return tuple(statement for statement in found if statement is not None)
