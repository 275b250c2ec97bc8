"""PPO of TorchRL learns TicTacToe in 256 games in lockstep, against itself with a loose hand.

The learner has one seat in each game, with each match another. Opposite sits the same network, but
half of its moves are random: against itself alone it would soon see few positions. It plays some
sixteen times the moves of `torchrl_ppo.py`, in less time.
"""

import click
import torch
from scores import report
from torchrl.collectors import Collector
from torchrl.objectives import ClipPPOLoss
from torchrl.objectives.value import GAE

import arenas
from arenas.adapters.torchrl import VECTOR_VIEW, critic, make_lockstep, masked_actor
from arenas.policies.arrays import FunctionPolicy
from arenas.policies.network import ActorCritic, NetworkPolicy

GAME = "TicTacToe-v0"


@click.command(help=__doc__)
@click.option("--batches", default=32, show_default=True, help="Of 8,192 moves of the learner.")
@click.option("--seed", default=0, show_default=True)
def main(batches, seed):
    torch.set_num_threads(1)
    torch.manual_seed(seed)
    network = ActorCritic.for_game(arenas.make_game(GAME))
    learner = NetworkPolicy(arenas.make_game(GAME), network, game_id=GAME)

    def loosely(views, masks):
        return learner.probabilities(views, masks) + masks / masks.sum(1, keepdims=True)

    env = make_lockstep(GAME, 256, seed=seed, opponent=FunctionPolicy(loosely), illegal="raise")
    actor, value = (part(network, 3, view=VECTOR_VIEW) for part in (masked_actor, critic))
    advantages = GAE(gamma=1.0, lmbda=0.95, value_network=value)
    loss = ClipPPOLoss(actor, value, normalize_advantage=True)
    optimizer = torch.optim.Adam(network.parameters(), 2e-3)

    report("before", learner)
    for batch in Collector(env, actor, frames_per_batch=8_192, total_frames=8_192 * batches):
        with torch.no_grad():
            advantages(batch)
        moves = batch.flatten()
        for rows in (each for _ in range(4) for each in torch.randperm(len(moves)).split(1_024)):
            terms = loss(moves[rows])
            optimizer.zero_grad()
            sum(term for name, term in terms.items() if name.startswith("loss_")).backward()
            optimizer.step()
    report("after", learner)


if __name__ == "__main__":
    main()
