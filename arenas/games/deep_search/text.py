"""Deep search in words: the rules, what a seat has found, and how it ended."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from arenas.core.rng import Rng
from arenas.games.deep_search.numbered import call as call_of
from arenas.games.deep_search.numbered import knows, legal_numbers
from arenas.games.deep_search.relations import KINDS, PRONOUN, RELATIONS
from arenas.games.deep_search.state import Opened, Searched
from arenas.kernels.propose_solve import PROPOSER, TaskState
from arenas.kernels.tool_calls import named, quoted

if TYPE_CHECKING:
    from arenas.games.deep_search.game import DeepSearch


def grammar_of_questions() -> str:
    """How questions about the generated world are worded, for the proposer's brief."""
    kinds = ", ".join(f"the {kind} {PRONOUN[kind]}" for kind in KINDS)
    lines = [
        "A question is `who is PHRASE?` or `what is PHRASE?`, if you like after `According to the "
        "articles of the encyclopedia, `. A PHRASE is a name as the articles write it, or what "
        f"stands first below, or KIND and CLAUSE: {kinds}, then what stands second, several joined "
        "by `, and who` or `, and that`. For ... comes a PHRASE or a value.",
    ]
    for relation in RELATIONS:
        of, whose = (forms[0].format("...") for forms in (relation.of, relation.whose))
        lines.append(f"{relation.name}: {of} | {whose}")
    lines.append(
        "Or it is `whichever of these COMPARISON: PHRASE, or PHRASE`, with `was born earlier`, "
        "`has more inhabitants`, `was founded later` and the like."
    )
    lines.append(
        'The query says the same: ["is", NAME], ["of", RELATION, QUERY], ["whose", RELATION, '
        'QUERY], ["and", QUERY, QUERY], ["most", RELATION, QUERY, QUERY] or "least". Left out, it '
        "is read out of your words."
    )
    return "\n".join(lines)


def brief(game: DeepSearch, seat: int) -> str:
    """The rules for a seat."""
    proposer = seat == PROPOSER
    world = game.corpus == "world"
    where = (
        "The documents are given to you."
        if game.mode == "long-context"
        else f"A search shows the {game.results} best documents, {game.result_chars} characters of "
        f"each; names work best."
    )
    if proposer:
        task = (
            "You write one question for others. You are told its answer. They cannot see what you "
            "find; they can search the same documents. You are paid for a question that is valid "
            "and not too easy."
            f" It must have at least {game.min_words} words, must not name the answer or anything "
            "on the way to it, and must have exactly this answer."
        )
        if game.mode == "search":
            task += (
                f" Search at least {game.min_searches} different things first: every fact that the "
                "question rests on must stand in what you were shown."
            )
        if world:
            task += "\n" + grammar_of_questions()
    else:
        task = (
            "You answer one question about the documents. Answer with a name, a date or a number, "
            "as short as it can be. You are paid 1 for the right answer."
        )
    if game.moves == "numbered":
        form = "Your moves are listed with numbers; reply with one, for example [move 0]."
    else:
        form = f"Reply with one call:\n{game.protocol(seat).describe()}"
    return (
        f"You are {game.spec.agents[seat]} in a game of search. {task}\n{where} You have "
        f"{game.turns} calls, the last one included. {form}\n"
        "You may reason inside <think>...</think> first; nobody else sees that."
    )


def tell(game: DeepSearch, state: TaskState, seat: int) -> str:
    """All that a seat has been told and has found, and what it may do."""
    over = not game.movers(state)
    parts = [_task(game, state, seat)]
    if seat == PROPOSER or state.task is not None:
        for number in state.goal.context:
            parts.append(_document(game, number, game.open_chars))
        parts += [_note(game, note) for note in state.parts[seat].notes]
    parts.append(_end(game, state, seat) if over else _moves(game, state, seat))
    return "\n".join(part for part in parts if part)


