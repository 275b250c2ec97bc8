"""One learner's seat in each of many games in lockstep; policies sit in the others."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from arenas.core.compiled import following, fork, mix64, scale
from arenas.core.environment import MAX_TRIES, check_learner, opponents_of
from arenas.core.flat import FlatGame
from arenas.core.lockstep import DISABLED, NEXT_STEP, SAME_STEP, look_at_end, renew, step_some
from arenas.core.policy import Policy
from arenas.core.vector import FlatVectorEnv

SEATS = 5
"""Label of the streams of the learners' seats, apart from all others of a match."""


class OneLearnerVectorEnv(FlatVectorEnv):
    """The caller acts in one seat of each game; policies sit in the others. CPU only.

    `step` plays the learners' actions and then the others until each learner is to move again or
    its match is over, as `SeatEnv` does for one game. Observations and rewards are the learners'.
    Infos as in `SelfPlayVectorEnv`, but `seat` is the learner's seat, `illegal_moves` (B,) counts
    the learner's, and `final_obs` is what the learner saw at the end. A player that speaks is told
    the situation, without the conversation before it.

    Args:
        opponents: a policy for each of the other seats in seat order, or one for all of them.
        seat: the learner's seat: an int, "random" (drawn for each match), or "alternating" (one
            seat on with each match, from 0 after a seeded reset).

    The rest and errors as in `FlatVectorEnv`.
    """

    def __init__(
        self,
        game: FlatGame,
        opponents: Policy | Sequence[Policy],
        num_envs: int,
        seat: int | str = "alternating",
        **arguments: Any,
    ) -> None:
        if arguments.get("device", "cpu") != "cpu":
            raise ValueError('one_learner runs on the CPU; on CUDA use layout="self_play"')
        super().__init__(game, num_envs, **arguments)
        seats = game.spec.seats
        self.opponents = opponents_of(game, opponents)
        self.seat = check_learner(game, seat)
        self._stepping = self._settings._replace(autoreset=DISABLED)
        self._learners = np.zeros(num_envs, np.int64)
        self._matches = np.zeros(num_envs, np.int64)
        self._before = np.zeros((num_envs, seats))
        self._results = _Results(
            rewards=np.zeros((num_envs, seats)),
            reward=np.zeros(num_envs),
            terminated=np.zeros(num_envs, bool),
            truncated=np.zeros(num_envs, bool),
            ended=np.zeros(num_envs, bool),
            returns=np.zeros((num_envs, seats)),
            length=np.zeros(num_envs, np.int64),
            illegal_moves=np.zeros((num_envs, seats), np.int64),
            learners=np.zeros(num_envs, np.int64),
            illegal_now=np.zeros(num_envs, np.int64),
            observations=np.zeros_like(self._out.observations),
        )

    def _after_reset(self, where: Any, seeded: np.ndarray) -> tuple[dict[str, Any], dict[str, Any]]:
        self._matches[where & seeded] = 0
        self._bring_in(where)
        for array in self._results:
            array[...] = 0
        return self._observation(self._out.observations, self._out.masks), self._info()

    def step(self, actions: Any) -> tuple[dict[str, Any], Any, Any, Any, dict[str, Any]]:
        """Plays the learners' actions (B,) and then the others.

        Raises:
            IllegalMove: an action is illegal, under `illegal="raise"`; nothing has changed.
            RuntimeError: `reset` was not called, or a match is over and autoreset is disabled.
            TypeError, ValueError: the actions are no integers, or not B of them.
        """
        self._require_running()
        taken, out, autoreset = self._actions(actions), self._out, self._settings.autoreset
        over = out.over.copy()
        np.copyto(self._before, out.totals)
        self._play(taken, ~over)
        self._play_others(~over)
        self._keep_results(~over)
        if autoreset == SAME_STEP:
            self._renew(out.over.copy())
        elif autoreset == NEXT_STEP:
            self._renew(over)
        observation = self._observation(out.observations, out.masks)
        r, given = self._results, self._given
        ends = given(r.terminated), given(r.truncated)
        return observation, given(r.reward), *ends, self._info()

    def _keep_results(self, live: np.ndarray) -> None:
        """Notes what this step brought in the games that were played on."""
        out, r = self._out, self._results
        np.subtract(out.totals, self._before, out=r.rewards)
        r.rewards[~live] = 0.0
        np.copyto(r.reward, r.rewards[np.arange(self.num_envs), self._learners])
        np.logical_and(out.over, live, out=r.ended)
        np.logical_and(out.terminated, r.ended, out=r.terminated)
        np.logical_and(out.truncated, r.ended, out=r.truncated)
        np.copyto(r.returns, out.final_totals)
        np.copyto(r.length, out.final_plies)
        np.copyto(r.illegal_moves, out.final_illegal_moves)
        np.copyto(r.learners, self._learners)
        # The kernels show what the seat that moved last sees; the learner is asked here.
        self._device.run(look_at_end, self._batch, self._learners, r.ended)
        np.copyto(r.observations, out.observations)

    def _info(self) -> dict[str, Any]:
        r, every = self._results, np.arange(self.num_envs)
        np.copyto(r.illegal_now, self._out.illegal_moves[every, self._learners])
        return self._information(
            (self._learners, r.rewards, r.illegal_now, r.ended),
            (r.returns, r.length, r.illegal_moves),
            (r.observations, r.learners),
        )

    def _play(self, actions: np.ndarray, where: np.ndarray) -> None:
        if self.illegal.kind == "raise":
            self._refuse_illegal(actions, where)
        self._device.run(step_some, self._batch, self._stepping, actions, where)

    def _play_others(self, where: np.ndarray) -> None:
        """Lets the policies move until each learner is to move or its match is over."""
        out = self._out
        actions = np.zeros(self.num_envs, np.int64)
        while (others := where & ~out.over & (out.seats != self._learners)).any():
            places = out.seats - (out.seats > self._learners)
            for place, policy in enumerate(self.opponents):
                asked = others & (places == place)
                if asked.any():
                    actions[asked] = policy.act_in(self, asked)
            self._play(actions, others)

    def _renew(self, where: np.ndarray) -> None:
        if where.any():
            self._device.run(renew, self._batch, where)
            self._bring_in(where)

    def _bring_in(self, where: np.ndarray) -> None:
        """Seats the learners of matches that have begun and plays up to their first moves.

        A match that ends before the learner can move is followed by the next one.

        Raises:
            RuntimeError: that happened `MAX_TRIES` times in a row.
        """
        for _ in range(MAX_TRIES):
            self._learners[where] = self._draw_seats()[where]
            self._matches[where] += 1
            self._play_others(where)
            where = where & self._out.over
            if not where.any():
                return
            self._device.run(renew, self._batch, where)
        raise RuntimeError(f"{MAX_TRIES} matches in a row ended before the learner's move")

    def _draw_seats(self) -> np.ndarray:
        """The learner's seat in the match of each game."""
        seats = self.game.spec.seats
        if self.seat == "alternating":
            return self._matches % seats
        if self.seat == "random":
            with np.errstate(over="ignore"):
                words = following(fork(self._out.seeds.astype(np.uint64), SEATS))
            return np.asarray(scale(mix64(words), seats))
        return np.full(self.num_envs, self.seat)

    def _state(self) -> dict[str, np.ndarray]:
        own = {"learners": self._learners.copy(), "matches": self._matches.copy()}
        return {**super()._state(), **own}

    def set_state(self, state: dict[str, np.ndarray]) -> None:
        super().set_state(state)
        np.copyto(self._learners, state["learners"])
        np.copyto(self._matches, state["matches"])

    def close_extras(self, **kwargs: Any) -> None:
        """Closes the game, the threads and the opponents."""
        super().close_extras(**kwargs)
        for policy in self.opponents:
            policy.close()


class _Results(NamedTuple):
    """What a step of one learner a game brought; the batch goes on with the next match."""

    rewards: np.ndarray
    reward: np.ndarray
    terminated: np.ndarray
    truncated: np.ndarray
    ended: np.ndarray
    returns: np.ndarray
    length: np.ndarray
    illegal_moves: np.ndarray
    learners: np.ndarray
    illegal_now: np.ndarray  # the learner's in the match that goes on
    observations: np.ndarray
