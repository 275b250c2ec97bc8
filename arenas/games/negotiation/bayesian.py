"""A player that infers what the other seat values from what it offers, accepts and refuses.

The method is that of Hindriks and Tykhonov, "Opponent modelling in automated multi-issue
negotiation using Bayesian learning" (AAMAS 2008): hypotheses of what the other values, each
weighed by how well it explains the other's moves if it concedes with time. Here a hypothesis is a
value of every good, drawn from the ranges that all know, and a manner: a taker accepts whatever
gains it something, a conceder what gains it as much as its own offers would by then.

Offers are judged by their expected reward, in the game's own kind, and so is waiting for the last
turn in which an offer can still be answered.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from arenas.core.game import Move
from arenas.core.policy import Policy, Reply, Turn
from arenas.games.negotiation import rules as flat
from arenas.games.negotiation.game import Negotiation
from arenas.games.negotiation.players import Market, needs_offer, one_for_one

HYPOTHESES = 2048
"""Values drawn from the ranges; all of them where there are fewer."""

KEPT = 128
"""Of these, so many are drawn by their weight to judge offers by."""

CANDIDATES = 300
"""Swaps that are judged, of those that look best on average."""

GROWN = 16
"""The best of these are added to each other, to offers of more goods, twice."""

PLANNED = 60
"""Offers that the plan chooses from: the best ones, and the best that ask for more than those."""

SLIP = 0.05
"""How often the other is taken to do what its manner does not explain."""

SPREAD = 0.25
"""How far a conceder's offers lie from its line, in shares of its first hope."""

PACES = (1.0, 3.0)
"""How conceders give way: their hope falls by 1 - over ** pace."""

REST = 0.5
"""What share of the rewards that a trade leaves open can still be had after it."""


class Event(NamedTuple):
    """A move of the other seat that says something of its values.

    Attributes:
        kind: "offer", "accept" or "refuse".
        amounts: what it would receive of each good by the offer that it made or answered.
        over: the share of the match that was over.
    """

    kind: str
    amounts: np.ndarray
    over: float


class History(NamedTuple):
    """A match of two as one seat knows it; amounts as this seat would receive them.

    Attributes:
        values, start, stock: of this seat, int64, one number a good.
        offered: what the other offers now, or None.
        events: what the other did.
        shown: by good, the least that the other started with.
    """

    values: np.ndarray
    start: np.ndarray
    stock: np.ndarray
    offered: np.ndarray | None
    events: list[Event]
    shown: np.ndarray


class Belief(NamedTuple):
    """Hypotheses drawn by their weight: values (KEPT, goods), first hope and pace (KEPT,).

    The hope of a taker is 0. Arrays are float32.
    """

    worths: np.ndarray
    hope: np.ndarray
    pace: np.ndarray

    def bar(self, over: float) -> np.ndarray:
        """The least gain that is accepted when so much is over."""
        return np.asarray(np.maximum(self.hope * (1 - over**self.pace), 1))


