"""PPO of RLlib (new API stack) learns TicTacToe by self-play: one module in both seats.

RLlib's own `PettingZooEnv` takes our AEC environment as it is; `MaskedModule` is a network of ours
that keeps to the masks. What comes out is a player in every other place:
`arenas match TicTacToe-v0 --seats network:FILE exact`.
"""

import click
import ray
import torch
from ray.rllib.algorithms.ppo import PPOConfig
from ray.rllib.core.rl_module import RLModuleSpec
from ray.rllib.env.wrappers.pettingzoo_env import PettingZooEnv
from ray.tune.registry import register_env
from scores import report

import arenas
from arenas.adapters.rllib import MaskedModule
from arenas.policies.network import NetworkPolicy

GAME = "TicTacToe-v0"


@click.command(help=__doc__)
@click.option("--iterations", default=12, show_default=True, help="Of 1,024 moves.")
@click.option("--seed", default=0, show_default=True)
@click.option("--out", type=click.Path(), help="Where the player is saved.")
def main(iterations, seed, out):
    torch.set_num_threads(1)
    ray.init(num_cpus=1, include_dashboard=False, log_to_driver=False)
    register_env(GAME, lambda config: PettingZooEnv(arenas.make(GAME, illegal="raise")))
    config = (
        PPOConfig()
        .environment(GAME)
        .multi_agent(policies={"both"}, policy_mapping_fn=lambda agent, episode, **_: "both")
        .rl_module(rl_module_spec=RLModuleSpec(module_class=MaskedModule))
        .env_runners(num_env_runners=0, num_envs_per_env_runner=8)
        .training(train_batch_size_per_learner=1_024, minibatch_size=128, num_epochs=8)
        .training(lr=2e-3, gamma=1.0, lambda_=0.95, entropy_coeff=0.01)
        .debugging(seed=seed)
    )
    algorithm = config.build_algo()
    game = arenas.make_game(GAME)
    learner = NetworkPolicy(game, algorithm.get_module("both").network, game_id=GAME)

    report("before", learner)
    for _ in range(iterations):
        algorithm.train()
    report("after", learner)
    if out:
        learner.save(out)


if __name__ == "__main__":
    main()
