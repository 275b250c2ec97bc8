"""A network with action masks for RLlib's new API stack (`pip install 'selfplay-arenas[rllib]'`).

RLlib's own `PettingZooEnv` takes our AEC environments as they are. The module with masks among its
examples does not take what comes out of them: it asks for other keys than PettingZoo's.
"""

from __future__ import annotations

from typing import Any

import torch
from ray.rllib.core.columns import Columns
from ray.rllib.core.rl_module.apis import ValueFunctionAPI
from ray.rllib.core.rl_module.torch import TorchRLModule

from arenas.policies.network import ActorCritic


class MaskedModule(TorchRLModule, ValueFunctionAPI):
    """A masked actor and critic over PettingZoo's observation, for PPO and its like.

    The observation space is that of a discrete game: a `Dict` of a box `observation` and an
    `action_mask`. `model_config={"hidden": (64, 64)}` sets the widths of the hidden layers.

    Attributes:
        network: the weights. `NetworkPolicy(game, module.network)` plays with them.
    """

    network: ActorCritic

    def setup(self) -> None:
        views = self.observation_space["observation"]
        hidden = (self.model_config or {}).get("hidden", (64, 64))
        self.network = ActorCritic.for_space(views, int(self.action_space.n), hidden)

    def _forward(self, batch: dict[str, Any], **kwargs: Any) -> dict[str, Any]:
        mask = batch[Columns.OBS]["action_mask"].bool()
        return {Columns.ACTION_DIST_INPUTS: self.network.log_probs(_views(batch), mask)}

    def compute_values(self, batch: dict[str, Any], embeddings: Any = None) -> torch.Tensor:
        return self.network.value(_views(batch))


def _views(batch: dict[str, Any]) -> torch.Tensor:
    views: torch.Tensor = batch[Columns.OBS]["observation"]
    return views.float().flatten(1)
