"""Best responses to a player that looks at no more than holdings, turns left and what is offered.

Whatever led there, the future follows from who holds what, the turns left and the offer that
stands, so a best response is found by backward induction over the few holdings that the two can
reach. Holdings are those of seat 0; the other seat has the rest. Offers are in units that their
maker would receive, zeros for none.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from functools import cached_property
from itertools import product

import numpy as np

from arenas.core.flat import Position
from arenas.core.game import Move
from arenas.core.rng import Rng
from arenas.games.negotiation import rules as flat
from arenas.games.negotiation.game import Negotiation
from arenas.games.negotiation.players import Sight, Trader

MAX_HOLDINGS = 100_000
"""Holdings at a turn that are looked at, at most."""

Holdings = tuple[int, ...]


class Answers(ABC):
    """How the other player decides in a turn."""

    @abstractmethod
    def taking(self, sight: Sight, offers: np.ndarray) -> np.ndarray:
        """The chance (n,) that it accepts each offer (n, goods), all of which it can.

        Offers are in units that it would receive.
        """

    @abstractmethod
    def otherwise(self, sight: Sight, faced: bool, able: bool) -> tuple[np.ndarray, np.ndarray]:
        """What it does if it does not accept: chances (m,), and offers (m, goods), zeros to deny.

        Args:
            sight: its view, without the offer.
            faced: an offer of the other seat stands.
            able: which it could accept.
        """


class Scripted(Answers):
    """A trader, which decides by `Sight` alone and draws nothing."""

    def __init__(self, trader: Trader) -> None:
        self.trader = trader

    def taking(self, sight: Sight, offers: np.ndarray) -> np.ndarray:
        chances: np.ndarray = (offers @ sight.values >= self.trader.least(sight)).astype(float)
        return chances

    def otherwise(self, sight: Sight, faced: bool, able: bool) -> tuple[np.ndarray, np.ndarray]:
        kind, amounts = self.trader.decide(sight._replace(facing=faced))
        offer = amounts if kind == flat.OFFER else np.zeros_like(sight.stock)
        return np.ones(1), np.array([offer])


class Drawn(Answers):
    """The random player: uniform over numbered moves, else as `rules.sample` draws them."""

    def __init__(self, game: Negotiation) -> None:
        self.game = game
        self._offered: dict[Holdings, tuple[np.ndarray, np.ndarray]] = {}

    def taking(self, sight: Sight, offers: np.ndarray) -> np.ndarray:
        if self.game.num_actions:
            return np.full(len(offers), 1 / (len(self.offers(sight)[0]) + 2))
        return np.full(len(offers), 1 / 4)

    def otherwise(self, sight: Sight, faced: bool, able: bool) -> tuple[np.ndarray, np.ndarray]:
        chances, offers = self.offers(sight)
        # Of its kinds of move with a quarter each, two are offers; accepting where it cannot, too.
        denies = 1 / (len(chances) + 1) if self.game.num_actions else 1 / 3 if able else 1 / 4
        nothing = np.zeros((1, offers.shape[1]), np.int64)
        return np.append((1 - denies) * chances, denies), np.concatenate([offers, nothing])

    def offers(self, sight: Sight) -> tuple[np.ndarray, np.ndarray]:
        """Every offer that it may make (m, goods), and its chance (m,) among them."""
        held = tuple(np.minimum(sight.stock, self.game.largest).tolist())
        if held not in self._offered:
            odds = self._uniform(held) if self.game.num_actions else self._sampled(held)
            self._offered[held] = np.array(list(odds.values())), np.array(list(odds))
        return self._offered[held]

    def _uniform(self, held: Holdings) -> dict[Holdings, float]:
        ranges = (range(-n, self.game.largest + 1) for n in held)
        offers = [each for each in product(*ranges) if min(each) < 0 < max(each)]
        return dict.fromkeys(offers, 1 / len(offers))

    def _sampled(self, held: Holdings) -> dict[Holdings, float]:
        odds: dict[Holdings, float] = {}
        owned = [good for good, n in enumerate(held) if n > 0]
        for given, asked in product(owned, range(len(held))):
            if given == asked:
                continue
            sides = []
            for good, n in enumerate(held):
                gives = 1.0 if good == given else 0.0 if good == asked or n == 0 else 1 / 16
                asks = 1.0 if good == asked else 0.0 if good == given else 1 / 16
                each = {0: 1 - gives - asks} if gives + asks < 1 else {}
                each |= {-units: gives / n for units in range(1, n + 1) if gives}
                largest = self.game.largest
                each |= {units: asks / largest for units in range(1, largest + 1) if asks}
                sides.append(each)
            chance = 1 / len(owned) / (len(held) - 1)
            for amounts in product(*sides):
                share = chance
                for side, units in zip(sides, amounts, strict=True):
                    share *= side[units]
                odds[amounts] = odds.get(amounts, 0.0) + share
        return odds


class ByHoldings:
    """Backward induction over holdings; offers die when they are answered."""

    def __init__(self, game: Negotiation, other: Answers) -> None:
        self.game = game
        self.other = other
        self._row = game.new(Rng(0)).row
        self._free: dict[tuple[int, int, Holdings], tuple[float, float, Holdings]] = {}
        self._quiet: dict[tuple[int, int, Holdings], float] = {}
        self._rewards: dict[Holdings, tuple[float, ...]] = {}

    def value(self, seat: int) -> float:
        """The expected reward of `seat`."""
        stock = tuple(self.game.private(self._row, 0, flat.STOCK))
        return self._opening(0, 0, stock) if seat == 0 else self._silence(1, 0, stock)

    def move(self, state: Position, seat: int) -> Move:
        """The best move of `seat`, which is to move; of equal ones to deny, then to accept."""
        row, game = state.row, self.game
        stock, ply = tuple(game.private(row, 0, flat.STOCK)), row[flat.PLY]
        denied, proposed, offer = self._unanswered(seat, ply, stock)
        found: list[tuple[float, Move]] = []
        if flat.may_deny(row):
            found.append((denied, game.answer_move("deny")))
        if flat.may_accept(row):
            given = -np.array(game.amounts(row[flat.OFFERED]))
            (after,) = self._after(seat, stock, given[None])
            found.append((self._silence(seat, ply + 1, after), game.answer_move("accept")))
        if offer:
            found.append((proposed, game.offer_move(offer)))
        return max(found, key=lambda each: each[0])[1]

    # -- backward induction ------------------------------------------------------------------------

    @cached_property
    def _units(self) -> np.ndarray:
        """Units of each good that there are."""
        held = [self.game.private(self._row, seat, flat.STOCK) for seat in (0, 1)]
        units: np.ndarray = np.sum(held, 0)
        return units

    def _opening(self, seat: int, ply: int, stock: Holdings) -> float:
        """The reward of `seat` where it is to move and no offer stands."""
        if ply >= self.game.spec.max_plies:
            return self._reward(seat, stock)
        denied, proposed, _ = self._unanswered(seat, ply, stock)
        return proposed if self.game.blank[flat.SPEAK_UP] else max(denied, proposed)

    def _facing(self, seat: int, ply: int, stock: Holdings, offered: np.ndarray) -> np.ndarray:
        """The reward of `seat`, which is to move, for each offer (n, goods) that it may face.

        In units that it would receive; zeros for none.
        """
        if ply >= self.game.spec.max_plies:
            return np.full(len(offered), self._reward(seat, stock))
        denied, proposed, _ = self._unanswered(seat, ply, stock)
        some = offered.any(1)
        may_deny = some | (self.game.blank[flat.SPEAK_UP] == 0)
        rewards = np.where(may_deny, max(denied, proposed), proposed)
        able = np.flatnonzero(some & (self._own(seat, stock) + offered >= 0).all(1))
        for number, after in zip(able, self._after(seat, stock, offered[able]), strict=True):
            rewards[number] = max(rewards[number], self._silence(seat, ply + 1, after))
        return rewards

    def _unanswered(self, seat: int, ply: int, stock: Holdings) -> tuple[float, float, Holdings]:
        """The rewards of denying and of the best offer, and that offer, empty if there is none."""
        key = seat, ply, stock
        if key not in self._free:
            if len(self._free) > MAX_HOLDINGS:
                raise ValueError(f"{self.game!r}: more than {MAX_HOLDINGS} holdings to look at")
            proposed, offer = -np.inf, ()
            offers = self._offers(self._own(seat, stock))
            if len(offers):
                values = self._answers(seat, ply + 1, stock, offers)
                best = int(values.argmax())
                proposed, offer = float(values[best]), tuple(offers[best].tolist())
            self._free[key] = self._silence(seat, ply + 1, stock), proposed, offer
        return self._free[key]

    def _silence(self, seat: int, ply: int, stock: Holdings) -> float:
        """The reward of `seat` where the other is to move and no offer stands."""
        key = seat, ply, stock
        if key not in self._quiet:
            nothing = np.zeros((1, len(stock)), np.int64)
            self._quiet[key] = float(self._answers(seat, ply, stock, nothing)[0])
        return self._quiet[key]

    def _answers(self, seat: int, ply: int, stock: Holdings, offers: np.ndarray) -> np.ndarray:
        """The reward of `seat` for each offer (n, goods) that it has made; zeros for none."""
        plies = self.game.spec.max_plies
        if ply >= plies:
            return np.full(len(offers), self._reward(seat, stock))
        theirs = self._own(1 - seat, stock)
        sight = self._sight(1 - seat, plies - ply, theirs)
        made = offers.any(1)
        able = made & (theirs - offers >= 0).all(1)
        taken = np.zeros(len(offers))
        taken[able] = self.other.taking(sight, -offers[able])
        rewards = np.zeros(len(offers))
        # Whatever it does not accept, it answers alike: by a proposal or by denying.
        for faced, could in ((False, False), (True, False), (True, True)):
            where = (taken < 1) & (made == faced) & (able == could)
            if where.any():
                chances, theirs_made = self.other.otherwise(sight, faced, could)
                value = chances @ self._facing(seat, ply + 1, stock, -theirs_made)
                rewards[where] = (1 - taken[where]) * value
        accepted = np.flatnonzero(taken)
        traded = self._after(1 - seat, stock, -offers[accepted])
        for number, after in zip(accepted, traded, strict=True):
            rewards[number] += taken[number] * self._opening(seat, ply + 1, after)
        return rewards

    def _sight(self, seat: int, left: int, own: np.ndarray) -> Sight:
        values, start = (
            np.array(self.game.private(self._row, seat, which))
            for which in (flat.VALUE, flat.START)
        )
        return Sight(left, False, values, own, start, np.zeros_like(own))

    def _own(self, seat: int, stock: Holdings) -> np.ndarray:
        return np.array(stock) if seat == 0 else self._units - stock

    def _after(self, seat: int, stock: Holdings, received: np.ndarray) -> list[Holdings]:
        """Holdings after `seat` has received each of (n, goods)."""
        after = np.array(stock) + (received if seat == 0 else -received)
        return list(map(tuple, after.tolist()))

    def _offers(self, own: np.ndarray) -> np.ndarray:
        """Every legal offer; beyond what the other has none is ever accepted."""
        low = -np.minimum(own, self.game.largest)
        high = np.minimum(self._units - own, self.game.largest)
        grid = np.indices(tuple(high - low + 1)).reshape(len(own), -1).T + low
        chosen: np.ndarray = grid[(grid > 0).any(1) & (grid < 0).any(1)]
        return chosen

    def _reward(self, seat: int, stock: Holdings) -> float:
        if stock not in self._rewards:
            row = list(self._row)
            for each in (0, 1):
                for good, units in enumerate(self._own(each, stock).tolist()):
                    row[flat.private(row, each, good) + flat.STOCK] = units
            self._rewards[stock] = self.game.scores(row)
        return self._rewards[stock][seat]
