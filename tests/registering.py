"""A fixture for tests that register games."""

import gymnasium
import pettingzoo
import pytest

from arenas import registry
from arenas.rollout import verify

__all__ = ["forget_registrations"]


@pytest.fixture
def forget_registrations():
    """Takes back what a test registers, here and with Gymnasium and PettingZoo."""
    tables = [registry._entries, gymnasium.registry]
    # PettingZoo has a registry of its own since 1.27.
    tables += [getattr(pettingzoo, f"{kind}_registry", {}) for kind in ("aec", "parallel")]
    before = [dict(table) for table in tables]
    yield
    for table, kept in zip(tables, before, strict=True):
        table.clear()
        table.update(kept)
    for cached in (registry._load, registry._load_plugins, verify._kept_game):
        cached.cache_clear()
