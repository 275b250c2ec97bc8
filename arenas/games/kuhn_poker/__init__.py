"""Kuhn poker for 2 to 4 players; see README.md in this folder."""

from arenas.games.kuhn_poker.game import KuhnPoker

__all__ = ["KuhnPoker"]
