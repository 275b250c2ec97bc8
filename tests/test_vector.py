"""Vector environments play the very matches of the AEC environment, by Gymnasium's rules."""

from __future__ import annotations

import tracemalloc

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.vector import AutoresetMode, SyncVectorEnv
from gymnasium.wrappers import vector as wrappers
from hypothesis import given, settings
from hypothesis import strategies as st
from registering import forget_registrations  # noqa: F401
from toy_race import Race

import arenas
from arenas.core import by_rules, by_tables
from arenas.core.game import IllegalMove
from arenas.core.rng import SeedSequence
from arenas.registry import make_seat_env


class HarshRace(Race):
    """Rules that a kernel would not know of."""

    def forfeit(self, state, seat):
        return (0.0,) * self.spec.seats


VARIANTS = [
    ("KuhnPoker-v0", {}),
    ("KuhnPoker-v0", {"players": 3}),
    ("KuhnPoker-v0", {"players": 4, "hands": 2}),
    ("KuhnPoker-v0", {"hands": 5}),
    ("KuhnPoker-v0", {"rules": "textarena-0.7.4"}),
    ("KuhnPoker-v0", {"rules": "spiral-v1"}),
    ("TicTacToe-v0", {}),
    ("TicTacToe-v0", {"size": 4, "win_length": 3}),
    ("TicTacToe-v0", {"size": 5}),
    ("TicTacToe-v0", {"size": 7}),
]
RULES = "textarena-0.7.4", "spiral-v1"
ILLEGAL = ["retry:1", "retry:0", "random-legal", "penalty:0.25"]


def same_play(game_id, options, illegal, max_cycles, seeds, steps, wild):
    """Plays the same actions in one vector environment and in one AEC environment per game."""
    kwargs = {"illegal": illegal, "max_cycles": max_cycles, **options}
    vec = arenas.make_vec(game_id, len(seeds), **kwargs)
    aecs = [arenas.make(game_id, **kwargs) for _ in seeds]
    observation, info = vec.reset(seed=seeds)
    for aec, seed in zip(aecs, seeds, strict=True):
        aec.reset(seed=seed)
    rng = np.random.default_rng(seeds[0])
    actions_of = vec.single_action_space.n
    played = 0
    for _ in range(steps):
        for i, aec in enumerate(aecs):
            seen = aec.observe(aec.agent_selection)
            assert aec.possible_agents[info["seat"][i]] == aec.agent_selection
            assert seen["observation"].tobytes() == observation["observation"][i].tobytes()
            assert seen["action_mask"].tobytes() == observation["action_mask"][i].tobytes()
        actions = vec.sample_actions().copy()
        blind = rng.random(len(seeds)) < wild
        actions[blind] = rng.integers(-2, actions_of + 2, blind.sum())
        observation, reward, terminated, truncated, info = vec.step(actions)
        for i, aec in enumerate(aecs):
            mover = aec.agent_selection
            aec.step(actions[i])
            paid = [aec.rewards[agent] for agent in aec.possible_agents]
            assert paid == info["rewards"][i].tolist()
            assert aec.rewards[mover] == reward[i]
            assert aec.terminations[mover] == terminated[i]
            assert aec.truncations[mover] == truncated[i]
            assert (terminated[i] or truncated[i]) == info["_match"][i]
            if info["_match"][i]:
                played += 1
                match, ended = aec.match, info["match"]
                assert list(match.totals) == ended["returns"][i].tolist()
                assert match.plies == ended["length"][i]
                assert match.illegal_moves == ended["illegal_moves"][i].tolist()
                last = aec.observe(mover)
                assert (
                    last["observation"].tobytes() == info["final_obs"]["observation"][i].tobytes()
                )
                assert not last["action_mask"].any()
                aec.reset()
    return played


