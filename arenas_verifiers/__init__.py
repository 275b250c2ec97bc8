"""The plugin id `arenas_verifiers`: verifiers finds plugins by the name of a top-level module."""

from arenas.adapters.verifiers import ArenaEnv, ArenaHarness, ArenaTaskset

__all__ = ["ArenaEnv", "ArenaHarness", "ArenaTaskset"]
