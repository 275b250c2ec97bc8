"""Kuhn poker against the paper, against solvers, and against the variants that others published."""

from __future__ import annotations

import json
import random

import numpy as np
import pytest
from cases import kuhn_hand, random_move

import arenas
from arenas.core.match import Match
from arenas.core.policy import Turn
from arenas.core.rng import Rng
from arenas.policies.best_response import BestResponse
from arenas.policies.tabular import TabularPolicy

VALUE = -1 / 18  # To whoever acts first: Kuhn, "A simplified two-person poker" (1950).

# What the first player wins, by cards (first player's, second player's) and actions in turn:
# p passes (checks or folds), b bets or calls. Ante 1, bet 1.
PAYOFFS = """
cards   pp  pbp  pbb  bp  bb
J Q     -1   -1   -2   1  -2
J K     -1   -1   -2   1  -2
Q J      1   -1    2   1   2
Q K     -1   -1   -2   1  -2
K J      1   -1    2   1   2
K Q      1   -1    2   1   2
"""


def play(game, start, actions):
    state = start
    for action in actions:
        (seat,) = game.movers(state)
        state = game.play(state, {seat: "pb".index(action)})
    return state


def test_every_terminal_line_pays_what_the_paper_says():
    game = arenas.make_game("KuhnPoker-v0")
    header, *rows = PAYOFFS.strip().splitlines()
    lines = header.split()[1:]
    starts = {}
    for probability, start in game.chance():
        assert probability == pytest.approx(1 / 6)
        starts[tuple("JQK"[int(game.info_state(start, seat))] for seat in (0, 1))] = start
    assert len(rows) == len(starts)
    for row in rows:
        first, second, *chips = row.split()
        for line, won in zip(lines, map(int, chips), strict=True):
            end = play(game, starts[first, second], line)
            assert game.movers(end) == ()
            assert game.outcome(end).rewards == (won, -won), (row, line)


def expected(game, policies):
    """The expected reward of each seat, by walking every deal and every line."""

    def value(state):
        movers = game.movers(state)
        if not movers:
            return game.outcome(state).rewards
        (seat,) = movers
        row = policies[seat].distribution(Turn(game, state, seat, Rng(0)))
        after = [(p, value(game.play(state, {seat: a}))) for a, p in enumerate(row) if p]
        return [sum(p * rewards[s] for p, rewards in after) for s in range(game.spec.seats)]

    deals = [(p, value(start)) for p, start in game.chance()]
    return [sum(p * rewards[s] for p, rewards in deals) for s in range(game.spec.seats)]


ALPHAS = ("", ":0", ":0.1", ":0.25", ":0.3333333333")


@pytest.mark.parametrize("first", ALPHAS)
@pytest.mark.parametrize("second", ALPHAS)
def test_nash_players_meet_at_the_value_of_the_game(first, second):
    game = arenas.make_game("KuhnPoker-v0")
    players = [arenas.make_player("KuhnPoker-v0", f"nash{a}", game) for a in (first, second)]
    assert expected(game, players) == pytest.approx([VALUE, -VALUE], abs=1e-9)


@pytest.mark.parametrize("alpha", ALPHAS)
def test_nash_players_cannot_be_exploited(alpha):
    game = arenas.make_game("KuhnPoker-v0")
    best = BestResponse(game, arenas.make_player("KuhnPoker-v0", f"nash{alpha}", game))
    assert [best.value(0), best.value(1)] == pytest.approx([VALUE, -VALUE], abs=1e-9)


def test_uniform_play_has_a_nash_gap_of_eleven_twelfths():
    game = arenas.make_game("KuhnPoker-v0")
    best = BestResponse(game, arenas.make_player("KuhnPoker-v0", "random", game))
    assert best.value(0) + best.value(1) == pytest.approx(11 / 12, abs=1e-12)


