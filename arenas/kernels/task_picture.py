"""What pictures of a task show of its turns: who is at work, the checks, who solved it."""

from __future__ import annotations

from collections.abc import Sequence

from arenas.core.canvas import BAD, FAINT, GAP, GOOD, SEATS, SHADE, SIZE, Box, Canvas, Line
from arenas.core.picture import INK
from arenas.kernels.propose_solve import PROPOSER, ProposeSolve, TaskState

WIDTH, HEIGHT = 800, 660

ADDED, REMOVED = (226, 238, 250), (253, 233, 218)
"""Bands behind lines of a diff."""


def sheet(game: ProposeSolve, state: TaskState, seat: int | None, what: str) -> tuple[Canvas, Box]:
    """A picture under its first line, and the box that is left.

    The line says who looks on, what the match is about, and what the seat may still do.
    """
    canvas = Canvas.blank(WIDTH, HEIGHT)
    box, rest = canvas.box.inset(GAP).top(28, GAP // 2)
    who = "An onlooker" if seat is None else f"You are {game.spec.agents[seat]}"
    name, turn = box.left(box.w * 7 // 10, GAP)
    canvas.write(f"{who}. {what}", name, SIZE)
    canvas.write(_turn(game, state, seat), turn, SIZE - 2, FAINT, "right")
    return canvas, rest


def _turn(game: ProposeSolve, state: TaskState, seat: int | None) -> str:
    movers = game.movers(state)
    if not movers:
        return "The match is over"
    if seat is None:
        return f"{game.spec.agents[PROPOSER]} proposes" if state.proposing else "Solvers at work"
    if seat not in movers:
        return "You are done" if state.parts[seat].done else "You wait"
    left = game.turns_left(state, seat)
    return f"Your move, {left} left" if left > 1 else "Your last move"


def verdicts(game: ProposeSolve, state: TaskState, seat: int | None) -> list[Line]:
    """The checks of the proposal, for those who may see them."""
    if state.checks is None:
        return [Line("No proposal yet", FAINT)]
    if seat not in (None, PROPOSER):
        refused = Line("The proposal was refused by a check", BAD)
        return [Line("The proposal passed its checks", GOOD) if state.valid else refused]
    passed = ", ".join(check.name for check in state.checks if check.passed)
    lines = [Line(f"Passed: {passed}", GOOD)] if passed else []
    failed = [check for check in state.checks if not check.passed]
    return lines + [Line(f"Failed: {check.name}: {check.reason}", BAD) for check in failed]


def attempts(game: ProposeSolve, state: TaskState, seat: int | None) -> list[Line]:
    """How far every solver is; who solved the task, once it is over or for an onlooker."""
    over = not game.movers(state)
    lines = []
    for each, part in enumerate(state.parts):
        if each == PROPOSER or not state.valid:
            continue
        word, colour = "at work" if not part.done else "done", INK
        if part.forfeited:
            word, colour = "put out by illegal moves", BAD
        elif part.done and (seat is None or (over and seat in (each, PROPOSER))):
            solved = state.solved[each - 1]
            word, colour = ("solved it", GOOD) if solved else ("did not solve it", BAD)
        you = " (you)" if each == seat else ""
        lines.append(Line(f"{game.spec.agents[each]}{you}: {word}", colour))
    return lines


def diff_lines(patch: str) -> list[Line]:
    """A unified diff, what is added and what is removed each on a band of its own."""
    lines = []
    for line in patch.rstrip("\n").split("\n"):
        if line.startswith("diff "):
            continue
        if line.startswith(("--- ", "+++ ", "index ")):
            lines.append(Line(line, FAINT))
        elif line.startswith("@@"):
            lines.append(Line(line, FAINT, SHADE))
        elif line.startswith("+"):
            lines.append(Line(line, GOOD, ADDED))
        elif line.startswith("-"):
            lines.append(Line(line, BAD, REMOVED))
        else:
            lines.append(Line(line))
    return lines


def seat_colour(seat: int) -> tuple[int, int, int]:
    """The colour of a seat's name."""
    return SEATS[seat % len(SEATS)]


def latest(results: Sequence[str]) -> list[Line]:
    """The last result as a whole, above it the beginnings of those before."""
    lines = [
        Line(f"{n}. {result.partition(chr(10))[0]}", FAINT) for n, result in enumerate(results, 1)
    ]
    return [*lines[:-1], *(Line(line) for line in results[-1].split("\n"))] if results else []
