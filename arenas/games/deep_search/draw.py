"""A match of deep search as a picture: the question, searches, documents, answers, verdicts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from arenas.core.canvas import FAINT, GAP, MARKED, SIZE, Box, Canvas, Line
from arenas.core.picture import INK
from arenas.games.deep_search.state import Opened, Searched
from arenas.kernels.propose_solve import PROPOSER, TaskState
from arenas.kernels.task_picture import attempts, seat_colour, sheet, verdicts

if TYPE_CHECKING:
    from arenas.games.deep_search.game import DeepSearch

_SMALL = SIZE - 3


def draw_search(game: DeepSearch, state: TaskState, seat: int | None) -> np.ndarray:
    """The picture of `DeepSearch.draw`: (HEIGHT, WIDTH, 3) uint8, as `sheet` has them."""
    proposes = seat == PROPOSER or (seat is None and state.proposing)
    what = "Write a question" if proposes else "Find the answer"
    canvas, rest = sheet(game, state, seat, what)
    task, rest = rest.top(90 if seat is None or not game.movers(state) else 66, GAP)
    canvas.fill(task, MARKED, 6)
    canvas.list(_task(game, state, seat), task.inset(GAP // 2), SIZE)
    side, main = rest.left(260, GAP)
    upper, lower = side.rows(2, GAP)
    inside = canvas.panel(upper, "Searches")
    canvas.list(_searches(game, state, seat), inside, _SMALL, "last")
    over = not game.movers(state)
    inside = canvas.panel(lower, "Attempts and checks")
    lines = [*attempts(game, state, seat), *verdicts(game, state, seat)]
    if over and seat is not None:
        lines = [Line(game.ending(state, seat)), *lines]
    canvas.list(lines, inside, _SMALL)
    _documents(canvas, main, game, state, seat)
    return canvas.pixels()


def _task(game: DeepSearch, state: TaskState, seat: int | None) -> list[Line]:
    lines = []
    over = not game.movers(state)
    if seat in (None, PROPOSER) or (over and state.task is not None):
        lines.append(Line(f"The answer: {state.goal.accepted[0]}"))
    if state.task is not None:
        lines.append(Line(f"The question: {state.task.question}"))
    elif seat in (None, PROPOSER) and not state.proposing:
        asked = getattr(state.parts[PROPOSER].answer, "text", "") or "none"
        lines.append(Line(f"The question: {asked}"))
    elif seat != PROPOSER:
        lines.append(Line("The question is not there yet" if state.proposing else "No question"))
    return lines


def _seats(game: DeepSearch, state: TaskState, seat: int | None) -> list[int]:
    return list(range(game.spec.seats)) if seat is None else [seat]


def _searches(game: DeepSearch, state: TaskState, seat: int | None) -> list[Line]:
    lines = []
    for each in _seats(game, state, seat):
        part = state.parts[each]
        colour = seat_colour(each) if seat is None else INK
        name = f"{game.spec.agents[each]}: " if seat is None else ""
        lines += [Line(f"{name}{_did(game, note)}", colour) for note in part.notes]
        over = not game.movers(state)
        if each != PROPOSER and part.done and (seat is not None or over or game.spec.independent):
            lines.append(Line(f"{name}answered {part.answer or 'nothing'}", colour, MARKED))
    if seat == PROPOSER and not game.movers(state):
        lines += [
            Line(f"{game.spec.agents[each]} answered {part.answer or 'nothing'}")
            for each, part in enumerate(state.parts)
            if each != PROPOSER and state.task is not None
        ]
    return lines or [Line("None yet", FAINT)]


def _did(game: DeepSearch, note: Any) -> str:
    if isinstance(note, Searched):
        return f"{note.query} ({len(note.found)} found)"
    if isinstance(note, Opened):
        return f"opened {note.id}" + ("" if note.number >= 0 else " (there is none)")
    return f"linked {note.subject} / {note.relation} / {note.object}"


def _documents(
    canvas: Canvas, box: Box, game: DeepSearch, state: TaskState, seat: int | None
) -> None:
    """The documents that the last call showed, each in a box of its own."""
    movers = game.movers(state)
    whose = seat if seat is not None else movers[0] if movers else PROPOSER
    numbers: tuple[int, ...] = state.goal.context if whose == PROPOSER or state.task else ()
    title, chars = "Documents", game.open_chars
    for note in reversed(state.parts[whose].notes):
        if isinstance(note, Searched):
            numbers, title, chars = note.found, f"Found: {note.query}", game.result_chars
            break
        if isinstance(note, Opened) and note.number >= 0:
            numbers, title = (note.number,), "Opened"
            break
    owner = f" ({game.spec.agents[whose]})" if seat is None else ""
    inside = canvas.panel(box, title + owner)
    if not numbers:
        canvas.list([Line("Nothing yet", FAINT)], inside, _SMALL)
        return
    shown = numbers[:4]
    if len(numbers) > len(shown):
        head, inside = inside.top(SIZE, GAP // 2)
        canvas.write(f"The first {len(shown)} of {len(numbers)}", head, _SMALL, FAINT)
    for number, place in zip(shown, inside.rows(len(shown), GAP // 2), strict=True):
        document = game.library.document(number)
        name, body = place.top(SIZE + 2)
        canvas.write(f"{document.id}: {document.title}", name, _SMALL + 1, seat_colour(0))
        canvas.list(document.text[:chars].split("\n"), body, _SMALL)
