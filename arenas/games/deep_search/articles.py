"""Articles: what a thing's page says, written from the graph when it is asked for.

Each article states every fact of its subject in one of several wordings, some facts of which the
subject is the object, and between them sentences that state nothing (`ASIDES`). Which wording is
used, in which order, and by which of its names a thing is called, follows from the world's seed and
the thing's number.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from arenas.core.rng import Rng
from arenas.games.deep_search.relations import ALIAS_STATES, BY_NAME, Relation
from arenas.games.deep_search.world import Fact, Node, World
from arenas.search.documents import Document

ARTICLES = 0x61727469
"""Label of the stream that wordings are drawn from."""

MIRRORED = 3
"""Facts of each relation that the object's article repeats, at most."""

CALLED_BY_ALIAS = 6
"""One mention in so many uses the other name of a thing that has one."""

MONTHS = (
    "January February March April May June July August September October November December"
).split()

ASIDES = (
    "Little else about {s} is certain.",
    "A leaflet of {n} pages about {s} is kept in a private archive.",
    "Older guides confuse {s} with {x}.",
    "Nothing connects {s} with {x}, whatever the almanacs say.",
    "A photograph shows visitors who had come from {x}.",
    "The archive of {x} has been closed for {n} years.",
    "A rumour about {x} and {s} was never confirmed.",
    "In a survey {n} readers asked for a longer article about {s}.",
)
"""Sentences without facts; `{x}` is any other thing and `{n}` any number."""

OPENINGS = {
    "person": ("{s} is a figure of the encyclopedia.", "This article is about {s}, a person."),
    "region": ("{s} is a region.", "This article is about {s}, a region."),
    "town": ("{s} is a town.", "This article is about {s}, a town."),
    "work": ("{s} is a work in print.", "This article is about {s}, a work in print."),
    "company": ("{s} is a company.", "This article is about {s}, a company."),
    "event": ("{s} is an event.", "This article is about {s}, an event."),
}

PRONOUNS = {
    "person": ("She", "He"),
    "region": ("The region", "It"),
    "town": ("The town", "It"),
    "work": ("The work", "It"),
    "company": ("The company", "It"),
    "event": ("The event", "It"),
}
"""What stands for the subject at the beginning of a sentence of its own article."""


def write_date(iso: str, american: bool) -> str:
    """A date in words: "12 March 1843", or "March 12, 1843"."""
    day = date.fromisoformat(iso)
    month = MONTHS[day.month - 1]
    return f"{month} {day.day}, {day.year}" if american else f"{day.day} {month} {day.year}"


def write_number(digits: str) -> str:
    """A number in words: "12,450"."""
    return f"{int(digits):,}"


def write_category(word: str, relation: Relation) -> str:
    """A category as it stands behind "is" or "as": trades and forms take an article."""
    if relation.name == "industry":
        return word
    return f"{'an' if word[0] in 'aeiou' else 'a'} {word}"


def write_value(relation: Relation, text: str, american: bool = False) -> str:
    """A value of a relation as articles and questions have it."""
    if relation.object == "date":
        return write_date(text, american)
    if relation.object == "number":
        return write_number(text)
    if relation.object == "category":
        return write_category(text, relation)
    return text


def facts_of(world: World, thing: int) -> tuple[list[Fact], list[Fact]]:
    """The facts that the article of a thing states: its own, and those it is the object of."""
    return world.facts(thing), world.facts_about(thing, MIRRORED)


def write_article(world: World, thing: int) -> Document:
    """The article of a thing: its label as the title, one sentence for each fact, asides."""
    rng = Rng(world.seed).fork(ARTICLES, world.documents, thing)
    title = world.label(thing)
    kind = world.kind(thing)
    pronouns = PRONOUNS[kind]
    own = pronouns[0] if kind != "person" else pronouns[rng.below(2)]
    variants = (title, title, own) if kind == "person" else (title, title, *pronouns)

    def mention(node: Node, relation: Relation) -> str:
        if isinstance(node, str):
            return write_value(relation, node, rng.below(2) == 1)
        alias = world.alias(node) if rng.below(CALLED_BY_ALIAS) == 0 else None
        return alias or world.label(node)

    own_facts, others = facts_of(world, thing)
    sentences = []
    for fact in own_facts:
        relation = BY_NAME[fact.relation]
        form = rng.choice(relation.states)
        subject = rng.choice(variants) if form.startswith("{s}") else title
        sentences.append(form.format(s=subject, o=mention(fact.object, relation)))
    for fact in others:
        relation = BY_NAME[fact.relation]
        if relation.mirrors:
            form = rng.choice(relation.mirrors)
            subject = rng.choice(variants) if form.startswith("{o}") else title
            sentences.append(form.format(s=mention(fact.subject, relation), o=subject))
    for _ in range(1 + rng.below(3)):
        other = world.label(rng.below(world.documents))
        aside = rng.choice(ASIDES).format(s=title, x=other, n=2 + rng.below(900))
        sentences.append(aside)
    rng.shuffle(sentences)
    alias = world.alias(thing)
    if alias is not None:
        form = rng.choice(ALIAS_STATES)
        subject = rng.choice(variants) if form.startswith("{s}") else title
        sentences.insert(0, form.format(s=subject, o=alias))
    sentences.insert(0, rng.choice(OPENINGS[kind]).format(s=title))
    return Document(article_id(thing), title, " ".join(sentences))


def article_id(thing: int) -> str:
    """The id of a thing's article."""
    return f"doc-{thing}"


class Articles:
    """All articles of a world as documents to index; each is written when it is asked for."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.fingerprint = f"{world.fingerprint}-articles-1"

    def __len__(self) -> int:
        return self.world.documents

    def __iter__(self) -> Iterator[Document]:
        for thing in range(self.world.documents):
            yield write_article(self.world, thing)

    def document(self, number: int) -> Document:
        """The article of a number in 0..len-1."""
        return write_article(self.world, number)

    def number(self, document_id: str) -> int | None:
        """The number of a document by its id; None if there is none."""
        head, _, digits = document_id.partition("-")
        if head != "doc" or not digits.isascii() or not digits.isdigit() or len(digits) > 9:
            return None
        number = int(digits)
        return number if number < len(self) and article_id(number) == document_id else None
