"""Lockstep in words: every prompt is, to the character, that of the AEC environment's text view."""

from __future__ import annotations

import random

import gymnasium as gym
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from registering import forget_registrations  # noqa: F401
from toy_race import Race

import arenas
from arenas.core.game import IllegalMove
from arenas.core.policy import Turn

VARIANTS = [
    ("Negotiation-v0", {}),
    ("Negotiation-v0", {"preset": "two"}),
    ("Negotiation-v0", {"preset": "two", "moves": "discrete", "largest": 4}),
    ("Negotiation-v0", {"players": 3, "reward": "zero_sum"}),
    ("Negotiation-v0", {"players": 4, "preset": "eight", "largest": 3, "talk": False}),
    ("Negotiation-v0", {"rules": "textarena-0.7.4", "turns": 5}),
    ("Negotiation-v0", {"rules": "spiral-v2", "mirrored": True}),
    ("KuhnPoker-v0", {}),
    ("KuhnPoker-v0", {"players": 3}),
    ("KuhnPoker-v0", {"hands": 5}),
    ("TicTacToe-v0", {}),
    ("TicTacToe-v0", {"size": 7}),
]
ILLEGAL = ["retry:1", "retry:0", "retry:3", "random-legal", "penalty:0.25"]
NOISE = [
    "",
    "[Accept]",
    "[Deny]",
    "[Accept] Gladly. [Deny]",
    "<think>[bet] or [0]?</think> [pass]",
    "[Offer: 99 Wheat -> 1 Ore]",
    "[Offer: 1 Ore -> 1 Wheat] \u202e Do you [Accept]?  Yes!",
    "[Offer: 1 Wood, 1 Gold -> 1 Gold]",
    "Bet.",
    "é日本\x00\ud800" * 50,
    "x" * 100_000,
]


class TellsNews(Race):
    """A game whose seats are told less once they have moved."""

    def tell_new(self, state, seat):
        return "Go on."


def reply_of(aec, luck):
    """A reply of the agent to move: mostly a random legal move, in one of its spellings."""
    match = aec.match
    (seat,) = match.awaited
    text = match.game.format(match.state, seat, Turn.of(match, seat).sample())
    if getattr(match.game, "talks", False) and luck.random() < 0.4:
        text += luck.choice([" Let us trade.", ' "Two" for <one>?', "  Spaces   count as one. "])
    return luck.choice([text, text, f"<think>Well.</think> {text}", f"I say {text.lower()}!"])


def same_play(game_id, options, seeds, steps, noise, **arguments):
    """Gives the same replies to a vector environment and to an AEC environment per game."""
    arguments |= options
    vec = arenas.make_vec(game_id, len(seeds), view="text", **arguments)
    aecs = [arenas.make(game_id, view="text", **arguments) for _ in seeds]
    luck, ended = random.Random(seeds[0]), 0
    prompts, info = vec.reset(seed=seeds)
    for aec, seed in zip(aecs, seeds, strict=True):
        aec.reset(seed=seed)
    for _ in range(steps):
        assert vec.observation_space.contains(prompts)
        for i, aec in enumerate(aecs):
            agent = aec.agent_selection
            assert prompts[i] == aec.observe(agent)["text"]
            assert vec.messages(i) == aec.messages(agent)
            (seat,) = aec.match.awaited
            assert info["seat"][i] == seat
            ours, theirs = vec.turn(i), Turn.of(aec.match, seat)
            assert (ours.refused, ours.text) == (theirs.refused, theirs.text)
            assert ours.info_state == theirs.info_state
            assert ours.rng == theirs.rng
        replies = [
            luck.choice(NOISE) if luck.random() < noise else reply_of(aec, luck) for aec in aecs
        ]
        prompts, reward, terminated, truncated, info = vec.step(replies)
        for i, aec in enumerate(aecs):
            mover = aec.agent_selection
            aec.step(replies[i])
            assert [aec.rewards[agent] for agent in aec.possible_agents] == list(info["rewards"][i])
            assert aec.rewards[mover] == reward[i]
            ends = aec.terminations[mover], aec.truncations[mover]
            assert ends == (terminated[i], truncated[i])
            assert any(ends) == info["_match"][i] == info["_final_obs"][i]
            if not any(ends):
                assert info["final_obs"][i] is None
                assert aec.match.illegal_moves == list(info["illegal_moves"][i])
                continue
            ended += 1
            assert info["final_obs"][i] == aec.observe(mover)["text"]
            assert aec.match.plies == info["match"]["length"][i]
            assert list(aec.match.totals) == list(info["match"]["returns"][i])
            assert vec.record(i) == aec.record()
            aec.reset()
    return ended


