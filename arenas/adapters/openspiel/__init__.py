"""OpenSpiel both ways: its games as arenas (`theirs`), arenas as `pyspiel` games (`ours`)."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from arenas.adapters.openspiel.theirs import MissingOpenSpielError, OpenSpielGame, import_pyspiel

if TYPE_CHECKING:
    from arenas.adapters.openspiel.ours import register_games, to_openspiel

__all__ = [
    "MissingOpenSpielError",
    "OpenSpielGame",
    "import_pyspiel",
    "register_games",
    "to_openspiel",
]


def __getattr__(name: str) -> Any:
    if name in ("register_games", "to_openspiel"):
        import_pyspiel()
        return getattr(importlib.import_module("arenas.adapters.openspiel.ours"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
