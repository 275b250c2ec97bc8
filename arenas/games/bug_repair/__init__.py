"""Bug injection and repair (Self-play SWE-RL): break a project, hide it, repair it."""

from arenas.games.bug_repair.game import BugRepair

__all__ = ["BugRepair"]
