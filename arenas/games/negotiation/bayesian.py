"""A player that infers what the other seat values from what it offers, accepts and refuses.

It holds a sample of everything that the other may value, uniform over the ranges that all know, and
weighs each hypothesis by how well it explains the other's moves: somebody seldom offers or accepts
what loses it worth, and seldom refuses what gains it any. It then looks for the offer with the
largest expected reward, by the game's own kind of reward.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from arenas.core.game import Move
from arenas.core.policy import Policy, Reply, Turn
from arenas.games.negotiation import rules as flat
from arenas.games.negotiation.game import Negotiation
from arenas.games.negotiation.players import Market, flat_needs_offer, one_for_one

HYPOTHESES = 4096
"""Drawn from the ranges; all of them where there are fewer."""

KEPT = 192
"""Of these, so many are drawn by their weight to judge offers by."""

CANDIDATES = 600
"""Offers that are judged, of those that look best on average."""

SLIP = 0.03
"""How often the other is taken to offer or accept what gains it nothing."""

STUBBORN = 0.35
"""How often it is taken to refuse what gains it something."""


class History(NamedTuple):
    """A match of two as one seat knows it; amounts as this seat would receive them.

    Attributes:
        seat: this one.
        values, start, stock: of this seat, int64, one number a good.
        offered: what the other offers now, or None.
        signs: (n, goods): each row is worth more than nothing to the other, if it is rational ...
        kept: (n,) ... and was offered or accepted by it; else it refused that.
        shown: by good, the least that the other started with.
    """

    seat: int
    values: np.ndarray
    start: np.ndarray
    stock: np.ndarray
    offered: np.ndarray | None
    signs: np.ndarray
    kept: np.ndarray
    shown: np.ndarray


class Bayesian(Policy):
    """Infers the other's values and offers what pays most in expectation; two seats.

    Raises:
        ValueError: the game has more seats, or it was given an argument.
    """

    name = "bayesian"

    def __init__(self, game: Negotiation, argument: str = "") -> None:
        if argument:
            raise ValueError(f"player 'bayesian' takes no argument, got {argument!r}")
        if game.players != 2:
            raise ValueError("player 'bayesian' models one other seat; elsewhere take 'greedy'")
        self.game = game
        self.market = Market(game)
        sizes = self.market.high - self.market.low + 1
        if np.prod(sizes) <= HYPOTHESES:
            grid = np.indices(tuple(sizes)).reshape(len(sizes), -1).T
        else:
            # A generator of its own, the same one always: a fixed sample of the ranges.
            grid = np.random.default_rng(0).integers(0, sizes, (HYPOTHESES, len(sizes)))
        self._worths = grid + self.market.low

    def act(self, turns: Sequence[Turn]) -> list[Reply]:
        return [Reply(self.move(turn)) for turn in turns]

    def move(self, turn: Turn) -> Move:
        """Its move in a turn."""
        game, known = self.game, self.history(turn)
        left = int(turn.view[0])
        worths = self._drawn(self.weights(known))
        lead = self._gains(known, worths)
        answer, accepted = "deny", 0.0
        if known.offered is not None and (known.stock + known.offered >= 0).all():
            accepted = float(self._paid(known, known.offered[None], worths, lead).mean())
            if accepted > 0:
                answer = "accept"
        if left > 1:
            offers, expected = self._judged(known, worths, lead)
            if len(offers) and expected.max() > accepted:
                return game.offer_move(offers[expected.argmax()].tolist())
        if answer == "deny" and known.offered is None and flat_needs_offer(game):
            return game.offer_move(one_for_one_of(known).tolist())
        return game.answer_move(answer)

    def history(self, turn: Turn) -> History:
        """Reads an information state."""
        goods = len(self.game.goods)
        fields = turn.info_state.split("|", 3)
        seat, values, start = int(fields[0]), _numbers(fields[1]), _numbers(fields[2])
        moves = [_read(part) for part in turn.info_state.split("|")[3:] if part[:1] != '"']
        stock, offered, offerer = start.copy(), None, -1
        stale = bool(self.game.blank[flat.STALE])
        signs: list[np.ndarray] = []
        kept: list[bool] = []
        shown = self.market.low_stock.copy()
        for ply, move in enumerate(moves):
            mine = ply % 2 == seat
            if isinstance(move, str) and move == "accept":
                if offered is not None and offerer != ply % 2:
                    if not mine:
                        signs.append(-offered)
                        kept.append(True)
                        shown = np.maximum(shown, offered - (start - stock))
                    stock = stock + offered
                offered, offerer = None, -1
                continue
            if not mine and offered is not None and offerer == seat:
                signs.append(-offered)
                kept.append(False)
            if isinstance(move, str):
                if not stale:
                    offered, offerer = None, -1
            else:
                offered, offerer = (move if mine else -move), ply % 2
                if not mine:
                    signs.append(move)
                    kept.append(True)
                    shown = np.maximum(shown, offered - (start - stock))
        table = np.array(signs, np.int64).reshape(-1, goods)
        facing = offered if offerer == 1 - seat else None
        return History(seat, values, start, stock, facing, table, np.array(kept, bool), shown)

    def weights(self, known: History) -> np.ndarray:
        """Posterior weight of each hypothesis, summing to 1."""
        gains = self._worths @ known.signs.T > 0
        likely = np.where(known.kept, 1 - SLIP, STUBBORN)
        unlikely = np.where(known.kept, SLIP, 1 - SLIP)
        weights = np.where(gains, likely, unlikely).prod(1)
        return np.asarray(weights / weights.sum())

    def _drawn(self, weights: np.ndarray) -> np.ndarray:
        """Hypotheses by weight, at equal distances, as float64 (KEPT, goods)."""
        at = (np.arange(KEPT) + 0.5) / KEPT
        drawn: np.ndarray = self._worths[np.searchsorted(weights.cumsum(), at).clip(max=len(weights) - 1)]
        return drawn.astype(float)

    def _gains(self, known: History, worths: np.ndarray) -> np.ndarray:
        """What this seat has gained so far less what the other has, by hypothesis."""
        traded = known.stock - known.start
        return np.asarray(traded @ known.values + worths @ traded)

    def _paid(
        self, known: History, offers: np.ndarray, worths: np.ndarray, lead: np.ndarray
    ) -> np.ndarray:
        """What reward each trade brings by each hypothesis: (n, KEPT), in the game's kind."""
        own = (offers @ known.values)[:, None].astype(float)
        theirs = -(offers @ worths.T)
        if self.game.reward == "shared":
            return np.asarray(own + theirs)
        if self.game.reward == "surplus":
            return np.broadcast_to(own, theirs.shape)
        after = lead + own - theirs
        # Mostly whether it wins, and a little by how much, for the turns to come.
        return np.asarray(np.sign(after) - np.sign(lead) + 1e-4 * (own - theirs))

    def _judged(
        self, known: History, worths: np.ndarray, lead: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Offers and the expected reward of making each."""
        received = known.start - known.stock  # by the other
        most = np.maximum(self.market.high_stock + received, 0)
        swaps = self.market.swaps(known.stock, most)
        mean = worths.mean(0)
        own, theirs = swaps @ known.values, -(swaps @ mean)
        # Both sides may gain by it: where the spread of the other's values allows.
        spread = np.abs(swaps) @ worths.std(0)
        open_ = np.flatnonzero((theirs + 2 * spread > 0) & (own + (theirs if self.game.reward == "shared" else 0) > 0))
        if not len(open_):
            return swaps[:0], np.zeros(0)
        worth = own[open_] + np.minimum(theirs[open_], 0) * 2
        if len(open_) > CANDIDATES:
            open_ = open_[np.argpartition(-worth, CANDIDATES)[:CANDIDATES]]
        offers = swaps[open_]
        gains = -(offers @ worths.T)
        accepts = (gains > 0) * self._has(known, offers, received)[:, None]
        return offers, (accepts * self._paid(known, offers, worths, lead)).mean(1)

    def _has(self, known: History, offers: np.ndarray, received: np.ndarray) -> np.ndarray:
        """The chance that the other has what each offer asks for."""
        least = np.maximum(known.shown, self.market.low_stock)
        need = np.maximum(offers, 0) - received
        high = self.market.high_stock
        chance = (high - np.maximum(need, least) + 1) / (high - least + 1)
        return np.asarray(np.where(offers > 0, chance.clip(0, 1), 1.0).prod(1))


def one_for_one_of(known: History) -> np.ndarray:
    """An offer for turns that must have one."""
    return one_for_one(known)  # type: ignore[arg-type]


def _numbers(text: str) -> np.ndarray:
    return np.array([int(number) for number in text.split(",")], np.int64)


def _read(part: str) -> str | np.ndarray:
    return part if part in ("accept", "deny") else _numbers(part)
