"""Answers to ask for: drawn from the graph, or from the names in the user's documents."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from arenas.core.rng import Rng
from arenas.games.deep_search.articles import write_value
from arenas.games.deep_search.checks import GUESSABLE, names_of
from arenas.games.deep_search.library import Library
from arenas.games.deep_search.reader import NAME
from arenas.games.deep_search.relations import BY_NAME
from arenas.games.deep_search.state import Goal
from arenas.games.deep_search.world import Node, World

if TYPE_CHECKING:
    from arenas.games.deep_search.game import DeepSearch


def draw_goal(game: DeepSearch, rng: Rng) -> Goal:
    """What a match is about: an answer, noise documents, and the documents of long context."""
    size = len(game.library)
    world = game.world
    noise = tuple(rng.below(size) for _ in range(game.noise))
    if world is None:
        answer, home = draw_name(game.library, rng, NAME)
        context = _context(game, rng, (home,)) if game.mode == "long-context" else ()
        return Goal(answer, (answer,), noise, context)
    thing = rng.below(size)
    while world.sizes[world.kind(thing)] * GUESSABLE < 1:
        thing = rng.below(size)
    context = ()
    if game.mode == "long-context":
        near = [thing]
        while len(near) < (game.context + game.solved + 1) // 2:
            around = [n for n in world.neighbours(near[-1]) if n not in near]
            if not around:
                break
            near.append(rng.choice(around))
        context = _context(game, rng, tuple(near))
    return Goal(*_answer(world, thing, rng), noise, context)


def _answer(world: World, thing: int, rng: Rng) -> tuple[Node, tuple[str, ...]]:
    """A thing, or in one match of five a date, year or number that it has."""
    values = [
        fact
        for fact in world.facts(thing)
        if isinstance(fact.object, str) and world.frequency(fact.relation, fact.object) <= GUESSABLE
    ]
    if values and rng.below(5) == 0:
        fact = rng.choice(values)
        said = write_value(BY_NAME[fact.relation], str(fact.object))
        return fact.object, (said, str(fact.object))
    return thing, names_of(world, thing)


def _context(game: DeepSearch, rng: Rng, wanted: tuple[int, ...]) -> tuple[int, ...]:
    size = min(64, game.context + game.solved, len(game.library))
    found = list(dict.fromkeys(wanted))[:size]
    while len(found) < size:
        number = rng.below(len(game.library))
        if number not in found:
            found.append(number)
    rng.shuffle(found)
    return tuple(found)


def draw_name(library: Library, rng: Rng, pattern: str) -> tuple[str, int]:
    """A name of several words from one of the user's documents, or its title; and its number."""
    for _ in range(20):
        number = rng.below(len(library))
        text = library.document(number).text
        inside = re.findall(rf"(?<=[a-z,] ){pattern}", text)
        found = sorted({name for name in inside if 2 <= len(name.split()) <= 5})
        if found:
            return rng.choice(found), number
    return library.document(number).title, number
