"""Negotiation over whole units of goods with private values; see README.md in this folder."""

from arenas.games.negotiation.game import Negotiation

__all__ = ["Negotiation"]
