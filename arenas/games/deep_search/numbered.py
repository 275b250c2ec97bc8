"""Moves by number: what each stands for, which are legal, and what a seat has read so far."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from arenas.games.deep_search.library import WORLD
from arenas.games.deep_search.queries import Query, constants
from arenas.games.deep_search.state import Opened, Searched
from arenas.games.deep_search.structured import Knowledge, searchable
from arenas.games.deep_search.wording import read_question
from arenas.kernels.propose_solve import PROPOSER, TaskState

if TYPE_CHECKING:
    from arenas.games.deep_search.game import DeepSearch


def legal_numbers(game: DeepSearch, state: TaskState, seat: int) -> list[int]:
    """Legal moves by number, ascending: names not searched yet, documents not opened yet.

    The last move is a question or an answer, and a question needs a chain before that.
    """
    knowledge, layout = knows(game, state, seat), game.layout
    found = []
    last = game.turns_left(state, seat) == 1
    if game.mode == "search" and not last:
        found += [
            slot
            for slot in range(len(knowledge.names))
            if slot not in knowledge.searched and slot not in knowledge.values
        ]
        opened = {n.number for n in state.parts[seat].notes if isinstance(n, Opened)}
        found += [
            layout.open + place
            for place, number in enumerate(last_found(state, seat))
            if number not in opened
        ]
    if seat != PROPOSER:
        return found + [layout.answer + slot for slot in range(len(knowledge.names))]
    if not last:
        found += [layout.link + fact for fact in knowledge.linkable()]
    return [*found, layout.ask] if knowledge.links or not found else found


def call(game: DeepSearch, state: TaskState, seat: int, number: int) -> dict[str, Any]:
    """The tool call that a move by number stands for."""
    knowledge, layout = knows(game, state, seat), game.layout
    if number < layout.open:
        return {"tool": "search", "query": searchable(knowledge.names[number])}
    if number < layout.link:
        found = last_found(state, seat)[number - layout.open]
        return {"tool": "open", "document": game.library.document(found).id}
    if number < layout.ask:
        return {"tool": "link", "fact": number - layout.link}
    if number == layout.ask:
        query = knowledge.query()
        return {"tool": "question", "text": "", "query": json.dumps(query) if query else ""}
    return {"tool": "answer", "answer": knowledge.names[number - layout.answer]}


def last_found(state: TaskState, seat: int) -> tuple[int, ...]:
    """Numbers of the results of a seat's last search, best first."""
    for note in reversed(state.parts[seat].notes):
        if isinstance(note, Searched):
            return note.found
    return ()


def knows(game: DeepSearch, state: TaskState, seat: int) -> Knowledge:
    """What a seat has read so far."""
    notes = state.parts[seat].notes
    given: tuple[str, ...]
    if seat == PROPOSER:
        given = (state.goal.accepted[0],)
        if isinstance(state.goal.answer, str):
            given = (state.goal.answer,)
    else:
        query = asked(game, state)
        given = tuple(name for name, _ in constants(query)) if query else ()
    return game.knowledge(given, tuple(game.shown_to(state, seat)), notes)


def asked(game: DeepSearch, state: TaskState) -> Query | None:
    """The query that a reader reads out of the question; None if it reads none or several."""
    if state.task is None or game.corpus != WORLD:
        return None
    readings = read_question(state.task.question)
    return readings[0] if len(readings) == 1 else None
