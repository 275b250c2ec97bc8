"""Players over arrays: many pending turns are answered by one call on their views and masks."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from arenas.core.compiled import following, mix64
from arenas.core.policy import Reply, StochasticPolicy, Turn

if TYPE_CHECKING:
    from arenas.core.vector import FlatVectorEnv


class ArrayPolicy(StochasticPolicy):
    """Plays discrete games by `probabilities`, on turns and in vector environments alike."""

    @abstractmethod
    def probabilities(self, observations: np.ndarray, masks: np.ndarray) -> np.ndarray:
        """How likely each action is.

        Args:
            observations: views of the seats to move, of shape (n, ...).
            masks: of shape (n, actions), nonzero where legal.

        Returns:
            float64 of shape (n, actions); rows sum to 1 and are exactly 0 where illegal.
        """

    def act(self, turns: Sequence[Turn]) -> list[Reply]:
        if not turns:
            return []
        uniforms = np.array([turn.rng.random() for turn in turns])
        return [Reply(action) for action in _drawn(self._rows(turns), uniforms).tolist()]

    def act_in(self, env: FlatVectorEnv, where: np.ndarray) -> np.ndarray:
        observations, masks, _, streams = env.decisions(where)
        # The first `Rng.random` of each turn's stream, as `act` draws it.
        uniforms = (mix64(following(streams)) >> np.uint64(11)) * 2.0**-53
        return self.actions(observations, masks, uniforms)

    def distribution(self, turn: Turn) -> Sequence[float]:
        return self.distributions([turn])[0]

    def distributions(self, turns: Sequence[Turn]) -> list[Sequence[float]]:
        """`distribution` of many turns of the game, in one pass."""
        if not turns:
            return []
        rows: list[Sequence[float]] = self._rows(turns).tolist()
        return rows

    def actions(
        self, observations: np.ndarray, masks: np.ndarray, uniforms: np.ndarray
    ) -> np.ndarray:
        """One action a row, drawn by inversion from the caller's numbers.

        Args:
            observations, masks: as in `probabilities`.
            uniforms: of shape (n,), in [0, 1).

        Returns:
            int64 of shape (n,).
        """
        return _drawn(self.probabilities(observations, masks), uniforms)

    def _rows(self, turns: Sequence[Turn]) -> np.ndarray:
        views = np.stack([turn.view for turn in turns])
        return self.probabilities(views, np.stack([turn.mask for turn in turns]))


class FunctionPolicy(ArrayPolicy):
    """Plays by a function of views and masks: a network of any library, for one.

    Args:
        weigh: called with views (n, ...) in the dtype of the game's observation space and masks
            (n, actions) bool; returns weights (n, actions), not negative. What it gives to illegal
            actions is dropped, and the rest is scaled to sum to 1. It must treat rows apart, or a
            move will depend on which turns happened to be answered together.
        name: stands in tables and records.

    Raises:
        ValueError: (when asked to move) the weights have another shape, or a row of them is
            negative, not finite, or zero at every legal action.
    """

    def __init__(
        self, weigh: Callable[[np.ndarray, np.ndarray], Any], name: str = "function"
    ) -> None:
        self._weigh = weigh
        self.name = name

    def probabilities(self, observations: np.ndarray, masks: np.ndarray) -> np.ndarray:
        legal = masks.astype(bool)
        if not len(legal):
            return np.zeros(legal.shape)
        weights = np.asarray(self._weigh(observations, legal), np.float64)
        if weights.shape != legal.shape:
            raise ValueError(
                f"player {self.name!r} gave weights of shape {weights.shape}; "
                f"{legal.shape} is a row a turn and a column an action"
            )
        rows = np.where(legal, weights, 0.0)
        totals = rows.sum(axis=1, keepdims=True)
        if not (np.isfinite(rows).all() and (rows >= 0).all() and (totals > 0).all()):
            raise ValueError(
                f"player {self.name!r} gave weights of legal actions that are negative, "
                "not finite or all zero"
            )
        normal: np.ndarray = rows / totals
        return normal


def _drawn(rows: np.ndarray, uniforms: np.ndarray) -> np.ndarray:
    """An index of each row, drawn by inversion: int64 of shape (n,)."""
    below = np.cumsum(rows, axis=1)
    # Scaled, so that a sum rounded below 1 cannot lead past the last legal action.
    drawn: np.ndarray = (below <= (uniforms * below[:, -1])[:, None]).sum(axis=1)
    return drawn
