"""The player that earns most against a known one, where deals are not drawn.

A scripted trader decides by what it sees: the turns left, what it holds, and the offer before it;
the random player by less. Against them it is enough to know who holds what (`by_holdings.py`).
Any other player may remember every move, so all that can be said to it is tried
(`by_history.py`), which small games alone allow.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from arenas.core.flat import Position
from arenas.core.game import Move
from arenas.core.policy import Policy, Reply, Turn
from arenas.core.rng import Rng
from arenas.games.negotiation import rules as flat
from arenas.games.negotiation.by_history import ByHistory
from arenas.games.negotiation.by_holdings import ByHoldings, Drawn, Scripted
from arenas.games.negotiation.game import Negotiation
from arenas.games.negotiation.players import PLAYERS, Trader


class Response(Protocol):
    """A best response to one player of a game."""

    def value(self, seat: int) -> float:
        """The expected reward of `seat`."""

    def move(self, state: Position, seat: int) -> Move:
        """The best move of `seat`, which is to move."""


class Exact(Policy):
    """A best response to one other player, in games of two seats whose values are fixed.

    It knows both seats' values, which such a preset fixes, and how the other decides. It says
    nothing, and what the other says changes nothing for it.

    Args:
        game: of a preset with fixed values.
        argument: the other player: "random", the name of a scripted one, or any policy that plays
            the same moves whenever it meets the same turn, or can say its `distribution`. Against
            "random", `greedy` and `concession` the whole game is solved; against others, small
            ones: at most `by_history.MAX_HISTORIES`.

    Raises:
        ValueError: deals are drawn, there is no such player, or the game is too large for it.
    """

    name = "exact"

    def __init__(self, game: Negotiation, argument: str | Policy = "") -> None:
        other = argument
        if isinstance(argument, str) and argument != "random":
            name, _, rest = argument.partition(":")
            if name not in PLAYERS or name == "exact":
                known = ", ".join(each for each in PLAYERS if each != "exact")
                raise ValueError(f"exact:{argument}: exact:NAME, where NAME is of random, {known}")
            other = PLAYERS[name](game, rest)
        if game.spec.has_chance or game.players != 2:
            raise ValueError(
                "player 'exact' solves two seats with fixed values: preset='two', which "
                "rules='spiral-v1' has, too"
            )
        self.game = game
        self.other = other
        self._start = game.new(Rng(0))
        self._response: Response
        # Where a denied offer stands on, who holds what is not all.
        dies = not game.blank[flat.STALE]
        if dies and (other == "random" or isinstance(other, Trader)):
            answers = Scripted(other) if isinstance(other, Trader) else Drawn(game)
            self._response = ByHoldings(game, answers)
        elif isinstance(other, Policy):
            self._response = ByHistory(game, other)
        else:
            raise ValueError("exact:random needs offers that die: not rules='textarena-0.7.4'")

    def act(self, turns: Sequence[Turn]) -> list[Reply]:
        return [Reply(self.move(turn)) for turn in turns]

    def value(self, seat: int) -> float:
        """The reward that it earns in a seat, expected where the other draws its moves."""
        return self._response.value(seat)

    def move(self, turn: Turn) -> Move:
        """Its move in a turn."""
        return self._response.move(self._state(turn), turn.seat)

    def _state(self, turn: Turn) -> Position:
        """The state of a turn, without what was said: nothing else is hidden where values are."""
        state = self._start
        for kind, amounts in self.game.moves_in(turn.info_state):
            move = self.game.offer_move(amounts) if amounts else self.game.answer_move(kind)
            state = self.game.apply(state, {state.movers[0]: move})
        return state
