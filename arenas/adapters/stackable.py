"""An AEC environment whose every observation and info can become a row of an array.

Trainers that stack all that they are given (TorchRL, Tianshou) take our environments but for two
things: infos say in words why a move was illegal and how a match ended, and a seat that has no
legal action left, as after the end, has a mask of zeros, from which no distribution can be made.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from pettingzoo.utils.wrappers import BaseWrapper


class Stackable(BaseWrapper[str, Any, Any]):
    """A PettingZoo wrapper: infos are numbers under the same keys always, and no mask is all zeros.

    A seat without a legal action has a mask of ones. All else is as in the environment below.

    Args:
        env: one of ours (`arenas.make`), with the view "array".
    """

    @property
    def infos(self) -> dict[str, dict[str, int]]:
        """How often each agent moved illegally."""
        counts = {agent: info["illegal_moves"] for agent, info in self.env.infos.items()}
        return {agent: {"illegal_moves": count} for agent, count in counts.items()}

    def observe(self, agent: str) -> dict[str, Any]:
        """What `agent` observes, also when it is not its turn."""
        observation: dict[str, Any] = self.env.observe(agent)
        mask = observation.get("action_mask")
        if mask is None or mask.any():
            return observation
        return {**observation, "action_mask": np.ones_like(mask)}
