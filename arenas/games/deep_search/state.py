"""What a match of deep search keeps: the answer, what seats did, the question."""

from __future__ import annotations

from typing import NamedTuple

from arenas.games.deep_search.world import Node


class Goal(NamedTuple):
    """What a match is about.

    Attributes:
        answer: a thing of the world, a value, or a name from the user's documents.
        accepted: the forms in which it is right.
        noise: documents that nobody asks for, for the check `grounded`.
        context: documents that every seat is shown, in long-context mode.
    """

    answer: Node
    accepted: tuple[str, ...]
    noise: tuple[int, ...]
    context: tuple[int, ...]


class Searched(NamedTuple):
    """A search and the numbers of its results, best first."""

    query: str
    found: tuple[int, ...]


class Opened(NamedTuple):
    """A document that was opened; its number is -1 if there is none of that id."""

    id: str
    number: int


class Question(NamedTuple):
    """A question as submitted; `documents` stand for those shown where it was given."""

    text: str
    formal: str
    documents: tuple[int, ...] | None = None


class Task(NamedTuple):
    """What solvers get: the question; and what only the engine knows of it."""

    question: str
    accepted: tuple[str, ...]
    formal: str
    path: tuple[tuple[str, str, str], ...]
