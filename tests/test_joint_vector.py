"""Joint games in lockstep play the very matches of the ParallelEnv, by Gymnasium's rules."""

from __future__ import annotations

import os
import subprocess
import sys
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_vector import same_as_sync

import arenas
from arenas.core.game import IllegalMove
from arenas.core.policy import StochasticPolicy, Turn
from arenas.games.overcooked import Overcooked

GAME = "Overcooked-v0"
ILLEGAL = ["retry:1", "retry:0", "random-legal", "penalty:0.25"]
VARIANTS = [
    {},
    {"features": "vector"},
    {"kitchen": "mdp_test", "dynamics": "new", "starts": "everything"},
    {"kitchen": "mdp_test", "starts": "everything", "features": "vector"},
    {"kitchen": "multiplayer_schelling", "starts": "places"},
    {"kitchen": "cramped_room_single"},
    {"kitchen": "centre_pots", "radius": 1, "starts": "everything"},
    {"kitchen": "forced_coordination", "radius": 2, "features": "vector", "dynamics": "new"},
]


def same_play(options, illegal, max_cycles, seeds, steps, wild, horizon):
    """Plays the same actions in one vector environment and in one ParallelEnv per game."""
    kwargs = {"illegal": illegal, "max_cycles": max_cycles, "horizon": horizon, **options}
    vec = arenas.make_vec(GAME, len(seeds), **kwargs)
    envs = [arenas.make_parallel(GAME, **kwargs) for _ in seeds]
    agents = envs[0].possible_agents
    observation, info = vec.reset(seed=seeds)
    shown = [env.reset(seed=seed)[0] for env, seed in zip(envs, seeds, strict=True)]
    rng = np.random.default_rng(seeds[0])
    played = 0
    for _ in range(steps):
        for i, env in enumerate(envs):
            assert vec.state(i).row == env.match.state.row
            for k, agent in enumerate(agents):
                mine = {name: array[i, k] for name, array in observation.items()}
                assert all(mine[n].tobytes() == shown[i][agent][n].tobytes() for n in mine)
        actions = vec.sample_actions().copy()
        blind = rng.random(actions.shape) < wild
        actions[blind] = rng.integers(-2, 8, blind.sum())
        observation, rewards, terminated, truncated, info = vec.step(actions)
        for i, env in enumerate(envs):
            before = env.match.plies
            shown[i], paid, ends, cuts, _ = env.step(dict(zip(agents, actions[i], strict=True)))
            assert list(paid.values()) == rewards[i].tolist()
            assert set(ends.values()) == {terminated[i]}
            assert set(cuts.values()) == {truncated[i]}
            assert (terminated[i] or truncated[i]) == info["_match"][i]
            assert env.match.illegal_moves == info["illegal_moves"][i].tolist() or info["_match"][i]
            for k in range(len(agents)):
                told = env.match.game.reported(env.match.state, k)
                if env.match.plies == before:
                    told = dict.fromkeys(told, 0)
                assert told == {name: info[name][i, k] for name in told}
            if info["_match"][i]:
                played += 1
                match, ended = env.match, info["match"]
                assert list(match.totals) == ended["returns"][i].tolist()
                assert match.plies == ended["length"][i]
                assert match.illegal_moves == ended["illegal_moves"][i].tolist()
                for k, agent in enumerate(agents):
                    last = {name: array[i, k] for name, array in info["final_obs"].items()}
                    assert all(last[n].tobytes() == shown[i][agent][n].tobytes() for n in last)
                shown[i] = env.reset()[0]
    return played


@settings(max_examples=25)
@given(
    options=st.sampled_from(VARIANTS),
    illegal=st.sampled_from(ILLEGAL),
    max_cycles=st.sampled_from([None, None, 1, 4]),
    seeds=st.lists(st.integers(0, 2**63 - 1), min_size=1, max_size=3),
    wild=st.sampled_from([0.0, 0.1, 0.6]),
    horizon=st.sampled_from([1, 7, 45]),
)
def test_lockstep_play_is_the_play_of_the_parallel_environment(
    options, illegal, max_cycles, seeds, wild, horizon
):
    same_play(options, illegal, max_cycles, seeds, 60, wild, horizon)


def test_many_seeds_give_the_same_matches():
    options = {"kitchen": "mdp_test", "dynamics": "new", "starts": "everything"}
    assert same_play(options, "retry:1", None, list(range(60)), 50, 0.05, 20) > 100


