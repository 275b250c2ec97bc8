"""What all players of this folder share: they see the kitchen as a snapshot and give an action."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence

from arenas.core.game import Game
from arenas.core.joint import JointState
from arenas.core.policy import Policy, Reply, Turn
from arenas.core.rng import Rng
from arenas.games.overcooked.game import Overcooked
from arenas.games.overcooked.planning import STAY
from arenas.games.overcooked.snapshot import Kitchen, Snapshot


class CookPolicy(Policy):
    """A cook that decides from a snapshot of the kitchen and the turn's own chance.

    It reads the whole state, which everyone sees unless the game has a `radius`; then it asks the
    game for a state that its seat cannot tell from the real one. It remembers nothing: what it
    knows of the past is what the state holds, every cook's last action and last deed.

    Args:
        game: whose kitchen is prepared; others are when they are met.
    """

    def __init__(self, game: Overcooked, argument: str = "") -> None:
        if argument:
            raise ValueError(f"player {self.name!r} takes no argument, got {argument!r}")
        self._kitchens: dict[Game[JointState], Kitchen] = {}
        self.kitchen_of(game)

    def kitchen_of(self, game: Overcooked) -> Kitchen:
        """The kitchen of a game, prepared when first asked for."""
        kitchen = self._kitchens.get(game)
        if kitchen is None:
            self._kitchens[game] = kitchen = Kitchen(game.layout, game.table)
        return kitchen

    def act(self, turns: Sequence[Turn]) -> list[Reply]:
        return [Reply(self._answer(turn)) for turn in turns]

    def _answer(self, turn: Turn) -> int:
        assert isinstance(turn.game, Overcooked)
        kitchen = self.kitchen_of(turn.game)
        return self.decide(kitchen, kitchen.read(turn.resample().row), turn.seat, turn.rng)

    @abstractmethod
    def decide(self, kitchen: Kitchen, now: Snapshot, seat: int, rng: Rng) -> int:
        """The action of a seat, 0 to 5."""


class Stay(CookPolicy):
    """Never does anything."""

    name = "stay"

    def decide(self, kitchen: Kitchen, now: Snapshot, seat: int, rng: Rng) -> int:
        return STAY
