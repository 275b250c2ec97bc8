"""Games whose seats move at once or each for itself: who sees what, and their environments."""

from __future__ import annotations

import random

import numpy as np
import pytest
from cases import ILLEGAL, VIEWS, pettingzoo_checks, plain, warned
from pettingzoo.utils.conversions import aec_to_parallel
from toy_games import MatchingPennies, Solvers

import arenas
from arenas.core.aec import GameEnv
from arenas.core.game import IllegalMove
from arenas.core.match import Match, MatchOver
from arenas.core.parallel import ParallelGameEnv


def test_movers_at_once_do_not_see_each_other():
    match = Match(MatchingPennies(), 0, language=True)
    told = match.conversation.messages(0)
    assert match.awaited == (0, 1)
    match.submit(1, 0)
    assert match.awaited == (0,)
    assert match.state == ()
    assert match.conversation.messages(0) == told
    with pytest.raises(ValueError, match="seat 1 is not to move"):
        match.submit(1, 1)
    match.submit(0, 0)
    assert match.state == ((0, 0),)
    assert match.awaited == (0, 1)
    assert match.totals == (1.0, -1.0)
    assert match.conversation.messages(0)[-1]["content"] == "Rounds so far, yours first: h/h."


@pytest.mark.parametrize("illegal", ILLEGAL[:-2])
def test_an_illegal_move_of_one_holds_back_the_others_move(illegal):
    match = Match(MatchingPennies(), 0, illegal)
    match.submit(0, 1)
    if illegal == "raise":
        with pytest.raises(IllegalMove):
            match.submit(1, 2)
    else:
        match.submit(1, 2)
    if illegal == "retry:0":
        assert match.outcome.rewards == (3.0, -3.0)
        return
    assert (match.awaited, match.state, match.plies) == ((1,), (), 0)
    match.submit(1, 1)
    assert (match.awaited, match.state, match.plies) == ((0, 1), ((1, 1),), 2)


def test_second_mover_of_an_environment_sees_nothing_of_the_first():
    env = GameEnv(MatchingPennies(), view="both")
    env.reset(seed=0)
    before = plain(env.observe("player_1")), plain(env.infos["player_1"])
    env.step(1)
    assert env.agent_selection == "player_1"
    assert (plain(env.observe("player_1")), plain(env.infos["player_1"])) == before
    assert env.rewards == {"player_0": 0.0, "player_1": 0.0}
    assert not env.observe("player_0")["action_mask"].any()
    env.step(1)
    assert env.agent_selection == "player_0"
    assert env.rewards == {"player_0": 1.0, "player_1": -1.0}


TOYS = {
    "at once": MatchingPennies,
    "independent": Solvers,
    "independent, in step": lambda: Solvers([2, 2, 2]),
}


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("toy", TOYS.values(), ids=TOYS)
def test_other_turn_structures_pass_pettingzoo(toy, view):
    def make():
        return GameEnv(toy(), view)

    with warned() as messages:
        pettingzoo_checks.api_test(make(), 1_000)
        pettingzoo_checks.seed_test(make)
    assert all("NumPy array" in m or "probably should be" in m for m in messages)


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("toy", ["at once", "independent, in step"])
def test_simultaneous_games_pass_the_parallel_checks(toy, view):
    def make():
        return ParallelGameEnv(TOYS[toy](), view)

    pettingzoo_checks.parallel_api_test(make(), 1_000)
    pettingzoo_checks.parallel_seed_test(make)


def test_games_in_turns_make_no_parallel_environment():
    for game in (arenas.make_game("TicTacToe-v0"), Solvers()):
        with pytest.raises(ValueError, match="AEC environment"):
            ParallelGameEnv(game)


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("toy", ["at once", "independent, in step"])
def test_parallel_environment_plays_as_the_aec_environment(toy, view):
    ours, theirs = ParallelGameEnv(TOYS[toy](), view), aec_to_parallel(GameEnv(TOYS[toy](), view))
    rng = random.Random(0)
    for seed in range(20):
        assert plain(ours.reset(seed=seed)) == plain(theirs.reset(seed=seed))
        while ours.agents:
            moves = {agent: rng.randrange(2) for agent in ours.agents}
            if view == "text":
                moves = {
                    agent: ours.game.format(ours.match.state, 0, move)
                    for agent, move in moves.items()
                }
            assert plain(ours.step(moves)) == plain(theirs.step(moves))
        assert theirs.agents == []