@pytest.mark.parametrize(
    ("player", "complaint"),
    [
        ("nash:0.4", "lies in"),
        ("nash:-0.1", "lies in"),
        ("nash:nan", "lies in"),
        ("nash:x", "number"),
        ("scripted:1", "takes no argument"),
    ],
)
def test_players_refuse_arguments_out_of_range(player, complaint):
    game = arenas.make_game("KuhnPoker-v0")
    with pytest.raises(ValueError, match=complaint):
        arenas.make_player("KuhnPoker-v0", player, game)


@pytest.mark.parametrize("options", [{"players": 3}, {"rules": "spiral-v1"}])
def test_nash_player_sits_only_where_its_equilibrium_is_known(options):
    game = arenas.make_game("KuhnPoker-v0", **options)
    with pytest.raises(ValueError, match="'scripted' or 'random'"):
        arenas.make_player("KuhnPoker-v0", "nash", game)


@pytest.mark.parametrize("players", [2, 3])
def test_best_responses_agree_with_openspiel_on_random_policies(players):
    pyspiel = pytest.importorskip("pyspiel", reason="OpenSpiel is optional")
    from open_spiel.python import policy as peer_policy
    from open_spiel.python.algorithms import best_response, exploitability

    game = arenas.make_game("KuhnPoker-v0", players=players)
    peer_game = pyspiel.load_game("kuhn_poker", {"players": players})
    rng = random.Random(0)
    for _ in range(10 if players == 2 else 3):
        peer = peer_policy.TabularPolicy(peer_game)
        table = {}
        for key, index in peer.state_lookup.items():
            bet = rng.choice([0.0, 1.0, rng.random()])
            peer.action_probability_array[index] = table[key] = (1 - bet, bet)
        policy = TabularPolicy(table)
        best = BestResponse(game, policy)
        root = peer_game.new_initial_state()
        for seat in range(players):
            peer_best = best_response.BestResponsePolicy(peer_game, seat, peer)
            assert best.value(seat) == pytest.approx(peer_best.value(root), abs=1e-9)
            # The policy of the response earns what it says.
            sitting = [best if s == seat else policy for s in range(players)]
            assert expected(game, sitting)[seat] == pytest.approx(best.value(seat), abs=1e-9)
        gap = sum(map(best.value, range(players))) - sum(expected(game, [policy] * players))
        assert gap == pytest.approx(exploitability.nash_conv(peer_game, peer), abs=1e-9)


# -- matches of several hands ----------------------------------------------------------------------


def play_and_recount(match, rng, bet=1, first_opener=0):
    """Plays randomly, checking every mover against the rules; returns chips and winners by hand."""
    game, players = match.game, match.game.players
    moves = []
    while match.outcome is None:
        (seat,) = match.awaited
        move = rng.choice(game.legal(match.state, seat))
        moves.append((seat, "pb"[move]))
        match.submit(seat, move)
    results, left = [], iter(moves)
    for hand, told in enumerate(match.outcome.evidence["hands"]):
        opener, actions, result = (first_opener + hand) % players, "", None
        cards = ["JQK", "JQKA", "TJQKA"][players - 2]
        dealt = [cards.index(card) for card in told["cards"]]
        assert len(set(dealt)) == players
        while result is None:
            seat, action = next(left)
            assert seat == (opener + len(actions)) % players
            actions += action
            result = kuhn_hand(dealt, actions, opener, bet)
        assert told["opener"] == opener
        assert told["actions"] == actions
        assert told["winner"] == result.winner
        results.append(result)
    assert next(left, None) is None
    chips = [sum(seat) for seat in zip(*(hand.chips for hand in results), strict=True)]
    return chips, [hand.winner for hand in results]


