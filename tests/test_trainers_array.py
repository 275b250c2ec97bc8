"""What trainers over arrays rely on, without any trainer: spaces, masks, infos, rewards."""

from __future__ import annotations

import random

import gymnasium as gym
import numpy as np
import pytest
from cases import CASES, IDS, pettingzoo_checks, plain, random_action, warned

import arenas
from arenas.adapters.stackable import Stackable
from arenas.policies.arrays import FunctionPolicy
from arenas.policies.random import RandomPolicy
from arenas.rating.exploitability import nash_conv

DISCRETE = [game_id for game_id in IDS if arenas.make_game(game_id).num_actions]
ENDLESS = 60
"""Moves after which a long match is left."""


def moves_of(env, seed=0):
    """Plays a match of an AEC environment at random and yields after each move."""
    rng = random.Random(seed)
    env.reset(seed=seed)
    yield
    for _ in range(ENDLESS):
        if any(env.terminations.values()):
            return
        env.step(random_action(env.unwrapped, rng))
        yield


# -- one seat, as Stable-Baselines3 has it ---------------------------------------------------------


@pytest.mark.parametrize("game_id", DISCRETE)
def test_masks_are_found_through_wrappers(game_id):
    env = gym.wrappers.RecordEpisodeStatistics(gym.make(game_id))
    observation, _ = env.reset(seed=0)
    masks = env.get_wrapper_attr("action_masks")()
    assert masks.shape == (env.action_space.n,)
    assert (masks == observation["action_mask"].astype(bool)).all()


@pytest.mark.parametrize("game_id", DISCRETE)
def test_a_masked_learner_never_moves_illegally(game_id):
    env = gym.make(game_id, opponent="random", illegal="raise").unwrapped
    rng = random.Random(0)
    for seed in range(3):
        env.reset(seed=seed)
        for _ in range(ENDLESS):
            action = rng.choice(np.flatnonzero(env.action_masks()).tolist())
            *_, terminated, truncated, info = env.step(action)
            assert info["illegal_moves"] == 0
            if terminated or truncated:
                break


def test_an_opponent_is_renewed_while_it_plays():
    """As self-play does whose environments keep the players that they were made with."""
    favourite = [0]

    def weigh(views, masks):
        weights = np.full(masks.shape, 1e-9)
        weights[:, favourite[0]] = 1
        return weights

    env = gym.make("selfplay/TicTacToe-v0", opponent=FunctionPolicy(weigh), seat=1).unwrapped
    for favourite[0] in (0, 4, 8):
        env.reset(seed=0)
        assert [entry.move for entry in env.match.log] == [favourite[0]]


# -- every seat, as RLlib, Tianshou and TorchRL have it --------------------------------------------


@pytest.mark.parametrize(("game_id", "options"), CASES)
def test_all_agents_have_equal_spaces(game_id, options):
    env = arenas.make(game_id, **options)
    first, *others = env.possible_agents
    for agent in others:
        assert env.observation_space(agent) == env.observation_space(first)
        assert env.action_space(agent) == env.action_space(first)


@pytest.mark.parametrize("game_id", IDS)
def test_every_agent_can_be_observed_after_every_move_and_after_the_end(game_id):
    env = arenas.make(game_id)
    for _ in moves_of(env):
        for agent in env.possible_agents:
            assert env.observe(agent) in env.observation_space(agent)


@pytest.mark.parametrize("game_id", IDS)
def test_what_each_agent_is_paid_comes_out_in_either_way_of_asking(game_id):
    """Tianshou and TorchRL add up `rewards` of all agents, RLlib what `last` says at each turn."""
    env = arenas.make(game_id, max_cycles=5)
    by_step = dict.fromkeys(env.possible_agents, 0.0)
    by_turn = dict.fromkeys(env.possible_agents, 0.0)
    rng = random.Random(0)
    env.reset(seed=1)
    for agent in env.agent_iter():
        _, reward, terminated, truncated, _ = env.last()
        by_turn[agent] += reward
        env.step(None if terminated or truncated else random_action(env, rng))
        for each, paid in env.rewards.items():
            by_step[each] += paid
    assert list(by_turn.values()) == pytest.approx(list(env.match.outcome.rewards))
    assert by_step == pytest.approx(by_turn)


@pytest.mark.parametrize("game_id", IDS)
def test_stackable_changes_infos_and_empty_masks_alone(game_id):
    env, stackable = arenas.make(game_id), Stackable(arenas.make(game_id))
    for _ in zip(moves_of(env), moves_of(stackable), strict=True):
        assert stackable.agent_selection == env.agent_selection
        assert stackable.rewards == env.rewards
        assert stackable.infos == {a: {"illegal_moves": 0} for a in env.agents}
        for agent in env.possible_agents:
            expected = env.observe(agent)
            if "action_mask" in expected and not expected["action_mask"].any():
                expected["action_mask"] = np.ones_like(expected["action_mask"])
            assert plain(stackable.observe(agent)) == plain(expected)
        assert plain(stackable.last()[0]) == plain(stackable.observe(env.agent_selection))


def test_stackable_counts_illegal_moves_and_says_no_word():
    env = Stackable(arenas.make("TicTacToe-v0"))
    env.reset(seed=0)
    env.step(99)
    assert "illegal_reason" in env.unwrapped.infos["player_0"]
    assert env.infos == {"player_0": {"illegal_moves": 1}, "player_1": {"illegal_moves": 0}}
    assert env.last()[-1] == {"illegal_moves": 1}
    env.step(99)
    assert "ending" in env.unwrapped.infos["player_0"]
    assert env.infos["player_0"] == {"illegal_moves": 2}


