"""A player in a process of its own, which answers for every worker of a rollout.

For players of which there should not be one a worker, such as a network on a GPU. Models behind
servers need none of this: a `server:URL` player can be in every worker.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from arenas.core.policy import Policy, PolicyError, Reply, Turn
from arenas.registry import Entry, find, make_game, make_player, register
from arenas.rollout.on_ray import pickled, started

_RESTARTS = 3
"""As often as its process may die."""


class PolicyOnRay(Policy):
    """A player that an actor of Ray holds; this is a handle, which can be sent to other processes.

    Its answers are the player's. If the process dies, Ray starts it again and what was asked is
    asked again.

    Args:
        game_id: the game that the player is made for; as in `make_player`.
        player: its name, or a policy that can be pickled, which is sent as it is now.
        options: of the game.
        ray_options: of the actor, as in Ray's `options()`: `num_gpus`, `num_cpus`, `resources`, ...

    Raises:
        ImportError: Ray is not installed.
        UnknownNameError, ValueError: the player cannot be made.
        TypeError: the policy cannot be pickled.
    """

    waits = True

    def __init__(
        self,
        game_id: str,
        player: str | Policy,
        options: Mapping[str, Any] | None = None,
        ray_options: Mapping[str, Any] | None = None,
    ) -> None:
        ray = started()
        sent = pickled(player, [player])
        given = {
            "num_cpus": 1,
            "max_restarts": _RESTARTS,
            "max_task_retries": _RESTARTS,
            **(ray_options or {}),
        }
        actor = ray.remote(_Player).options(**given)
        self._actor = actor.remote(find(game_id), dict(options or {}), sent)
        try:
            about = ray.get(self._actor.about.remote())
        except ray.exceptions.RayTaskError as error:
            raise error.cause from None
        self.name, self.speaks, self.trainable = about

    def act(self, turns: Sequence[Turn]) -> list[Reply]:
        """As in every policy.

        Raises:
            PolicyError: the process has died too often.
        """
        import ray

        try:
            replies: list[Reply] = ray.get(self._actor.act.remote(list(turns)))
        except ray.exceptions.RayTaskError as error:
            raise error.cause from error
        except ray.exceptions.RayActorError as error:
            raise PolicyError(f"the process of player {self.name!r} is gone: {error}") from None
        return replies

    def close(self) -> None:
        """Ends the process, for every handle."""
        import ray

        ray.kill(self._actor)


class _Player:
    """The actor: it makes the player when it is first asked, so that errors reach who asks."""

    def __init__(self, entry: Entry, options: dict[str, Any], player: bytes) -> None:
        self._entry, self._options, self._player = entry, options, player
        self._made: Policy | None = None

    def about(self) -> tuple[str, bool, bool]:
        """Name, whether it speaks, and whether its decisions may be trained on."""
        policy = self._policy
        return policy.name, policy.speaks, policy.trainable

    def act(self, turns: list[Turn]) -> list[Reply]:
        """The player's replies."""
        return self._policy.act(turns)

    @property
    def _policy(self) -> Policy:
        from ray import cloudpickle

        if self._made is None:
            register(**asdict(self._entry))
            game = make_game(self._entry.id, **self._options)
            self._made = make_player(self._entry.id, cloudpickle.loads(self._player), game)
        return self._made
