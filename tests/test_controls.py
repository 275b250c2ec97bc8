"""What a person can press and type: every control of every game ends in a reply that it reads."""

from __future__ import annotations

import string
from typing import Any

import pytest

import arenas
from arenas.core.controls import (
    Button,
    Choice,
    Controls,
    Field,
    Form,
    Number,
    Text,
    read_form,
)
from arenas.core.game import Game, IllegalMove
from arenas.core.match import Match
from arenas.core.rng import Rng

GAMES: list[tuple[str, dict[str, Any]]] = [
    ("KuhnPoker-v0", {"players": 3, "hands": 2}),
    ("TicTacToe-v0", {}),
    ("TicTacToe-v0", {"size": 5}),
    ("Negotiation-v0", {}),
    ("Negotiation-v0", {"preset": "two", "moves": "discrete"}),
    ("Negotiation-v0", {"rules": "spiral-v2"}),
    ("Spy-v0", {}),
    ("Spy-v0", {"clues": "free", "voter": "reader", "scenes": "charts"}),
    ("Spy-v0", {"scenes": "words"}),
    ("Overcooked-v0", {"horizon": 20}),
    ("DeepSearch-v0", {"documents": 200, "solvers": 2, "turns": 4}),
    ("DeepSearch-v0", {"documents": 200, "solvers": 2, "turns": 4, "moves": "numbered"}),
]
IDS = [f"{name}-{'-'.join(map(str, options.values()))}" for name, options in GAMES]
BUGS = {"projects": ["tablet"], "solvers": 4}


def value(field: Field, rng: Rng) -> int | str:
    """A random value that a person can give a field."""
    if isinstance(field, Number):
        # Near the start more often than not, as a slider that was hardly moved.
        few = [n for n in range(-3, 4) if field.low <= field.start + n <= field.high]
        near = field.start + rng.choice(few)
        return near if rng.below(2) else field.low + rng.below(field.high - field.low + 1)
    if isinstance(field, Choice):
        return rng.choice(field.options)[0]
    letters = string.printable + "é…\u202e[]{}<>\x00"
    typed = "".join(rng.choice(letters) for _ in range(rng.below(min(40, field.max_chars))))
    return (field.start, typed, field.start + typed)[rng.below(3)][: field.max_chars]


def act(game: Game[Any], state: Any, seat: int, rng: Rng) -> str | None:
    """A reply by a random button or a form filled at random; None if the form makes none."""
    controls = game.controls(state, seat)
    ways: list[Button | Form] = [*controls.buttons, *controls.forms]
    assert ways, "whoever is to move can do something"
    way = rng.choice(ways)
    if isinstance(way, Button):
        return way.reply
    filled = {field.name: value(field, rng) for field in way.fields}
    try:
        return game.compose(state, seat, way.name, filled)
    except IllegalMove:
        return None


def play_by_controls(game: Game[Any], seed: int) -> None:
    match, rng, legal = Match(game, seed, illegal="random-legal"), Rng(seed), 0
    while not match.over:
        seat = match.awaited[rng.below(len(match.awaited))]
        reply = act(game, match.state, seat, rng)
        if reply is None:
            continue
        # Any other error than an illegal move comes out here.
        match.reply(seat, reply)
        legal += match.log[-1].illegal is None
    assert legal


@pytest.mark.parametrize(("name", "options"), GAMES, ids=IDS)
def test_matches_by_controls_alone_come_to_their_end(name: str, options: dict[str, Any]) -> None:
    game = arenas.make_game(name, **options)
    for seed in range(2):
        play_by_controls(game, seed)
    game.close()


@pytest.mark.slow  # tests of a project are run in the sandbox
@pytest.mark.parametrize("acting", ["structured", "agentic", "one-shot"])
def test_bugs_are_made_and_repaired_by_controls(acting: str) -> None:
    turns = {"solver_turns": 3, "injector_turns": 4} if acting == "agentic" else {}
    game = arenas.make_game("BugRepair-v0", acting=acting, **BUGS, **turns)
    play_by_controls(game, 1)
    game.close()


@pytest.mark.parametrize(("name", "options"), GAMES, ids=IDS)
def test_areas_lie_in_the_picture_and_keys_are_told_apart(
    name: str, options: dict[str, Any]
) -> None:
    game = arenas.make_game(name, **options)
    match, rng = Match(game, 5), Rng(5)
    height, width, _ = game.draw(match.state, match.awaited[0]).shape
    while not match.over:
        for seat in match.awaited:
            controls = game.controls(match.state, seat)
            keys = [button.key for button in controls.buttons if button.key]
            assert len(set(keys)) == len(keys)
            areas = [button.area for button in controls.buttons if button.area]
            for x, y, w, h in areas:
                assert 0 <= x < x + w <= width
                assert 0 <= y < y + h <= height
            assert not any(_overlap(a, b) for a in areas for b in areas if a < b)
            assert (controls.tick is None) == (controls.idle == "")
        moves = {s: game.sample(match.state, s, rng) for s in match.awaited}
        for seat, move in moves.items():
            match.submit(seat, move)
    game.close()