def tell_new(game: DeepSearch, state: TaskState, seat: int) -> str:
    """What the last call found, and what the seat may do."""
    if not game.movers(state):
        return _end(game, state, seat)
    notes = state.parts[seat].notes
    last = [_note(game, notes[-1])] if notes else [tell(game, state, seat)]
    return "\n".join(part for part in (*last, _moves(game, state, seat)) if part)


def _task(game: DeepSearch, state: TaskState, seat: int) -> str:
    if seat == PROPOSER:
        recent = "".join(f"\nAlready asked: {named(each)}" for each in game.recent[-10:])
        return f"Write a question whose answer is {named(state.goal.accepted[0])}.{recent}"
    if state.task is None:
        return "The question is not there yet." if state.proposing else "There is no question."
    return f"The question: {named(state.task.question)}"


def _note(game: DeepSearch, note: Any) -> str:
    if isinstance(note, Searched):
        shown = [_document(game, number, game.result_chars) for number in note.found]
        found = f"{len(shown)} documents:" if shown else "nothing."
        return "\n".join([f"Search {named(note.query)} found {found}", *shown])
    if isinstance(note, Opened):
        if note.number < 0:
            return f"There is no document {named(note.id)}."
        return "Opened " + _document(game, note.number, game.open_chars)
    return f"Linked: {note.subject} / {note.relation} / {note.object}"


def _document(game: DeepSearch, number: int, chars: int) -> str:
    document = game.library.document(number)
    cut = f" (the first {chars} characters)" if len(document.text) > chars else ""
    return f"Document {document.id}: {named(document.title)}{cut}\n{quoted(document.text[:chars])}"


def _moves(game: DeepSearch, state: TaskState, seat: int) -> str:
    if seat not in game.movers(state):
        return "You wait."
    left = game.turns_left(state, seat)
    calls = f"You have {left} call{'' if left == 1 else 's'} left."
    if not game.num_actions:
        return calls
    lines = [
        f"[move {number}] {move_in_words(game, state, seat, number)}"
        for number in legal_numbers(game, state, seat)
    ]
    return "\n".join([calls, *lines])


def move_in_words(game: DeepSearch, state: TaskState, seat: int, number: int) -> str:
    """What a legal move by number does."""
    call = call_of(game, state, seat, number)
    if call["tool"] == "link":
        s, r, o = knows(game, state, seat).statement(call["fact"])
        return f"link {s} / {r} / {o}"
    if call["tool"] == "question":
        return f"ask: {call['query'] or 'nothing yet'}"
    return f"{call['tool']} {next(v for k, v in call.items() if k != 'tool')}"


def _end(game: DeepSearch, state: TaskState, seat: int) -> str:
    ending = game.ending(state, seat)
    if state.task is None:
        return ending
    right = f"The answer was {named(state.goal.accepted[0])}."
    if seat != PROPOSER:
        return f"{right} {ending}"
    given = ", ".join(named(str(part.answer or "")) for part in state.parts[1:])
    return f"The answers were {given}. {ending}"


# -- random play -----------------------------------------------------------------------------------


def random_call(game: DeepSearch, state: TaskState, seat: int, rng: Rng) -> dict[str, Any]:
    """A random legal call: a search for names met, an opened document, a question or an answer."""
    knowledge = knows(game, state, seat)
    names = knowledge.names or ["river", "town", "founder", "history"]
    tools = list(game.protocol(seat).box.tools)
    tool = rng.choice(tools)
    if tool == "search":
        return {"tool": "search", "query": rng.choice(names)[:300]}
    if tool == "open":
        shown = game.shown_to(state, seat)
        number = rng.choice(shown)[0] if shown else rng.below(len(game.library))
        return {"tool": "open", "document": game.library.document(number).id}
    if tool == "answer":
        return {"tool": "answer", "answer": rng.choice(names)[:500]}
    relation = rng.choice(RELATIONS)
    query = ["of", relation.name, ["is", rng.choice(names)[:120]]]
    return {"tool": "question", "text": "", "query": json.dumps(query)}
