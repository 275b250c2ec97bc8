"""TicTacToe in TorchRL: an AEC environment, PettingZoo's own beside it, and games in lockstep.

Random legal play through TorchRL's rollouts, in an environment made for TorchRL:

    examples/environment.sh torchrl env-torchrl
    env-torchrl/bin/python -m pip install 'pettingzoo[classic]'
    env-torchrl/bin/python benchmarks/through_torchrl.py

A step is one move of one seat in the AEC environments, and one of the learner with its opponent's
answer in lockstep. Rates are medians of passes that go round the rows, a CPU second on one thread.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable
from importlib import metadata
from statistics import median
from typing import Any

import click
import torch
from tensordict.nn import TensorDictModule
from torchrl.envs.libs.pettingzoo import PettingZooWrapper
from torchrl.modules import MaskedCategorical

from arenas.adapters.torchrl import SEATS, make_lockstep, make_torchrl


def pettingzoo_tictactoe() -> PettingZooWrapper:
    """PettingZoo's own game, in one group like ours.

    Raises:
        ImportError: its classic games are not installed.
    """
    from pettingzoo.classic import tictactoe_v3

    agents = ["player_1", "player_2"]
    return PettingZooWrapper(tictactoe_v3.env(), use_mask=True, group_map={SEATS: agents})


def steps_a_second(env: Any, group: tuple[str, ...], steps: int) -> float:
    """Steps of all games together a CPU second, in one rollout of random legal moves."""

    def draw(mask: torch.Tensor) -> torch.Tensor:
        return MaskedCategorical(logits=torch.zeros(mask.shape), mask=mask).sample()

    play = TensorDictModule(draw, [(*group, "action_mask")], [(*group, "action")])
    start = time.process_time()
    played = env.rollout(steps, play, break_when_any_done=False)
    return float(played.numel() / (time.process_time() - start))


@click.command(help=__doc__)
@click.option("--passes", default=5, show_default=True)
@click.option("--steps", default=200, show_default=True, help="Steps of an environment a pass.")
def main(passes: int, steps: int) -> None:
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    makers: dict[str, tuple[Callable[[], Any], tuple[str, ...]]] = {
        "arenas, AEC": (lambda: make_torchrl("TicTacToe-v0", seed=0), (SEATS,)),
        "PettingZoo tictactoe_v3, AEC": (pettingzoo_tictactoe, (SEATS,)),
        "arenas, 256 games in lockstep": (lambda: make_lockstep("TicTacToe-v0", 256), ()),
        "arenas, 4,096 games in lockstep": (lambda: make_lockstep("TicTacToe-v0", 4_096), ()),
    }
    rows = {}
    for name, (make, group) in makers.items():
        try:
            rows[name] = make(), group
        except ImportError as error:
            click.echo(f"without {name}: {error}")
    rates: dict[str, list[float]] = {name: [] for name in rows}
    for number in range(passes + 1):
        for name, (env, group) in rows.items():
            rate = steps_a_second(env, group, steps)
            if number:  # The first pass warms up.
                rates[name].append(rate)
    versions = [f"{name} {metadata.version(name)}" for name in ("torchrl", "torch", "pettingzoo")]
    click.echo(f"{', '.join(versions)}; median of {passes} passes")
    for name, found in rates.items():
        click.echo(f"{name:32} {median(found):>10,.0f} steps a CPU second")


if __name__ == "__main__":
    main()
