"""Any game in words, served over OpenEnv's protocol: the client has one seat, players the others.

A session (one WebSocket) has an environment of its own, so sessions run beside each other. What a
client needs is `openenv.GenericEnvClient`; nothing of this package.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from fastapi import FastAPI
from openenv.core.env_server.http_server import create_fastapi_app
from openenv.core.env_server.interfaces import Environment
from openenv.core.env_server.types import Action, EnvironmentMetadata, Observation, State
from pydantic import Field

from arenas.core.environment import check_learner
from arenas.registry import find, make_seat_env


class ArenaAction(Action):
    """A reply in words, as a language model gives it; its private reasoning is cut by the game."""

    text: str = Field(description="the reply, which names a move")


class ArenaObservation(Observation):
    """What the client's seat is told.

    `done` is set at the end of the match and `reward` is what the seat was paid since its last
    move; the rewards of a match add up to the seat's reward in the match's `Outcome`.
    """

    text: str = Field(description="the whole prompt: rules, conversation so far, the situation now")
    messages: list[dict[str, Any]] = Field(description="the same as chat messages")
    legal: list[str] | None = Field(description="legal replies; null where they are too many")
    seat: int = Field(description="the client's seat, from 0")
    agent: str = Field(description="its name in what is told")
    role: str = Field(description="its role")
    illegal_moves: int = Field(description="illegal replies of the seat so far")
    illegal_reason: str | None = Field(None, description="why the last reply was illegal")
    truncated: bool = Field(False, description="cut short rather than ended by the rules")
    ending: str | None = Field(None, description="how the match ended")
    rewards: list[float] | None = Field(None, description="total reward of every seat, at the end")


class ArenaState(State):
    """What is known of the match outside the play; nothing that a seat may not know before the end.

    `record` is the match's record as a line of JSON once it is over: anyone can replay it.
    """

    game: str = ""
    options: dict[str, Any] = Field(default_factory=dict)
    record: str | None = None


class ArenaEnvironment(Environment[ArenaAction, ArenaObservation, ArenaState]):
    """One seat of a game in words.

    Args:
        game_id, opponent, seat, illegal, max_cycles, options: as in `arenas.make_seat_env`; players
            are given by name.

    Raises:
        UnknownNameError: no such game, option or player; the message lists what exists.
        ValueError: a value is out of range.
    """

    SUPPORTS_CONCURRENT_SESSIONS = True

    def __init__(
        self,
        game_id: str,
        opponent: str | list[str] = "random",
        seat: int | str = "alternating",
        illegal: str = "retry:1",
        max_cycles: int | None = None,
        **options: Any,
    ) -> None:
        super().__init__()
        if opponent == "self":
            raise ValueError("opponent='self': a client of OpenEnv has one seat; name a player")
        self._env = make_seat_env(
            game_id,
            opponent=opponent,
            seat=seat,
            view="text",
            illegal=illegal,
            max_cycles=max_cycles,
            **options,
        )
        self._episode: str | None = None
        self._steps = 0
        self._over = False

    def reset(
        self,
        seed: int | None = None,
        episode_id: str | None = None,
        seat: int | str | None = None,
        **kwargs: Any,
    ) -> ArenaObservation:
        """Starts a match.

        Args:
            seed: of the match; None for the next one of this session.
            episode_id: the client's name for it.
            seat: from now on, as in the constructor; None leaves it. With a seed at every reset
                "alternating" always begins at seat 0, so such clients say the seat.
            kwargs: ignored.

        Raises:
            ValueError: `seed` or `seat` is out of range.
        """
        if seat is not None:
            self._env.seat = check_learner(self._env.game, seat)
        observation, info = self._env.reset(seed=seed)
        self._episode, self._steps, self._over = episode_id, 0, False
        return self._told(observation, info)

    def step(
        self, action: ArenaAction, timeout_s: float | None = None, **kwargs: Any
    ) -> ArenaObservation:
        """Plays a reply, and the other seats until it is the client's turn again.

        Args:
            action: the reply.
            timeout_s: ignored; players at hand answer at once, servers have limits of their own.
            kwargs: ignored.

        Raises:
            RuntimeError: the match is over, or there is none.
            IllegalMove: under `illegal="raise"`.
        """
        observation, reward, terminated, truncated, info = self._env.step(action.text)
        self._steps += 1
        self._over = terminated or truncated
        told = self._told(observation, info)
        told.reward, told.done, told.truncated = float(reward), self._over, truncated
        return told

    @property
    def state(self) -> ArenaState:
        """See `ArenaState`."""
        return ArenaState(
            episode_id=self._episode,
            step_count=self._steps,
            game=self._env.name,
            options=dict(self._env.game.options),
            record=self._env.record().to_json() if self._over else None,
        )

    def get_metadata(self) -> EnvironmentMetadata:
        """The game's id, its line in lists and the version of its rules."""
        entry = find(self._env.name)
        version = self._env.game.spec.version
        return EnvironmentMetadata(name=entry.id, description=entry.summary, version=version)

    def close(self) -> None:
        """Closes the game and the players."""
        self._env.close()

    def _told(self, observation: dict[str, Any], info: dict[str, Any]) -> ArenaObservation:
        seat, match, spec = info["seat"], self._env.match, self._env.game.spec
        replies = None if match.over else match.game.replies(match.state, seat)
        return ArenaObservation(
            text=observation["text"],
            messages=self._env.messages(pictures=True),
            legal=replies if replies is None else list(replies),
            seat=seat,
            agent=spec.agents[seat],
            role=spec.roles[seat],
            illegal_moves=info["illegal_moves"],
            illegal_reason=info.get("illegal_reason"),
            ending=info.get("ending"),
            rewards=list(match.totals) if match.over else None,
        )


def app(game_id: str, sessions: int = 64, **arguments: Any) -> FastAPI:
    """The web application that serves a game; any ASGI server runs it.

    Args:
        game_id: "KuhnPoker-v0" or "selfplay/KuhnPoker-v0".
        sessions: clients at once; more are refused.
        arguments: of `ArenaEnvironment`.

    Raises:
        UnknownNameError, ValueError: as `ArenaEnvironment`.
    """
    made = partial(ArenaEnvironment, game_id, **arguments)
    # What cannot be made is said now and not to the first client.
    made().close()
    served: FastAPI = create_fastapi_app(
        made,
        ArenaAction,
        ArenaObservation,
        max_concurrent_envs=sessions,
        env_name=find(game_id).short,
        state_cls=ArenaState,
    )
    return served


def serve(game_id: str, host: str = "127.0.0.1", port: int = 8000, **arguments: Any) -> None:
    """Serves a game until it is interrupted.

    The server asks nobody who they are; listen beyond this machine only behind something that does.

    Args:
        game_id: "KuhnPoker-v0" or "selfplay/KuhnPoker-v0".
        host: the address to listen on.
        port: of the address.
        arguments: of `app`.

    Raises:
        UnknownNameError, ValueError: as `ArenaEnvironment`.
    """
    import uvicorn

    uvicorn.run(app(game_id, **arguments), host=host, port=port, log_level="warning")
