"""A cook that plans in words: question, reasoner, verification, controller; see README.md."""

from arenas.games.overcooked.proagent.cook import ProAgent
from arenas.games.overcooked.proagent.reasoner import RuleReasoner

__all__ = ["ProAgent", "RuleReasoner"]
