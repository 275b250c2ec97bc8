"""What follows an illegal move: who is told, who pays, and what is played instead."""

from __future__ import annotations

import random

import numpy as np
import pytest
from cases import CASES, IDS, ILLEGAL, VIEWS, illegal_action, random_action, seen
from hypothesis import given
from hypothesis import strategies as st

import arenas
from arenas.core.game import IllegalMove
from arenas.core.match import IllegalPolicy
from arenas.core.record import MatchRecord


def tictactoe(illegal, view="text"):
    env = arenas.make("TicTacToe-v0", view=view, illegal=illegal)
    env.reset(seed=0)
    env.step("[4]")
    return env


@pytest.mark.parametrize("tries", [0, 1, 3])
def test_retry_asks_again_so_many_times_each_turn_and_then_forfeits(tries):
    env = tictactoe(f"retry:{tries}")
    for cell, answer in ((0, 1), (8, 2)):  # The tries are counted afresh each turn.
        for left in range(tries, 0, -1):
            env.step("[4]")
            assert env.agent_selection == "player_1"
            assert env.match.outcome is None
            told = env.messages("player_1")[-1]["content"]
            assert told.startswith("Illegal move: [4] is not a legal move now; legal: [")
            assert told.endswith(f"Try again ({left} {'try' if left == 1 else 'tries'} left).")
        env.step(f"[{cell}]")
        assert "illegal_reason" not in env.infos["player_1"]
        env.step(f"[{answer}]")
    assert env.infos["player_1"]["illegal_moves"] == 2 * tries
    assert env.infos["player_0"]["illegal_moves"] == 0
    for _ in range(tries + 1):
        assert env.match.outcome is None
        env.step("no idea")
    assert env.match.outcome.reason == "forfeit"
    assert env.match.outcome.evidence["seat"] == 1
    assert env.rewards == {"player_0": 1.0, "player_1": -1.0}
    assert env.terminations == {"player_0": True, "player_1": True}
    assert env.messages("player_0")[-1]["content"] == (
        "The match is over: player_1 forfeits by illegal moves. Your reward: +1."
    )
    record = MatchRecord.of(env.match, "selfplay/TicTacToe-v0", ["a", "b"])
    assert record.illegal_moves == [0, 3 * tries + 1]
    assert sum("illegal" in turn for turn in record.turns) == 3 * tries + 1


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("game_id", IDS)
def test_raise_changes_nothing(game_id, view):
    env, rng = arenas.make(game_id, view=view, illegal="raise"), random.Random(0)
    env.reset(seed=0)
    env.step(random_action(env, rng))
    before, log, none = seen(env), env.match.log, [0] * len(env.possible_agents)
    for _ in range(5):
        with pytest.raises(IllegalMove, match="legal"):
            env.step(illegal_action(env, rng))
        assert (seen(env), env.match.log, env.match.illegal_moves) == (before, log, none)


@pytest.mark.parametrize("policy", ["random-legal", "penalty:0.5"])
def test_a_random_legal_move_takes_the_place_of_an_illegal_one(policy):
    played = set()
    for seed in range(200):
        env = arenas.make("TicTacToe-v0", view="both", illegal=policy)
        env.reset(seed=seed)
        env.step("[4]")
        env.step("[4]")
        entry = env.match.log[-1]
        assert env.agent_selection == "player_0"
        assert (entry.seat, entry.move, entry.text) == (1, None, "[4]")
        assert entry.played in range(9)
        assert env.last()[0]["action_mask"].sum() == 7
        assert env.last()[0]["action_mask"][entry.played] == 0
        assert env.infos["player_1"]["illegal_moves"] == 1
        told = env.messages("player_1")[-1]["content"]
        assert told.endswith(f"A random legal move was played for you: [{entry.played}]")
        played.add(entry.played)
    assert played == set(range(9)) - {4}


@pytest.mark.parametrize("players", [2, 3, 4])
def test_penalties_are_paid_at_once_and_shared_by_the_others(players):
    env = arenas.make("KuhnPoker-v0", players=players, hands=3, illegal="penalty:0.5")
    rng = random.Random(0)
    for seed in range(30):
        env.reset(seed=seed)
        fines = dict.fromkeys(env.possible_agents, 0.0)
        while env.match.outcome is None:
            agent = env.agent_selection
            if rng.random() < 0.3:
                env.step(-1)
                for other in env.possible_agents:
                    fines[other] += -0.5 if other == agent else 0.5 / (players - 1)
                if env.match.outcome is None:
                    assert env.rewards[agent] == pytest.approx(-0.5)
            else:
                env.step(random_action(env, rng))
            assert sum(env.rewards.values()) == pytest.approx(0, abs=1e-12)
        outcome = env.match.outcome
        assert outcome.evidence.get("penalties", [0.0] * players) == pytest.approx(
            [*fines.values()]
        )
        chips = outcome.evidence["chips"]
        assert outcome.rewards == pytest.approx(np.add(chips, [*fines.values()]))


@pytest.mark.parametrize("illegal", [policy for policy in ILLEGAL if policy != "raise"])
@pytest.mark.parametrize(("game_id", "options"), CASES)
def test_feedback_reaches_the_offender_only(game_id, options, illegal):
    env, rng = arenas.make(game_id, view="text", illegal=illegal, **options), random.Random(0)
    for seed in range(5):
        env.reset(seed=seed)
        env.step(random_action(env, rng))
        offender = env.agent_selection
        before = {agent: env.observe(agent)["text"] for agent in env.possible_agents}
        infos = {agent: dict(env.infos[agent]) for agent in env.possible_agents}
        env.step("[resign]")
        if env.match.outcome is not None and illegal != "retry:0":
            continue  # The move played in its place ended the match.
        assert (
            "Illegal move: [resign] is not"
            in env.observe(offender)["text"][len(before[offender]) :]
        )
        for agent in set(env.possible_agents) - {offender}:
            news = env.observe(agent)["text"].removeprefix(before[agent])
            assert "resign" not in news
            assert "legal: " not in news
            if agent != env.agent_selection and env.match.outcome is None:
                assert news == ""
            if env.match.outcome is None:
                assert env.infos[agent] == infos[agent]


@pytest.mark.parametrize("text", ["retry:1", "retry:0", "retry:1000", "raise", "random-legal"])
def test_policies_for_illegal_moves_read_back(text):
    assert str(IllegalPolicy.read(text)) == text


@given(st.floats(0, 1e300))
def test_penalties_of_any_size_read_back(amount):
    policy = IllegalPolicy.read(f"penalty:{amount!r}")
    assert policy.amount == amount
    assert IllegalPolicy.read(str(policy)) == policy


@pytest.mark.parametrize(
    "text",
    [
        *("", "retry", "retry:", "retry:-1", "retry:1.5", "retry:1001", "retry:x", "raise:1"),
        *("random-legal:2", "penalty", "penalty:-1", "penalty:nan", "penalty:inf", "forfeit", None),
    ],
)
def test_unknown_policies_for_illegal_moves_are_refused_with_the_known_ones(text):
    for make in (arenas.make, arenas.make_seat_env):
        with pytest.raises(ValueError, match="retry:K, raise, random-legal or penalty:X"):
            make("TicTacToe-v0", illegal=text)
