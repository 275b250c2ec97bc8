"""Whom a run is measured against."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import arenas
from arenas.core.game import Game
from arenas.core.policy import Policy

LEARNER = "learner"
"""Name of the policy in training among the results of the pool."""

MAX_STATES = 20_000
"""NashConv is measured for games of no more states."""


def references(game_id: str, game: Game[Any], names: Sequence[str]) -> dict[str, Policy]:
    """Those of the named players that the game has."""
    found: dict[str, Policy] = {}
    for name in names:
        if name in arenas.player_names(game_id):
            try:
                found[name] = arenas.make_player(game_id, name, game)
            except ValueError:
                continue  # An exact player may not know these options of the game.
    return found