@settings(max_examples=40, deadline=None)
@given(
    variant=st.sampled_from(VARIANTS),
    illegal=st.sampled_from(ILLEGAL),
    max_cycles=st.sampled_from([None, None, 1, 2, 3]),
    seeds=st.lists(st.integers(0, 2**63 - 1), min_size=2, max_size=4),
    wild=st.sampled_from([0.0, 0.2, 0.8]),
)
def test_lockstep_play_is_the_play_of_the_aec_environment(
    variant, illegal, max_cycles, seeds, wild
):
    same_play(*variant, illegal, max_cycles, seeds, 40, wild)


def test_a_thousand_seeds_give_the_same_matches():
    for game_id, options in VARIANTS[:1] + VARIANTS[6:7]:
        assert same_play(game_id, options, "retry:1", None, list(range(1000)), 12, 0.1) > 1000


@pytest.fixture
def race(forget_registrations):  # noqa: F811
    arenas.register("toys/Race-v0", "toy_race:Race")
    return "toys/Race-v0"


@pytest.mark.parametrize("illegal", ILLEGAL)
def test_a_users_game_with_chance_that_cannot_be_listed(race, illegal):
    options = {"goal": 6, "prizes": [3, 1, 4]}
    assert same_play(race, options, illegal, None, list(range(30)), 30, 0.2) > 30


# -- as Gymnasium has it ---------------------------------------------------------------------------


class InSequence(gym.Wrapper):
    """A `SeatEnv` whose later matches have the seeds and seats of a vector environment's."""

    def __init__(self, env, alternating):
        super().__init__(env)
        self.alternating = alternating

    def reset(self, *, seed=None, options=None):
        if seed is not None:
            self.seeds, self.played = SeedSequence(seed), 0
        if self.alternating:
            self.unwrapped.seat = self.played % self.unwrapped.game.spec.seats
        self.played += 1
        return self.env.reset(seed=self.seeds.next() if seed is None else seed)


def same_as_sync(game_id, mode, seeds, steps, wild, **kwargs):
    """Plays the same actions in `gym.make_vec` and in a `SyncVectorEnv` of single environments."""
    n = len(seeds)
    vec = gym.make_vec(game_id, num_envs=n, autoreset=mode, **kwargs)
    alternating = kwargs.get("seat", "alternating") == "alternating"
    sync = SyncVectorEnv(
        [lambda: InSequence(make_seat_env(game_id, **kwargs), alternating)] * n,
        autoreset_mode=AutoresetMode[mode.upper()],
    )
    assert vec.metadata["autoreset_mode"] == sync.metadata["autoreset_mode"]
    assert vec.observation_space == sync.observation_space
    assert vec.action_space == sync.action_space
    rng = np.random.default_rng(seeds[0])
    (observation, info), (expected, told) = vec.reset(seed=seeds), sync.reset(seed=seeds)
    over = np.zeros(n, bool)
    matches = 0
    for _ in range(steps):
        assert vec.observation_space.contains(observation)
        for name in ("observation", "action_mask"):
            np.testing.assert_array_equal(observation[name], expected[name])
        for name in ("seat", "illegal_moves"):
            mine = info[name] if info[name].ndim == 1 else info[name][np.arange(n), info["seat"]]
            np.testing.assert_array_equal(mine[told["_seat"]], told[name][told["_seat"]])
        if mode == "disabled" and over.any():
            again = {"options": {"reset_mask": over.copy()}}, {"options": {"reset_mask": over}}
            (observation, info), (expected, told) = vec.reset(**again[0]), sync.reset(**again[1])
            assert not info["_match"].any()
            over = np.zeros(n, bool)
            continue
        odds = observation["action_mask"] + 1e-9
        actions = (odds * rng.random(odds.shape)).argmax(1)
        blind = rng.random(n) < wild
        actions[blind] = rng.integers(0, odds.shape[1], blind.sum())
        observation, reward, terminated, truncated, info = vec.step(actions)
        expected, *results, told = sync.step(actions)
        for mine, theirs in zip((reward, terminated, truncated), results, strict=True):
            np.testing.assert_array_equal(mine, theirs)
            assert mine.dtype == theirs.dtype
        over = terminated | truncated
        np.testing.assert_array_equal(info["_match"], over)
        matches += over.sum()
        if mode != "same_step":
            assert "final_obs" not in info
        elif over.any():
            for name in ("final_obs", "final_info"):
                np.testing.assert_array_equal(info[f"_{name}"], told[f"_{name}"])
            for i in np.flatnonzero(over):
                mine, theirs = info["final_obs"][i], told["final_obs"][i]
                assert sync.single_observation_space.contains(mine)
                for name in ("observation", "action_mask"):
                    np.testing.assert_array_equal(mine[name], theirs[name])
                final = told["final_info"]
                seat = info["final_info"]["seat"][i]
                assert seat == final["seat"][i]
                assert list(info["final_info"]["rewards"][i]) == list(final["rewards"][i])
                assert info["match"]["illegal_moves"][i, seat] == final["illegal_moves"][i]
    return matches


