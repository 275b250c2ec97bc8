"""The checkers of PettingZoo and Gymnasium, the registries, wrappers and copies."""

from __future__ import annotations

import copy
import itertools
import pickle
import random
import subprocess
import sys
from types import SimpleNamespace

import gymnasium as gym
import numpy as np
import pettingzoo
import pytest
from cases import (
    CASES,
    IDS,
    ILLEGAL,
    VIEWS,
    finish,
    pettingzoo_checks,
    plain,
    random_action,
    random_move,
    sampling,
    seen,
    warned,
)
from gymnasium.utils.env_checker import check_env
from pettingzoo.utils import wrappers
from pettingzoo.utils.conversions import aec_to_parallel

import arenas
from arenas.core.spaces import TextSpace

# api_test prefers bare arrays; masks and prompts need a Dict and a space of strings.
DICT_WARNINGS = {
    "Observation is not a NumPy array",
    "Observation space for each agent probably should be gymnasium.spaces.box or "
    "gymnasium.spaces.discrete",
}
TEXT_WARNINGS = DICT_WARNINGS | {
    "Action space for each agent probably should be gymnasium.spaces.box or "
    "gymnasium.spaces.discrete"
}


def check_api(env, cycles=1_000):
    """PettingZoo's api_test with these warnings and no others."""
    with warned() as messages:
        pettingzoo_checks.api_test(env, num_cycles=cycles)
    assert messages == (TEXT_WARNINGS if env.view == "text" else DICT_WARNINGS)


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize(("game_id", "options"), CASES)
def test_aec_environment_passes_pettingzoo(game_id, options, view):
    def make(render_mode=None):
        return arenas.make(game_id, view=view, render_mode=render_mode, **options)

    check_api(make())
    pettingzoo_checks.seed_test(make)
    pettingzoo_checks.render_test(make, {"ansi": str.strip})


@pytest.mark.parametrize("illegal", ILLEGAL)
@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("game_id", IDS)
def test_aec_environment_passes_under_every_illegal_policy(game_id, view, illegal):
    env = arenas.make(game_id, view=view, illegal=illegal)
    if (view, illegal) == ("text", "raise"):
        # In the text view api_test samples replies without knowing which are legal.
        rng = random.Random(0)
        for agent in env.possible_agents:
            sampling(env.action_space(agent), lambda: random_action(env, rng))
    check_api(env)


# -- PettingZoo's max_cycles_test ------------------------------------------------------------------
# It samples actions blindly and expects every agent to act exactly once per cycle.


def max_cycles_module(make, prepare=lambda env: None):
    def env(max_cycles):
        made = make(max_cycles=max_cycles)
        prepare(made)
        made.metadata["is_parallelizable"] = True
        return made

    return SimpleNamespace(env=env, parallel_env=lambda **kwargs: aec_to_parallel(env(**kwargs)))


@pytest.mark.parametrize("view", VIEWS)
def test_tictactoe_passes_max_cycles_test(view):
    # Nobody has five stones within four cycles, and a blind choice of a taken cell is replaced.
    options = {"size": 5, "win_length": 5, "illegal": "random-legal", "view": view}
    pettingzoo_checks.max_cycles_test(
        max_cycles_module(lambda **kw: arenas.make("TicTacToe-v0", **options, **kw))
    )


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("players", [2, 3, 4])
def test_kuhn_poker_passes_max_cycles_test(players, view):
    # The opener moves on with each hand, so seats act strictly in turn over a whole match only if
    # every hand takes players + 1 moves: check, bet, and then everyone else folds. The action
    # spaces sample that line.
    words = ("[check]", "[bet]", *["[fold]"] * (players - 1))
    line = words if view == "text" else (0, 1, *[0] * (players - 1))

    def follow_the_line(env):
        for seat, agent in enumerate(env.possible_agents):
            plies = itertools.count(seat, players)
            sampling(env.action_space(agent), lambda plies=plies: line[next(plies) % len(line)])

    def make(**kwargs):
        return arenas.make("KuhnPoker-v0", players=players, hands=50, view=view, **kwargs)

    pettingzoo_checks.max_cycles_test(max_cycles_module(make, follow_the_line))


# -- Gymnasium -------------------------------------------------------------------------------------


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("opponent", ["random", "scripted", "self"])
@pytest.mark.parametrize(("game_id", "options"), CASES)
def test_seat_environment_passes_check_env(game_id, options, opponent, view):
    env = gym.make(game_id, opponent=opponent, view=view, **options).unwrapped
    assert env.spec is not None  # Without it check_env leaves half of its checks out.
    check_env(env)


@pytest.mark.parametrize("seat", [0, 1, "random", "alternating"])
@pytest.mark.parametrize("illegal", [policy for policy in ILLEGAL if policy != "raise"])
@pytest.mark.parametrize("game_id", IDS)
def test_seat_environment_passes_check_env_in_every_seat(game_id, illegal, seat):
    check_env(gym.make(game_id, seat=seat, illegal=illegal).unwrapped)


