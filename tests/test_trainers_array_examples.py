"""Trainers over arrays, each where it is installed: what they take, and what their examples learn.

The commands are those of `examples/README.md`, run as they stand there.
"""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import gymnasium as gym
import numpy as np
import pytest

import arenas
from arenas.adapters.stackable import Stackable

# A trainer's modules may warn of what they themselves depend on.
pytestmark = pytest.mark.filterwarnings("ignore")

ROOT = Path(__file__).parent.parent
DISCRETE = ("KuhnPoker-v0", "Overcooked-v0", "Spy-v0", "TicTacToe-v0")


def run(example, *arguments):
    """Runs an example's command with further arguments; the shares of matches won that it prints.

    Returns:
        Two percentages: before the training and after it.
    """
    page = (ROOT / "examples" / "README.md").read_text(encoding="utf-8")
    (command,) = re.findall(rf"^env-\w+/bin/python (examples/{example}\.py.*)$", page, re.MULTILINE)
    done = subprocess.run(
        [sys.executable, *shlex.split(command), *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=3_600,
    )
    print(done.stdout)
    assert done.returncode == 0, done.stderr[-3_000:]
    shares = re.findall(r"^\w+: won (\S+) % of 1000 matches", done.stdout, re.MULTILINE)
    return [float(share) for share in shares]


# -- Stable-Baselines3 and sb3-contrib -------------------------------------------------------------


@pytest.mark.slow  # It trains for a third of a minute.
def test_maskable_ppo_learns_to_beat_a_random_player():
    pytest.importorskip("sb3_contrib")
    before, after = run("sb3_maskable_ppo")
    assert before < 60
    assert after > 80


@pytest.mark.parametrize("game_id", [*DISCRETE, "Negotiation-v0"])
def test_stable_baselines_takes_a_seat_as_it_is(game_id):
    pytest.importorskip("sb3_contrib")
    from sb3_contrib import MaskablePPO
    from sb3_contrib.common.maskable.utils import get_action_masks
    from stable_baselines3 import PPO
    from stable_baselines3.common.env_checker import check_env
    from stable_baselines3.common.env_util import make_vec_env

    # It takes the grid of Overcooked for a picture, and an extractor of pictures does not fit it.
    options = {"horizon": 12, "features": "vector"} if game_id == "Overcooked-v0" else {}
    check_env(gym.make(f"selfplay/{game_id}", illegal="random-legal", **options))
    # Of moves of several numbers not every combination is legal that the masks allow.
    whole = arenas.make_game(game_id, **options).num_actions
    strict = {"illegal": "raise" if whole else "random-legal", **options}
    envs = make_vec_env(f"selfplay/{game_id}", 2, seed=0, env_kwargs=strict)
    envs.reset()
    numbers = [envs.action_space.n] if whole else envs.action_space.nvec
    assert get_action_masks(envs).shape == (2, sum(numbers))
    MaskablePPO("MultiInputPolicy", envs, n_steps=32, batch_size=32, seed=0).learn(64)
    lenient = {"illegal": "random-legal", **options}
    envs = make_vec_env(f"selfplay/{game_id}", 2, seed=0, env_kwargs=lenient)
    PPO("MultiInputPolicy", envs, n_steps=32, batch_size=32, seed=0).learn(64)


# -- RLlib -----------------------------------------------------------------------------------------


@pytest.mark.slow  # Ray starts, and it trains for half a minute.
def test_rllib_learns_in_both_seats(tmp_path):
    pytest.importorskip("ray.rllib")
    before, after = run("rllib_ppo", "--out", str(tmp_path / "policy.pt"))
    assert after > before + 15
    assert plays(tmp_path / "policy.pt") > 0.5


@pytest.mark.parametrize("game_id", DISCRETE)
def test_rllib_takes_the_aec_environment_as_it_is(game_id):
    pytest.importorskip("ray.rllib")
    from ray.rllib.env.wrappers.pettingzoo_env import PettingZooEnv

    below = arenas.make(game_id, max_cycles=4)
    env = PettingZooEnv(below)
    paid = dict.fromkeys(below.possible_agents, 0.0)
    observations, _ = env.reset(seed=0)
    over = False
    while not over:
        ((agent, observation),) = observations.items()
        assert observation in env.observation_spaces[agent]
        action = int(observation["action_mask"].argmax())
        observations, rewards, terminated, truncated, _ = env.step({agent: action})
        for each, reward in rewards.items():
            paid[each] += reward
        over = terminated["__all__"] or truncated["__all__"]
    assert truncated["__all__"] == below.match.outcome.truncated
    assert list(paid.values()) == pytest.approx(list(below.match.outcome.rewards))


def test_rllib_takes_the_parallel_environment_as_it_is():
    pytest.importorskip("ray.rllib")
    from ray.rllib.env.wrappers.pettingzoo_env import ParallelPettingZooEnv

    below = arenas.make_parallel("Overcooked-v0", horizon=5)
    env = ParallelPettingZooEnv(below)
    observations, _ = env.reset(seed=0)
    for step in range(5):
        for agent, observation in observations.items():
            assert observation in env.get_observation_space(agent)
        actions = dict.fromkeys(observations, step % 4)
        observations, rewards, terminated, truncated, _ = env.step(actions)
        assert set(rewards) == set(below.possible_agents)
        assert (terminated["__all__"] or truncated["__all__"]) == (step == 4)


def test_the_module_for_rllib_gives_illegal_actions_no_probability():
    pytest.importorskip("ray.rllib")
    import torch
    from ray.rllib.core.columns import Columns

    from arenas.adapters.rllib import MaskedModule

    env = arenas.make("TicTacToe-v0")
    spaces = {
        "observation_space": env.observation_space("player_0"),
        "action_space": env.action_space("player_0"),
    }
    module = MaskedModule(**spaces, model_config={"hidden": (8,)})
    assert module.network.hidden == (8,)
    mask = torch.tensor([[1, 0, 1] * 3, [0] * 9], dtype=torch.int8)
    batch = {"observation": torch.zeros(2, 3, 3, 3, dtype=torch.int8), "action_mask": mask}
    out = module.forward_train({Columns.OBS: batch})[Columns.ACTION_DIST_INPUTS]
    chances = torch.distributions.Categorical(logits=out).probs
    assert (chances[0] > 0).tolist() == [True, False, True] * 3
    assert torch.isfinite(chances).all()  # also where no action is legal, after the end
    assert module.compute_values({Columns.OBS: batch}).shape == (2,)


# -- TorchRL ---------------------------------------------------------------------------------------


@pytest.mark.slow  # TorchRL takes some 300 steps a second.
def test_torchrl_learns_in_both_seats(tmp_path):
    pytest.importorskip("torchrl")
    before, after = run("torchrl_ppo", "--out", str(tmp_path / "policy.pt"))
    assert after > before + 15
    assert plays(tmp_path / "policy.pt") > 0.5


@pytest.mark.slow  # It plays 400,000 moves and learns from them for half a minute.
def test_torchrl_learns_in_lockstep():
    pytest.importorskip("torchrl")
    before, after = run("torchrl_lockstep")
    assert before < 60
    assert after > 80


def test_games_in_lockstep_are_those_of_the_vector_environment():
    pytest.importorskip("torchrl")
    import torch

    from arenas.adapters.torchrl import VECTOR_VIEW, make_lockstep, masked_actor
    from arenas.policies.network import ActorCritic

    options = {"opponent": "scripted", "illegal": "raise"}
    env = make_lockstep("TicTacToe-v0", 6, seed=3, **options)
    start = env.reset()
    network = ActorCritic.for_game(arenas.make_game("TicTacToe-v0"))
    actor = masked_actor(network, 3, view=VECTOR_VIEW)
    below = arenas.make_vec(
        "TicTacToe-v0", 6, layout="one_learner", autoreset="disabled", copy=True, **options
    )
    below.reset()
    below.set_state(env.base_env._env.get_state())
    observations = {name: start[name].numpy() for name in ("observation", "action_mask")}
    played = env.rollout(30, actor, break_when_any_done=False, auto_reset=False, tensordict=start)
    for step in range(30):
        now, after = played[:, step], played["next"][:, step]
        assert (now["observation"].numpy() == observations["observation"]).all()
        assert (now["action_mask"].numpy() == observations["action_mask"].astype(bool)).all()
        observations, rewards, terminated, truncated, _ = below.step(now["action"].numpy())
        assert (after["reward"][:, 0].numpy() == rewards).all()
        over = terminated | truncated
        assert (after["done"][:, 0].numpy() == over).all()
        if over.any():
            observations, _ = below.reset(options={"reset_mask": over})
    assert torch.isfinite(played["action_log_prob"]).all()


@pytest.mark.parametrize("game_id", [*DISCRETE, "Negotiation-v0"])
def test_torchrl_checks_the_specs(game_id):
    pytest.importorskip("torchrl")
    from torchrl.envs.utils import check_env_specs

    from arenas.adapters.torchrl import make_torchrl

    check_env_specs(make_torchrl(game_id, seed=0), seed=0)


def test_torchrl_is_shown_and_paid_what_the_match_says():
    pytest.importorskip("torchrl")
    from arenas.adapters.torchrl import make_torchrl

    env = make_torchrl("KuhnPoker-v0", seed=7, illegal="raise")
    start = env.reset()
    below = arenas.make("KuhnPoker-v0", illegal="raise")
    below.reset(seed=7)
    while below.match.seed != env.match.seed:  # TorchRL has reset it more than once by now.
        below.reset()
    played = env.rollout(40, break_when_any_done=False, auto_reset=False, tensordict=start)
    for step in range(40):
        now, after = played["players"][step], played["next", "players"][step]
        mover = below.possible_agents.index(below.agent_selection)
        assert now["mask"].tolist() == [mover == 0, mover == 1]
        for seat, agent in enumerate(below.possible_agents):
            view = below.observe(agent)["observation"]
            assert (now["observation", "observation"][seat].numpy() == view).all()
        below.step(int(now["action"][mover]))
        assert after["reward"][:, 0].tolist() == list(below.rewards.values())
        over = all(below.terminations.values())
        assert played["next", "done"][step].item() == over
        if over:
            below.reset()


def test_actor_and_critic_for_torchrl_are_the_network():
    pytest.importorskip("torchrl")
    import torch

    from arenas.adapters.torchrl import SEATS, critic, make_torchrl, masked_actor
    from arenas.policies.network import ActorCritic

    env = make_torchrl("TicTacToe-v0", seed=0, illegal="raise")
    network = ActorCritic.for_game(arenas.make_game("TicTacToe-v0"))
    moves = env.rollout(30, masked_actor(network, 3, SEATS), break_when_any_done=False)[SEATS]
    views = moves["observation", "observation"].float().flatten(2)
    masks = moves["action_mask"]
    chosen = network.log_probs(views.flatten(0, 1), masks.flatten(0, 1)).view(30, 2, 9)
    chosen = chosen.gather(-1, moves["action"].unsqueeze(-1)).squeeze(-1)
    assert torch.allclose(moves["action_log_prob"], chosen, atol=1e-6)
    acting = critic(network, 3)(moves[moves["mask"]])
    assert torch.allclose(acting["state_value"], network.critic(views[moves["mask"]]), atol=1e-6)


# -- Tianshou --------------------------------------------------------------------------------------


@pytest.mark.slow  # It trains for half a minute.
def test_tianshou_learns_in_both_seats():
    pytest.importorskip("tianshou")
    before, after = run("tianshou_dqn")
    assert after > before + 15


@pytest.mark.parametrize("game_id", DISCRETE)
def test_tianshou_collects_whole_matches(game_id):
    pytest.importorskip("tianshou")
    from tianshou.algorithm import (
        MARLRandomDiscreteMaskedOffPolicyAlgorithm,
        MultiAgentOffPolicyAlgorithm,
    )
    from tianshou.data import Collector, VectorReplayBuffer
    from tianshou.env import DummyVectorEnv, PettingZooEnv

    def make():
        return PettingZooEnv(Stackable(arenas.make(game_id, illegal="raise", max_cycles=9)))

    env = make()
    seats = [MARLRandomDiscreteMaskedOffPolicyAlgorithm(action_space=env.action_space)]
    both = MultiAgentOffPolicyAlgorithm(algorithms=seats * len(env.agents), env=env)
    buffer = VectorReplayBuffer(500, 2)
    collector = Collector(both, DummyVectorEnv([make] * 2), buffer)
    collector.reset()
    collected = collector.collect(n_episode=4)
    assert collected.returns.shape == (4, len(env.agents))
    assert not buffer.hasnull()
    if arenas.make_game(game_id).spec.payoff == "zero_sum":
        assert np.allclose(collected.returns.sum(axis=1), 0)


def plays(path):
    """How many of 200 matches a saved player wins against a random one."""
    players = [f"network:{path}", "random"]
    records = arenas.play_matches("TicTacToe-v0", players, 200, seed=2)
    return np.mean([record.rewards[record.seats.index(players[0])] > 0 for record in records])