# -- as Gymnasium has it ---------------------------------------------------------------------------


def test_shapes_and_dtypes():
    env = arenas.make_vec(GAME, 3, copy=True)
    observation, info = env.reset(seed=0)
    assert env.observation_space.contains(observation)
    assert observation["observation"].shape == (3, 2, 5, 4, 26)
    assert env.action_space.contains(env.action_space.sample())
    observation, rewards, terminated, truncated, info = env.step(env.action_space.sample())
    assert env.observation_space.contains(observation)
    assert (rewards.shape, rewards.dtype) == ((3, 2), np.float64)
    assert terminated.shape == truncated.shape == (3,)
    for name in Overcooked.reports:
        assert (info[name].shape, info[name].dtype) == ((3, 2), np.int32)


def test_next_step_begins_the_match_a_step_later():
    env = arenas.make_vec(GAME, 2, autoreset="next_step", horizon=3)
    first = env.reset(seed=0)[0]["observation"].copy()
    for step in range(8):
        observation, rewards, terminated, *_ = env.step([[0, 1], [5, 5]])
        assert terminated.all() == (step % 4 == 2)
        if step % 4 == 3:
            assert (observation["observation"] == first).all()
            assert not rewards.any()
        assert observation["action_mask"].all() == (step % 4 != 2)


def test_disabled_waits_for_its_reset():
    env = arenas.make_vec(GAME, 2, autoreset="disabled", horizon=3)
    env.reset(seed=0)
    for _ in range(3):
        env.step(np.zeros((2, 2), int))
    with pytest.raises(RuntimeError, match="reset_mask"):
        env.step(np.zeros((2, 2), int))
    observation, info = env.reset(options={"reset_mask": np.array([True, True])})
    assert observation["action_mask"].all()
    assert not info["_match"].any()
    env.step(np.zeros((2, 2), int))
    env.play_randomly(9)
    assert (env.matches == 2).all()
    with pytest.raises(RuntimeError, match="is over"):
        env.turn(0, 0)


# -- bad input -------------------------------------------------------------------------------------


def test_under_raise_nothing_changes_and_the_game_is_named():
    env = arenas.make_vec(GAME, 3, illegal="raise")
    env.reset(seed=0)
    before = env.get_state()
    for wrong in (-1, 6, 1 << 60):
        actions = np.zeros((3, 2), np.int64)
        actions[1, 1] = wrong
        with pytest.raises(IllegalMove, match=r"game 1, seat 1: .*not a legal move"):
            env.step(actions)
        after = env.get_state()
        assert all((before[name] == after[name]).all() for name in before)


def test_wrong_arguments_are_named():
    env = arenas.make_vec(GAME, 2)
    with pytest.raises(RuntimeError, match="call reset"):
        env.step([[0, 0]] * 2)
    with pytest.raises(RuntimeError, match="without a mask"):
        env.reset(options={"reset_mask": np.ones(2, bool)})
    env.reset(seed=0)
    for wrong in ([0, 0], [[0, 0]], [[0], [0]], 0):
        with pytest.raises(ValueError, match=r"actions have shape .*, not \(2, 2\)"):
            env.step(wrong)
    for wrong in ([[0.0, 1.0]] * 2, [[True, False]] * 2):
        with pytest.raises(TypeError, match="expected an array of int64"):
            env.step(wrong)
    with pytest.raises(ValueError, match="steps=0"):
        env.play_randomly(0)
    with pytest.raises(ValueError, match="seeds for 2 games"):
        env.reset(seed=[1])
    for arguments in ({"num_envs": 0}, {"threads": 0}, {"device": "tpu"}, {"autoreset": "never"}):
        with pytest.raises(ValueError, match=r"num_envs=0|threads=0|the devices|same_step"):
            arenas.make_vec(GAME, **{"num_envs": 2, **arguments})


class OwnWorth(Overcooked):
    """Rules that a kernel would not know of."""

    def returns(self, state):
        return (1.0, 1.0)


def test_a_game_with_rules_of_its_own_is_refused():
    from arenas.core.joint_vector import JointVectorEnv

    with pytest.raises(TypeError, match="has its own returns"):
        JointVectorEnv(OwnWorth(), 2)


# -- the same play whatever the setting ------------------------------------------------------------


