"""A match as one picture: what is seen, who said what, and at the end the verdicts and votes."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from arenas.core.picture import INK, PAPER, load_pygame, pixels
from arenas.games.spy.text import NOBODY

if TYPE_CHECKING:
    from arenas.games.spy.game import Spy, SpyState
    from arenas.games.spy.world import Scene

WIDTH, HEIGHT = 1200, 720
_SIDE, _LEFT, _TOP = 300, 24, 44
_COLUMN, _NAMES = 356, 110
_FAINT, _TRUE, _FALSE = (130, 130, 128), (36, 128, 62), (190, 46, 40)
_SEATS = (
    (66, 112, 180),
    (206, 116, 40),
    (60, 140, 80),
    (150, 70, 160),
    (180, 60, 70),
    (50, 140, 150),
    (120, 100, 50),
    (100, 100, 110),
)
_HELD = 448


def draw_match(game: Spy, state: SpyState, seat: int | None) -> np.ndarray:
    """The picture of `Spy.draw`: (HEIGHT, WIDTH, 3) uint8.

    An onlooker sees both scenes, the spy and the verdict on every clue; a seat its own scene and,
    once the match is over, all of it.
    """
    surface = load_pygame().Surface((WIDTH, HEIGHT))
    surface.fill(PAPER)
    reveal = seat is None or bool(state.votes)
    if reveal:
        _scene(surface, game, "The civilians see", state.scene, 0)
        _scene(surface, game, "The spy sees", state.other, 1)
    else:
        assert seat is not None
        role = ("a civilian", "the spy", "the reader")[game.role(state, seat)]
        _scene(surface, game, f"You are {role} and see", game.sees(state, seat), 0)
    lines = len(state.said) + len(game.spec.agents) + game.rounds + 3
    height = min(28, (HEIGHT - 40) // max(lines, 1))
    y = 20
    for number, each in enumerate(state.said):
        if number % game.players == 0:
            _write(surface, f"Round {number // game.players + 1}", (_COLUMN, y), height, _FAINT)
            y += height
        colour, mark = INK, ""
        if reveal:
            own = game.verdict(state, each)[0]
            mark = {True: "true", False: "false", None: ""}[own]
            colour = {True: _TRUE, False: _FALSE, None: INK}[own]
        _name(surface, game, state, each.seat, y, height, reveal)
        _write(surface, game.wording(each), (_COLUMN + _NAMES, y), height, INK)
        _write(surface, mark, (WIDTH - 70, y), height, colour)
        y += height
    _votes(surface, game, state, y, height, reveal)
    return pixels(surface)


def _votes(surface: Any, game: Spy, state: SpyState, y: int, height: int, reveal: bool) -> None:
    """The votes, or whose turn it is."""
    names = game.spec.agents
    y += height // 2
    if not state.votes:
        movers = game.movers(state)
        to = (
            f"{names[movers[0]]} is to give a clue"
            if len(state.said) < game.rounds * game.players
            else "votes are being cast"
        )
        _write(surface, to, (_COLUMN, y), height, _FAINT)
        return
    _write(surface, "Votes", (_COLUMN, y), height, _FAINT)
    for voter, vote in zip(game.voters, state.votes, strict=True):
        y += height
        _name(surface, game, state, voter, y, height, reveal)
        right = vote == state.spy
        colour = _FAINT if vote is None else _TRUE if right else _FALSE
        _write(
            surface, NOBODY if vote is None else names[vote], (_COLUMN + _NAMES, y), height, colour
        )
    outcome = game.outcome(state)
    assert outcome is not None
    _write(surface, outcome.reason, (_COLUMN, y + height + height // 2), height, INK)


def _scene(surface: Any, game: Spy, caption: str, scene: Scene | None, place: int) -> None:
    """A scene under its caption, the first or second from the top."""
    pygame = load_pygame()
    y = _TOP + place * (_SIDE + 46)
    _write(surface, caption, (_LEFT, y - 28), 24, INK)
    picture = game.world.painted(scene, _HELD)
    held = pygame.surfarray.make_surface(picture.swapaxes(0, 1))
    surface.blit(pygame.transform.smoothscale(held, (_SIDE, _SIDE)), (_LEFT, y))
    pygame.draw.rect(surface, _FAINT, (_LEFT, y, _SIDE, _SIDE), 1)


def _name(
    surface: Any, game: Spy, state: SpyState, seat: int, y: int, height: int, reveal: bool
) -> None:
    colour = _SEATS[seat % len(_SEATS)]
    is_spy = reveal and seat == state.spy
    if is_spy:
        box = (_COLUMN - 6, y - 2, _NAMES - 6, height)
        load_pygame().draw.rect(surface, colour, box, border_radius=6)
    _write(surface, game.spec.agents[seat], (_COLUMN, y), height, PAPER if is_spy else colour)


def _write(
    surface: Any, text: str, at: tuple[int, int], height: int, colour: tuple[int, int, int]
) -> None:
    """A line of text from `at` to the right, smaller where it would not fit."""
    room = WIDTH - 80 - at[0] if at[0] < WIDTH - 100 else 70
    shown = "".join(each if each.isprintable() else " " for each in text)
    for size in range(round(height * 0.95), 8, -2):
        drawn = _font(size).render(shown, True, colour)
        if drawn.get_width() <= room:
            break
    surface.blit(drawn, at, (0, 0, room, height))


@cache
def _font(height: int) -> Any:
    return load_pygame().font.Font(None, height)