@pytest.mark.parametrize("mode", ["same_step", "next_step", "disabled"])
@pytest.mark.parametrize("opponent", ["self", "random", "scripted"])
@pytest.mark.parametrize(
    ("game_id", "kwargs"),
    [
        ("selfplay/KuhnPoker-v0", {"players": 3, "illegal": "penalty:0.25"}),
        ("selfplay/TicTacToe-v0", {"illegal": "retry:0"}),
        ("selfplay/TicTacToe-v0", {"size": 4, "illegal": "random-legal", "max_cycles": 3}),
    ],
)
def test_autoreset_is_that_of_a_sync_vector_env(mode, opponent, game_id, kwargs):
    if opponent == "scripted" and kwargs.get("size", 3) > 3:
        kwargs = {**kwargs, "seat": 1}
    assert same_as_sync(game_id, mode, [7, 8, 9, 10], 25, 0.15, opponent=opponent, **kwargs) > 5


def test_gym_make_vec_gives_its_spec_and_its_wrappers_work():
    for game_id in ("selfplay/KuhnPoker-v0", "arenas:selfplay/KuhnPoker-v0"):
        env = gym.make_vec(game_id, num_envs=3, players=3)
        assert env.spec.id == "selfplay/KuhnPoker-v0"
        assert env.num_envs == 3
        assert env.single_action_space.n == 2
    sync = gym.make_vec("selfplay/KuhnPoker-v0", 2, vectorization_mode="sync", players=3)
    assert isinstance(sync.unwrapped, SyncVectorEnv)
    assert gym.make_vec("selfplay/KuhnPoker-v0", 2, opponent="self").reset(seed=0)


def test_episode_statistics_are_those_of_the_infos():
    for mode in ("same_step", "next_step"):
        env = gym.make_vec("selfplay/TicTacToe-v0", num_envs=4, autoreset=mode)
        env = wrappers.RecordEpisodeStatistics(env)
        env.reset(seed=1)
        ended = 0
        for step in range(40):
            *_, info = env.step(np.full(4, step % 9))
            if not info["_match"].any():
                continue
            ended += 1
            np.testing.assert_array_equal(info["_episode"], info["_match"])
            learner = info.get("final_info", info)["seat"]
            returns = info["match"]["returns"][np.arange(4), learner]
            where = info["_match"]
            np.testing.assert_array_equal(info["episode"]["r"][where], returns[where])
        assert ended > 5


@pytest.mark.parametrize(
    "wrap",
    [
        wrappers.FlattenObservation,
        lambda env: wrappers.FilterObservation(env, ["observation"]),
        lambda env: wrappers.ClipReward(env, -0.5, 0.5),
        wrappers.NormalizeReward,
    ],
)
def test_wrappers_of_gymnasium_take_it(wrap):
    # Gymnasium's own refuse other observations than next-step's and disabled's.
    env = wrap(gym.make_vec("selfplay/KuhnPoker-v0", num_envs=3, autoreset="next_step"))
    observation, _ = env.reset(seed=0)
    for _ in range(8):
        assert env.observation_space.contains(observation)
        observation, *_ = env.step(env.action_space.sample())


# -- bad input -------------------------------------------------------------------------------------