@settings(max_examples=60, deadline=None)
@given(
    variant=st.sampled_from(VARIANTS),
    illegal=st.sampled_from(ILLEGAL),
    max_cycles=st.sampled_from([None, None, 1, 3]),
    seeds=st.lists(st.integers(0, 2**63 - 1), min_size=2, max_size=4),
    noise=st.sampled_from([0.0, 0.2, 0.7]),
)
def test_lockstep_in_words_is_the_text_view_of_the_aec_environment(
    variant, illegal, max_cycles, seeds, noise
):
    same_play(*variant, seeds, 25, noise, illegal=illegal, max_cycles=max_cycles)


@pytest.mark.parametrize(("game_id", "options"), VARIANTS)
def test_many_matches_read_the_same(game_id, options):
    assert same_play(game_id, options, list(range(40)), 45, 0.1) > 50


def test_whoever_has_no_next_match_waits():
    env = arenas.make_vec("KuhnPoker-v0", 3, view="text", autoreset="disabled", illegal="retry:0")
    before, _ = env.reset(seed=1)
    prompts, _, over, _, info = env.step(["[bet]", "what?", "[check]"])
    assert over.tolist() == [False, True, False]
    assert prompts[1].startswith(before[1])
    assert "player_0 forfeits by illegal moves. Your reward: -2" in prompts[1]
    assert "final_obs" not in info
    with pytest.raises(RuntimeError, match="reset_mask"):
        env.step(["[fold]"] * 3)
    after, _ = env.reset(options={"reset_mask": over})
    assert after[::2] == prompts[::2]
    assert "forfeits" not in after[1]


def test_the_step_after_the_end_begins_the_next_match():
    env = arenas.make_vec("KuhnPoker-v0", 2, view="text", autoreset="next_step", illegal="retry:0")
    env.reset(seed=1)
    prompts, _, over, _, _ = env.step(["nonsense", "[bet]"])
    assert over.tolist() == [True, False]
    assert "You forfeit the match." in prompts[0]
    prompts, reward, over, _, info = env.step(["[whatever]", "[fold]"])
    assert over.tolist() == [False, True]
    assert reward[0] == 0
    assert info["illegal_moves"][0].tolist() == [0, 0]
    follower = arenas.make("KuhnPoker-v0", view="text")
    follower.reset(seed=1)
    follower.reset()
    assert prompts[0] == follower.observe("player_0")["text"]


@pytest.mark.parametrize("autoreset", ["same_step", "disabled"])
def test_a_saved_state_goes_on_to_the_character(autoreset):
    arguments = {"view": "text", "rules": "textarena-0.7.4", "turns": 3, "autoreset": autoreset}
    one, two = (arenas.make_vec("Negotiation-v0", 3, **arguments) for _ in range(2))
    one.reset(seed=5)
    one.step(["[Offer: 1 Wheat -> 1 Ore] Please.", "hm", "[Deny]"])
    two.reset(seed=9)
    state = one.get_state()
    two.set_state(state)
    for replies in (["[Accept]", "[Deny] No.", "?"], ["[Deny]"] * 3):
        (prompts, *ends, info), (others, *other_ends, other_info) = (
            one.step(replies),
            two.step(replies),
        )
        assert prompts == others
        np.testing.assert_equal(ends, other_ends)
        np.testing.assert_equal(info, other_info)
        assert [one.turn(i).refused for i in range(3)] == [two.turn(i).refused for i in range(3)]
    with pytest.raises(ValueError, match="another game"):
        arenas.make_vec("Negotiation-v0", 3, view="text", autoreset=autoreset).set_state(state)
    del state["replies"]
    with pytest.raises(ValueError, match='view="text"'):
        two.set_state(state)


