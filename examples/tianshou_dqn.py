"""DQN of Tianshou learns TicTacToe by self-play: one network in both seats, both trained.

Tianshou takes our AEC environment as it is and masks illegal actions. It stores all moves of a
match in one row, so what follows a move in its buffer is the other seat's view. `n_step` is 2 for
that reason: two moves on, the same seat is to move again and its own value is what a move leads to.
"""

import arenas
import click
import numpy as np
import torch
from arenas.adapters.stackable import Stackable
from arenas.policies.arrays import FunctionPolicy
from tianshou.algorithm import DQN, MultiAgentOffPolicyAlgorithm
from tianshou.algorithm.modelfree.dqn import DiscreteQLearningPolicy
from tianshou.algorithm.optim import AdamOptimizerFactory
from tianshou.data import Collector, VectorReplayBuffer
from tianshou.env import DummyVectorEnv
from tianshou.env.pettingzoo_env import PettingZooEnv
from tianshou.trainer import OffPolicyTrainerParams
from tianshou.utils.net.common import Net

GAME = "TicTacToe-v0"


@click.command(help=__doc__)
@click.option("--steps", default=20_000, show_default=True, help="Moves of both seats together.")
@click.option("--seed", default=0, show_default=True)
def main(steps, seed):
    torch.set_num_threads(1)
    torch.manual_seed(seed)
    np.random.seed(seed)
    one = PettingZooEnv(Stackable(arenas.make(GAME)))
    shape, actions = one.observation_space["observation"].shape, one.action_space.n
    network = Net(state_shape=shape, action_shape=actions, hidden_sizes=[128, 128])
    policy = DiscreteQLearningPolicy(model=network, action_space=one.action_space, eps_training=0.2)
    dqn = DQN(policy=policy, optim=AdamOptimizerFactory(lr=1e-3), gamma=1.0, n_step_return_horizon=2, target_update_freq=200)
    both = MultiAgentOffPolicyAlgorithm(algorithms=[dqn, dqn], env=one)

    @torch.no_grad()
    def best(views, masks):
        values = network(views)[0].numpy()
        return np.eye(actions)[np.where(masks, values, -np.inf).argmax(axis=1)]

    def report(moment):
        players = [FunctionPolicy(best, "learner"), "random"]
        records = list(arenas.play_matches(GAME, players, 1_000, seed=seed))
        won = sum(r.rewards[r.seats.index("learner")] > 0 for r in records)
        print(f"{moment}: won {won / 10:.1f} % of 1000 matches against random")

    report("before")
    envs = DummyVectorEnv([lambda: PettingZooEnv(Stackable(arenas.make(GAME))) for _ in range(8)])
    envs.seed(seed)
    collector = Collector(both, envs, VectorReplayBuffer(20_000, 8), exploration_noise=True)
    collector.reset()
    both.run_training(OffPolicyTrainerParams(training_collector=collector, max_epochs=1, epoch_num_steps=steps, collection_step_num_env_steps=64, update_step_num_gradient_steps_per_sample=0.1, batch_size=128, multi_agent_return_reduction=lambda returns: returns[:, 0], verbose=False))
    report("after")


if __name__ == "__main__":
    main()
