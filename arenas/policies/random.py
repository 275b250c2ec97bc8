"""The random player of every game."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from arenas.core.compiled import following, mix64, scale
from arenas.core.game import Game
from arenas.core.policy import Policy, Reply, Turn

if TYPE_CHECKING:
    from arenas.core.vector import FlatVectorEnv


class RandomPolicy(Policy):
    """Plays a random legal move, uniform where the moves can be listed.

    Raises:
        ValueError: it was given an argument.
    """

    name = "random"

    def __init__(self, game: Game[Any] | None = None, argument: str = "") -> None:
        if argument:
            raise ValueError(f"player 'random' takes no argument, got {argument!r}")

    def act(self, turns: Sequence[Turn]) -> list[Reply]:
        return [Reply(turn.sample()) for turn in turns]

    def act_in(self, env: FlatVectorEnv, where: np.ndarray) -> np.ndarray:
        if not env.game.num_actions:
            return super().act_in(env, where)
        _, masks, _, streams = env.decisions(where)
        # The first `Rng.choice` of each turn's stream, as `act` draws it.
        nth = np.asarray(scale(mix64(following(streams)), masks.sum(1)))
        return np.asarray((masks.cumsum(1) > nth[:, None]).argmax(1))

    def distribution(self, turn: Turn) -> Sequence[float]:
        legal = turn.legal
        if legal is None or not turn.game.num_actions:
            return super().distribution(turn)
        share = 1.0 / len(legal)
        return [share if action in legal else 0.0 for action in range(turn.game.num_actions)]
