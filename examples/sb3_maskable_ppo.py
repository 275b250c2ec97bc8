"""MaskablePPO of sb3-contrib learns TicTacToe from a random player and from its own past.

`gym.make` gives one seat as a Gymnasium environment: the other seat is played inside `step`, the
learner changes seats with every match, and `action_masks()` is the method that MaskablePPO looks
for. In half of the environments a random player sits opposite, in each of the others a frozen copy
of the learner; one copy is renewed before every rollout, so copies of several ages are met.
"""

import arenas
import click
import gymnasium as gym
import torch
from arenas.policies.arrays import FunctionPolicy
from sb3_contrib import MaskablePPO
from sb3_contrib.ppo_mask import MultiInputPolicy
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.monitor import Monitor
from stable_baselines3.common.vec_env import DummyVecEnv

GAME = "TicTacToe-v0"


def player(network, name):
    """A player of ours that moves as a policy network of MaskablePPO does."""

    @torch.no_grad()
    def weigh(views, masks):
        seen = {"observation": torch.as_tensor(views), "action_mask": torch.as_tensor(masks)}
        return network.get_distribution(seen, masks).distribution.probs.numpy()

    return FunctionPolicy(weigh, name)


class RenewCopies(BaseCallback):
    """Before each rollout, gives one of the frozen copies the learner's weights of now."""

    def __init__(self, copies):
        super().__init__()
        self.copies, self.rollouts = copies, 0

    def _on_rollout_start(self):
        copy = self.copies[self.rollouts % len(self.copies)]
        copy.load_state_dict(self.model.policy.state_dict())
        self.rollouts += 1

    def _on_step(self):
        return True


@click.command(help=__doc__)
@click.option("--steps", default=16_000, show_default=True, help="Moves of the learner.")
@click.option("--seed", default=0, show_default=True)
def main(steps, seed):
    torch.set_num_threads(1)
    one = gym.make(f"selfplay/{GAME}")
    copies = [MultiInputPolicy(one.observation_space, one.action_space, lambda _: 0.0) for _ in range(4)]
    opponents = ["random"] * 4 + [player(copy, "copy") for copy in copies]
    envs = DummyVecEnv([lambda o=o: Monitor(gym.make(f"selfplay/{GAME}", opponent=o)) for o in opponents])
    model = MaskablePPO("MultiInputPolicy", envs, n_steps=256, batch_size=256, n_epochs=6, learning_rate=1e-3, ent_coef=0.01, seed=seed, device="cpu")
    for moment in ("before", "after"):
        if moment == "after":
            model.learn(steps, RenewCopies(copies))
        players = [player(model.policy, "learner"), "random"]
        records = list(arenas.play_matches(GAME, players, 1_000, seed=seed))
        won = sum(r.rewards[r.seats.index("learner")] > 0 for r in records)
        print(f"{moment}: won {won / 10:.1f} % of 1000 matches against random")


if __name__ == "__main__":
    main()
