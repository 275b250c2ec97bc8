"""The contract test on every registered game with its options."""

import pytest
from cases import IDS

from arenas.testing import check_game

OPTIONS = {
    "selfplay/KuhnPoker-v0": [
        {},
        {"players": 3},
        {"players": 4, "hands": 3},
        {"hands": 50},
        {"rules": "textarena-0.7.4"},
        {"rules": "spiral-v1", "hands": 2},
    ],
    "selfplay/Negotiation-v0": [
        {},
        {"preset": "two", "moves": "discrete", "reward": "zero_sum"},
        {"preset": "eight", "players": 4, "reward": "shared", "talk": False},
        {"rules": "textarena-0.7.4"},
        {"rules": "spiral-v2", "mirrored": True},
    ],
    "selfplay/Spy-v0": [
        {"matches": 3},
        {"matches": 3, "published": "v1-code", "reward": "outcome", "scenes": "charts"},
        {"matches": 3, "scenes": "words", "clues": "free", "reward": "clue", "players": 3},
    ],
    "selfplay/TicTacToe-v0": [
        {},
        {"size": 4, "win_length": 3},
        {"size": 5},
        {"size": 7, "win_length": 7},
    ],
}


def cases():
    for game_id in IDS:
        for options in OPTIONS.get(game_id, [{}]):
            yield pytest.param(game_id, options, id=f"{game_id.split('/')[1]}-{options}")


@pytest.mark.parametrize(("game_id", "options"), list(cases()))
def test_game_keeps_its_contract(game_id, options):
    check_game(game_id, **options)
