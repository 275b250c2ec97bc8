"""PPO of TorchRL learns TicTacToe by self-play: one network in both seats.

TorchRL has a row for each seat at every step. Advantages are estimated along all rows of a seat, so
a lost match reaches the loser's last move; only rows of moves are learnt from. What comes out is a
player in every other place: `arenas match TicTacToe-v0 --seats network:FILE exact`.
"""

import click
import torch
from scores import report
from torchrl.collectors import Collector
from torchrl.objectives import ClipPPOLoss
from torchrl.objectives.value import GAE

import arenas
from arenas.adapters.torchrl import SEATS, critic, make_torchrl, masked_actor
from arenas.policies.network import ActorCritic, NetworkPolicy

GAME = "TicTacToe-v0"
KEYS = ("advantage", "value_target", "reward", "done", "terminated")


@click.command(help=__doc__)
@click.option("--batches", default=16, show_default=True, help="Of 1,024 moves.")
@click.option("--seed", default=0, show_default=True)
@click.option("--out", type=click.Path(), help="Where the player is saved.")
def main(batches, seed, out):
    torch.set_num_threads(1)
    torch.manual_seed(seed)
    network = ActorCritic.for_game(arenas.make_game(GAME))
    learner = NetworkPolicy(arenas.make_game(GAME), network, game_id=GAME)
    env = make_torchrl(GAME, seed=seed, illegal="raise")
    advantages = GAE(gamma=1.0, lmbda=0.95, value_network=critic(network, 3, SEATS))
    advantages.set_keys(value=(SEATS, "state_value"), **{key: (SEATS, key) for key in KEYS})
    loss = ClipPPOLoss(masked_actor(network, 3), critic(network, 3), normalize_advantage=True)
    optimizer = torch.optim.Adam(network.parameters(), 2e-3)

    report("before", learner)
    sizes = {"frames_per_batch": 1_024, "total_frames": 1_024 * batches}
    for batch in Collector(env, masked_actor(network, 3, SEATS), **sizes):
        with torch.no_grad():
            advantages(batch)
        moves = batch[SEATS][batch[SEATS, "mask"]]
        for rows in (each for _ in range(8) for each in torch.randperm(len(moves)).split(128)):
            terms = loss(moves[rows])
            optimizer.zero_grad()
            sum(term for name, term in terms.items() if name.startswith("loss_")).backward()
            optimizer.step()
    report("after", learner)
    if out:
        learner.save(out)


if __name__ == "__main__":
    main()
