"""Players of Negotiation: legal everywhere, exact where they say so, better where they should."""

from __future__ import annotations

import numpy as np
import pytest

import arenas
from arenas.core.match import Match
from arenas.core.policy import Turn
from arenas.core.rng import Rng
from arenas.games.negotiation import rules as flat
from arenas.policies.best_response import BestResponse
from arenas.rating.results import Results
from arenas.rollout.matches import sitting_of

ID = "Negotiation-v0"
NAMES = ["random", "greedy", "concession", "concession:0.3", "bayesian"]
OPTIONS = [
    {},
    {"preset": "two", "moves": "discrete", "largest": 6},
    {"preset": "eight", "turns": 4},
    {"rules": "textarena-0.7.4", "turns": 5},
    {"rules": "spiral-v2"},
    {"turns": 2, "reward": "shared"},
]


def results_of(one, two, pairs, **options):
    """Both players' results over mirrored pairs."""
    results = Results([one, two])
    records = arenas.play_matches(ID, [one, two], 2 * pairs, options=options)
    for number, record in enumerate(records):
        results.add(record, sitting_of(number, 2))
    return results.table()


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_players_make_legal_moves_only(options):
    for one, two in zip(NAMES, [*NAMES[1:], NAMES[0]], strict=True):
        for reward in ("zero_sum", "surplus"):
            own = {"reward": reward, **options}
            for record in arenas.play_matches(ID, [one, two], 6, options=own, illegal="raise"):
                assert record.illegal_moves == [0, 0]
                assert record.reason in ("deal", "no deal")


def test_greedy_and_concession_sit_with_several_others():
    names = ["greedy", "concession", "random", "greedy"]
    records = list(arenas.play_matches(ID, names, 8, options={"players": 4}, illegal="raise"))
    assert sum(record.evidence["trades"] for record in records) > 8
    with pytest.raises(ValueError, match="one other seat"):
        arenas.make_player(ID, "bayesian", arenas.make_game(ID, players=3))


@pytest.mark.parametrize(
    ("player", "complaint"),
    [
        ("greedy:1", "takes no argument"),
        ("bayesian:1", "takes no argument"),
        ("concession:0", "above 0"),
        ("concession:nan", "above 0"),
        ("concession:x", "above 0"),
        ("exact", "exact:NAME"),
        ("exact:random", "exact:NAME"),
        ("exact:bayesian", "exact:NAME"),
        ("exact:greedy", "fixed values"),
    ],
)
def test_players_refuse_what_they_do_not_take(player, complaint):
    with pytest.raises(ValueError, match=complaint):
        arenas.make_player(ID, player, arenas.make_game(ID))


# -- what they know --------------------------------------------------------------------------------


@pytest.mark.parametrize("rules", ["standard", "textarena-0.7.4"])
def test_the_bayesian_players_account_is_the_view(rules):
    game = arenas.make_game(ID, rules=rules)
    player = arenas.make_player(ID, "bayesian", game)
    for seed in range(40):
        match, rng = Match(game, seed), Rng(seed)
        while not match.over:
            seat = match.awaited[0]
            turn = Turn.of(match, seat)
            known, goods = player.history(turn), len(game.goods)
            parts = turn.view[3:].reshape(-1, goods)
            assert [known.values.tolist(), known.stock.tolist(), known.start.tolist()] == [
                part.tolist() for part in parts[:3]
            ]
            facing = parts[3].tolist() if turn.view[1] > 1 else None
            assert (known.offered.tolist() if known.offered is not None else None) == facing
            shown = game.shown(match.state.row)[1 - seat]
            assert known.shown.tolist() == shown
            match.submit(seat, game.sample(match.state, seat, rng))


def test_beliefs_move_towards_what_the_other_values():
    game = arenas.make_game(ID)
    player, other = (arenas.make_player(ID, name, game) for name in ("bayesian", "greedy"))
    before, after = [], []
    for seed in range(60):
        match = Match(game, seed)
        while not match.over:
            seat = match.awaited[0]
            turn = Turn.of(match, seat)
            if seat == 0:
                weights, _ = player.weights(player.history(turn))
                assert weights.sum() == pytest.approx(1)
            match.submit(seat, (player, other)[seat].act([turn])[0].move)
        true = np.array(game.private(match.state.row, 1, flat.VALUE))
        middle = player.market.middle
        spread = player.market.high - player.market.low
        mean = weights.sum(0) @ player._worths
        before.append((((middle - true) / spread) ** 2).mean())
        after.append((((mean - true) / spread) ** 2).mean())
    assert np.mean(after) < 0.95 * np.mean(before)


def test_a_player_that_concedes_asks_for_less_and_less():
    game = arenas.make_game(ID)
    player = arenas.make_player(ID, "concession", game)
    match, gains = Match(game, 3), []
    while not match.over:
        if match.awaited[0] == 0:
            move = player.act([Turn.of(match, 0)])[0].move
            if move[0] == flat.OFFER:
                amounts = np.array(move[1:]) - game.largest
                gains.append(amounts @ game.private(match.state.row, 0, flat.VALUE))
            match.submit(0, move)
        else:
            match.submit(1, game.answer_move("deny"))
    assert len(gains) == 5
    assert gains == sorted(set(gains), reverse=True)


# -- how well they play ----------------------------------------------------------------------------


@pytest.mark.parametrize("reward", ["zero_sum", "surplus", "shared"])
@pytest.mark.parametrize("other", ["greedy", "concession", "concession:3"])
def test_the_exact_player_earns_what_it_says_and_nobody_earns_more(other, reward):
    options = {"preset": "two", "reward": reward}
    game = arenas.make_game(ID, **options)
    exact = arenas.make_player(ID, f"exact:{other}", game)
    for seat in (0, 1):
        value = exact.value(seat)
        for name in (f"exact:{other}", "greedy", "concession", "bayesian", "random"):
            sitting = [name, other] if seat == 0 else [other, name]
            matches = 20 if name == "random" else 1
            for record in arenas.play_matches(ID, sitting, matches, swap=False, options=options):
                earned = record.rewards[seat]
                assert earned == value if name.startswith("exact") else earned <= value


@pytest.mark.parametrize("reward", ["zero_sum", "surplus"])
@pytest.mark.parametrize("turns", [2, 4])
def test_the_exact_player_is_the_best_response_of_the_whole_tree(turns, reward):
    options = {"preset": "two", "moves": "discrete", "largest": 2, "turns": turns, "reward": reward}
    game = arenas.make_game(ID, **options)
    exact = arenas.make_player(ID, "exact:greedy", game)

    class Greedy(type(exact.other)):
        def distribution(self, turn):
            row = [0.0] * game.num_actions
            row[self.move(turn)] = 1.0
            return row

    best = BestResponse(game, Greedy(game))
    for seat in (0, 1):
        assert exact.value(seat) == pytest.approx(best.value(seat), abs=1e-12)


@pytest.mark.slow  # Sixty pairs of matches with a player that thinks for milliseconds a move.
@pytest.mark.parametrize("reward", ["zero_sum", "surplus"])
@pytest.mark.parametrize("other", ["greedy", "concession"])
def test_the_bayesian_player_beats_greedy_and_concession(other, reward):
    mine, theirs = results_of("bayesian", other, 60, reward=reward)
    assert mine.mean > theirs.mean
    assert mine.mean - mine.interval > 0
