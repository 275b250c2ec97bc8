"""PPO of TorchRL learns TicTacToe by self-play: one network in both seats, both trained.

TorchRL gives every seat a row of its tensors at every step. Advantages are estimated along all rows
of a seat, so that a loss reaches the move before it; only rows of moves are learnt from. What comes
out is a player of ours: `arenas match TicTacToe-v0 --seats network:FILE exact`.
"""

import arenas
import click
import torch
from arenas.adapters.stackable import Stackable
from arenas.policies.network import ActorCritic, NetworkPolicy
from tensordict.nn import TensorDictModule
from torchrl.collectors import Collector
from torchrl.envs.libs.pettingzoo import PettingZooWrapper
from torchrl.modules import MaskedCategorical, ProbabilisticActor
from torchrl.objectives import ClipPPOLoss
from torchrl.objectives.value import GAE

GAME = "TicTacToe-v0"


@click.command(help=__doc__)
@click.option("--steps", default=16_384, show_default=True, help="Moves of both seats together.")
@click.option("--seed", default=0, show_default=True)
@click.option("--out", type=click.Path(), help="Where the player is saved.")
def main(steps, seed, out):
    torch.set_num_threads(1)
    torch.manual_seed(seed)
    game = arenas.make_game(GAME)
    network = ActorCritic.for_game(game)
    learner = NetworkPolicy(game, network, game_id=GAME)

    def flat(part):
        return lambda views: part(views.float().flatten(-len(game.spec.observation_space.shape)))

    def actor(*group):
        logits = TensorDictModule(flat(network.actor), in_keys=[(*group, "observation", "observation")], out_keys=[(*group, "logits")])
        return ProbabilisticActor(logits, in_keys={"logits": (*group, "logits"), "mask": (*group, "action_mask")}, out_keys=[(*group, "action")], distribution_class=MaskedCategorical, return_log_prob=True, log_prob_key=(*group, "action_log_prob"))

    def critic(*group):
        return TensorDictModule(flat(network.critic), in_keys=[(*group, "observation", "observation")], out_keys=[(*group, "state_value")])

    def report(moment):
        records = list(arenas.play_matches(GAME, [learner, "random"], 1_000, seed=seed))
        won = sum(r.rewards[r.seats.index("network")] > 0 for r in records)
        print(f"{moment}: won {won / 10:.1f} % of 1000 matches against random")

    report("before")
    one = Stackable(arenas.make(GAME))
    env = PettingZooWrapper(one, use_mask=True, group_map={"players": one.possible_agents}, seed=seed)
    collector = Collector(env, actor("players"), frames_per_batch=1024, total_frames=steps)
    advantages = GAE(gamma=1.0, lmbda=0.95, value_network=critic("players"))
    advantages.set_keys(**{key: ("players", name) for key, name in {"value": "state_value", "advantage":"advantage","value_target":"value_target","reward":"reward","done":"done","terminated":"terminated"}.items()})
    loss_of = ClipPPOLoss(actor(), critic(), entropy_coeff=0.01, normalize_advantage=True)
    optimizer = torch.optim.Adam(network.parameters(), 2e-3)
    for batch in collector:
        with torch.no_grad():
            advantages(batch)
        moves = batch["players"][batch["players", "mask"]]
        for _ in range(8):
            for rows in torch.randperm(len(moves)).split(128):
                losses = loss_of(moves[rows])
                optimizer.zero_grad()
                sum(losses[name] for name in ("loss_objective", "loss_critic", "loss_entropy")).backward()
                optimizer.step()
    collector.shutdown()
    report("after")
    if out:
        learner.save(out)


if __name__ == "__main__":
    main()