@pytest.mark.parametrize("players", [2, 3, 4])
@pytest.mark.parametrize("hands", [1, 2, 5, 50])
def test_a_match_pays_the_chips_of_all_its_hands(players, hands):
    game, rng = arenas.make_game("KuhnPoker-v0", players=players, hands=hands), random.Random(0)
    last_hand_decides = True
    for seed in range(60):
        match = Match(game, seed)
        chips, winners = play_and_recount(match, rng)
        assert list(match.outcome.rewards) == chips == match.outcome.evidence["chips"]
        assert sum(chips) == 0
        last_hand_decides &= chips[winners[-1]] == max(chips)
    assert last_hand_decides == (hands == 1)


def test_a_match_of_two_hands_is_fair_and_stays_an_equilibrium():
    game = arenas.make_game("KuhnPoker-v0", hands=2)
    nash = arenas.make_player("KuhnPoker-v0", "nash:0.2", game)
    best = BestResponse(game, nash)
    assert expected(game, [nash, nash]) == pytest.approx([0, 0], abs=1e-9)
    assert [best.value(0), best.value(1)] == pytest.approx([0, 0], abs=1e-9)


# -- variants --------------------------------------------------------------------------------------


@pytest.fixture
def textarena():
    """TextArena 0.7.4; it draws from the global generator, which is put back afterwards."""
    textarena = pytest.importorskip("textarena", reason="TextArena is optional")
    state = random.getstate()
    yield textarena
    random.setstate(state)


@pytest.mark.parametrize("hands", [3, 1, 5])
@pytest.mark.parametrize("slips", [0.0, 0.1])
def test_textarena_variant_plays_as_textarena(textarena, hands, slips):
    from textarena.envs.KuhnPoker.env import KuhnPokerEnv

    env = arenas.make("KuhnPoker-v0", rules="textarena-0.7.4", hands=hands, view="text")
    rng, results = random.Random(0), set()
    for seed in range(500):
        env.reset(seed=seed)
        peer, dealt = KuhnPokerEnv(max_rounds=hands), 0
        peer.reset(num_players=2)
        while env.match.outcome is None:
            state = peer.state.game_state
            if state["current_round"] > dealt:
                dealt = state["current_round"]
                told = [env.game.info_state(env.match.state, seat) for seat in (0, 1)]
                state["player_cards"] = {s: int(told[s].split("/")[-1][0]) for s in (0, 1)}
            seat = env.match.awaited[0]
            assert seat == peer.state.current_player_id
            legal = [f"[{word}]" for word in state["current_legal_action_tree"]]
            ours = env.game.legal(env.match.state, seat)
            assert {env.game.format(env.match.state, seat, move) for move in ours} == set(legal)
            reply = "[raise]" if rng.random() < slips else rng.choice(legal)
            env.step(reply)
            done, _ = peer.step(reply)
            assert done == (env.match.outcome is not None)
        rewards, _ = peer.close()
        assert env.match.outcome.rewards == (rewards[0], rewards[1])
        results.add(rewards[0])
    # An odd number of antes cannot be split evenly.
    assert results == {-1, 1}


def test_spiral_variant_pays_the_winner_of_the_last_of_five_hands():
    game, rng = arenas.make_game("KuhnPoker-v0", rules="spiral-v1"), random.Random(0)
    assert game.hands == 5
    disagreements = 0
    for seed in range(500):
        match = Match(game, seed)
        # Player 1 opens, bets move no chips: the pot is the two antes.
        chips, winners = play_and_recount(match, rng, bet=0, first_opener=1)
        winner = winners[-1]
        assert match.outcome.rewards[winner] == 1
        assert match.outcome.rewards[1 - winner] == -1
        assert match.outcome.evidence["chips"] == chips
        disagreements += chips[winner] < 0
    # The known flaw of this variant: the winner is often not the one with more chips.
    assert disagreements > 100


# -- illegal moves and words -----------------------------------------------------------------------


