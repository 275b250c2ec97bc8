"""Pictures of every game: what they hide, their size, and text that stays within its box."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import arenas
from arenas.core.canvas import MORE, PAPER, Box, Canvas, Line, cut, width_of, wrap
from arenas.core.match import Match
from arenas.core.rng import Rng

GAMES: list[tuple[str, dict[str, Any]]] = [
    ("KuhnPoker-v0", {"hands": 3}),
    ("KuhnPoker-v0", {"players": 4, "hands": 2}),
    ("TicTacToe-v0", {}),
    ("TicTacToe-v0", {"size": 7}),
    ("Negotiation-v0", {}),
    ("Negotiation-v0", {"preset": "eight", "players": 4, "turns": 12}),
    ("Spy-v0", {}),
    ("Spy-v0", {"scenes": "charts", "spy_sees": "pair", "voter": "reader", "clues": "free"}),
    ("Spy-v0", {"scenes": "words", "players": 8, "rounds": 1}),
    ("Overcooked-v0", {"horizon": 20, "radius": 1}),
    ("DeepSearch-v0", {"documents": 200, "solvers": 2, "turns": 4}),
    ("DeepSearch-v0", {"documents": 200, "solvers": 2, "turns": 4, "moves": "numbered"}),
]
IDS = [f"{name}-{'-'.join(map(str, options.values()))}" for name, options in GAMES]


@pytest.mark.parametrize(("name", "options"), GAMES, ids=IDS)
def test_a_picture_hides_what_its_seat_may_not_know(name: str, options: dict[str, Any]) -> None:
    game = arenas.make_game(name, **options)
    match, rng, shapes = Match(game, 2), Rng(2), set()
    while not match.over:
        state = match.state
        for seat in {match.plies % game.spec.seats, match.awaited[0]}:
            twin = game.resample(state, seat, rng)
            drawn = game.draw(state, seat)
            assert drawn.dtype == np.uint8
            assert np.array_equal(drawn, game.draw(twin, seat)), f"seat {seat}"
            shapes.add(drawn.shape)
        for seat in match.awaited:
            match.submit(seat, game.sample(state, seat, rng))
    whole = game.draw(match.state)
    assert np.array_equal(whole, game.draw(game.copy(match.state)))
    shapes |= {game.draw(match.state, 0).shape, whole.shape}
    game.close()
    assert len(shapes) == 1


@pytest.mark.slow  # tests of a project are run in the sandbox
@pytest.mark.parametrize("acting", ["structured", "agentic", "one-shot"])
def test_bug_repair_is_drawn_without_what_a_seat_may_not_know(acting: str) -> None:
    options = {"solvers": 4, "projects": ["tablet"], "acting": acting}
    options |= {"solver_turns": 3, "injector_turns": 4} if acting == "agentic" else {}
    game = arenas.make_game("BugRepair-v0", **options)
    match, rng = Match(game, 3), Rng(3)
    shapes = {game.draw(match.state).shape}
    while not match.over:
        state = match.state
        for seat in (0, 1):
            twin = game.resample(state, seat, rng)
            assert np.array_equal(game.draw(state, seat), game.draw(twin, seat))
        shapes.add(game.draw(state).shape)
        match.submit(match.awaited[0], game.sample(state, match.awaited[0], rng))
    shapes |= {game.draw(match.state, seat).shape for seat in (None, 0, 1)}
    game.close()
    assert len(shapes) == 1


@pytest.mark.parametrize("seat", [0, 1, None])
def test_an_onlooker_sees_more_than_a_seat(seat: int | None) -> None:
    game = arenas.make_game("KuhnPoker-v0")
    match, rng = Match(game, 4), Rng(0)
    twin = match.state
    while game.key(twin) == game.key(match.state):
        twin = game.resample(match.state, 0, rng)
    same = np.array_equal(game.draw(match.state, seat), game.draw(twin, seat))
    assert same == (seat == 0)


def test_the_line_that_wins_is_marked() -> None:
    game = arenas.make_game("TicTacToe-v0")
    match = Match(game, 0)
    for move in (0, 3, 1, 4):
        match.submit(match.awaited[0], move)
    before = game.draw(match.state)
    match.submit(0, 2)
    after = game.draw(match.state)
    top, bottom = (slice(60, 200), slice(400, 560))
    assert not np.array_equal(before[top], after[top])
    assert np.array_equal(before[bottom], after[bottom])


# -- text in boxes ---------------------------------------------------------------------------------


@pytest.mark.parametrize("width", [30, 90, 400])
def test_text_is_wrapped_to_its_width_and_none_of_it_is_lost(width: int) -> None:
    text = "a few words\n  indented, and supercalifragilisticexpialidocious\n\nend"
    lines = wrap(text, width, 16)
    assert all(width_of(line, 16) <= width for line in lines)
    assert "".join("".join(lines).split()) == "".join(text.split())


def test_a_line_that_is_too_long_ends_in_an_ellipsis() -> None:
    shown = cut("supercalifragilisticexpialidocious", 100, 16)
    assert shown.endswith(MORE)
    assert width_of(shown, 16) <= 100
    assert cut("short", 100, 16) == "short"
    assert cut("short", 3, 16) == ""


def outside(canvas: Canvas, box: Box) -> np.ndarray:
    picture = canvas.pixels()
    picture[box.y : box.y + box.h, box.x : box.x + box.w] = PAPER
    return picture


@pytest.mark.parametrize("keep", ["first", "last"])
def test_a_list_stays_in_its_box_and_says_what_is_missing(keep: Any) -> None:
    box = Box(20, 30, 160, 100)
    canvas = Canvas.blank(240, 200)
    canvas.list(
        [Line(f"line {n} \u0000\tof a list with many words") for n in range(30)], box, 16, keep
    )
    assert (outside(canvas, box) == PAPER).all()
    assert not (canvas.pixels() == PAPER).all()


def test_a_table_and_a_paragraph_stay_in_their_boxes() -> None:
    box = Box(20, 30, 160, 120)
    for draw in (
        lambda canvas: canvas.table(box, ["Good", "a long head"], [["Wood", "1"]] * 9, [1, 1]),
        lambda canvas: canvas.paragraph("word " * 90, box),
        lambda canvas: canvas.write("word " * 90, box, align="right"),
    ):
        canvas = Canvas.blank(240, 200)
        draw(canvas)
        assert (outside(canvas, box) == PAPER).all()