def test_parallel_step_waits_for_whoever_moved_illegally():
    env = ParallelGameEnv(MatchingPennies())
    env.reset(seed=0)
    observations, rewards, *_, infos = env.step({"player_0": 1, "player_1": 9})
    assert rewards == {"player_0": 0.0, "player_1": 0.0}
    assert "illegal_reason" in infos["player_1"]
    assert "illegal_reason" not in infos["player_0"]
    assert not observations["player_0"]["action_mask"].any()
    assert observations["player_1"]["action_mask"].all()
    # The first move of player_0 stands.
    _, rewards, *_ = env.step({"player_0": 0, "player_1": 1})
    assert rewards == {"player_0": 1.0, "player_1": -1.0}
    with pytest.raises(ValueError, match="no action for player_1"):
        env.step({"player_0": 0})
    while env.agents:
        *_, terminated, _, _ = env.step({"player_0": 0, "player_1": 0})
    assert terminated == {"player_0": True, "player_1": True}
    with pytest.raises(MatchOver):
        env.step({"player_0": 0, "player_1": 0})


def test_penalties_among_simultaneous_movers_keep_the_sum():
    env = ParallelGameEnv(MatchingPennies(), illegal="penalty:0.5")
    totals = np.zeros(2)
    env.reset(seed=0)
    for moves in ((0, 9), (9, 9), (1, 1)):
        _, rewards, terminated, *_ = env.step(dict(zip(env.possible_agents, moves, strict=True)))
        assert sum(rewards.values()) == pytest.approx(0)
        totals += list(rewards.values())
    assert all(terminated.values())
    assert env.match.outcome.rewards == pytest.approx(totals)
    assert env.match.outcome.evidence["penalties"] == [0.5, -0.5]


def test_independent_movers_each_take_their_own_turns():
    game = Solvers([1, 2, 3])
    match = Match(game, 4, language=True)
    secret = match.state[0]
    wrong = (secret + 1) % 10
    match.submit(2, wrong)
    match.submit(2, wrong)
    assert match.awaited == (0, 1, 2)
    match.submit(0, secret)
    assert match.awaited == (1, 2)
    with pytest.raises(ValueError, match="seat 0 is not to move"):
        match.submit(0, secret)
    told = match.conversation.messages(1)
    match.submit(2, secret)
    assert match.conversation.messages(1) == told
    assert match.awaited == (1,)
    match.submit(1, wrong)
    match.submit(1, wrong)
    assert match.outcome.rewards == (1.0, 0.0, 1.0)
    assert [entry.seat for entry in match.log] == [2, 2, 0, 2, 1, 1]


def test_order_of_independent_movers_does_not_matter():
    rng, ends = random.Random(0), set()
    game = Solvers([1, 2, 3])
    for _ in range(20):
        match = Match(game, 4)
        while match.outcome is None:
            seat = rng.choice(match.awaited)
            match.submit(seat, len(match.state[1][seat]) + seat)
        ends.add(match.state)
    assert len(ends) == 1


def test_an_environment_asks_independent_movers_in_rounds():
    env = GameEnv(Solvers([1, 2, 3]))
    env.reset(seed=0)
    asked = []
    while env.match.outcome is None:
        asked.append(env.agent_selection[-1])
        env.step(0)
    assert "".join(asked) == "012122"


def test_an_offender_among_independent_movers_pays_alone():
    match = Match(Solvers([2, 2]), 0, "penalty:0.25")
    match.submit(0, 77)
    assert match.totals == (-0.25, 0.0)
    while match.outcome is None:
        match.submit(match.awaited[0], 0)
    secret, guesses = match.state
    assert guesses[1] == (0, 0)
    assert match.outcome.rewards == (float(secret in guesses[0]) - 0.25, float(secret == 0))
