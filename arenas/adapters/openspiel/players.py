"""Players of OpenSpiel's games: its own tree search."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from arenas.adapters.openspiel.theirs import OpenSpielGame, import_pyspiel
from arenas.core.policy import Policy, Reply, Turn

SIMULATIONS = 64
WORLDS = 8
"""Searches a move where information is hidden; each supposes other cards."""

EXPLORATION = 2.0
"""UCT's constant, in units of the reward range's half."""

MEMORY_MB = 256


class TreeSearch(Policy):
    """OpenSpiel's Monte Carlo tree search with random playouts (UCT, Kocsis and Szepesvari 2006).

    Where information is hidden it searches several worlds that fit what the seat knows, as if their
    cards lay open, and plays the move chosen most often (perfect information Monte Carlo); that is
    competent play, and no equilibrium.

    Args:
        game: in turns, paid at the end.
        argument: simulations a search, at least 2; 64 if empty.

    Raises:
        ValueError: the argument is no such number, or the game is of another kind. `act` raises it
            where OpenSpiel cannot resample what is hidden.
    """

    name = "mcts"

    def __init__(self, game: OpenSpielGame, argument: str = "") -> None:
        try:
            simulations = int(argument) if argument else SIMULATIONS
        except ValueError:
            simulations = 0
        if simulations < 2:
            raise ValueError(f"mcts:{argument}: the simulations are a number of at least 2")
        kind = game.spiel.get_type()
        if kind.dynamics.name != "SEQUENTIAL" or kind.reward_model.name != "TERMINAL":
            raise ValueError(f"tree search plays games in turns that pay at the end; {game!r} not")
        if game.game.startswith("python_"):
            # OpenSpiel's compiled search crashes on them.
            raise ValueError(f"tree search does not play games written in Python, as {game!r} is")
        self.simulations = simulations
        self.worlds = WORLDS if game.spec.information == "imperfect" else 1

    def act(self, turns: Sequence[Turn]) -> list[Reply]:
        return [Reply(self._search(turn)) for turn in turns]

    def _search(self, turn: Turn) -> int:
        pyspiel = import_pyspiel()
        assert isinstance(turn.game, OpenSpielGame)
        low, high = turn.game.spec.reward_range
        chosen: Counter[int] = Counter()
        for _ in range(self.worlds):
            world = turn.resample().spiel
            evaluator = pyspiel.RandomRolloutEvaluator(1, turn.rng.below(1 << 31))
            bot = pyspiel.MCTSBot(
                game=turn.game.spiel,
                evaluator=evaluator,
                uct_c=EXPLORATION * (high - low) / 2,
                max_simulations=self.simulations,
                max_memory_mb=MEMORY_MB,
                solve=True,
                seed=turn.rng.below(1 << 31),
                verbose=False,
            )
            chosen[bot.step(world)] += 1
        return max(chosen, key=lambda action: (chosen[action], -action))


PLAYERS = {"scripted": TreeSearch, "mcts": TreeSearch}