@pytest.mark.parametrize("game_id", DISCRETE)
def test_stackable_passes_pettingzoo(game_id):
    with warned():
        pettingzoo_checks.api_test(Stackable(arenas.make(game_id)), num_cycles=200)


# -- all seats at once, through SuperSuit ----------------------------------------------------------


def test_supersuit_makes_a_vector_environment_of_a_parallel_one():
    supersuit = pytest.importorskip("supersuit", reason="SuperSuit is optional")
    options = {"horizon": 8}
    alone = arenas.make_parallel("Overcooked-v0", **options)
    agents = supersuit.pettingzoo_env_to_vec_env_v1(
        arenas.make_parallel("Overcooked-v0", **options)
    )
    envs = supersuit.concat_vec_envs_v1(agents, 2, num_cpus=1, base_class="gymnasium")
    observations, _ = envs.reset(seed=3)
    expected, _ = alone.reset(seed=3)
    rng = np.random.default_rng(0)
    for _ in range(7):
        for row, agent in enumerate(alone.possible_agents):
            for name, value in expected[agent].items():
                assert (observations[name][row] == value).all()
        actions = rng.integers(0, 6, 4)
        observations, rewards, *_ = envs.step(actions)
        pair = dict(zip(alone.possible_agents, actions[:2].tolist(), strict=True))
        expected, paid, *_ = alone.step(pair)
        assert rewards[:2].tolist() == list(paid.values())


# -- games in lockstep, through TorchRL ------------------------------------------------------------


@pytest.mark.parametrize("game_id", ["KuhnPoker-v0", "Overcooked-v0"])
@pytest.mark.parametrize("layout", ["self_play", "one_learner"])
@pytest.mark.parametrize("mode", ["same_step", "next_step", "disabled"])
def test_vector_environments_say_how_they_reset_where_gymnasiums_do(game_id, layout, mode):
    env = arenas.make_vec(game_id, 2, layout=layout, autoreset=mode)
    alone = [lambda: gym.make("selfplay/KuhnPoker-v0")]
    theirs = gym.vector.SyncVectorEnv(alone, autoreset_mode=env.metadata["autoreset_mode"])
    assert env.autoreset_mode == theirs.autoreset_mode
    assert env.autoreset_mode.name == mode.upper()


# -- a network of another library in a seat --------------------------------------------------------


def leaning(views, masks):
    """Weights that depend on the view, some on illegal actions."""
    return 1 + (np.arange(masks.shape[1]) * views.reshape(len(views), -1).sum(1)[:, None]) % 7


def test_a_function_plays_alike_in_matches_and_in_lockstep():
    players = [FunctionPolicy(leaning, "leaning"), "random"]
    records = list(arenas.play_matches("TicTacToe-v0", players, 40, seed=3))
    one_by_one = list(arenas.play_matches("TicTacToe-v0", players, 40, seed=3, concurrency=1))
    assert records == one_by_one
    arguments = {"layout": "one_learner", "opponent": players[0], "seat": 0}
    env = arenas.make_vec("TicTacToe-v0", 20, **arguments)
    alone = gym.make("selfplay/TicTacToe-v0", opponent=players[0], seat=0)
    observations, _ = env.reset(seed=5)
    views = observations["observation"].copy()
    for game in range(20):
        observation, _ = alone.reset(seed=5 + game)
        assert (observation["observation"] == views[game]).all()
    actions = observations["action_mask"].argmax(axis=1)
    observations, *_ = env.step(actions)
    for game in range(20):
        alone.reset(seed=5 + game)
        observation, *_ = alone.step(actions[game])
        assert (observation["observation"] == observations["observation"][game]).all()


def test_what_a_function_says_of_illegal_actions_is_dropped():
    player = FunctionPolicy(lambda views, masks: [[2.0, 5.0, 6.0]] * len(masks))
    masks = np.array([[1, 0, 1], [1, 1, 0]], np.int8)
    rows = player.probabilities(np.zeros((2, 4)), masks)
    assert rows.tolist() == [[0.25, 0, 0.75], [2 / 7, 5 / 7, 0]]
    assert player.probabilities(np.zeros((0, 4)), np.zeros((0, 3))).shape == (0, 3)
    assert player.act([]) == player.distributions([]) == []


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ([[1.0, 1.0]], "shape"),
        ([1.0, 1.0, 1.0], "shape"),
        ([[-1.0, 1.0, 1.0]], "negative"),
        ([[np.nan, 1.0, 1.0]], "not finite"),
        ([[np.inf, 1.0, 1.0]], "not finite"),
        ([[0.0, 1.0, 0.0]], "all zero"),
    ],
)
def test_weights_that_are_no_distribution_are_refused(weights, message):
    player = FunctionPolicy(lambda views, masks: weights, "odd")
    with pytest.raises(ValueError, match=f"'odd'.*{message}"):
        player.probabilities(np.zeros((1, 4)), np.array([[1, 0, 1]]))


def test_the_distance_from_equilibrium_of_a_function_is_known():
    game = arenas.make_game("KuhnPoker-v0")
    uniform = FunctionPolicy(lambda views, masks: masks)
    assert nash_conv(game, uniform).total == pytest.approx(nash_conv(game, RandomPolicy()).total)
    assert nash_conv(game, uniform).total == pytest.approx(11 / 12)