def _overlap(one: Any, other: Any) -> bool:
    return all(
        max(one[i], other[i]) < min(one[i] + one[i + 2], other[i] + other[i + 2]) for i in (0, 1)
    )


LISTING = ["KuhnPoker-v0", "TicTacToe-v0", "Overcooked-v0"]


@pytest.mark.parametrize("game_id", LISTING)
def test_every_button_is_a_legal_move_and_every_legal_move_has_one(game_id: str) -> None:
    game = arenas.make_game(game_id)
    match = Match(game, seed=3, max_cycles=12)
    while not match.over:
        seat = match.awaited[0]
        buttons = game.controls(match.state, seat).buttons
        moves = [game.parse(match.state, seat, button.reply) for button in buttons]
        assert sorted(moves) == sorted(game.legal(match.state, seat) or ())
        match.reply(seat, buttons[0].reply)


def test_whoever_stands_still_in_the_kitchen_stays() -> None:
    game = arenas.make_game("Overcooked-v0")
    state = Match(game, seed=0).state
    controls = game.controls(state, 1)
    assert controls.tick == 0.1
    assert game.format(state, 1, game.parse(state, 1, controls.idle)) == "[stay]"
    keys = {button.key: button.reply for button in controls.buttons}
    assert keys["up"] == "[north]"
    assert keys["space"] == "[interact]"


def test_sliders_make_an_offer_and_the_line_is_said() -> None:
    game = arenas.make_game("Negotiation-v0", preset="two")
    match = Match(game, seed=0)
    values = {"good:Wood": -3, "good:Gold": 2, "say": "fair [Accept]?"}
    reply = game.compose(match.state, 0, "offer", values)
    assert reply == "[Offer: 3 Wood -> 2 Gold] fair (Accept)?"
    match.reply(0, reply)
    assert match.log[-1].illegal is None
    labels = [button.label for button in game.controls(match.state, 1).buttons]
    assert labels == ["Accept", "Deny"]
    assert game.compose(match.state, 1, "answer", {"answer": "deny", "say": ""}) == "[Deny]"
    for bad in ({"good:Wood": -3}, {"good:Wood": -11, "good:Gold": 1}, {"good:Tin": 1}):
        with pytest.raises(IllegalMove, match=r"two sliders|whole number|no field"):
            game.compose(match.state, 1, "offer", bad)
    with pytest.raises(IllegalMove, match="no form"):
        game.compose(match.state, 1, "vote", {})


def test_the_clues_that_are_listed_are_true() -> None:
    game = arenas.make_game("Spy-v0", spy_sees="pair")
    match = Match(game, seed=0)
    (seat,) = match.awaited
    listed, own = game.controls(match.state, seat).forms
    (field,) = listed.fields
    assert isinstance(field, Choice)
    truth = game.world.truth(game.sees(match.state, seat))
    assert all(truth[int(clue)] for clue, _ in field.options)
    false = game.world.say(int((~truth).argmax()))
    reply = game.compose(match.state, seat, own.name, {own.name: false})
    assert game.parse(match.state, seat, reply) == (~truth).argmax()


@pytest.mark.slow  # opens the sandbox
def test_a_file_that_was_edited_becomes_a_diff() -> None:
    game = arenas.make_game("BugRepair-v0", acting="one-shot", **BUGS)
    match = Match(game, seed=0)
    form, *_ = game.controls(match.state, 0).forms
    text, _ = form.fields
    assert isinstance(text, Text)
    assert text.start == game.base(match.state, 0).text(text.label)
    with pytest.raises(IllegalMove, match="change it first"):
        game.compose(match.state, 0, form.name, {})
    reply = game.compose(match.state, 0, form.name, {text.name: text.start + "raise ValueError\n"})
    assert "+raise ValueError" in game.parse(match.state, 0, reply)["bug"]
    game.close()


def test_a_line_is_sent_as_it_is_typed_and_an_empty_one_is_not() -> None:
    game = arenas.make_game("TicTacToe-v0")
    state = Match(game, seed=0).state
    assert game.compose(state, 0, "reply", {"reply": "[4]"}) == "[4]"
    for values in ({"reply": "  "}, {}, {"reply": 4}):
        with pytest.raises(IllegalMove, match="write a move"):
            game.compose(state, 0, "reply", values)


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        ({"many": 4}, "whole number from 0 to 3"),
        ({"many": True}, "whole number"),
        ({"many": "2"}, "whole number"),
        ({"which": "c"}, "choose one"),
        ({"which": 1}, "text"),
        ({"words": "long words"}, "more than 5"),
        ({"other": 1}, "no field 'other'"),
    ],
)
def test_values_out_of_a_form_are_refused(values: dict[str, Any], problem: str) -> None:
    fields = (
        Number("many", "How many", 0, 3, 1),
        Choice("which", "Which", (("a", "A"), ("b", "B")), "a"),
        Text("words", "Words", 5),
    )
    controls = Controls(forms=(Form("form", fields),))
    assert read_form(controls, "form", {}) == {"many": 1, "which": "a", "words": ""}
    assert read_form(controls, "form", {"many": 3})["many"] == 3
    with pytest.raises(ValueError, match=problem):
        read_form(controls, "form", values)