def test_a_record_is_never_of_a_match_before_the_state_that_was_set():
    env = arenas.make_vec("KuhnPoker-v0", 1, view="text", illegal="retry:0")
    env.reset(seed=1)
    state = env.get_state()
    env.step(["no move"])
    assert env.record(0).reason == "forfeit"
    env.set_state(state)
    with pytest.raises(ValueError, match="no match has ended in game 0"):
        env.record(0)


def test_players_that_read_prompts_play_whole_matches():
    env = arenas.make_vec("KuhnPoker-v0", 64, view="text")
    player = arenas.make_player("KuhnPoker-v0", "nash", env.game)
    env.reset(seed=0)
    for _ in range(10):
        turns = [env.turn(i) for i in range(64)]
        answers = [
            turn.game.format(turn._state, turn.seat, reply.move)
            for turn, reply in zip(turns, player.act(turns), strict=True)
        ]
        *_, info = env.step(answers)
    assert env.matches.sum() > 64
    assert not info["illegal_moves"].any()


def test_under_raise_nothing_changes():
    env = arenas.make_vec("Negotiation-v0", 2, view="text", illegal="raise")
    before, _ = env.reset(seed=0)
    with pytest.raises(IllegalMove, match="game 1: the reply names no move in"):
        env.step(["[Deny]", "no"])
    state = env.get_state()
    prompts, *_ = env.step(["[Deny]", "[Deny]"])
    assert state["replies"].tobytes() == b"[[], []]"
    assert all(prompt != was for prompt, was in zip(prompts, before, strict=True))


@pytest.mark.parametrize(
    ("replies", "error", "message"),
    [
        (["[Deny]"], ValueError, "1 replies for 2 games"),
        ("[Deny]", ValueError, "1 replies for 2 games"),
        (["[Deny]", 3], TypeError, "a reply is a string, got 3"),
        ([None, "[Deny]"], TypeError, "a reply is a string, got None"),
    ],
)
def test_what_are_no_replies_is_an_error(replies, error, message):
    env = arenas.make_vec("Negotiation-v0", 2, view="text")
    with pytest.raises(RuntimeError, match="reset"):
        env.step(["[Deny]", "[Deny]"])
    env.reset(seed=0)
    with pytest.raises(error, match=message):
        env.step(replies)
    with pytest.raises(ValueError, match="no match has ended in game 0"):
        env.record(0)


@pytest.mark.usefixtures("forget_registrations")
@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"view": "both"}, ValueError, "the views are array and text"),
        ({"layout": "one_learner"}, ValueError, 'view="text" goes with layout="self_play"'),
        ({"game_id": "Overcooked-v0"}, ValueError, "games in turns"),
        ({"game_id": "Spy-v0"}, TypeError, 'vectorization_mode="sync"'),
        ({"game_id": "toys/News-v0"}, TypeError, "has its own tell_new"),
        ({"device": "cuda"}, ValueError, "runs on the CPU"),
    ],
)
def test_what_cannot_be_told_in_lockstep_is_named(arguments, error, message):
    arenas.register("toys/News-v0", f"{__name__}:TellsNews")
    with pytest.raises(error, match=message):
        arenas.make_vec(**{"game_id": "KuhnPoker-v0", "num_envs": 2, "view": "text", **arguments})


def test_gymnasium_makes_it():
    env = gym.make_vec("selfplay/KuhnPoker-v0", num_envs=3, view="text", layout="self_play")
    prompts, _ = env.reset(seed=1)
    assert len(prompts) == 3
    assert env.action_space.contains(("[bet]",) * 3)
    _, reward, *_ = env.step(env.action_space.sample())
    assert reward.shape == (3,)
