"""What scripted players read: a seat's text view, taken apart, and the facts that it states."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import NamedTuple

from arenas.games.deep_search.checks import Shown
from arenas.games.deep_search.queries import Query, rank
from arenas.games.deep_search.reader import read_article
from arenas.games.deep_search.relations import ALIAS, BY_NAME

_STRING = r'"(?:[^"\\]|\\.)*"'
_DOCUMENT = re.compile(rf"(Opened )?Document (\S+): ({_STRING})( \(the first \d+ characters\))?")
_SEARCH = re.compile(rf"Search ({_STRING}) found")
_TASK = re.compile(rf"(?:The question: |Write a question whose answer is )({_STRING})")
_LEFT = re.compile(r"You have (\d+) calls? left\.")
_MOVE = re.compile(r"\[move (\d+)\] (.*)")


class Page(NamedTuple):
    """A document as it was shown; `cut` if only its beginning was."""

    id: str
    shown: Shown
    cut: bool


class Notes:
    """A text view, taken apart.

    Attributes:
        task: the question, or for the proposer the answer to ask for.
        left: calls left.
        pages: documents shown, in order.
        searched: queries made.
        opened: ids of documents opened.
        moves: listed moves by their words; empty where moves are calls.
    """

    def __init__(self, told: str) -> None:
        self.task, self.left = "", 0
        self.pages: list[Page] = []
        self.searched: list[str] = []
        self.opened: set[str] = set()
        self.moves: dict[str, int] = {}
        lines = told.split("\n")
        at = 0
        while at < len(lines):
            line = lines[at]
            at += 1
            if match := _DOCUMENT.match(line):
                start = at
                while at < len(lines) and lines[at].startswith("| "):
                    at += 1
                text = "\n".join(quoted[2:] for quoted in lines[start:at])
                shown = Shown(json.loads(match[3]), text)
                self.pages.append(Page(match[2], shown, match[4] is not None))
                if match[1]:
                    self.opened.add(match[2])
            elif match := _SEARCH.match(line):
                self.searched.append(json.loads(match[1]))
            elif match := _TASK.match(line):
                self.task = json.loads(match[1])
            elif match := _LEFT.match(line):
                self.left = int(match[1])
            elif match := _MOVE.match(line):
                self.moves[match[2]] = int(match[1])

    def page_of(self, title: str) -> Page | None:
        """The page with a title, as it was shown at greatest length."""
        found = [page for page in self.pages if page.shown.title == title]
        return max(found, key=lambda page: len(page.shown.text), default=None)


class Facts:
    """The facts that pages state, by names; a thing's two names are one.

    Attributes:
        main: other name -> name.
    """

    def __init__(self, pages: list[Page]) -> None:
        stated = [s for p in pages for s in read_article(p.shown.title, p.shown.text)]
        self.main = {s.object: s.subject for s in stated if s.relation == ALIAS}
        self._objects: dict[tuple[str, str], set[str]] = {}
        self._subjects: dict[tuple[str, str], set[str]] = {}
        for statement in stated:
            if statement.relation == ALIAS:
                continue
            subject, node = self.name(statement.subject), self.name(statement.object)
            self._add(subject, statement.relation, node)
            if BY_NAME[statement.relation].symmetric:
                self._add(node, statement.relation, subject)

    def _add(self, subject: str, relation: str, node: str) -> None:
        self._objects.setdefault((subject, relation), set()).add(node)
        self._subjects.setdefault((relation, node), set()).add(subject)

    def name(self, name: str) -> str:
        """A thing's name, given either of its names."""
        return self.main.get(name, name)

    def objects(self, name: str, relation: str) -> set[str]:
        """What a thing is known to be related to."""
        return self._objects.get((self.name(name), relation), set())

    def subjects(self, relation: str, name: str) -> set[str]:
        """What is known to be related to a thing or value."""
        return self._subjects.get((relation, self.name(name)), set())

    def answers(self, query: Query) -> set[str]:
        """What a query comes to on these facts."""
        operator = query[0]
        if operator == "is":
            return {self.name(query[1])}
        if operator == "and":
            return set.intersection(*(self.answers(part) for part in query[1:]))
        relation = query[1]
        if operator == "of":
            return {o for name in self.answers(query[2]) for o in self.objects(name, relation)}
        if operator == "whose":
            return {s for name in self.answers(query[2]) for s in self.subjects(relation, name)}
        valued = list(self._valued(query))
        if len(valued) != 2:
            return set()
        return {max(valued)[1] if operator == "most" else min(valued)[1]}

    def _valued(self, query: Query) -> Iterator[tuple[tuple[int, str], str]]:
        for side in query[2:]:
            for name in sorted(self.answers(side))[:1]:
                for value in sorted(self.objects(name, query[1]))[:1]:
                    yield rank(value), name
