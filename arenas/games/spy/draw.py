"""A match as one picture: what is seen, who said what, and at the end the verdicts and votes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from arenas.core.canvas import (
    BAD,
    FAINT,
    GAP,
    GOOD,
    MARKED,
    SEATS,
    SIZE,
    Box,
    Canvas,
    Colour,
    Line,
    pitch,
    wrap,
)
from arenas.core.picture import INK, load_pygame
from arenas.games.spy.text import NOBODY

if TYPE_CHECKING:
    from arenas.games.spy.game import Spy, SpyState
    from arenas.games.spy.world import Scene

WIDTH, HEIGHT = 900, 680
_SIDE, _HELD = 280, 448


def draw_match(game: Spy, state: SpyState, seat: int | None) -> np.ndarray:
    """The picture of `Spy.draw`: (HEIGHT, WIDTH, 3) uint8.

    An onlooker sees both scenes, the spy and the verdict on every clue; a seat its own scene and,
    once the match is over, all of it.
    """
    canvas = Canvas.blank(WIDTH, HEIGHT)
    reveal = seat is None or bool(state.votes)
    scenes, words = canvas.box.inset(GAP).left(_SIDE, 2 * GAP)
    upper, lower = scenes.rows(2, GAP)
    if reveal:
        _scene(canvas, upper, game, "The civilians see", state.scene)
        _scene(canvas, lower, game, "The spy sees", state.other)
    else:
        assert seat is not None
        role = ("a civilian", "the spy", "the reader")[game.role(state, seat)]
        _scene(canvas, upper, game, f"You are {role} and see", game.sees(state, seat))
    lines = [*_clues(game, state, reveal), *_votes(game, state, reveal)]
    # As large as all of it can be shown.
    sizes = range(SIZE + 2, SIZE - 8, -2)
    size = next((each for each in sizes if _height(lines, words.w, each) <= words.h), sizes[-1])
    canvas.list(lines, words, size, "last")
    return canvas.pixels()


def _height(lines: list[Line], width: int, size: int) -> int:
    return pitch(size) * sum(len(wrap(line.text, width, size)) for line in lines)


def _clues(game: Spy, state: SpyState, reveal: bool) -> list[Line]:
    lines: list[Line] = []
    for number, each in enumerate(state.said):
        if number % game.players == 0:
            lines.append(Line(f"Round {number // game.players + 1}", FAINT))
        spoken = f"{_name(game, state, each.seat, reveal)}: {game.wording(each)}"
        verdict = game.verdict(state, each)[0] if reveal else None
        if verdict is not None:
            spoken += " (true)" if verdict else " (false)"
        colour = SEATS[each.seat % len(SEATS)]
        lines.append(Line(spoken, colour, MARKED if reveal and each.seat == state.spy else None))
    return lines


def _votes(game: Spy, state: SpyState, reveal: bool) -> list[Line]:
    """The votes and how it ended, or whose turn it is."""
    names, outcome = game.spec.agents, game.outcome(state)
    if outcome is None:
        talk = len(state.said) < game.rounds * game.players
        now = (
            f"{names[game.movers(state)[0]]} is to give a clue" if talk else "Votes are being cast"
        )
        return [Line(""), Line(now, FAINT)]
    lines = [Line(""), Line("Votes", FAINT)]
    for voter, vote in zip(game.voters, state.votes, strict=True):
        colour: Colour = FAINT if vote is None else GOOD if vote == state.spy else BAD
        target = NOBODY if vote is None else names[vote]
        lines.append(Line(f"{_name(game, state, voter, reveal)} votes for {target}", colour))
    return [*lines, Line(f"The end: {outcome.reason}", INK)]


def _name(game: Spy, state: SpyState, seat: int, reveal: bool) -> str:
    return game.spec.agents[seat] + (" (the spy)" if reveal and seat == state.spy else "")


def _scene(canvas: Canvas, box: Box, game: Spy, caption: str, scene: Scene | None) -> None:
    """A scene under its caption."""
    head, place = box.top(SIZE + 8, 4)
    canvas.write(caption, head, SIZE)
    pygame = load_pygame()
    picture = game.world.painted(scene, _HELD)
    held = pygame.surfarray.make_surface(picture.swapaxes(0, 1))
    square = place._replace(w=_SIDE, h=_SIDE)
    canvas.surface.blit(pygame.transform.smoothscale(held, (_SIDE, _SIDE)), square[:2])
    canvas.frame(square, FAINT, 1, 0)
