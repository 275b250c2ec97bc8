"""TextArena both ways: its games as arenas (`theirs`), arenas as its environments (`ours`)."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from arenas.adapters.textarena.border import MissingTextArenaError, import_textarena
from arenas.adapters.textarena.theirs import TextArenaGame

if TYPE_CHECKING:
    from arenas.adapters.textarena.ours import ArenaEnv, register_games

__all__ = [
    "ArenaEnv",
    "MissingTextArenaError",
    "TextArenaGame",
    "import_textarena",
    "register_games",
]


def __getattr__(name: str) -> Any:
    if name in ("ArenaEnv", "register_games"):
        import_textarena()
        return getattr(importlib.import_module("arenas.adapters.textarena.ours"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
