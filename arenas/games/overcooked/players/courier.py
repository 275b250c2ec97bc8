"""The courier, and couriers with a bias: partners that do part of the work, or too little of it."""

from __future__ import annotations

from arenas.core.rng import Rng
from arenas.games.overcooked.game import Overcooked
from arenas.games.overcooked.planning import STAY
from arenas.games.overcooked.players.cook import CookPolicy
from arenas.games.overcooked.players.errands import Errand, Rota
from arenas.games.overcooked.players.ways import action, nearest_other
from arenas.games.overcooked.skills import WAIT, Skill
from arenas.games.overcooked.snapshot import DISH, LETTERS, NOTHING, SOUP, Kitchen, Snapshot

REST = Errand(WAIT, ())


class Courier(CookPolicy):
    """Does what the kitchen needs next, by the rota, and minds the other cook on the way."""

    name = "courier"

    def decide(self, kitchen: Kitchen, now: Snapshot, seat: int, rng: Rng) -> int:
        rota = Rota(kitchen, now)
        other = nearest_other(kitchen, now, seat)
        theirs = rota.errand(other) if other >= 0 else REST
        return action(kitchen, now, seat, self.errand(rota, seat), theirs, rng)

    def errand(self, rota: Rota, seat: int) -> Errand:
        """What this cook does next."""
        return rota.errand(seat)


class OnionOnly(Courier):
    """Carries ingredients and nothing else; never takes a dish or starts a pot."""

    name = "onion-only"

    def errand(self, rota: Rota, seat: int) -> Errand:
        if rota.now.cooks[seat].held != NOTHING:
            return keep(rota, seat, rota.errand(seat))
        for thing in LETTERS:
            if cells := rota.sources(seat, thing):
                return Errand(Skill("pickup", thing), cells)
        return REST


class DishOnly(Courier):
    """Brings dishes and serves soups; never touches an ingredient."""

    name = "dish-only"

    def errand(self, rota: Rota, seat: int) -> Errand:
        held = rota.now.cooks[seat].held
        if held == NOTHING:
            for thing in (SOUP, DISH):
                if cells := rota.sources(seat, thing):
                    return Errand(Skill("pickup", thing), cells)
            return REST
        return keep(rota, seat, rota.errand(seat))


def keep(rota: Rota, seat: int, errand: Errand) -> Errand:
    """The errand of a cook that never makes its hands free for other work."""
    pots = rota.kitchen.uses[rota.now.cooks[seat].held, rota.regions[seat]]
    return Errand(WAIT, pots, wait=True) if errand.skill.verb == "place" and pots else errand


class Lazy(Courier):
    """A courier that rests for a share of every stretch of 20 steps.

    Args:
        argument: the share, 0 to 1; a half if empty.
    """

    name = "lazy"
    STRETCH = 20

    def __init__(self, game: Overcooked, argument: str = "") -> None:
        super().__init__(game)
        try:
            self.share = float(argument or 0.5)
        except ValueError:
            self.share = -1.0
        if not 0 <= self.share <= 1:
            raise ValueError(f"lazy:{argument}: the share of time at rest lies in [0, 1]")

    def decide(self, kitchen: Kitchen, now: Snapshot, seat: int, rng: Rng) -> int:
        if now.tick % self.STRETCH >= (1 - self.share) * self.STRETCH:
            return STAY
        return super().decide(kitchen, now, seat, rng)


class Slow(Courier):
    """A courier that acts at every k-th step only.

    Args:
        argument: k, at least 1; 2 if empty.
    """

    name = "slow"

    def __init__(self, game: Overcooked, argument: str = "") -> None:
        super().__init__(game)
        if not (argument or "2").isdecimal() or int(argument or 2) < 1:
            raise ValueError(f"slow:{argument}: it acts at every k-th step, k at least 1")
        self.every = int(argument or 2)

    def decide(self, kitchen: Kitchen, now: Snapshot, seat: int, rng: Rng) -> int:
        if now.tick % self.every:
            return STAY
        return super().decide(kitchen, now, seat, rng)
