"""Overcooked: cooks who share a kitchen; see README.md in this folder."""

from arenas.games.overcooked.game import Overcooked

__all__ = ["Overcooked"]
