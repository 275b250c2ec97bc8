"""Multi-agent arenas for self-play.

Importing the package registers every game: afterwards `gym.make("selfplay/KuhnPoker-v0")`,
`pettingzoo.make("aec", "selfplay/KuhnPoker-v0")` and `arenas.make("KuhnPoker-v0")` work.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from arenas.registry import (
    entries,
    make,
    make_game,
    make_parallel,
    make_player,
    make_seat_env,
    make_vec,
    player_names,
    register,
)

if TYPE_CHECKING:
    from arenas.rollout.matches import play_matches
    from arenas.rollout.trajectories import play_trajectories
    from arenas.rollout.verify import verify_file

__version__ = "0.1.0"

__all__ = [
    "entries",
    "make",
    "make_game",
    "make_parallel",
    "make_player",
    "make_seat_env",
    "make_vec",
    "play_matches",
    "play_trajectories",
    "player_names",
    "register",
    "verify_file",
]

_LAZY = {
    "play_matches": "arenas.rollout.matches",
    "play_trajectories": "arenas.rollout.trajectories",
    "verify_file": "arenas.rollout.verify",
}


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        return getattr(importlib.import_module(_LAZY[name]), name)
    raise AttributeError(f"module 'arenas' has no attribute {name!r}")
