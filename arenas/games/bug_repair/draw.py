"""A match of bug repair as a picture: files, diffs, results of moves, checks and attempts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from arenas.core.canvas import FAINT, GAP, GOOD, MARKED, SIZE, WHITE, Box, Canvas, Line
from arenas.games.bug_repair.artifact import Artifact
from arenas.kernels.propose_solve import PROPOSER, TaskState
from arenas.kernels.task_picture import (
    attempts,
    diff_lines,
    latest,
    seat_colour,
    sheet,
    verdicts,
)

if TYPE_CHECKING:
    from arenas.games.bug_repair.game import BugRepair

_SMALL = SIZE - 4


def draw_repair(game: BugRepair, state: TaskState, seat: int | None) -> np.ndarray:
    """The picture of `BugRepair.draw`: (HEIGHT, WIDTH, 3) uint8, as `sheet` has them."""
    canvas, rest = sheet(game, state, seat, _about(state, seat))
    side, main = rest.left(210, GAP)
    _side(canvas, side, game, state, seat)
    upper, lower = main.rows(2, GAP)
    if seat is None:
        _proposal(canvas, upper, state)
        _answers(canvas, lower, game, state)
        return canvas.pixels()
    title, patch = _changes(game, state, seat)
    inside = canvas.panel(upper, title)
    canvas.list(diff_lines(patch) if patch else [Line("Nothing", FAINT)], inside, _SMALL)
    over = not game.movers(state)
    inside = canvas.panel(lower, "The end" if over else "What your moves led to", WHITE)
    told = [game.ending(state, seat)] if over else game.desk(state, seat).results
    lines = latest(told) or [Line(_idle(state, seat), FAINT)]
    canvas.list(lines, inside, _SMALL + 2 if over else _SMALL)
    return canvas.pixels()


def _about(state: TaskState, seat: int | None) -> str:
    if seat in (None, PROPOSER):
        return f"Project {state.goal.project} ({state.goal.strategy})"
    return "Repair the project" if state.valid else "The bug is being made"


def _idle(state: TaskState, seat: int) -> str:
    if seat != PROPOSER and not state.valid:
        return "The injector is at work. Wait for the task."
    return "Nothing yet"


def _side(canvas: Canvas, box: Box, game: BugRepair, state: TaskState, seat: int | None) -> None:
    """The files, those that were changed marked; below them checks and attempts."""
    upper, lower = box.rows(2, GAP)
    inside = canvas.panel(upper, "Files (* changed)")
    lines = [Line("Not there yet", FAINT)]
    whose = PROPOSER if seat is None else seat
    if whose == PROPOSER or state.valid:
        base, work = game.base(state, whose), game.work(state, whose)
        changed = set(base.changed(work))
        if whose == PROPOSER and isinstance(state.parts[PROPOSER].answer, Artifact):
            changed = _files(state.parts[PROPOSER].answer)
        paths = sorted({*base, *work})
        lines = [
            Line(f"* {path}", GOOD, MARKED) if path in changed else Line(f"  {path}")
            for path in paths
        ]
    canvas.list(lines, inside, _SMALL)
    inside = canvas.panel(lower, "Checks and attempts")
    canvas.list([*attempts(game, state, seat), *verdicts(game, state, seat)], inside, _SMALL)


def _files(artifact: Artifact) -> set[str]:
    """The files that the diffs of an artifact name."""
    lines = f"{artifact.bug}\n{artifact.weaken}".split("\n")
    return {line[6:].strip() for line in lines if line.startswith(("--- a/", "+++ b/"))}


def _changes(game: BugRepair, state: TaskState, seat: int) -> tuple[str, str]:
    """The diff that matters to a seat, and what it is."""
    part = state.parts[seat]
    if seat == PROPOSER and isinstance(part.answer, Artifact):
        return "Your bug, and the tests it weakens", part.answer.bug + part.answer.weaken
    if seat != PROPOSER and isinstance(part.answer, str):
        return "Your repair", part.answer
    if seat != PROPOSER and not state.valid:
        return "The tests to satisfy", ""
    patch = game.base(state, seat).diff(game.work(state, seat))
    if patch or seat == PROPOSER:
        return "Your changes so far", patch
    return "Improve the tests with this diff", state.task.spec


def _proposal(canvas: Canvas, box: Box, state: TaskState) -> None:
    inside = canvas.panel(box, "The bug, and the tests it weakens")
    artifact = state.parts[PROPOSER].answer
    if not isinstance(artifact, Artifact):
        canvas.list([Line("Not handed in yet", FAINT)], inside, _SMALL)
        return
    bug, weaken = inside.columns(2, GAP)
    canvas.list(diff_lines(artifact.bug), bug, _SMALL)
    canvas.list(diff_lines(artifact.weaken), weaken, _SMALL)


def _answers(canvas: Canvas, box: Box, game: BugRepair, state: TaskState) -> None:
    """The repairs that were handed in, else the last thing that each seat found."""
    inside = canvas.panel(box, "Repairs")
    lines: list[Line] = []
    for seat, part in enumerate(state.parts):
        patch = part.answer if seat != PROPOSER and isinstance(part.answer, str) else ""
        told = game.desk(state, seat).results if part.notes and game.movers(state) else ()
        if patch or told:
            lines.append(Line(game.spec.agents[seat], seat_colour(seat)))
            lines += diff_lines(patch) if patch else [Line(each) for each in told[-1].split("\n")]
    none = "None yet" if game.movers(state) else "None was handed in"
    canvas.list(lines or [Line(none, FAINT)], inside, _SMALL)
