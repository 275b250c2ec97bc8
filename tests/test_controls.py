"""What a person can press: every control of every game ends in a reply that the game reads."""

from __future__ import annotations

import pytest

import arenas
from arenas.core.game import IllegalMove
from arenas.core.match import Match


@pytest.mark.parametrize("game_id", ["KuhnPoker-v0", "TicTacToe-v0"])
def test_every_button_is_a_legal_move_and_every_legal_move_has_one(game_id: str) -> None:
    game = arenas.make_game(game_id)
    match = Match(game, seed=3)
    while not match.over:
        (seat,) = match.awaited
        buttons = game.controls(match.state, seat).buttons
        moves = [game.parse(match.state, seat, button.reply) for button in buttons]
        assert sorted(moves) == sorted(game.legal(match.state, seat))
        match.reply(seat, buttons[0].reply)


def test_a_line_is_sent_as_it_is_typed_and_an_empty_one_is_not() -> None:
    game = arenas.make_game("TicTacToe-v0")
    state = Match(game, seed=0).state
    assert game.compose(state, 0, "reply", {"reply": "[4]"}) == "[4]"
    for values in ({"reply": "  "}, {}, {"reply": 4}):
        with pytest.raises(IllegalMove, match="write a move"):
            game.compose(state, 0, "reply", values)