@pytest.mark.parametrize("game_id", IDS)
def test_seat_environment_that_raises_passes_check_env(game_id):
    env = gym.make(game_id, opponent="self", illegal="raise").unwrapped
    env.reset(seed=0)
    # check_env samples without the mask, and some actions before it resets.
    sampling(env.action_space, lambda: np.argmax(env.action_masks()))
    check_env(env)


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("seat", [0, 1, "random", "alternating"])
@pytest.mark.parametrize("game_id", IDS)
def test_learner_sits_where_it_is_told(game_id, seat, view):
    env = gym.make(game_id, seat=seat, view=view)
    seats = []
    env.reset(seed=3)
    for _ in range(40):
        _, info = env.reset()
        seats.append(info["seat"])
    if seat == "alternating":
        assert all(a != b for a, b in itertools.pairwise(seats))
    else:
        assert set(seats) == ({0, 1} if seat == "random" else {seat})


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("game_id", IDS)
def test_the_reward_of_a_learner_is_its_seat_in_the_outcome(game_id, view):
    env = gym.make(game_id, opponent="scripted", seat="random", view=view).unwrapped
    rng = random.Random(0)
    env.reset(seed=0)
    for _ in range(50 if env.game.spec.max_plies < 100 else 2):
        total, over = 0.0, False
        while not over:
            action = random_move(env.match, env.match.awaited[0], view, rng)
            _, reward, over, truncated, info = env.step(action)
            total += reward
            assert not truncated
        assert total == env.match.outcome.rewards[info["seat"]]
        if not env.game.spec.step_rewards:
            assert info["rewards"] == list(env.match.outcome.rewards)
        env.reset()


@pytest.mark.parametrize("game_id", IDS)
def test_acting_in_every_seat_gives_each_mover_its_own_reward(game_id):
    env = gym.make(game_id, opponent="self", illegal="penalty:0.5").unwrapped
    rng, totals = random.Random(0), np.zeros(2)
    for seed in range(30 if env.game.spec.max_plies < 100 else 2):
        observation, info = env.reset(seed=seed)
        totals[:], over = 0, False
        while not over:
            mover, fined = info["seat"], rng.random() < 0.2
            assert env.match.awaited[0] == mover
            action = -1 if fined else rng.choice(np.flatnonzero(observation["action_mask"]))
            observation, reward, over, _, info = env.step(action)
            assert reward == info["rewards"][mover]
            assert over or reward == (-0.5 if fined else 0)
            totals += info["rewards"]
        assert totals.tolist() == list(env.match.outcome.rewards)


@pytest.mark.parametrize("game_id", IDS)
def test_action_masks_agree_with_the_observation(game_id):
    env = gym.make(game_id).unwrapped
    observation, _ = env.reset(seed=0)
    for _ in range(100):
        masks = env.action_masks()
        assert masks.dtype == bool
        assert plain(masks) == plain(observation["action_mask"].astype(bool))
        observation, _, terminated, _, _ = env.step(int(np.flatnonzero(masks)[0]))
        if terminated:
            assert not env.action_masks().any()
            observation, _ = env.reset()


@pytest.mark.parametrize("view", ["array", "text"])
@pytest.mark.parametrize("game_id", IDS)
def test_vector_of_seat_environments_steps(game_id, view):
    arguments = {"vectorization_mode": "sync", "view": view, "max_cycles": 15}
    envs = gym.make_vec(game_id, num_envs=3, **arguments)
    observations, _ = envs.reset(seed=0)
    envs.action_space.seed(0)
    finished = 0
    for _ in range(60):
        assert observations in envs.observation_space
        observations, rewards, *ends, _ = envs.step(envs.action_space.sample())
        assert rewards.shape == (3,)
        finished += np.logical_or(*ends).sum()
    assert finished >= 3
    envs.close()


def test_text_spaces_hold_any_string_up_to_their_length():
    space = TextSpace(5, examples=("[bet]", "é"))
    assert all(text in space for text in ("", "12345", "日本語한국", "\x00\n\ud800", "[bet]"))
    assert all(other not in space for other in ("123456", None, 5, b"bet", ["bet"]))
    space.seed(0)
    drawn = [space.sample() for _ in range(20)]
    space.seed(0)
    assert drawn == [space.sample() for _ in range(20)]
    assert set(drawn) == {"[bet]", "é"}
    assert TextSpace(5, ("[bet]", "é")) == space != TextSpace(5)
    wide = TextSpace(1_000)
    assert all(wide.sample() in wide for _ in range(100))
    with pytest.raises(ValueError, match="no mask"):
        space.sample(mask=np.ones(2))


# -- registries ------------------------------------------------------------------------------------


@pytest.mark.parametrize("game_id", IDS)
def test_every_registry_makes_the_same_game(game_id):
    name = game_id.removeprefix("selfplay/")
    made = [gym.make(game_id).unwrapped, arenas.make(name), arenas.make(game_id)]
    if hasattr(pettingzoo, "register"):  # PettingZoo has a registry since 1.27.
        made.append(pettingzoo.make("aec", game_id).unwrapped)
    assert len({repr(env.game) for env in made}) == 1
    assert all(env.metadata["name"] == game_id for env in made[1:])