def played(env, steps=30):
    """All that comes out of an environment that plays on, copied."""
    seen = []
    rng = np.random.default_rng(0)
    shape = env.num_envs, env.game.spec.seats
    for _ in range(steps):
        observation, *results, info = env.step(rng.integers(0, 6, shape))
        seen += [each.copy() for each in (*observation.values(), *results)]
        seen += [info[name].copy() for name in (*Overcooked.reports, "_match")]
        seen += [each.copy() for each in info["match"].values()]
    return seen


def same(one, two):
    return all(np.array_equal(a, b) for a, b in zip(one, two, strict=True))


def test_threads_and_copies_change_nothing():
    for games in (1, 2, 7):
        runs = []
        for arguments in ({}, {"threads": 2}, {"threads": 3, "copy": True}):
            env = arenas.make_vec(GAME, games, horizon=12, **arguments)
            env.reset(seed=3)
            runs.append(played(env))
            env.close()
        assert same(runs[0], runs[1])
        assert same(runs[0], runs[2])


def test_a_loop_of_random_play_is_its_steps():
    for mode in ("same_step", "next_step"):
        env, twin = (arenas.make_vec(GAME, 4, autoreset=mode, horizon=9) for _ in range(2))
        env.reset(seed=2)
        twin.reset(seed=2)
        env.play_randomly(33)
        for _ in range(33):
            twin.step(twin.sample_actions())
        mine, other = env.get_state(), twin.get_state()
        assert all(np.array_equal(mine[name], other[name]) for name in mine)
        assert env.matches.sum() > 4


def test_a_saved_state_goes_on_bit_for_bit(tmp_path):
    def make(**other):
        return arenas.make_vec(GAME, 3, **{"horizon": 11, **other})

    env = make()
    env.reset(seed=4)
    played(env, 7)
    np.savez(tmp_path / "state.npz", **env.get_state())
    expected = played(env)
    twin = make()
    with np.load(tmp_path / "state.npz") as state:
        twin.set_state(dict(state))
        assert same(expected, played(twin))
        for other in ({"illegal": "retry:2"}, {"max_cycles": 4}, {"horizon": 12}):
            with pytest.raises(ValueError, match="the state is of another"):
                make(**other).set_state(dict(state))


def leaves(value):
    if isinstance(value, dict):
        return [leaf for key in sorted(value) for leaf in leaves(value[key])]
    return [value]


def test_without_copies_nothing_is_allocated():
    env = arenas.make_vec(GAME, 64)
    env.reset(seed=0)
    actions = np.ones((64, 2), np.int64)

    def step():
        observation, *results, info = env.step(actions)
        return {id(leaf) for leaf in [*leaves(observation), *results, *leaves(info)]}

    places = step()
    step()
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        for _ in range(50):
            assert step() == places
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert after - before < 10_000


def test_copies_are_never_changed():
    env = arenas.make_vec(GAME, 4, copy=True, horizon=5)
    env.reset(seed=0)
    kept = []
    for step in range(12):
        observation, *results, info = env.step(np.full((4, 2), step % 6))
        finals = [leaf for final in info.pop("final_obs") if final for leaf in leaves(final)]
        arrays = [*leaves(observation), *results, *leaves(info), *finals]
        kept.append((arrays, [array.copy() for array in arrays]))
    assert len(finals) == 0
    for arrays, copies in kept:
        assert same(arrays, copies)


def test_without_views_all_else_is_the_same():
    from arenas.core.joint_vector import JointVectorEnv

    env, blind = (JointVectorEnv(Overcooked(horizon=9), 5, views=v) for v in (True, False))
    first = env.reset(seed=1)[0]["observation"].copy()
    blind.reset(seed=1)
    for _ in range(20):
        _, *mine, info = env.step(env.sample_actions())
        observation, *other, told = blind.step(blind.sample_actions())
        assert same(mine, other)
        assert all((info[name] == told[name]).all() for name in Overcooked.reports)
        assert (observation["observation"] == first).all()


def test_turns_and_decisions_are_those_of_a_match():
    env = arenas.make_vec(GAME, 3)
    single = arenas.make_parallel(GAME)
    env.reset(seed=8)
    single.reset(seed=9)
    for _ in range(5):
        env.step([[0, 3]] * 3)
        single.step({"cook_0": 0, "cook_1": 3})
    mine, theirs = env.turn(1, 1), Turn.of(single.match, 1)
    assert mine.rng == theirs.rng
    assert mine.told == theirs.told
    decisions = env.decisions(np.array([False, True, True]), np.ones(3, np.int64))
    assert decisions.stream[0] == theirs.rng._state
    assert (decisions.observation[0] == theirs.view).all()
    assert decisions.seat.tolist() == [1, 1]


