"""The players of Overcooked by name: its own, and ProAgent cooks over any language model."""

from __future__ import annotations

from arenas.core.policy import Policy
from arenas.games.overcooked import Overcooked
from arenas.games.overcooked.players import PLAYERS as COOKS
from arenas.games.overcooked.proagent import ProAgent, RuleReasoner
from arenas.policies.language_player import language_player
from arenas.policies.random import RandomPolicy


def proagent_player(game: Overcooked, argument: str = "") -> ProAgent:
    """The player `proagent`, `proagent:language:PATH?...` or `proagent:server:URL?...`.

    What follows `proagent:` is who plans, with its own settings as for the players of those names:

    - `rules` (or nothing): rules that read the same questions;
    - `language:PATH`: a language model at hand, in any of its ways to move;
    - `server:URL`: one behind a server; matches of other players go on while it is asked;
    - `random`: a random skill, to see what planning is worth.

    Raises:
        ValueError: there is no such planner, or its settings are wrong.
        ImportError: what the model needs is not installed.
        OSError: there is no such model.
    """
    kind, _, settings = argument.partition(":")
    cook = ProAgent(game)
    cook.reasoner = _reasoner(cook, game, kind or "rules", settings)
    cook.waits = kind == "server"
    return cook


def _reasoner(cook: ProAgent, game: Overcooked, kind: str, settings: str) -> Policy:
    choice = cook.choice_of(game)
    if kind == "language":
        return language_player(choice, settings)
    if kind == "server":
        # An optional library.
        from arenas.policies.server import server_player

        return server_player(choice, settings)
    if kind not in ("rules", "random") or settings:
        raise ValueError(
            f"proagent:{kind}{':' * bool(settings)}{settings}: who plans is rules, random, "
            "language:PATH or server:URL"
        )
    return RandomPolicy(choice) if kind == "random" else RuleReasoner()


PLAYERS = {**COOKS, "proagent": proagent_player}
"""Cooks by name; see README.md in the game's folder."""
