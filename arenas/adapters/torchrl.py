"""Our games and networks in TorchRL (`pip install 'selfplay-arenas[torchrl]'`).

`make_torchrl` gives an environment in which the caller acts for every seat, `make_lockstep` one
seat in each of many games; `masked_actor` and `critic` are a network of ours as the modules that
TorchRL's collectors and losses call.
"""

from __future__ import annotations

from typing import Any

import torch
from tensordict.nn import TensorDictModule
from torchrl.envs import DTypeCastTransform, TransformedEnv
from torchrl.envs.libs.gym import GymWrapper
from torchrl.envs.libs.pettingzoo import PettingZooWrapper
from torchrl.modules import MaskedCategorical, ProbabilisticActor

from arenas.adapters.stackable import Stackable
from arenas.policies.network import ActorCritic
from arenas.registry import make, make_vec

SEATS = "players"
"""The group of all agents: tensors in it have a row a seat."""

AEC_VIEW = ("observation", "observation")
"""Where views are in what `make_torchrl` gives, inside a group or in rows of it."""

VECTOR_VIEW = ("observation",)
"""Where they are in what `make_lockstep` gives."""


def make_torchrl(
    game_id: str, *, seed: int | None = None, device: Any = None, **options: Any
) -> PettingZooWrapper:
    """A game as a TorchRL environment.

    Tensors of the group `SEATS` have a row a seat:

    - ("players", "observation", "observation"): each seat's view, also when it is not its turn;
    - ("players", "mask"), bool: the seat is to move; what stands in ("players", "action") of the
      other rows is not played;
    - ("players", "action_mask"), bool: its legal actions; all true in the other rows;
    - ("players", "reward"), float32: what the seat was paid by this step, whoever moved;
    - ("players", "info", "illegal_moves"): how often it moved illegally.

    Args:
        game_id: as in `arenas.make`.
        seed: all matches follow from it. TorchRL resets an environment more than once before the
            first step, so the first match that is played is not that of the seed.
        device: where tensors live.
        options: those of `arenas.make`, with the view "array", and of the game.

    Raises:
        UnknownNameError: no such game or option; the message lists what exists.
        ValueError: a value is out of range.
    """
    env = Stackable(make(game_id, **options))
    group = {SEATS: list(env.possible_agents)}
    return PettingZooWrapper(env, use_mask=True, group_map=group, seed=seed, device=device)


def make_lockstep(
    game_id: str, num_envs: int, *, seed: int | None = None, **options: Any
) -> TransformedEnv:
    """One learner's seat in each of many games in lockstep, as a TorchRL environment.

    Its batch size is (num_envs,), its keys are "observation" and "action_mask". Of the ways in
    which finished games begin anew, it has the one in which TorchRL does it.

    Args:
        game_id, num_envs: as in `arenas.make_vec`.
        seed: all matches follow from it, as in `make_torchrl`.
        options: those of `arenas.make_vec`, `layout`, `autoreset`, `copy` and `device` apart.

    Raises:
        UnknownNameError, TypeError, ValueError: as in `arenas.make_vec`.
    """
    env = make_vec(
        game_id, num_envs, layout="one_learner", autoreset="disabled", copy=True, **options
    )
    masks = DTypeCastTransform(torch.int8, torch.bool, in_keys=["action_mask"])
    wrapped = TransformedEnv(GymWrapper(env, categorical_action_encoding=True), masks)
    if seed is not None:
        wrapped.set_seed(seed)
    return wrapped


def masked_actor(
    network: ActorCritic, dimensions: int, *group: str, view: tuple[str, ...] = AEC_VIEW
) -> ProbabilisticActor:
    """The policy of a network; draws among the actions that the mask allows.

    It reads a view and "action_mask", and writes "logits", "action" and "action_log_prob".

    Args:
        network: used as it is, not copied.
        dimensions: of one view.
        group: the group whose tensors it reads and writes, `SEATS`; nothing for rows of a group,
            and where there are no groups.
        view: where the view is in the group: `AEC_VIEW` or `VECTOR_VIEW`.
    """
    return ProbabilisticActor(
        _part(network.actor, dimensions, (*group, *view), (*group, "logits")),
        in_keys={"logits": (*group, "logits"), "mask": (*group, "action_mask")},
        out_keys=[(*group, "action")],
        distribution_class=MaskedCategorical,
        return_log_prob=True,
        log_prob_key=(*group, "action_log_prob"),
    )


def critic(
    network: ActorCritic, dimensions: int, *group: str, view: tuple[str, ...] = AEC_VIEW
) -> TensorDictModule:
    """The value of a network: reads a view, writes "state_value", of shape (..., 1).

    Args:
        network, dimensions, group, view: as in `masked_actor`.
    """
    return _part(network.critic, dimensions, (*group, *view), (*group, "state_value"))


def _part(
    layers: torch.nn.Module, dimensions: int, view: tuple[str, ...], out: tuple[str, ...]
) -> TensorDictModule:
    return TensorDictModule(torch.nn.Sequential(_Flat(dimensions), layers), [view], [out])


class _Flat(torch.nn.Module):
    """Views of so many dimensions as rows of floats."""

    def __init__(self, dimensions: int) -> None:
        super().__init__()
        self.dimensions = dimensions

    def forward(self, views: torch.Tensor) -> torch.Tensor:
        return views.float().flatten(-self.dimensions)