@pytest.mark.skipif(not hasattr(pettingzoo, "register"), reason="PettingZoo's registry is 1.27's")
def test_pettingzoo_registry_passes_options_on():
    env = pettingzoo.make("aec", "selfplay/KuhnPoker-v0", players=3, view="text").unwrapped
    assert (env.num_agents if env.agents else len(env.possible_agents), env.view) == (3, "text")


def test_gymnasium_finds_a_game_without_an_import():
    code = (
        "import sys, gymnasium as gym\n"
        "env = gym.make('arenas:selfplay/KuhnPoker-v0', players=3)\n"
        "assert env.unwrapped.game.players == 3\n"
        "print(env.spec.id)"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=False
    )
    assert (done.stderr, done.stdout.strip()) == ("", "selfplay/KuhnPoker-v0")


@pytest.mark.parametrize("game_id", IDS)
def test_spec_makes_an_equal_environment(game_id):
    env = gym.make(game_id, opponent="scripted", seat=1, view="both", illegal="penalty:0.25")
    again = gym.make(env.spec)
    assert again.spec == env.spec
    assert (again.unwrapped.seat, str(again.unwrapped.illegal)) == (1, "penalty:0.25")
    assert plain(again.reset(seed=5)) == plain(env.reset(seed=5))


# -- wrappers --------------------------------------------------------------------------------------

WRAPPERS = {
    "OrderEnforcing": wrappers.OrderEnforcingWrapper,
    "AssertOutOfBounds": wrappers.AssertOutOfBoundsWrapper,
    "TerminateIllegal": lambda env: wrappers.TerminateIllegalWrapper(env, -1),
    "stack": lambda env: wrappers.OrderEnforcingWrapper(
        wrappers.AssertOutOfBoundsWrapper(wrappers.TerminateIllegalWrapper(env, -1))
    ),
}
SUPERSUIT = {
    "clip_reward": lambda ss, env: ss.clip_reward_v0(env, -1, 1),
    "reward_lambda": lambda ss, env: ss.reward_lambda_v0(env, lambda reward: 2 * reward),
    "sticky_actions": lambda ss, env: ss.sticky_actions_v0(env, 0.3),
    "pad_action_space": lambda ss, env: ss.pad_action_space_v0(env),
    "nan_noop": lambda ss, env: ss.nan_noop_v0(env, 0),
}


@pytest.mark.parametrize("wrap", WRAPPERS.values(), ids=WRAPPERS)
@pytest.mark.parametrize("game_id", IDS)
def test_pettingzoo_wrappers_keep_the_api(game_id, wrap):
    check_api(wrap(arenas.make(game_id)))


@pytest.mark.parametrize("wrap", SUPERSUIT.values(), ids=SUPERSUIT)
@pytest.mark.parametrize("game_id", IDS)
def test_supersuit_wrappers_keep_the_api(game_id, wrap):
    supersuit = pytest.importorskip("supersuit", reason="SuperSuit is optional")
    check_api(wrap(supersuit, arenas.make(game_id)))


def test_a_wrapped_match_is_played_to_the_end():
    env = wrappers.OrderEnforcingWrapper(arenas.make("TicTacToe-v0"))
    env.reset(seed=0)
    paid = dict.fromkeys(env.possible_agents, 0.0)
    for agent, cell in zip(env.agent_iter(), [0, 3, 1, 4, 2, None, None], strict=False):
        _, reward, *_ = env.last()
        paid[agent] += reward
        env.step(cell)
    assert paid == {"player_0": 1.0, "player_1": -1.0}


# -- copies ----------------------------------------------------------------------------------------

COPIES = {
    "pickle": lambda env: pickle.loads(pickle.dumps(env)),
    "deepcopy": copy.deepcopy,
}


@pytest.mark.parametrize("clone", COPIES.values(), ids=COPIES)
@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize(("game_id", "options"), CASES)
def test_a_copy_in_mid_match_plays_on_as_the_original(game_id, options, view, clone):
    env = arenas.make(game_id, view=view, **options)
    env.reset(seed=11)
    env.step(random_action(env, random.Random(0)))
    twin = clone(env)
    before = seen(env)
    assert seen(twin) == before
    finish(twin, random.Random(1))
    assert seen(env) == before
    finish(env, random.Random(1))
    assert seen(env) == seen(twin)
    env.reset()
    twin.reset()
    assert env.match.seed == twin.match.seed


@pytest.mark.parametrize("clone", COPIES.values(), ids=COPIES)
@pytest.mark.parametrize("game_id", IDS)
def test_a_copied_seat_environment_plays_on_as_the_original(game_id, clone):
    env = gym.make(game_id, opponent="random", seat="random").unwrapped
    env.reset(seed=2)
    twin = clone(env)
    for _ in range(30):
        action = int(np.flatnonzero(env.action_masks())[-1])
        assert plain(env.step(action)) == plain(twin.step(action))
        if env.match.over:
            assert plain(env.reset()) == plain(twin.reset())
