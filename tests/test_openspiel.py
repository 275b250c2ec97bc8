"""Kuhn poker and TicTacToe against OpenSpiel's: same moves, same knowledge, same rewards."""

from __future__ import annotations

import math
import random

import numpy as np
import pytest

import arenas

pyspiel = pytest.importorskip("pyspiel", reason="OpenSpiel is optional")


@pytest.mark.parametrize("players", [2, 3, 4])
def test_every_history_of_kuhn_poker_agrees(players):
    game = arenas.make_game("KuhnPoker-v0", players=players)
    peer_game = pyspiel.load_game("kuhn_poker", {"players": players})
    histories = 0

    def compare(state, peer):
        nonlocal histories
        histories += 1
        movers = game.movers(state)
        assert bool(movers) == (not peer.is_terminal())
        if not movers:
            assert list(game.outcome(state).rewards) == peer.returns()
            return
        (seat,) = movers
        assert seat == peer.current_player()
        assert list(game.legal(state, seat)) == peer.legal_actions()
        assert np.flatnonzero(game.mask(state, seat)).tolist() == peer.legal_actions()
        for other in range(players):
            assert game.info_state(state, other) == peer.information_state_string(other)
        for action in peer.legal_actions():
            compare(game.play(game.copy(state), {seat: action}), peer.child(action))

    deals = list(game.chance())
    for probability, start in deals:
        peer, peer_probability = peer_game.new_initial_state(), 1.0
        for seat in range(players):
            card = int(game.info_state(start, seat))
            peer_probability *= dict(peer.chance_outcomes())[card]
            peer.apply_action(card)
        assert probability == pytest.approx(peer_probability, abs=1e-12)
        compare(start, peer)
    # No deal is missing, and no history: before a bet there are `players` places to act, after one
    # in each place a binary tree of the others' answers, and all may check.
    assert len({game.key(start) for _, start in deals}) == math.factorial(players + 1)
    assert histories == len(deals) * (players + players * (2**players - 1) + 1)


def test_deals_of_kuhn_poker_come_up_equally_often():
    env = arenas.make("KuhnPoker-v0")
    env.reset(seed=0)
    counts = {}
    for _ in range(6_000):
        env.reset()
        deal = tuple(env.game.info_state(env.match.state, seat) for seat in (0, 1))
        counts[deal] = counts.get(deal, 0) + 1
    # Chi squared with 5 degrees of freedom exceeds 20.5 once in a thousand.
    assert len(counts) == 6
    assert sum((n - 1_000) ** 2 / 1_000 for n in counts.values()) < 20.5


def test_random_games_of_tictactoe_agree():
    env, peer_game = arenas.make("TicTacToe-v0"), pyspiel.load_game("tic_tac_toe")
    rng = random.Random(0)
    results = set()
    for seed in range(10_000):
        env.reset(seed=seed)
        peer = peer_game.new_initial_state()
        while not peer.is_terminal():
            assert env.agent_selection == f"player_{peer.current_player()}"
            legal = peer.legal_actions()
            assert env.last()[0]["action_mask"].nonzero()[0].tolist() == legal
            action = rng.choice(legal)
            env.step(action)
            peer.apply_action(action)
        assert list(env.match.outcome.rewards) == peer.returns()
        assert all(env.terminations.values())
        results.add(tuple(peer.returns()))
    assert results == {(1.0, -1.0), (-1.0, 1.0), (0.0, 0.0)}