@pytest.mark.parametrize("layout", ["self_play", "one_learner"])
def test_under_raise_nothing_changes_and_the_game_is_named(layout):
    env = arenas.make_vec("TicTacToe-v0", 3, layout=layout, illegal="raise")
    observation, _ = env.reset(seed=0)
    env.step(observation["action_mask"].argmax(1))
    before = env.get_state()
    taken = env.decisions(np.ones(3, bool)).action_mask[1].argmin()
    for wrong in (taken, -1, 9, 1 << 60):
        legal = env.decisions(np.ones(3, bool)).action_mask.argmax(1)
        legal[1] = wrong
        with pytest.raises(IllegalMove, match=r"game 1: .*not a legal move"):
            env.step(legal)
        after = env.get_state()
        assert all((before[name] == after[name]).all() for name in before)


def test_wrong_actions_are_refused():
    for layout in ("self_play", "one_learner"):
        env = arenas.make_vec("KuhnPoker-v0", 2, layout=layout)
        with pytest.raises(RuntimeError, match="call reset"):
            env.step([0, 0])
        with pytest.raises(RuntimeError, match="call reset"):
            env.get_state()
        with pytest.raises(RuntimeError, match="without a mask"):
            env.reset(options={"reset_mask": np.ones(2, bool)})
        env.reset(seed=0)
        for wrong in ([0], [0, 0, 0], [[0, 0]], 0):
            with pytest.raises(ValueError, match=r"actions have shape .*, not \(2,\)"):
                env.step(wrong)
        for wrong in ([0.0, 1.0], [True, False], ["0", "1"], [None, None]):
            with pytest.raises(TypeError, match="expected an array of int64, got"):
                env.step(wrong)
        for dtype in (np.int8, np.uint16, np.uint64, ">i4"):
            env.step(np.zeros(2, dtype))
        with pytest.raises(ValueError, match="reset_mask has shape"):
            env.reset(options={"reset_mask": np.ones(3, bool)})
        with pytest.raises(TypeError, match="expected an array of bool"):
            env.reset(options={"reset_mask": [0, 1]})
    env = arenas.make_vec("KuhnPoker-v0", 2)
    with pytest.raises(RuntimeError, match="call reset"):
        env.sample_actions()
    env.reset(seed=0)
    for steps in (0, -1, 2.5):
        with pytest.raises(ValueError, match="steps="):
            env.play_randomly(steps)


@pytest.mark.parametrize(
    "seed", [-1, 1 << 63, [0], [0, 1, 2], [0, -1], [0, 1.5], "ab", (1 << 63) - 1]
)
def test_wrong_seeds_are_refused(seed):
    env = arenas.make_vec("KuhnPoker-v0", 2)
    env.reset(seed=5)
    before = env.get_state()
    with pytest.raises(ValueError, match="seed"):
        env.reset(seed=seed)
    assert all((before[name] == after).all() for name, after in env.get_state().items())


def test_seeds_may_be_an_array_or_partly_left_out():
    env, twin = (arenas.make_vec("KuhnPoker-v0", 3, copy=True) for _ in range(2))
    one, two = env.reset(seed=np.array([3, 4, 5])), twin.reset(seed=3)
    np.testing.assert_array_equal(one[0]["observation"], two[0]["observation"])
    assert env.reset(seed=[None, 7, None])[0]["observation"].any()


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"num_envs": 0}, ValueError, "num_envs=0"),
        ({"num_envs": 2.5}, ValueError, "num_envs=2.5"),
        ({"threads": 0}, ValueError, "threads=0"),
        ({"threads": 1.5}, ValueError, "threads=1.5"),
        ({"device": "tpu"}, ValueError, "the devices are cpu and cuda"),
        ({"device": "cuda", "layout": "one_learner"}, ValueError, "runs on the CPU"),
        ({"layout": "both"}, ValueError, "self_play and one_learner"),
        ({"opponent": "nash"}, ValueError, 'layout="one_learner"'),
        ({"seat": 1}, ValueError, 'layout="one_learner"'),
        ({"layout": "one_learner", "seat": 2}, ValueError, "seat=2"),
        ({"layout": "one_learner", "opponent": ["nash"] * 2}, ValueError, "2 opponents for the 1"),
        ({"autoreset": "never"}, ValueError, "same_step"),
        ({"illegal": "shrug"}, ValueError, "illegal='shrug'"),
        ({"max_cycles": 0}, ValueError, "max_cycles=0"),
        ({"render_mode": "human"}, ValueError, "ansi"),
        ({"game_id": "OpenSpiel-v0"}, TypeError, 'vectorization_mode="sync"'),
    ],
)
def test_wrong_arguments_are_named(arguments, error, message):
    if arguments.get("game_id") == "OpenSpiel-v0":
        pytest.importorskip("pyspiel")
    with pytest.raises(error, match=message):
        arenas.make_vec(**{"game_id": "KuhnPoker-v0", "num_envs": 2, **arguments})


