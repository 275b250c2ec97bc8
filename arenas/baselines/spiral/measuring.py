"""How a player does: NashConv where a game can be walked, and results against others."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from arenas.baselines.spiral.config import Config
from arenas.baselines.spiral.games import Games, figure_of, listed
from arenas.core.game import Game
from arenas.core.policy import Policy
from arenas.policies.game_tree import GameTree
from arenas.policies.language import LanguagePolicy
from arenas.rating.exploitability import nash_conv
from arenas.rating.results import PlayerResult, Results
from arenas.rollout.matches import sitting_of
from arenas.rollout.trajectories import play_trajectories
from arenas.training.measuring import MAX_STATES, references

REFERENCES = ("random", "scripted", "exact")


class Measurement:
    """What a player is measured by: reference players, and the trees of games to be walked.

    Args:
        games: to play.
        config: settings of the run.
    """

    def __init__(self, games: Games, config: Config) -> None:
        self.games, self.config = games, config
        self._references = {
            game_id: references(game_id, game, REFERENCES) for game_id, game in games.items()
        }
        self._trees = {
            game_id: _tree_of(game) if config.nash_conv else None for game_id, game in games.items()
        }

    def of(
        self, player: Policy, scorer: Callable[[], LanguagePolicy], matches: int
    ) -> tuple[dict[str, float], dict[tuple[str, str], PlayerResult]]:
        """How a player plays each game.

        Args:
            player: as it is trained.
            scorer: makes the same one with its moves scored, whose NashConv is taken.
            matches: against each reference player, at least.

        Returns:
            Figures for the curve, and the results by game and reference player.
        """
        figures: dict[str, float] = {}
        results: dict[tuple[str, str], PlayerResult] = {}
        for game_id, tree in self._trees.items():
            own = {}
            if tree is not None:
                own["nash_conv"] = nash_conv(tree, scorer()).total
            replies = illegal = 0
            for name, reference in self._references[game_id].items():
                result, taken = self._compete(game_id, player, reference, matches)
                results[game_id, name] = result
                replies, illegal = replies + taken, illegal + result.illegal_moves
                own[f"reward_vs_{name}"] = result.mean
                own[f"interval_vs_{name}"] = result.interval
            own["illegal_in_play"] = illegal / replies
            for name, figure in own.items():
                figures[figure_of(self.games, game_id, name)] = figure
        return figures, results

    def _compete(
        self, game_id: str, player: Policy, reference: Policy, games: int
    ) -> tuple[PlayerResult, int]:
        """The player's result with seats exchanged, and its number of replies."""
        seats = self.games[game_id].spec.seats
        results, replies = Results([player.name, *[reference.name] * (seats - 1)]), 0
        played = play_trajectories(
            listed({game_id: self.games[game_id]}),
            [player, *[reference] * (seats - 1)],
            math.ceil(games / seats) * seats,
            concurrency=self.config.matches,
            illegal=self.config.illegal,
        )
        for number, each in enumerate(played):
            sitting = sitting_of(number, seats)
            results.add(each.record, sitting)
            replies += len(each.seats[sitting.index(0)].turns)
        return results.table()[0], replies


def _tree_of(game: Game[Any]) -> GameTree | None:
    try:
        return GameTree(game, MAX_STATES)
    except ValueError:
        return None
