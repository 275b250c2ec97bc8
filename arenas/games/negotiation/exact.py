"""The player that earns most against a known one, where deals are not drawn.

A scripted trader decides by what it sees: the turns left, what it holds, and the offer before it.
So whatever led there, a best response is found from the pair of holdings and the turns left alone,
by backward induction over the few holdings that the two can reach.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import numpy as np

from arenas.core.flat import Row
from arenas.core.game import Move
from arenas.core.policy import Policy, Reply, Turn
from arenas.core.rng import Rng
from arenas.games.negotiation import rules as flat
from arenas.games.negotiation.game import Negotiation
from arenas.games.negotiation.players import PLAYERS, Sight, Trader

MAX_HOLDINGS = 100_000
"""Holdings at a turn that are looked at, at most."""

Holdings = tuple[int, ...]


class Exact(Policy):
    """A best response to one scripted player, in games of two seats whose values are fixed.

    It knows both seats' values, which such a preset fixes, and the other player's decisions.

    Args:
        game: of a preset with fixed values.
        argument: name of the other player, one that decides by its view: `greedy`, `concession`.

    Raises:
        ValueError: deals are drawn, or the other player is no such player.
    """

    name = "exact"

    def __init__(self, game: Negotiation, argument: str = "") -> None:
        name, _, rest = argument.partition(":")
        other = PLAYERS[name](game, rest) if name in PLAYERS and name != "exact" else None
        if not isinstance(other, Trader):
            known = [each for each in PLAYERS if isinstance(PLAYERS[each], type)]
            raise ValueError(f"exact:{argument}: exact:NAME, where NAME is of {', '.join(known)}")
        if game.spec.has_chance or game.players != 2 or game.rules == "textarena-0.7.4":
            raise ValueError(
                "player 'exact' solves two seats with fixed values and offers that die: "
                "preset='two', which rules='spiral-v1' has, too"
            )
        self.game = game
        self.other = other
        self._start = game.new(Rng(0)).row
        self._solved: dict[tuple[int, int, Holdings, Holdings], tuple[float, Holdings]] = {}

    def act(self, turns: Sequence[Turn]) -> list[Reply]:
        return [Reply(self.move(turn)) for turn in turns]

    def value(self, seat: int) -> float:
        """The reward that it earns in a seat."""
        stock = self._stock(self._start, 0)
        nothing = (0,) * len(stock)
        if seat == 0:
            return self._best(0, 0, stock, nothing)[0]
        return float(self._answers(1, 0, stock, np.array([nothing]))[0])

    def move(self, turn: Turn) -> Move:
        """Its move in a turn."""
        sight = Sight.of(turn.view, len(self.game.goods))
        mine = tuple(sight.stock.tolist())
        stock = mine if turn.seat == 0 else tuple((self._units - sight.stock).tolist())
        offered = tuple(sight.offered.tolist()) if sight.facing else (0,) * len(mine)
        ply = self.game.spec.max_plies - sight.left
        choice = self._best(turn.seat, ply, stock, offered)[1]
        if any(choice):
            return self.game.offer_move(choice)
        return self.game.answer_move("accept" if choice else "deny")

    # -- backward induction ------------------------------------------------------------------------
    # Holdings are those of seat 0; the other seat has the rest. Offers are in units that the mover
    # would receive, zeros for none.

    @cached_property
    def _units(self) -> np.ndarray:
        return np.array(self._stock(self._start, 0)) + self._stock(self._start, 1)

    @cached_property
    def _worth(self) -> np.ndarray:
        seats = [self.game.private(self._start, seat, flat.VALUE) for seat in (0, 1)]
        return np.array(seats)

    def _stock(self, row: Row, seat: int) -> Holdings:
        return tuple(self.game.private(row, seat, flat.STOCK))

    def _best(
        self, seat: int, ply: int, stock: Holdings, offered: Holdings
    ) -> tuple[float, Holdings]:
        """The reward of `seat`, which is to move, and its move.

        An offer's amounts; zeros to accept; the empty tuple to deny.
        """
        key = seat, ply, stock, offered
        if key in self._solved:
            return self._solved[key]
        if len(self._solved) > MAX_HOLDINGS:
            raise ValueError(f"{self.game!r}: more than {MAX_HOLDINGS} holdings to look at")
        nothing = (0,) * len(stock)
        own = self._own(seat, stock)
        found: list[tuple[float, Holdings]] = []
        if any(offered) or not self.game.blank[flat.SPEAK_UP]:
            denied = self._answers(seat, ply + 1, stock, np.array([nothing]))[0]
            found.append((float(denied), ()))
        if any(offered) and (own + offered >= 0).all():
            after = self._after(seat, stock, np.array(offered))
            value = self._answers(seat, ply + 1, after, np.array([nothing]))[0]
            found.append((float(value), nothing))
        offers = self._offers(own)
        if len(offers):
            values = self._answers(seat, ply + 1, stock, offers)
            best = int(values.argmax())
            found.append((float(values[best]), tuple(offers[best].tolist())))
        self._solved[key] = best_of = max(found, key=lambda each: each[0])
        return best_of

    def _answers(self, seat: int, ply: int, stock: Holdings, offers: np.ndarray) -> np.ndarray:
        """The reward of `seat` for each offer (n, goods) that it has made; zeros for none."""
        plies = self.game.spec.max_plies
        if ply >= plies:
            return np.full(len(offers), self._reward(seat, stock))
        theirs, values = self._own(1 - seat, stock), self._worth[1 - seat]
        start = self._own(1 - seat, self._stock(self._start, 0))
        sight = Sight(plies - ply, False, values, theirs, start, np.zeros_like(theirs))
        made = offers.any(1)
        able = (theirs - offers >= 0).all(1)
        taken = made & able & (-(offers @ values) >= self.other.least(sight))
        rewards = np.empty(len(offers))
        # Whatever it does not accept, it answers alike: by a proposal or by denying.
        for facing in (False, True):
            where = ~taken & (made == facing)
            if where.any():
                kind, amounts = self.other.decide(sight._replace(facing=facing))
                offered = -amounts if kind == flat.OFFER else np.zeros_like(theirs)
                rewards[where] = self._next(seat, ply + 1, stock, tuple(offered.tolist()))
        for number in np.flatnonzero(taken):
            after = self._after(1 - seat, stock, -offers[number])
            rewards[number] = self._next(seat, ply + 1, after, (0,) * len(stock))
        return rewards

    def _next(self, seat: int, ply: int, stock: Holdings, offered: Holdings) -> float:
        if ply >= self.game.spec.max_plies:
            return self._reward(seat, stock)
        return self._best(seat, ply, stock, offered)[0]

    def _own(self, seat: int, stock: Holdings) -> np.ndarray:
        return np.array(stock) if seat == 0 else self._units - stock

    def _after(self, seat: int, stock: Holdings, received: np.ndarray) -> Holdings:
        after = np.array(stock) + (received if seat == 0 else -received)
        return tuple(after.tolist())

    def _offers(self, own: np.ndarray) -> np.ndarray:
        """Every legal offer; beyond what the other has none is ever accepted."""
        low = -np.minimum(own, self.game.largest)
        high = np.minimum(self._units - own, self.game.largest)
        grid = np.indices(tuple(high - low + 1)).reshape(len(own), -1).T + low
        chosen: np.ndarray = grid[(grid > 0).any(1) & (grid < 0).any(1)]
        return chosen

    def _reward(self, seat: int, stock: Holdings) -> float:
        row = list(self._start)
        for each in (0, 1):
            for good, units in enumerate(self._own(each, stock).tolist()):
                row[flat.private(row, each, good) + flat.STOCK] = units
        return self.game.scores(row)[seat]
