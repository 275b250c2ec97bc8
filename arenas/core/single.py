"""One learner's seat as a Gymnasium environment; policies sit in the others."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import gymnasium as gym
import numpy as np

from arenas.core.environment import (
    MAX_TRIES,
    RENDER_MODES,
    MatchEnvironment,
    check_learner,
    info_of,
    observation_of,
    opponents_of,
    seat_spaces,
    submit,
)
from arenas.core.game import Game
from arenas.core.language import with_pictures
from arenas.core.match import Match
from arenas.core.policy import Policy, Turn, answer
from arenas.core.record import MatchRecord
from arenas.core.rng import check_seed


class SeatEnv(MatchEnvironment, gym.Env[dict[str, Any], Any]):
    """A match seen from one seat.

    Args:
        game: the rules.
        opponents: a policy for each of the other seats in seat order, one policy for all of them,
            or None: then the caller acts in every seat in turn ("self").
        seat: the learner's seat: an int, "random" (drawn for each match), or "alternating"
            (one seat on with each match, from 0 after a seeded reset). Unused without opponents.
        view, illegal, max_cycles, render_mode, name: as in `MatchEnvironment`.

    `step` plays the learner's action and then the other seats until the learner moves again or the
    match is over; the reward is the learner's over that stretch. An illegal action under `retry`
    returns the same situation with `info["illegal_reason"]`. Without opponents `step` returns the
    observation of the next seat to move and the reward of the seat that moved; `info["rewards"]`
    holds every seat's reward of that step.

    `info` holds `seat`, what `info_of` describes, and after the end `rewards` of every seat.

    Raises:
        ValueError: an argument is out of range; the message lists what is possible.
    """

    metadata: ClassVar[dict[str, Any]] = {  # type: ignore[misc]
        "render_modes": list(RENDER_MODES),
        "render_fps": 2,
    }

    def __init__(
        self,
        game: Game[Any],
        opponents: Policy | Sequence[Policy] | None = None,
        seat: int | str = "alternating",
        view: str = "array",
        illegal: str = "retry:1",
        max_cycles: int | None = None,
        render_mode: str | None = None,
        name: str | None = None,
    ) -> None:
        super().__init__(game, view, illegal, max_cycles, render_mode, name)
        self.opponents: list[Policy] | None = None
        if opponents is not None:
            self.opponents = opponents_of(game, opponents)
        self.seat = check_learner(game, seat)
        observations, actions = seat_spaces(game, view)
        self.observation_space = observations[0]
        self.action_space = actions[0]
        self._matches = 0
        self._learner = 0
        speaks = any(policy.speaks for policy in self.opponents or ())
        self._language = view != "array" or speaks

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """Starts a match and plays the others up to the learner's first move.

        With a seed: the match of that seed. Without: a match whose seed `np_random` draws. A match
        that ends before the learner can move is followed by the next one.

        Raises:
            RuntimeError: that happened `MAX_TRIES` times in a row.
            ValueError: `seed` is not an integer in 0..2**63-1.
        """
        super().reset(seed=None if seed is None else check_seed(seed))
        if seed is not None:
            self._matches = 0
        for _ in range(MAX_TRIES):
            match_seed = int(self.np_random.integers(1 << 53)) if seed is None else seed
            self._learner = self._draw_seat()
            self._matches += 1
            self._match = Match(
                self.game, match_seed, self.illegal, self.max_cycles, self._language
            )
            self._play_others()
            if not self._match.over:
                if self.render_mode == "human":
                    self.render()
                return self._observe(), self._info()
            seed = None
        raise RuntimeError(
            f"{MAX_TRIES} matches in a row ended ({self.match.outcome}) before the learner's move"
        )

    def step(self, action: Any) -> tuple[dict[str, Any], float, bool, bool, dict[str, Any]]:
        """Plays the learner's action and then the others.

        Raises:
            RuntimeError: the match is over (MatchOver), or `reset` was not called.
            TypeError: the action is not of the view's kind.
            IllegalMove: under `illegal="raise"`; nothing has changed.
        """
        match = self.match
        match.require_running()
        mover, before = self._learner, match.totals
        submit(match, mover, action, self.view)
        self._play_others()
        info = self._info()
        rewards = [now - then for now, then in zip(match.totals, before, strict=True)]
        if match.over or self.opponents is None:
            info["rewards"] = rewards
        cut = match.outcome is not None and match.outcome.truncated
        if self.render_mode == "human":
            self.render()
        return self._observe(), rewards[mover], match.over and not cut, cut, info

    def action_masks(self) -> np.ndarray:
        """Legal actions of the learner: bool array of shape (n,), as MaskablePPO asks for.

        Of a move of several numbers the masks of all of them, side by side.

        Raises:
            TypeError: the game's moves are not discrete.
        """
        if not self.game.mask_size:
            raise TypeError(f"{self.game.spec.name} has no discrete actions to mask")
        if self._learner not in self.match.awaited:
            return np.zeros(self.game.mask_size, bool)
        return self.game.mask(self.match.state, self._learner).astype(bool)

    def messages(self, pictures: bool = False) -> list[dict[str, Any]]:
        """The learner's text observation as chat messages (views "text" and "both").

        Args:
            pictures: with those that the game shows to it, see `language.with_pictures`.

        Raises:
            ValueError: no seat of this environment uses text.
        """
        if self.match.conversation is None:
            raise ValueError('messages need view="text" or view="both"')
        shown = self.game.pictures(self.match.state, self._learner) if pictures else ()
        return with_pictures(self.match.conversation.messages(self._learner), shown)

    def record(self, seats: Sequence[str] | None = None) -> MatchRecord:
        """As in every environment; without `seats` the learner's seat is called "learner"."""
        if seats is None:
            others = [policy.name for policy in self.opponents or ()]
            seats = [*others[: self._learner], "learner", *others[self._learner :]]
            if self.opponents is None:
                seats = ["learner"] * self.game.spec.seats
        return super().record(seats)

    def _draw_seat(self) -> int:
        if self.opponents is None:
            return 0
        if self.seat == "random":
            return int(self.np_random.integers(self.game.spec.seats))
        if self.seat == "alternating":
            return self._matches % self.game.spec.seats
        return int(self.seat)

    def _play_others(self) -> None:
        match = self.match
        if self.opponents is None:
            if match.awaited:
                self._learner = match.awaited[0]
            return
        while others := [seat for seat in match.awaited if seat != self._learner]:
            seat = others[0]
            policy = self.opponents[seat - (seat > self._learner)]
            (reply,) = policy.act([Turn.of(match, seat)])
            answer(match, seat, reply)

    def _observe(self) -> dict[str, Any]:
        return observation_of(self.match, self._learner, self.view)

    def _info(self) -> dict[str, Any]:
        return {"seat": self._learner, **info_of(self.match, self._learner)}

    def close(self) -> None:
        """Closes the game and the opponents; calling it again does nothing."""
        super().close()
        for policy in self.opponents or ():
            policy.close()