@pytest.mark.usefixtures("forget_registrations")
def test_a_game_with_rules_of_its_own_beside_the_flat_ones_is_refused():
    arenas.register("toys/Harsh-v0", f"{__name__}:HarshRace")
    with pytest.raises(TypeError, match="has its own forfeit"):
        arenas.make_vec("toys/Harsh-v0", 2)


def test_a_match_that_is_over_waits_for_its_reset():
    for layout in ("self_play", "one_learner"):
        env = arenas.make_vec(
            "KuhnPoker-v0", 2, layout=layout, illegal="retry:0", autoreset="disabled"
        )
        env.reset(seed=0)
        env.step([5, 0])
        with pytest.raises(RuntimeError, match="reset_mask"):
            env.step([0, 0])
        env.reset(options={"reset_mask": np.array([True, False])})
        env.step([0, 0])


@pytest.mark.parametrize("options", [{}, {"size": 5}])
def test_random_play_leaves_finished_matches_alone(options):
    env = arenas.make_vec("TicTacToe-v0", 3, autoreset="disabled", **options)
    env.reset(seed=0)
    env.play_randomly(40)
    assert (env.matches == 1).all()
    assert not env.sample_actions().any()
    with pytest.raises(RuntimeError, match="is over"):
        env.turn(0)


# -- the same play whatever the setting ------------------------------------------------------------


def played(env, steps=30):
    """All that comes out of an environment that plays on, copied."""
    seen = []
    for _ in range(steps):
        where = np.ones(env.num_envs, bool)
        actions = env.decisions(where).action_mask.argmax(1)
        observation, *results, info = env.step(actions)
        seen += [each.copy() for each in (*observation.values(), *results)]
        seen += [info[name].copy() for name in ("seat", "rewards", "illegal_moves", "_match")]
        seen += [each.copy() for each in info["match"].values()]
    return seen


def same(one, two):
    return all(np.array_equal(a, b) for a, b in zip(one, two, strict=True))


@pytest.mark.parametrize("layout", ["self_play", "one_learner"])
@pytest.mark.parametrize("options", [{}, {"size": 4}])
def test_threads_change_nothing(layout, options):
    for games in (1, 2, 7):
        runs = []
        for threads in (1, 2, 3):
            env = arenas.make_vec("TicTacToe-v0", games, layout=layout, threads=threads, **options)
            env.reset(seed=3)
            runs.append(played(env))
            env.close()
        assert same(runs[0], runs[1])
        assert same(runs[0], runs[2])


@pytest.mark.parametrize("game_id", ["KuhnPoker-v0", "TicTacToe-v0"])
def test_both_engines_play_alike(game_id, monkeypatch):
    env = arenas.make_vec(game_id, 5)
    assert env._device._modules["engine"] is by_tables
    monkeypatch.setattr("arenas.core.vector.tabulate", lambda *_: None)
    twin = arenas.make_vec(game_id, 5)
    assert twin._device._modules["engine"] is by_rules
    runs = []
    for each in (env, twin):
        each.reset(seed=11)
        seen = []
        for _ in range(60):
            _, reward, *_, info = each.step(each.sample_actions())
            seen += [reward.copy(), info["seat"].copy(), info["match"]["returns"].copy()]
        runs.append([*seen, *played(each)])
    assert same(*runs)


