"""Who sits in the seats that an outside trainer does not train: a name, a policy or a pool."""

from __future__ import annotations

from typing import Any, TypeAlias

from arenas.core.game import Game
from arenas.core.policy import Policy
from arenas.policies.pool import OpponentPool
from arenas.registry import make_player

Opponent: TypeAlias = str | Policy | OpponentPool
"""A player's name, a policy, or a pool whose members' payloads are names of players."""

LEARNER = "learner"
"""What a pool calls the player that is trained."""


class Opponents:
    """Draws who is met next, and counts how it went.

    Args:
        game_id: of the game that is played.
        game: the same with its options.
        opponent: see `Opponent`; None for nobody, so that the learner meets itself.

    Raises:
        UnknownNameError: there is no such player; the message lists what exists.
    """

    def __init__(self, game_id: str, game: Game[Any], opponent: Opponent | None) -> None:
        self._game_id, self._game = game_id, game
        self._pool = opponent if isinstance(opponent, OpponentPool) else None
        self._fixed: Policy | None = None
        if opponent is not None and self._pool is None:
            self._fixed = make_player(game_id, opponent, game)  # type: ignore[arg-type]
        self._members: dict[str, Policy] = {}

    def draw(self) -> Policy | None:
        """The next opponent; None if the learner is to meet itself.

        Raises:
            ValueError: a member of the pool has no player's name as its payload.
        """
        if self._pool is None:
            return self._fixed
        member = self._pool.sample(LEARNER)
        if member is None:
            return None
        if not isinstance(member.payload, str):
            raise ValueError(f"{member}: its payload is to be a player's name")
        if member.name not in self._members:
            kept = {each.name for each in self._pool.members}
            for name in set(self._members) - kept:
                self._members.pop(name).close()
            player = make_player(self._game_id, member.payload, self._game)
            player.name = member.name
            self._members[member.name] = player
        return self._members[member.name]

    def record(self, opponent: Policy, rewards: list[float]) -> None:
        """Tells the pool, if there is one, what the learner earned against an opponent."""
        if self._pool is not None:
            self._pool.record(LEARNER, opponent.name, rewards)
