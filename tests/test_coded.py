"""Moves of several numbers: the same play in lockstep as one match at a time, on every engine."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import arenas
from arenas.core.game import IllegalMove
from arenas.core.policy import Policy, Reply
from arenas.rollout.matches import play_matches

ID = "Negotiation-v0"
VARIANTS = [
    {},
    {"preset": "two"},
    {"preset": "two", "moves": "discrete", "largest": 4},
    {"players": 3, "reward": "zero_sum"},
    {"players": 4, "preset": "eight", "reward": "shared", "largest": 3},
    {"rules": "textarena-0.7.4", "turns": 5},
    {"rules": "spiral-v2", "mirrored": True},
]


def wild(space, count, rng):
    """Actions of which some lie outside the space."""
    if hasattr(space, "nvec"):
        return rng.integers(-1, space.nvec + 1, (count, len(space.nvec)))
    return rng.integers(-2, space.n + 2, count)


def same_play(options, illegal, seeds, steps, share, max_cycles=None, **arguments):
    """Plays the same actions in a vector environment and in an AEC environment per game."""
    vec = arenas.make_vec(
        ID, len(seeds), illegal=illegal, max_cycles=max_cycles, **arguments, **options
    )
    aecs = [arenas.make(ID, illegal=illegal, max_cycles=max_cycles, **options) for _ in seeds]
    observation, info = vec.reset(seed=seeds)
    for aec, seed in zip(aecs, seeds, strict=True):
        aec.reset(seed=seed)
    mask, rng, matches = vec.game.mask_name, np.random.default_rng(seeds[0]), 0
    assert set(observation) == {"observation", mask}
    for _ in range(steps):
        for i, aec in enumerate(aecs):
            seen = aec.observe(aec.agent_selection)
            assert aec.possible_agents[info["seat"][i]] == aec.agent_selection
            for name, array in observation.items():
                assert seen[name].tobytes() == np.asarray(array[i]).tobytes()
        actions = np.array(vec.sample_actions())
        blind = rng.random(len(seeds)) < share
        actions[blind] = wild(vec.single_action_space, blind.sum(), rng)
        observation, reward, terminated, truncated, info = vec.step(actions)
        for i, aec in enumerate(aecs):
            mover = aec.agent_selection
            aec.step(actions[i])
            assert [aec.rewards[agent] for agent in aec.possible_agents] == list(info["rewards"][i])
            assert aec.rewards[mover] == reward[i]
            assert (aec.terminations[mover], aec.truncations[mover]) == (
                terminated[i],
                truncated[i],
            )
            if info["_match"][i]:
                matches += 1
                assert list(aec.match.totals) == list(info["match"]["returns"][i])
                assert aec.match.plies == info["match"]["length"][i]
                assert aec.match.illegal_moves == list(info["match"]["illegal_moves"][i])
                final = aec.observe(mover)["observation"]
                assert final.tobytes() == np.asarray(info["final_obs"]["observation"][i]).tobytes()
                aec.reset()
    return matches


@settings(max_examples=25, deadline=None)
@given(
    options=st.sampled_from(VARIANTS),
    illegal=st.sampled_from(["retry:1", "retry:0", "random-legal", "penalty:0.25"]),
    max_cycles=st.sampled_from([None, None, 2]),
    seeds=st.lists(st.integers(0, 2**63 - 1), min_size=2, max_size=4),
    share=st.sampled_from([0.0, 0.2, 0.8]),
)
def test_lockstep_play_is_the_play_of_the_aec_environment(
    options, illegal, max_cycles, seeds, share
):
    same_play(options, illegal, seeds, 30, share, max_cycles)


def test_many_seeds_give_the_same_matches():
    assert same_play({}, "retry:1", list(range(200)), 24, 0.05) > 300


class Wanderer(Policy):
    """Plays at random, sometimes outside the rules, and talks."""

    name = "wanderer"

    def act(self, turns):
        return [self._reply(turn) for turn in turns]

    def _reply(self, turn):
        luck = turn.rng.below(8)
        if luck == 0:
            return Reply(text="[Offer: nothing]")
        move = turn.sample()
        if luck == 1 and isinstance(move, list):
            return Reply([99] * len(move))
        if luck == 2 and turn.game.talks:
            return Reply([*move, "hello"])
        return Reply(text=turn.format(move)) if luck == 3 else Reply(move)


@pytest.mark.parametrize("illegal", ["retry:1", "random-legal", "penalty:0.5"])
@pytest.mark.parametrize("opponent", ["random", "greedy", Wanderer()])
@pytest.mark.parametrize("options", [{}, {"preset": "two", "moves": "discrete", "largest": 3}])
def test_one_learner_plays_the_matches_of_play_matches(options, opponent, illegal):
    for learner in (0, 1):
        player = Wanderer()
        sitting = [player, opponent] if learner == 0 else [opponent, player]
        rules = {"illegal": illegal}
        records = list(play_matches(ID, sitting, 10, 5, swap=False, options=options, **rules))
        env = arenas.make_vec(
            ID, 10, layout="one_learner", opponent=opponent, seat=learner, **rules, **options,
            autoreset="disabled",
        )  # fmt: skip
        env.reset(seed=[record.seed for record in records])
        running, returns = np.ones(10, bool), np.zeros((10, 2))
        while running.any():
            actions = np.zeros(env.action_space.shape, np.int64)
            actions[running] = player.act_in(env, running)
            *_, info = env.step(actions)
            ended = info["_match"] & running
            returns[ended] = info["match"]["returns"][ended]
            running &= ~ended
            if info["_match"].any():
                env.reset(options={"reset_mask": info["_match"]})
        for record, got in zip(records, returns, strict=True):
            if record.replay(env.game).submitted[learner]:
                assert list(got) == record.rewards


def test_codes_are_the_numbers_of_moves():
    game = arenas.make_game(ID, preset="eight")
    space = game.spec.action_space
    space.seed(0)
    moves = np.array([space.sample() for _ in range(200)])
    codes = game.codes(moves)
    assert codes.tolist() == [game.code(move) for move in moves.tolist()]
    assert [game.numbers(code) for code in codes.tolist()] == moves.tolist()
    assert np.stack(game.columns(codes), 1).tolist() == moves.tolist()
    moves[3, 2], moves[5, 0], moves[7, 8] = -1, 3, 1 << 62
    assert np.flatnonzero(game.codes(moves) == -1).tolist() == [3, 5, 7]


def test_masks_allow_what_rules_allow_one_number_at_a_time():
    env = arenas.make_vec(ID, 64)
    observation, _ = env.reset(seed=0)
    edges = np.cumsum([0, *env.single_action_space.nvec])
    for _ in range(60):
        masks = observation["component_mask"].copy()
        actions = env.sample_actions()
        for number, start in enumerate(edges[:-1]):
            marks = masks[np.arange(64), start + actions[:, number]]
            offers = actions[:, 0] == 0
            assert marks[offers | (number == 0)].all()
        observation, *_, info = env.step(actions)
        assert not info["illegal_moves"].any()


def test_under_raise_nothing_changes_and_the_game_is_named():
    env = arenas.make_vec(ID, 3, illegal="raise")
    env.reset(seed=0)
    before = env.get_state()
    actions = env.sample_actions()
    state = env.get_state()
    for wrong in ([0, 0, 0, 0, 0, 0], [1, 0, 0, 0, 0, 0], [9, 0, 0, 0, 0, 0]):
        actions[1] = wrong
        with pytest.raises(IllegalMove, match=r"game 1: "):
            env.step(actions)
        assert all((state[name] == each).all() for name, each in env.get_state().items())
    assert before.keys() == state.keys()
    for shape in ((3,), (2, 6), (3, 5)):
        with pytest.raises(ValueError, match="actions have shape"):
            env.step(np.zeros(shape, np.int64))


@pytest.mark.parametrize("threads", [1, 3])
def test_a_saved_state_goes_on_bit_for_bit(threads):
    env = arenas.make_vec(ID, 5, threads=threads)
    env.reset(seed=2)
    env.play_randomly(17)
    twin = arenas.make_vec(ID, 5)
    twin.set_state(env.get_state())
    env.play_randomly(40)
    for _ in range(40):
        twin.step(twin.sample_actions())
    one, two = env.get_state(), twin.get_state()
    assert all(np.array_equal(one[name], two[name]) for name in one)
    env.close()


AGREES = """
import sys
{before}
import warnings
warnings.simplefilter("ignore")
from test_coded import VARIANTS, same_play
for options in VARIANTS[:3] + VARIANTS[5:6]:
    same_play(options, "random-legal", [1, 2, 3], 12, 0.2, device="{device}")
"""


@pytest.mark.parametrize(
    ("before", "device", "environment"),
    [
        ('sys.modules["numba"] = None', "cpu", {}),
        ("", "cuda", {"NUMBA_ENABLE_CUDASIM": "1"}),
    ],
    ids=["without numba", "CUDA simulator"],
)
def test_other_targets_play_the_same(before, device, environment):
    pytest.importorskip("numba")
    here = Path(__file__).parent
    done = subprocess.run(
        [sys.executable, "-c", AGREES.format(before=before, device=device)],
        env={**os.environ, "PYTHONPATH": f"{here.parent}{os.pathsep}{here}", **environment},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
