"""The games of a run: as matches take them, and what their figures are called."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from arenas.core.game import Game
from arenas.core.policy import Policy
from arenas.core.rng import Rng

Games = Mapping[str, Game[Any]]
"""By full id."""


def listed(games: Games) -> list[tuple[str, Mapping[str, Any]]]:
    """The games as `play_matches` takes them."""
    return [(game_id, game.options) for game_id, game in games.items()]


def alone(games: Games, players: Mapping[str, Policy]) -> Any:
    """Players of each game: the game's own in all seats."""
    return lambda game_id, group: [players[game_id]] * games[game_id].spec.seats


def against(games: Games, learner: Policy, other: Policy) -> Any:
    """Players of each game: the learner in one seat, the other in all others."""
    return lambda game_id, group: [learner, *[other] * (games[game_id].spec.seats - 1)]


def unit(game: Game[Any]) -> float:
    """The greatest reward that a seat can win or lose, by which rewards are divided."""
    return max(abs(bound) for bound in game.spec.reward_range) or 1.0


def figure_of(games: Games, game_id: str, figure: str) -> str:
    """What a figure of one game is called: it says of which, where there are several."""
    return f"{game_id.split('/')[-1]}/{figure}" if len(games) > 1 else figure


def check_listed(games: Games, moves: str) -> None:
    """Refuses ways to move that need a list of legal moves, in a game that has none.

    Raises:
        ValueError: such a game is among them.
    """
    for game_id, game in games.items():
        state = game.new(Rng(0))
        if moves != "free" and any(game.legal(state, seat) is None for seat in game.movers(state)):
            raise ValueError(
                f"moves={moves!r}: {game_id} does not list its legal moves, so what a choice was "
                "made among cannot be kept for training; take moves='free'"
            )
