"""MaskablePPO of sb3-contrib learns TicTacToe from a random player and from its own past.

`gym.make` gives one seat as a Gymnasium environment: the other seat is played inside `step`, the
learner changes seats with every match, and `action_masks()` is the method that MaskablePPO looks
for. In half of the environments a random player sits opposite, in each of the others a frozen copy
of the learner; one copy is renewed before every rollout, so copies of several ages are met.
"""

import click
import gymnasium as gym
import torch
from sb3_contrib import MaskablePPO
from sb3_contrib.ppo_mask import MultiInputPolicy
from scores import report
from stable_baselines3.common.vec_env import DummyVecEnv

from arenas.policies.arrays import FunctionPolicy


def player(network):
    """A player of ours that moves as a network of MaskablePPO does."""

    @torch.no_grad()
    def weigh(views, masks):
        seen = {"observation": torch.as_tensor(views), "action_mask": torch.as_tensor(masks)}
        return network.get_distribution(seen, masks).distribution.probs.numpy()

    return FunctionPolicy(weigh, "learner")


@click.command(help=__doc__)
@click.option("--rollouts", default=32, show_default=True, help="Of 1,024 moves of the learner.")
@click.option("--seed", default=0, show_default=True)
def main(rollouts, seed):
    torch.set_num_threads(1)
    torch.manual_seed(seed)  # for the first copies
    one = gym.make("selfplay/TicTacToe-v0")
    shapes = one.observation_space, one.action_space
    copies = [MultiInputPolicy(*shapes, lambda _: 0.0) for _ in range(4)]
    opponents = ["random"] * 4 + [player(copy) for copy in copies]
    made = {"id": "selfplay/TicTacToe-v0", "illegal": "raise"}
    envs = DummyVecEnv([lambda o=o: gym.make(**made, opponent=o) for o in opponents])
    settings = {"n_steps": 128, "batch_size": 128, "learning_rate": 3e-3, "gamma": 1.0}
    model = MaskablePPO("MultiInputPolicy", envs, seed=seed, device="cpu", **settings)

    report("before", player(model.policy))
    for rollout in range(rollouts):
        copies[rollout % 4].load_state_dict(model.policy.state_dict())
        model.learn(1_024, reset_num_timesteps=False)
    report("after", player(model.policy))


if __name__ == "__main__":
    main()
