"""Who Is the Spy; see README.md in this folder."""

from arenas.games.spy.game import Spy

__all__ = ["Spy"]
