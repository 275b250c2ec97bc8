"""The random player of every game."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from arenas.core.game import Game
from arenas.core.policy import Policy, Reply, Turn


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

    def distribution(self, turn: Turn) -> Sequence[float]:
        legal = turn.legal
        if legal is None or not turn.game.num_actions:
            return super().distribution(turn)
        share = 1.0 / len(legal)
        return [share if action in legal else 0.0 for action in range(turn.game.num_actions)]