def test_a_loop_of_random_play_is_its_steps():
    for mode in ("same_step", "next_step"):
        env, twin = (arenas.make_vec("TicTacToe-v0", 4, autoreset=mode) for _ in range(2))
        env.reset(seed=2)
        twin.reset(seed=2)
        env.play_randomly(33)
        for _ in range(33):
            twin.step(twin.sample_actions())
        mine, other = env.get_state(), twin.get_state()
        assert all(np.array_equal(mine[name], other[name]) for name in mine)
        assert env.matches.sum() > 4


@pytest.mark.parametrize(
    "arguments", [{}, {"layout": "one_learner"}, {"size": 4}, {"autoreset": "next_step"}]
)
def test_a_saved_state_goes_on_bit_for_bit(arguments, tmp_path):
    def make(**other):
        return arenas.make_vec("TicTacToe-v0", 3, **{**arguments, **other})

    env = make()
    env.reset(seed=4)
    played(env, 7)
    np.savez(tmp_path / "state.npz", **env.get_state())
    expected = played(env)
    twin = make()
    with np.load(tmp_path / "state.npz") as state:
        twin.set_state(dict(state))
        assert same(expected, played(twin))
        for other in ({"illegal": "retry:2"}, {"max_cycles": 4}, {"autoreset": "disabled"}):
            with pytest.raises(ValueError, match="the state is of another"):
                make(**other).set_state(dict(state))
        with pytest.raises(ValueError, match="the state is of another"):
            arenas.make_vec("TicTacToe-v0", 4, **arguments).set_state(dict(state))
        with pytest.raises(ValueError, match="the state is of another"):
            make().set_state({name: state[name] for name in state if name != "rows"})


def test_a_state_of_other_options_is_refused_though_its_arrays_fit():
    env, other = (arenas.make_vec("KuhnPoker-v0", 2, hands=3, rules=r) for r in RULES)
    env.reset(seed=0)
    other.reset(seed=0)
    state = env.get_state()
    assert {k: v.shape for k, v in state.items()} == {
        k: v.shape for k, v in other.get_state().items()
    }
    with pytest.raises(ValueError, match="of other options"):
        other.set_state(state)


def leaves(value):
    if isinstance(value, dict):
        return [leaf for key in sorted(value) for leaf in leaves(value[key])]
    return [value]


@pytest.mark.parametrize("layout", ["self_play", "one_learner"])
def test_without_copies_the_arrays_stay_where_they_are(layout):
    env = arenas.make_vec("KuhnPoker-v0", 64, layout=layout)
    env.reset(seed=0)
    actions = np.ones(64, np.int64)

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


@pytest.mark.parametrize("layout", ["self_play", "one_learner"])
def test_copies_are_never_changed(layout):
    env = arenas.make_vec("KuhnPoker-v0", 8, layout=layout, copy=True, illegal="penalty:1")
    observation, info = env.reset(seed=0)
    kept = []
    for step in range(12):
        arrays = [x for x in [*leaves(observation), *leaves(info)] if x.dtype != object]
        kept.append((arrays, [array.copy() for array in arrays]))
        observation, *results, info = env.step(np.full(8, step % 3))
        arrays = [*results, *leaves({k: v for k, v in info.items() if k != "final_obs"})]
        kept.append((arrays, [array.copy() for array in arrays]))
        finals = [leaf for final in info["final_obs"] if final for leaf in leaves(final)]
        kept.append((finals, [array.copy() for array in finals]))
    for arrays, copies in kept:
        assert same(arrays, copies)


def test_pictures_show_every_game():
    env = arenas.make_vec("TicTacToe-v0", 2, render_mode="ansi")
    env.reset(seed=0)
    env.step([0, 8])
    assert env.render() == tuple(env.game.show(env._position(i)) for i in range(2))
    assert len(set(env.render())) == 2