def test_pictures_show_every_game():
    env = arenas.make_vec(GAME, 2, render_mode="ansi")
    env.reset(seed=0)
    env.step([[0, 4], [4, 3]])
    assert env.render() == tuple(env.game.show(env.state(i)) for i in range(2))
    assert len(set(env.render())) == 2


# -- one learner a game ----------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["same_step", "next_step", "disabled"])
@pytest.mark.parametrize(
    "options",
    [
        {"horizon": 5},
        {"horizon": 6, "illegal": "retry:0", "seat": 1, "features": "vector"},
        {"horizon": 6, "illegal": "penalty:0.25", "seat": "alternating", "starts": "places"},
        {"horizon": 4, "illegal": "random-legal", "kitchen": "multiplayer_schelling"},
        {"horizon": 9, "max_cycles": 3, "illegal": "retry:2"},
    ],
)
def test_one_learner_is_that_of_a_sync_vector_env(mode, options):
    assert same_as_sync("selfplay/Overcooked-v0", mode, [7, 8, 9, 10], 25, 0.15, **options) > 5


class Onward(StochasticPolicy):
    """Answers turn by turn."""

    name = "onward"

    def distribution(self, turn):
        return [0.1, 0.1, 0.2, 0.1, 0.2, 0.3]


def test_a_partner_that_answers_turn_by_turn_plays_as_in_a_match():
    options = {"horizon": 6, "opponent": Onward(), "seat": "alternating"}
    assert same_as_sync("selfplay/Overcooked-v0", "same_step", [1, 2], 30, 0.0, **options) > 5


def test_a_learners_saved_state_goes_on_bit_for_bit():
    env, twin = (
        arenas.make_vec(GAME, 3, layout="one_learner", seat="random", horizon=7) for _ in range(2)
    )
    env.reset(seed=5)
    actions = np.random.default_rng(0).integers(0, 6, (40, 3))
    for chosen in actions[:11]:
        env.step(chosen)
    twin.set_state(env.get_state())
    for chosen in actions[11:]:
        mine, other = env.step(chosen), twin.step(chosen)
        assert same([*mine[0].values(), *mine[1:4]], [*other[0].values(), *other[1:4]])
        assert (mine[4]["seat"] == other[4]["seat"]).all()


def test_wrong_arguments_of_one_learner_are_named():
    for arguments, message in (
        ({"device": "cuda"}, "runs on the CPU"),
        ({"seat": 2}, "seat=2"),
        ({"opponent": ["random"] * 2}, "2 opponents for the 1"),
    ):
        with pytest.raises(ValueError, match=message):
            arenas.make_vec(GAME, 2, layout="one_learner", **arguments)


SIMULATED = """
import sys
import numpy as np
import arenas

options = {"kitchen": "mdp_test", "dynamics": "new", "starts": "everything", "horizon": 6}
for features in ("lossless", "vector"):
    env = arenas.make_vec("Overcooked-v0", 5, device="cuda", features=features, **options)
    twin = arenas.make_vec("Overcooked-v0", 5, features=features, **options)
    seen = [each.reset(seed=3) for each in (env, twin)]
    for _ in range(14):
        (one, _), (two, _) = seen[0][:2], seen[1][:2]
    for _ in range(14):
        actions = env.sample_actions().copy()
        assert (actions == twin.sample_actions()).all()
        (one, *mine, _), (two, *other, _) = env.step(actions), twin.step(actions)
        assert all((one[name] == two[name]).all() for name in one)
        assert all((a == b).all() for a, b in zip(mine, other, strict=True))
    state, other = env.get_state(), twin.get_state()
    assert all((state[name] == other[name]).all() for name in state)
"""


@pytest.mark.slow  # The simulator runs Python threads for a device's.
def test_cuda_kernels_in_the_simulator():
    pytest.importorskip("numba")
    root = Path(__file__).parent.parent
    paths = os.pathsep.join([str(root), os.environ.get("PYTHONPATH", "")])
    environment = {**os.environ, "NUMBA_ENABLE_CUDASIM": "1", "PYTHONPATH": paths}
    subprocess.run([sys.executable, "-c", SIMULATED], check=True, env=environment, timeout=300)
