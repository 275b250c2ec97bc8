"""Whole matches as readable text, compared line by line.

After a change that is meant, `python tests/test_golden.py` writes them anew; read the diff.
"""

from pathlib import Path

import pytest

from arenas.testing import transcript

FOLDER = Path(__file__).parent / "golden"

CASES = {
    "kuhn_poker_bluff": ("KuhnPoker-v0", ["nash", "scripted"], 10, {}),
    "kuhn_poker_three_players": (
        "KuhnPoker-v0",
        ["scripted", "random", "random"],
        2,
        {"players": 3},
    ),
    "kuhn_poker_four_hands": ("KuhnPoker-v0", ["nash:0.2", "random"], 5, {"hands": 4}),
    "kuhn_poker_spiral": ("KuhnPoker-v0", ["scripted", "random"], 1, {"rules": "spiral-v1"}),
    "kuhn_poker_textarena": (
        "KuhnPoker-v0",
        ["scripted", "random"],
        1,
        {"rules": "textarena-0.7.4"},
    ),
    "negotiation_bayesian": ("Negotiation-v0", ["bayesian", "concession"], 1, {}),
    "negotiation_two_goods": (
        "Negotiation-v0",
        ["exact:greedy", "greedy"],
        0,
        {"preset": "two", "turns": 4},
    ),
    "negotiation_textarena": (
        "Negotiation-v0",
        ["greedy", "random"],
        3,
        {"rules": "textarena-0.7.4", "turns": 4},
    ),
    "tictactoe_draw": ("TicTacToe-v0", ["exact", "exact"], 0, {}),
    "tictactoe_win": ("TicTacToe-v0", ["exact", "random"], 4, {}),
    "tictactoe_5x5": ("TicTacToe-v0", ["scripted", "random"], 0, {"size": 5}),
}


def play(case):
    game_id, players, seed, options = CASES[case]
    return transcript(game_id, players, seed, **options)


@pytest.mark.parametrize("case", CASES)
def test_match_is_played_and_told_as_before(case):
    kept = (FOLDER / f"{case}.txt").read_text(encoding="utf-8")
    assert play(case) == kept, "if the change is meant: python tests/test_golden.py"


def test_no_transcript_is_left_over():
    assert {path.stem for path in FOLDER.glob("*.txt")} == set(CASES)


if __name__ == "__main__":
    for each in CASES:
        (FOLDER / f"{each}.txt").write_text(play(each), encoding="utf-8")
