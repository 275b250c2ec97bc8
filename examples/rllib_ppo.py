"""PPO of RLlib (new API stack) learns TicTacToe by self-play: one module in both seats.

RLlib's own `PettingZooEnv` takes our AEC environment as it is. Its example of a module with masks
asks for another key than PettingZoo's, so the module here is a network of ours with RLlib's two
methods; what comes out is a player: `arenas match TicTacToe-v0 --seats network:FILE exact`.
"""

import arenas
import click
import numpy as np
import ray
import torch
from arenas.policies.network import ActorCritic, NetworkPolicy
from ray.rllib.algorithms.ppo import PPOConfig
from ray.rllib.core.columns import Columns
from ray.rllib.core.rl_module import MultiRLModuleSpec, RLModuleSpec
from ray.rllib.core.rl_module.apis import ValueFunctionAPI
from ray.rllib.core.rl_module.torch import TorchRLModule
from ray.rllib.env.wrappers.pettingzoo_env import PettingZooEnv
from ray.tune.registry import register_env

GAME = "TicTacToe-v0"


class MaskedModule(TorchRLModule, ValueFunctionAPI):
    """A network that reads PettingZoo's observation and leaves illegal actions no probability."""

    def setup(self):
        size = int(np.prod(self.observation_space["observation"].shape))
        self.network = ActorCritic(size, int(self.action_space.n))

    def _forward(self, batch, **kwargs):
        mask = batch[Columns.OBS]["action_mask"].bool()
        return {Columns.ACTION_DIST_INPUTS: self.network.log_probs(self.views(batch), mask)}

    def compute_values(self, batch, embeddings=None):
        return self.network.value(self.views(batch))

    def views(self, batch):
        return batch[Columns.OBS]["observation"].float().flatten(1)


@click.command(help=__doc__)
@click.option("--steps", default=12_288, show_default=True, help="Moves of both seats together.")
@click.option("--seed", default=0, show_default=True)
@click.option("--out", type=click.Path(), help="Where the player is saved.")
def main(steps, seed, out):
    torch.set_num_threads(1)
    ray.init(num_cpus=1, include_dashboard=False)
    register_env(GAME, lambda config: PettingZooEnv(arenas.make(GAME)))
    config = (
        PPOConfig()
        .environment(GAME)
        .multi_agent(policies={"shared"}, policy_mapping_fn=lambda agent, episode, **_: "shared")
        .rl_module(rl_module_spec=MultiRLModuleSpec(rl_module_specs={"shared": RLModuleSpec(module_class=MaskedModule)}))
        .env_runners(num_env_runners=0, num_envs_per_env_runner=8)
        .training(train_batch_size_per_learner=1024, minibatch_size=128, num_epochs=8, lr=2e-3, gamma=1.0, lambda_=0.95, entropy_coeff=0.01)
        .debugging(seed=seed)
    )
    algorithm = config.build_algo()

    def report(moment):
        game = arenas.make_game(GAME)
        learner = NetworkPolicy(game, algorithm.get_module("shared").network, game_id=GAME)
        records = list(arenas.play_matches(GAME, [learner, "random"], 1_000, seed=seed))
        won = sum(r.rewards[r.seats.index("network")] > 0 for r in records)
        print(f"{moment}: won {won / 10:.1f} % of 1000 matches against random")
        return learner

    report("before")
    for _ in range(steps // 1024):
        algorithm.train()
    learner = report("after")
    if out:
        learner.save(out)
    ray.shutdown()


if __name__ == "__main__":
    main()
