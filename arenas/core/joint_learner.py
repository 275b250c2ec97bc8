"""One learner's seat in each of many joint games in lockstep; policies sit in the others."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import numpy as np

from arenas.core.compiled import following, fork, mix64, scale
from arenas.core.environment import check_learner, opponents_of, seat_spaces
from arenas.core.joint import JointFlatGame
from arenas.core.joint_vector import JointVectorEnv
from arenas.core.lockstep import NEXT_STEP, SAME_STEP
from arenas.core.one_learner import SEATS
from arenas.core.policy import Decisions, Policy, Turn
from arenas.core.vector import FlatVectorEnv


class JointLearnerVectorEnv(JointVectorEnv):
    """The caller acts in one seat of each game; policies sit in the others. CPU only.

    Observations, actions (B,), rewards (B,) and `illegal_moves` (B,) are the learners'; the other
    infos are those of `JointVectorEnv`, with `seat` (B,) int64, the learner's, and `rewards` (B, S)
    of every seat; under same-step reset `final_info` has the `seat` and `rewards` of the match that
    ended. Partners are asked in the order of their seats and see nothing of this step's
    moves. A player that speaks is told the situation, without the conversation before it. Where a
    partner's illegal move has to be tried again, the learner's mask is all zeros and its action in
    that step goes unread, as its first one stands.

    Args:
        opponents: a policy for each of the other seats in seat order, or one for all of them.
        seat: the learner's seat: an int, "random" (drawn for each match), or "alternating" (one
            seat on with each match, from 0 after a seeded reset).

    The rest and errors as in `JointVectorEnv`.
    """

    def __init__(
        self,
        game: JointFlatGame,
        opponents: Policy | Sequence[Policy],
        num_envs: int,
        seat: int | str = "alternating",
        **arguments: Any,
    ) -> None:
        if arguments.get("device", "cpu") != "cpu":
            raise ValueError('one_learner runs on the CPU; on CUDA use layout="self_play"')
        super().__init__(game, num_envs, **arguments)
        (observation, *_), (action, *_) = seat_spaces(game, "array")
        self._let(observation, action)
        self.opponents = opponents_of(game, opponents)
        self.seat = check_learner(game, seat)
        self._learners = np.zeros(num_envs, np.int64)
        self._played_by = np.zeros(num_envs, np.int64)  # the learners of the step's matches
        self._begun_matches = np.zeros(num_envs, np.int64)
        self._games = np.arange(num_envs)
        self._joint = np.zeros((num_envs, game.spec.seats), np.int64)

    def _after_reset(self, where: Any, seeded: np.ndarray) -> tuple[dict[str, Any], dict[str, Any]]:
        self._begun_matches[where & seeded] = 0
        self._seat_learners(where)
        self._played_by[:] = self._learners
        return self._observation(), self._info()

    def step(self, actions: Any) -> tuple[dict[str, Any], Any, Any, Any, dict[str, Any]]:
        """Plays the learners' actions (B,) and those of the policies.

        Raises:
            IllegalMove: an action is illegal, under `illegal="raise"`; nothing has changed.
            RuntimeError: `reset` was not called, or a match is over and autoreset is disabled.
            TypeError, ValueError: the actions are no integers, or not B of them.
        """
        self._require_running()
        taken = self._device.take(actions, np.int64)
        if taken.shape != (self.num_envs,):
            raise ValueError(f"actions have shape {taken.shape}, not ({self.num_envs},)")
        over = self._over.copy()
        self._joint[self._games, self._learners] = taken
        for place, policy in enumerate(self.opponents):
            seats = place + (self._learners <= place)
            asked = self._masks[self._games, seats, 0] == 1
            if asked.any():
                chosen = policy.act_in(cast(FlatVectorEnv, _Asked(self, seats)), asked)
                self._joint[asked, seats[asked]] = chosen
        self._played_by[:] = self._learners
        self._play(self._joint)
        if self._settings.autoreset == SAME_STEP:
            self._seat_learners(self._ended)
        elif self._settings.autoreset == NEXT_STEP:
            self._seat_learners(over)
            self._played_by[over] = self._learners[over]
        return self._stepped()

    def _seat_learners(self, where: np.ndarray) -> None:
        """Seats the learners of matches that have begun."""
        if not where.any():
            return
        seats = self.game.spec.seats
        if self.seat == "alternating":
            drawn = self._begun_matches % seats
        elif self.seat == "random":
            with np.errstate(over="ignore"):
                words = following(fork(self._seeds.astype(np.uint64), SEATS))
            drawn = np.asarray(scale(mix64(words), seats))
        else:
            drawn = np.full(self.num_envs, self.seat)
        self._learners[where] = drawn[where]
        self._begun_matches[where] += 1

    def _stepped(self) -> tuple[dict[str, Any], Any, Any, Any, dict[str, Any]]:
        given = self._given
        ends = given(self._terminated), given(self._truncated)
        paid = self._rewards[self._games, self._played_by]
        return self._observation(), paid, *ends, self._info()

    def _observation(self) -> dict[str, Any]:
        views = self._observations[self._games, self._learners]
        return {"observation": views, "action_mask": self._masks[self._games, self._learners]}

    def _info(self) -> dict[str, Any]:
        info = super()._info()
        info["seat"] = self._given(self._learners)
        info["rewards"] = self._given(self._rewards)
        info["illegal_moves"] = self._illegal_moves[self._games, self._learners]
        if self._settings.autoreset == SAME_STEP:
            info["final_info"] = {"seat": self._given(self._played_by), "rewards": info["rewards"]}
            info["_final_info"] = info["_match"]
        return info

    def _final(self, ended: Any) -> Any:
        views = self._final_observations[self._games, self._played_by]
        masks = self._no_masks[:, 0]
        if not self._copy:
            return {"observation": views, "action_mask": masks}
        final = np.full(self.num_envs, None, object)
        for i in np.flatnonzero(ended):
            final[i] = {"observation": views[i], "action_mask": masks[i].copy()}
        return final

    def _state(self) -> dict[str, np.ndarray]:
        own = {"learners": self._learners.copy(), "begun": self._begun_matches.copy()}
        return {**super()._state(), **own}

    def set_state(self, state: dict[str, np.ndarray]) -> None:
        super().set_state(state)
        self._learners[:] = self._played_by[:] = state["learners"]
        self._begun_matches[:] = state["begun"]

    def close_extras(self, **kwargs: Any) -> None:
        """Closes the game, the threads and the opponents."""
        super().close_extras(**kwargs)
        for policy in self.opponents:
            policy.close()


class _Asked:
    """What a policy reads of a vector environment: the turns of the seats that are asked."""

    def __init__(self, env: JointVectorEnv, seats: np.ndarray) -> None:
        self._env, self._seats = env, seats
        self.num_envs, self.game = env.num_envs, env.game

    def turn(self, game: int) -> Turn:
        return self._env.turn(game, int(self._seats[game]))

    def decisions(self, where: np.ndarray) -> Decisions:
        return self._env.decisions(where, self._seats)
