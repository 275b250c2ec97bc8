"""Deep search: a proposer writes questions that need searching; solvers search and answer."""

from arenas.games.deep_search.game import DeepSearch

__all__ = ["DeepSearch"]