class Judged(NamedTuple):
    """Offers (n, goods), the chance that the other has the goods (n,), and by hypothesis what the
    other gains by them and what reward they bring (n, KEPT).
    """

    offers: np.ndarray
    has: np.ndarray
    theirs: np.ndarray
    paid: np.ndarray

    def accepted(self, bar: np.ndarray) -> np.ndarray:
        """The chance that each is accepted, by hypothesis."""
        return np.asarray((self.theirs >= bar) * self.has[:, None])

    def only(self, chosen: np.ndarray) -> Judged:
        """Some of them."""
        return Judged(*(array[chosen] for array in self))


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
        self._worths = (grid + self.market.low).astype(np.float32)
        self._last = max(game.spec.max_plies - 1, 1)

    def act(self, turns: Sequence[Turn]) -> list[Reply]:
        return [Reply(self.move(turn)) for turn in turns]

    def move(self, turn: Turn) -> Move:
        """Its move in a turn."""
        known, left = self.history(turn), int(turn.view[0])
        belief = self.belief(known)
        proposal, expected = self._plan(known, belief, left)
        if known.offered is not None and (known.stock + known.offered >= 0).all():
            paid = float(self._judged(known, belief, known.offered[None]).paid.mean())
            if paid > 0 and paid + REST * max(expected - paid, 0) >= expected:
                return self.game.answer_move("accept")
        if proposal is None and known.offered is None and needs_offer(self.game):
            proposal = one_for_one(known.stock, known.values)
        if proposal is None:
            return self.game.answer_move("deny")
        return self.game.offer_move(proposal.tolist())

    # -- what the other has done ---------------------------------------------------------------

    def history(self, turn: Turn) -> History:
        """Reads an information state."""
        fields = turn.info_state.split("|", 3)
        seat, values, start = int(fields[0]), _numbers(fields[1]), _numbers(fields[2])
        stock, stale = start.copy(), bool(self.game.blank[flat.STALE])
        offered, offerer = None, -1
        events: list[Event] = []
        shown = self.market.low_stock.copy()
        for ply, (kind, numbers) in enumerate(self.game.moves_in(turn.info_state)):
            mine, over = ply % 2 == seat, ply / self._last
            answers_me = not mine and offered is not None and offerer == seat
            if kind == "accept":
                if offered is not None and offerer != ply % 2:
                    if answers_me:
                        events.append(Event("accept", -offered, over))
                        shown = np.maximum(shown, offered - (start - stock))
                    stock = stock + offered
                offered, offerer = None, -1
                continue
            if answers_me:
                assert offered is not None
                events.append(Event("refuse", -offered, over))
            if kind != "deny":
                amounts = np.array(numbers)
                offered, offerer = (amounts if mine else -amounts), ply % 2
                if not mine:
                    events.append(Event("offer", amounts, over))
                    shown = np.maximum(shown, offered - (start - stock))
            elif not stale:
                offered, offerer = None, -1
        facing = offered if offerer == 1 - seat else None
        return History(values, start, stock, facing, events, shown)

    def weights(self, known: History) -> tuple[np.ndarray, np.ndarray]:
        """Posterior weight of each hypothesis, and its first hope: both (1 + PACES, HYPOTHESES).

        Takers come first, whose hope is 0.
        """
        shape = 1 + len(PACES), len(self._worths)
        weights, hope = np.ones(shape), np.zeros(shape)
        for event in known.events:
            gains = self._worths @ event.amounts
            wish = 1 - event.over ** np.array([[np.inf], *([pace] for pace in PACES)])
            wish[0] = 0.0
            if event.kind != "offer":
                taken = event.kind == "accept"
                explained = (gains >= np.maximum(hope * wish, 1)) == taken
                weights *= np.where(explained, 1 - SLIP, SLIP)
                continue
            weights *= np.where(gains > 0, 1 - SLIP, SLIP)
            # A conceder's offers gain it less and less, along a line from its first hope.
            first = np.maximum(gains, 0) / np.maximum(wish[1:], 0.1)
            known_hope = hope[1:] > 0
            off = np.where(known_hope, first / np.maximum(hope[1:], 1) - 1, 0.0)
            weights[1:] *= np.maximum(np.exp(-((off / SPREAD) ** 2) / 2), SLIP)
            hope[1:] = np.where(known_hope, hope[1:], first)
        return weights / weights.sum(), hope

    def belief(self, known: History) -> Belief:
        """Hypotheses by weight, at equal distances."""
        weights, hope = self.weights(known)
        at = (np.arange(KEPT) + 0.5) / KEPT
        chosen = np.searchsorted(weights.ravel().cumsum(), at).clip(max=weights.size - 1)
        manner, which = np.divmod(chosen, len(self._worths))
        paces = np.array([1.0, *PACES], np.float32)
        return Belief(self._worths[which], hope[manner, which].astype(np.float32), paces[manner])

    # -- what offers are worth -----------------------------------------------------------------

    def _judged(self, known: History, belief: Belief, offers: np.ndarray) -> Judged:
        """What offers are worth, in the game's kind of reward."""
        own = (offers @ known.values).astype(np.float32)[:, None]
        theirs = -(offers.astype(np.float32) @ belief.worths.T)
        if self.game.reward == "shared":
            paid = own + theirs
        elif self.game.reward == "surplus":
            paid = np.broadcast_to(own, theirs.shape)
        else:
            traded = known.stock - known.start
            lead = np.float32(traded @ known.values) + belief.worths @ traded.astype(np.float32)
            # Mostly whether it wins, and a little by how much, for the turns to come.
            margin = own - theirs
            paid = np.sign(margin + lead) - np.sign(lead) + np.float32(1e-4) * margin
        return Judged(offers, self._has(known, offers), theirs, paid)

    def _plan(self, known: History, belief: Belief, left: int) -> tuple[np.ndarray | None, float]:
        """The offer to make now, None for none, and the reward expected of it and those after it.

        Planned from the last turn in which an offer can still be answered back to this one: at each
        the best offer is that which brings the most where it is accepted, and where it is not,
        what was planned for later.
        """
        plies = range(left - 2, -1, -2)  # left once it is answered
        judged = self._offers(known, belief) if plies else None
        if judged is None or not len(judged.offers):
            return None, 0.0
        later, proposal = np.zeros(len(belief.hope), np.float32), None
        for answered in reversed(plies):
            accepted = judged.accepted(belief.bar(1 - answered / self._last))
            rest = REST * np.maximum(later.mean() - judged.paid, 0)
            planned = later + accepted * (judged.paid + rest - later)
            best = planned.mean(1).argmax()
            proposal = None
            if planned[best].mean() > later.mean():
                later, proposal = planned[best], judged.offers[best]
        return proposal, float(later.mean())

    def _offers(self, known: History, belief: Belief) -> Judged:
        """Promising offers, some of several goods."""
        most = np.maximum(self.market.high_stock + known.start - known.stock, 0)
        swaps = self.market.swaps(known.stock, most)
        judged = self._judged(known, belief, self._promising(known, belief, swaps))
        final = belief.bar(1.0)
        for _ in range(2 * (len(known.stock) > 2)):
            worth = (judged.paid * judged.accepted(final)).mean(1)
            best = judged.offers[np.argsort(-worth)[:GROWN]]
            sums = (best[:, None] + best[None]).reshape(-1, best.shape[1])
            fits = ((sums <= most) & (-sums <= known.stock)).all(1)
            fits &= (np.abs(sums) <= self.market.largest).all(1)
            fits &= (sums > 0).any(1) & (sums < 0).any(1)
            more = self._judged(known, belief, np.unique(sums[fits], axis=0))
            judged = Judged(*map(np.concatenate, zip(judged, more, strict=True)))
        if len(judged.offers) <= 2 * PLANNED:
            return judged
        accepted = judged.accepted(final)
        worth = (judged.paid * accepted).mean(1)
        beyond = (np.maximum(judged.paid - worth.max(), 0) * accepted).mean(1)
        chosen = [np.argpartition(-each, PLANNED)[:PLANNED] for each in (worth, beyond)]
        return judged.only(np.unique(np.concatenate(chosen)))

    def _promising(self, known: History, belief: Belief, swaps: np.ndarray) -> np.ndarray:
        """The swaps by which both sides may gain, the best of them."""
        mean, spread = belief.worths.mean(0), belief.worths.std(0)
        own, theirs = swaps @ known.values, -(swaps @ mean)
        reach = theirs + 2 * (np.abs(swaps) @ spread)
        aim = own + theirs if self.game.reward == "shared" else own
        open_ = np.flatnonzero((reach > 0) & (aim > 0))
        if len(open_) > CANDIDATES:
            worth = aim[open_] + 2 * np.minimum(theirs[open_], 0)
            open_ = open_[np.argpartition(-worth, CANDIDATES)[:CANDIDATES]]
        chosen: np.ndarray = swaps[open_]
        return chosen

    def _has(self, known: History, offers: np.ndarray) -> np.ndarray:
        """The chance that the other has what each offer asks for, float32 (n,)."""
        least, high = known.shown, self.market.high_stock
        # What it got since the start it has beside what it started with.
        need = offers - (known.start - known.stock)
        chance = (high - np.maximum(need, least) + 1) / (high - least + 1)
        had: np.ndarray = np.where(offers > 0, chance.clip(0, 1), 1.0).prod(1)
        return had.astype(np.float32)


def _numbers(text: str) -> np.ndarray:
    return np.array([int(number) for number in text.split(",")], np.int64)
