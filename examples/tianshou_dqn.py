"""DQN of Tianshou learns TicTacToe by self-play: one network in both seats.

Tianshou masks illegal actions, and keeps all moves of a match in one row: what follows a move there
is the other seat's view. The horizon of returns is 2 for that reason, or any even number: so many
moves on, the same seat is to move again, and a move is valued by what its own seat has then.
"""

import click
import numpy as np
import torch
from scores import report
from tianshou.algorithm import DQN, MultiAgentOffPolicyAlgorithm
from tianshou.algorithm.modelfree.dqn import DiscreteQLearningPolicy
from tianshou.algorithm.optim import AdamOptimizerFactory
from tianshou.data import Collector, VectorReplayBuffer
from tianshou.env import DummyVectorEnv, PettingZooEnv
from tianshou.trainer import OffPolicyTrainerParams
from tianshou.utils.net.common import Net

import arenas
from arenas.adapters.stackable import Stackable
from arenas.policies.arrays import FunctionPolicy


def make():
    return PettingZooEnv(Stackable(arenas.make("TicTacToe-v0", illegal="raise")))


@click.command(help=__doc__)
@click.option("--steps", default=12_288, show_default=True, help="Moves of both seats together.")
@click.option("--seed", default=0, show_default=True)
def main(steps, seed):
    torch.set_num_threads(1)
    torch.manual_seed(seed)
    np.random.seed(seed)
    net = Net(state_shape=(3, 3, 3), action_shape=9, hidden_sizes=[128, 128])
    env = make()
    policy = DiscreteQLearningPolicy(model=net, action_space=env.action_space, eps_training=0.2)
    horizon = {"gamma": 1.0, "n_step_return_horizon": 2, "target_update_freq": 200}
    dqn = DQN(policy=policy, optim=AdamOptimizerFactory(lr=1e-3), **horizon)
    both = MultiAgentOffPolicyAlgorithm(algorithms=[dqn, dqn], env=env)

    def best(views, masks):
        return np.eye(9)[np.where(masks, net(views)[0].detach(), -np.inf).argmax(axis=1)]

    learner = FunctionPolicy(best, "learner")
    report("before", learner)
    envs = DummyVectorEnv([make] * 8)
    envs.seed(seed)
    data = Collector(both, envs, VectorReplayBuffer(20_000, 8), exploration_noise=True)
    data.reset()
    settings = OffPolicyTrainerParams(training_collector=data, max_epochs=1, epoch_num_steps=steps)
    settings.collection_step_num_env_steps = 64
    settings.update_step_num_gradient_steps_per_sample = 0.25
    settings.multi_agent_return_reduction = lambda returns: returns[:, 0]  # for its progress bar
    both.run_training(settings)
    report("after", learner)


if __name__ == "__main__":
    main()
