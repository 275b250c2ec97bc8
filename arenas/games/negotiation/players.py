"""Scripted players of negotiation: what they look at, and two that do not learn.

A `Trader` has a least gain for which it accepts and an offer that it makes otherwise; both follow
from its view. `greedy` and `concession` guess what others value by the middle of the ranges; the
player in `bayesian.py` infers it.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from arenas.core.game import Move
from arenas.core.policy import Policy, Reply, Turn
from arenas.games.negotiation import rules as flat
from arenas.games.negotiation.game import Negotiation
from arenas.games.negotiation.presets import PRESETS


class Sight(NamedTuple):
    """A view by name; arrays are int64, one number a good. Offers are in units to receive.

    Attributes:
        left: turns left, this one included.
        facing: an offer of another seat stands.
        values, stock, start: a unit's worth, units now, units at the start.
        offered: the offer that stands, zeros if none.
    """

    left: int
    facing: bool
    values: np.ndarray
    stock: np.ndarray
    start: np.ndarray
    offered: np.ndarray

    @classmethod
    def of(cls, view: np.ndarray, goods: int) -> Sight:
        """Reads a view."""
        parts = view[3:].astype(np.int64).reshape(-1, goods)
        return cls(int(view[0]), int(view[1]) > 1, *parts[:4])


class Market:
    """What a game's options say of the goods.

    Attributes:
        low, high, middle: bounds and middles of the ranges of values.
        low_stock, high_stock: of what a seat starts with.
    """

    def __init__(self, game: Negotiation) -> None:
        goods = PRESETS[game.preset].goods
        self.low, self.high = np.array([good.value for good in goods]).T
        self.low_stock, self.high_stock = np.array([good.stock for good in goods]).T
        self.middle = (self.low + self.high) / 2
        self.largest = game.largest
        self.others = game.players - 1

    def swaps(self, stock: np.ndarray, most: np.ndarray) -> np.ndarray:
        """Every offer of one good for another, (n, goods) int64, as amounts to receive.

        Args:
            stock: units that can be given.
            most: units that can be asked for.
        """
        give, ask = np.minimum(stock, self.largest), np.minimum(most, self.largest)
        return _swaps(tuple(give.tolist()), tuple(ask.tolist()))


@lru_cache(maxsize=512)
def _swaps(give: tuple[int, ...], ask: tuple[int, ...]) -> np.ndarray:
    tables = []
    for given, held in enumerate(give):
        for asked, most in enumerate(ask):
            if given == asked or held < 1 or most < 1:
                continue
            table = np.zeros((held * most, len(give)), np.int64)
            table[:, given] = -np.repeat(np.arange(1, held + 1), most)
            table[:, asked] = np.tile(np.arange(1, most + 1), held)
            tables.append(table)
    return np.concatenate(tables) if tables else np.zeros((0, len(give)), np.int64)


class Trader(Policy):
    """Accepts an offer that gains enough, else makes its own; deterministic, and silent.

    Raises:
        ValueError: it was given an argument that it does not take.
    """

    name = "trader"

    def __init__(self, game: Negotiation, argument: str = "") -> None:
        if argument:
            raise ValueError(f"player {self.name!r} takes no argument, got {argument!r}")
        self.game = game
        self.market = Market(game)

    @abstractmethod
    def least(self, sight: Sight) -> float:
        """The least gain for which it accepts."""

    @abstractmethod
    def proposal(self, sight: Sight) -> np.ndarray | None:
        """The amounts that it offers, if it offers any."""

    def act(self, turns: Sequence[Turn]) -> list[Reply]:
        return [Reply(self.move(turn)) for turn in turns]

    def move(self, turn: Turn) -> Move:
        """Its move in a turn."""
        sight = Sight.of(turn.view, len(self.game.goods))
        kind, amounts = self.decide(sight)
        if kind == flat.OFFER:
            return self.game.offer_move([int(amount) for amount in amounts])
        return self.game.answer_move("accept" if kind == flat.ACCEPT else "deny")

    def decide(self, sight: Sight) -> tuple[int, Any]:
        """OFFER with its amounts, ACCEPT or DENY."""
        gain = int(sight.offered @ sight.values)
        if sight.facing and able(sight) and gain >= self.least(sight):
            return flat.ACCEPT, None
        if (proposal := self.proposal(sight)) is not None:
            return flat.OFFER, proposal
        if sight.facing or not needs_offer(self.game):
            return flat.DENY, None
        return flat.OFFER, one_for_one(sight.stock, sight.values)


def able(sight: Sight) -> bool:
    """Whether it has what the offer that stands asks for."""
    return bool((sight.stock + sight.offered >= 0).all())


def needs_offer(game: Negotiation) -> bool:
    """Whether denying where nothing stands is illegal."""
    return bool(game.blank[flat.SPEAK_UP])


def one_for_one(stock: np.ndarray, values: np.ndarray) -> np.ndarray:
    """An offer for turns that must have one: a unit of the least good held for one of the best."""
    amounts = np.zeros_like(stock)
    held = np.flatnonzero(stock)
    given = held[values[held].argmin()]
    rest = np.flatnonzero(np.arange(len(amounts)) != given)
    amounts[given], amounts[rest[values[rest].argmax()]] = -1, 1
    return amounts


class Greedy(Trader):
    """Takes every gain, and asks for the most that looks fair.

    It accepts whatever gains it something. Else it offers the swap of two goods that gains it the
    most among those that gain another seat something by the middle of the values' ranges, and asks
    for no more than others have for sure.
    """

    name = "greedy"

    def least(self, sight: Sight) -> float:
        return 1

    def proposal(self, sight: Sight) -> np.ndarray | None:
        surely = np.maximum(self.market.low_stock - np.maximum(sight.stock - sight.start, 0), 0)
        swaps = self.market.swaps(sight.stock, surely)
        gains = swaps @ sight.values
        theirs = -(swaps @ self.market.middle)
        fair = np.flatnonzero((theirs >= 0) & (gains > 0))
        if sight.left < 2 or not len(fair):
            return None
        best: np.ndarray = swaps[fair[gains[fair].argmax()]]
        return best


class Concession(Trader):
    """Asks for much and gives way with time: a tactic of Faratin, Sierra and Jennings (1998).

    Its aspiration falls from the most that it could hope for to nothing by 1 - (t / T)^(1 / BETA),
    where t of its T turns are over. It accepts what gains at least as much, and offers the swap
    that does and is best for others by the middle of the values' ranges. BETA above 1 gives way
    early, below 1 late.

    Args:
        argument: BETA, above 0; 1 if empty.
    """

    name = "concession"

    def __init__(self, game: Negotiation, argument: str = "") -> None:
        super().__init__(game)
        try:
            self.beta = float(argument or 1)
        except ValueError:
            self.beta = 0.0
        if not 0 < self.beta < float("inf"):
            raise ValueError(f"concession:{argument}: BETA is a number above 0")
        self._turns = game.spec.max_plies

    def least(self, sight: Sight) -> float:
        return max(1.0, self._aspiration(sight, self._hoped(sight)[1]))

    def proposal(self, sight: Sight) -> np.ndarray | None:
        swaps, gains = self._hoped(sight)
        if sight.left < 2 or not len(gains):
            return None
        theirs = -(swaps @ self.market.middle)
        enough = gains >= max(1.0, self._aspiration(sight, gains))
        best: np.ndarray = swaps[np.where(enough, theirs, -np.inf).argmax()]
        return best

    def _hoped(self, sight: Sight) -> tuple[np.ndarray, np.ndarray]:
        """The swaps that gain it something and could gain another something, and its gains."""
        likely = (self.market.low_stock + self.market.high_stock) // 2
        swaps = self.market.swaps(sight.stock, likely)
        # What others value most favourably: high what they receive, low what they give.
        worth = np.maximum(-swaps, 0) @ self.market.high - np.maximum(swaps, 0) @ self.market.low
        gains = swaps @ sight.values
        hoped = (gains > 0) & (worth > 0)
        return swaps[hoped], gains[hoped]

    def _aspiration(self, sight: Sight, gains: np.ndarray) -> float:
        # The last move of all is no turn to wait for.
        over = (self._turns - sight.left) / max(self._turns - 1, 1)
        left: float = 1 - over ** (1 / self.beta)
        return float(gains.max(initial=0)) * left


def _bayesian(game: Negotiation, argument: str) -> Policy:
    from arenas.games.negotiation.bayesian import Bayesian

    return Bayesian(game, argument)


def _exact(game: Negotiation, argument: str) -> Policy:
    from arenas.games.negotiation.exact import Exact

    return Exact(game, argument)


PLAYERS: Mapping[str, Any] = {
    "greedy": Greedy,
    "scripted": Greedy,
    "concession": Concession,
    "bayesian": _bayesian,
    "exact": _exact,
}