@pytest.mark.parametrize("players", [2, 3, 4])
@pytest.mark.parametrize("hands", [1, 5])
@pytest.mark.parametrize("bets", [0, 1])
def test_an_illegal_move_forfeits_the_most_that_the_match_could_cost(players, hands, bets):
    env = arenas.make("KuhnPoker-v0", players=players, hands=hands, illegal="retry:0")
    env.reset(seed=1)
    for _ in range(bets):
        env.step(1)
    offender = env.agent_selection
    env.step(7)
    assert env.match.outcome.reason == "forfeit"
    loss = 2 * hands  # Ante and bet, lost in every hand.
    assert env.rewards == {
        agent: -loss if agent == offender else loss / (players - 1) for agent in env.agents
    }
    assert sum(env.rewards.values()) == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize(
    ("before", "reply", "reason"),
    [
        ([], "[call]", "[check] [bet]"),
        ([], "[fold]", "[check] [bet]"),
        (["[bet]"], "[check]", "[fold] [call]"),
        (["[bet]"], "[bet]", "[fold] [call]"),
        (["[check]", "[bet]"], "[check]", "[fold] [call]"),
    ],
)
def test_a_word_that_does_not_fit_the_turn_is_refused_with_the_legal_ones(before, reply, reason):
    env = arenas.make("KuhnPoker-v0", view="text")
    env.reset(seed=0)
    for legal in before:
        env.step(legal)
    agent, state = env.agent_selection, env.match.state
    env.step(reply)
    assert env.agent_selection == agent
    assert env.match.state == state
    assert env.infos[agent]["illegal_moves"] == 1
    assert reply in env.infos[agent]["illegal_reason"]
    assert reason in env.infos[agent]["illegal_reason"]


@pytest.mark.parametrize("rules", ["kuhn-1950", "textarena-0.7.4", "spiral-v1"])
def test_the_prompt_says_what_the_seat_needs_to_know(rules):
    env = arenas.make("KuhnPoker-v0", rules=rules, view="text")
    env.reset(seed=0)
    text = env.last()[0]["text"]
    card = "JQK"[int(env.game.info_state(env.match.state, env.match.awaited[0])[0])]
    assert f"Your card: {card}." in text
    assert "Your move: [check] or [bet]" in text
    assert ("costs 1 chip" in text) == (rules == "kuhn-1950")
    assert ("last hand" in text) == (rules == "spiral-v1")


def test_random_play_uses_every_line():
    env, rng, lines = arenas.make("KuhnPoker-v0"), random.Random(0), set()
    for seed in range(200):
        env.reset(seed=seed)
        while env.match.outcome is None:
            env.step(random_move(env.match, env.match.awaited[0], "array", rng))
        lines.add(env.match.outcome.evidence["hands"][0]["actions"])
    assert lines == {"pp", "pbp", "pbb", "bp", "bb"}


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"players": 1}, "2, 3 or 4"),
        ({"players": 5}, "2, 3 or 4"),
        ({"players": 2.0}, "2, 3 or 4"),
        ({"players": "2"}, "2, 3 or 4"),
        ({"players": [2]}, "2, 3 or 4"),
        ({"hands": 0}, "1 to 50"),
        ({"hands": 51}, "1 to 50"),
        ({"hands": 2.0}, "1 to 50"),
        ({"hands": True}, "1 to 50"),
        ({"hands": "3"}, "1 to 50"),
        ({"rules": "kuhn"}, "kuhn-1950, textarena-0.7.4, spiral-v1"),
        ({"rules": ["kuhn-1950"]}, "kuhn-1950, textarena-0.7.4, spiral-v1"),
        ({"rules": "spiral-v1", "players": 3}, "game of two"),
    ],
)
def test_bad_options_are_refused_with_what_is_possible(options, complaint):
    with pytest.raises(ValueError, match=complaint):
        arenas.make("KuhnPoker-v0", **options)


def test_options_are_kept_as_plain_integers():
    game = arenas.make_game("KuhnPoker-v0", players=np.int64(3), hands=np.uint8(2))
    assert json.loads(json.dumps(game.options)) == game.options
    assert game.options == {"players": 3, "hands": 2, "rules": "kuhn-1950"}
