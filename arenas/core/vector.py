"""Many games of one flat game in lockstep, as Gymnasium vector environments.

`FlatVectorEnv` owns the arrays and the compiled kernels; `SelfPlayVectorEnv` lets the caller act in
every seat. One learner a game has a file of its own.
"""

from __future__ import annotations

from types import ModuleType, SimpleNamespace
from typing import Any, cast

import numpy as np
from gymnasium.vector import AutoresetMode

from arenas.core import by_codes, by_rules, by_tables
from arenas.core.coded import CodedGame
from arenas.core.compiled import fork
from arenas.core.device import Device, device_of
from arenas.core.environment import seat_spaces
from arenas.core.flat import FlatGame, Position
from arenas.core.game import IllegalMove, whole
from arenas.core.language import Conversation
from arenas.core.lockstep import (
    AT,
    COUNTS,
    ENDED,
    FINAL_ILLEGAL_MOVES,
    FINAL_PLIES,
    FINAL_TOTAL,
    FLAGS,
    ILLEGAL_MOVES,
    MATCHES,
    MOVER,
    NUMBERS,
    OVER,
    REWARD,
    SAME_STEP,
    SEAT,
    SEED,
    SHARED,
    SUBMITTED,
    SUMS,
    TERMINATED,
    TOTAL,
    TRUNCATED,
    Batch,
    play_randomly,
    sample,
    start,
    step,
)
from arenas.core.lockstep_env import LockstepVectorEnv, check_rules
from arenas.core.policy import TURNS, Decisions, Turn
from arenas.core.rng import Rng
from arenas.core.tables import Shown, Tables, no_tables, tabulate

_IN_KERNELS = tuple(
    "new movers legal apply returns sample forfeit withdraw mask view".split()  # noqa: SIM905
)
"""Methods of `FlatGame` that kernels do themselves, from the rules module."""


class FlatVectorEnv(LockstepVectorEnv):
    """B games of one flat game: arrays, kernels and what both layouts share.

    Args:
        game: the rules.
        num_envs: number of games B.
        autoreset: when the match after a finished one begins: "same_step", "next_step" (the step
            after the end ignores its action), or "disabled" (`reset(options={"reset_mask": m})`).
        illegal: what follows an illegal move, see `IllegalPolicy`.
        max_cycles: truncate once this many moves per seat were played.
        threads: CPU threads that share the games.
        device: "cpu" or "cuda".
        copy: return fresh arrays; if False, the kernels' own, which the next call overwrites and
            the caller must not change.
        render_mode: None or "ansi".

    Raises:
        TypeError: the game overrides rules of `FlatGame`, which kernels would not follow.
        ValueError: an argument is out of range; the message lists what is possible.
        ImportError: `device="cuda"` without torch or numba.
    """

    game: FlatGame
    # Views and masks lie in the memory of other fields.
    _SAVED = tuple(n for n in Batch._fields[SHARED:] if not n.endswith(("view", "octets")))
    _SEED = SEED

    def __init__(
        self,
        game: FlatGame,
        num_envs: int,
        autoreset: str | AutoresetMode = AutoresetMode.SAME_STEP,
        illegal: str = "retry:1",
        max_cycles: int | None = None,
        threads: int = 1,
        device: str = "cpu",
        copy: bool = False,
        render_mode: str | None = None,
    ) -> None:
        base = CodedGame if isinstance(game, CodedGame) else FlatGame
        check_rules(game, base, _IN_KERNELS, ("simultaneous", "step_rewards"))
        (observation, *_), (action, *_) = seat_spaces(game, "array")
        single = observation, action
        super().__init__(game, num_envs, single, autoreset, illegal, max_cycles, copy, render_mode)
        view, n = game.spec.observation_space, game.mask_size
        assert view.shape is not None
        assert view.dtype is not None
        shown = Shown(view.dtype, int(np.prod(view.shape)), n)
        tables = tabulate(game, shown)
        # Games whose moves are several numbers; kernels see their codes.
        self._coded = game if isinstance(game, CodedGame) and game.sizes else None
        engine = by_codes if self._coded else by_rules if tables is None else by_tables
        run_on = device_of(device, engine, cast(ModuleType, game.row_rules), threads)
        self._rows = None if tables is None else tables.rows
        batch, self._out = self._allocate(run_on, shown, tables or no_tables(game, shown))
        self._take_up(run_on, batch, self._out.over)
        self._drawn = run_on.outer(np.zeros(num_envs, np.int64))

    def _allocate(
        self, device: Device, shown: Shown, tables: Tables
    ) -> tuple[Batch, SimpleNamespace]:
        """The arrays as kernels take them, and by name as callers do."""
        game, seats = self.game, self.game.spec.seats
        shapes: dict[str, tuple[tuple[int, ...], Any]] = {
            "rows": ((len(game.blank),), np.int64),
            "numbers": ((NUMBERS,), np.int64),
            "counts": ((COUNTS, seats), np.int64),
            "sums": ((SUMS, seats), np.float64),
            "mover_rewards": ((), np.float64),
            "flags": ((FLAGS,), np.bool_),
            "shown": ((shown.words,), np.int64),
            "final_shown": ((shown.words,), np.int64),
        }
        kernels: dict[str, Any] = {}
        callers: dict[str, Any] = {}
        for name, (shape, dtype) in shapes.items():
            host = np.zeros((self.num_envs, *shape), dtype)
            kernels[name], callers[name] = device.outer(host)
        # Torch has no arithmetic for unsigned words, and no caller needs them.
        kernels["words"] = device.inner(np.zeros((self.num_envs, 2), np.uint64))
        for prefix in ("", "final_"):
            views, masks = device.parts(callers[f"{prefix}shown"], shown)
            callers[f"{prefix}observations"], callers[f"{prefix}masks"] = views, masks
        batch = Batch(
            blank=device.inner(np.array(game.blank, np.int64)),
            tables=Tables(*map(device.inner, tables)),
            mask_start=shown.mask_start,
            mask_stop=shown.mask_stop,
            shown_view=kernels["shown"].view(shown.dtype),
            shown_octets=kernels["shown"].view(np.int8),
            final_view=kernels["final_shown"].view(shown.dtype),
            **kernels,
        )
        return batch, self._named(callers)

    def _named(self, arrays: dict[str, Any]) -> SimpleNamespace:
        """What callers read, by names of their own; all of it views."""
        numbers, flags = arrays["numbers"], arrays["flags"]
        counts, sums = arrays["counts"], arrays["sums"]
        shape = (self.num_envs, *(self.game.spec.observation_space.shape or ()))
        return SimpleNamespace(
            observations=arrays["observations"].reshape(shape),
            masks=arrays["masks"],
            seats=numbers[:, SEAT],
            movers=numbers[:, MOVER],
            seeds=numbers[:, SEED],
            positions=numbers[:, AT],
            submitted=counts[:, SUBMITTED],
            illegal_moves=counts[:, ILLEGAL_MOVES],
            rewards=sums[:, REWARD],
            totals=sums[:, TOTAL],
            mover_rewards=arrays["mover_rewards"],
            over=flags[:, OVER],
            terminated=flags[:, TERMINATED],
            truncated=flags[:, TRUNCATED],
            ended=flags[:, ENDED],
            final_observations=arrays["final_observations"].reshape(shape),
            final_masks=arrays["final_masks"],
            final_totals=sums[:, FINAL_TOTAL],
            final_plies=numbers[:, FINAL_PLIES],
            matches=numbers[:, MATCHES],
            final_illegal_moves=counts[:, FINAL_ILLEGAL_MOVES],
        )

    def _start(self, where: Any) -> None:
        self._device.run(start, self._batch, where)

    # -- what both layouts give out ----------------------------------------------------------------

    def _observation(self, observations: Any, masks: Any) -> dict[str, Any]:
        return {"observation": self._given(observations), self.game.mask_name: self._given(masks)}

    def _information(
        self, now: tuple[Any, ...], match: tuple[Any, ...], final: tuple[Any, ...]
    ) -> dict[str, Any]:
        """The infos of a step, as the layouts describe them."""
        seat, rewards, illegal_moves, ended = map(self._given, now)
        info: dict[str, Any] = {"seat": seat, "rewards": rewards, "illegal_moves": illegal_moves}
        names = ("returns", "length", "illegal_moves")
        info["match"] = dict(zip(names, map(self._given, match), strict=True))
        info["_match"] = ended
        if self._settings.autoreset == SAME_STEP:
            observations, last_seat = map(self._given, final)
            info["final_obs"] = self._final(observations, ended)
            info["final_info"] = {"seat": last_seat, "rewards": rewards}
            info["_final_obs"] = info["_final_info"] = ended
        return info

    def _final(self, observations: Any, ended: Any) -> Any:
        """Last observations: as `SyncVectorEnv` gives them, or without copies as arrays."""
        if not self._copy:
            return {"observation": observations, self.game.mask_name: self._out.final_masks}
        final = np.full(self.num_envs, None, object)
        for i in np.flatnonzero(self._device.host(ended)):
            none = np.zeros(self.game.mask_size, np.int8)
            final[i] = {"observation": observations[i], self.game.mask_name: none}
        return final

    def _actions(self, actions: Any) -> Any:
        """Actions as kernels take them; moves of several numbers as codes.

        Raises:
            TypeError: they are no integers.
            ValueError: there are not B of them.
        """
        taken = self._device.take(actions, np.int64)
        shape = self.action_space.shape
        if taken.shape != shape:
            raise ValueError(f"actions have shape {taken.shape}, not {shape}")
        if self._coded is None:
            return taken
        return self._device.take(self._coded.codes(self._device.given(taken)), np.int64)

    def _refuse_illegal(self, actions: Any, where: np.ndarray | None = None) -> None:
        """Under `illegal="raise"`: nothing is played unless all the actions are legal.

        Raises:
            IllegalMove: one is not; with the game's number and the reason.
        """
        masks, chosen = self._device.host(self._out.masks), self._device.read(actions)
        asked = ~self._device.host(self._out.over) if where is None else where
        if self._coded is None:
            inside = (chosen >= 0) & (chosen < masks.shape[1])
            legal = inside & (masks[np.arange(self.num_envs), np.where(inside, chosen, 0)] == 1)
            asked = asked & ~legal
        for game in np.flatnonzero(asked).tolist():
            position, move = self._position(game), int(chosen[game])
            try:
                if self._coded is not None and move < 0:
                    raise IllegalMove("a number of the move is out of range")
                named = move if self._coded is None else self._coded.numbers(move)
                self.game.check(position, position.movers[0], named)
            except IllegalMove as error:
                raise IllegalMove(f"game {game}: {error}") from None

    @property
    def matches(self) -> Any:
        """Matches that have ended in each game since the environment was made, (B,) int64."""
        return self._given(self._out.matches)

    def turn(self, game: int) -> Turn:
        """The pending turn of a game, as policies get it in `play_matches`.

        Raises:
            RuntimeError: its match is over, or `reset` was not called.
        """
        self._require_begun()
        out = self._out
        if out.over[game]:
            raise RuntimeError(f"the match of game {game} is over")
        seat = int(out.seats[game])
        rng = Rng(int(out.seeds[game])).fork(TURNS, seat, int(out.submitted[game, seat]))
        return Turn(self.game, self._position(game), seat, rng, game, *self._heard(game))

    def _heard(self, game: int) -> tuple[str | None, Conversation | None]:
        """Why the last reply in a game was illegal, and its conversation; where there are any."""
        return None, None

    def decisions(self, where: np.ndarray) -> Decisions:
        """The pending turns of the games that `where` (B,) marks, as arrays (on the CPU)."""
        out = self._out
        seats = out.seats[where]
        with np.errstate(over="ignore"):
            streams = fork(out.seeds[where].astype(np.uint64), TURNS)
            streams = fork(streams, seats.astype(np.uint64))
            streams = fork(streams, out.submitted[where, seats].astype(np.uint64))
        return Decisions(out.observations[where], out.masks[where], seats, streams)

    def _position(self, game: int) -> Position:
        if self._rows is not None:
            row = self._rows[int(self._out.positions[game])]
        else:
            row = self._device.read(self._batch.rows[game])
        return self.game.position(tuple(row.tolist()))


class SelfPlayVectorEnv(FlatVectorEnv):
    """The caller acts in every seat: each step plays one move in every game.

    Observations are those of the seat to move: `observation` (B, ...) and `action_mask` (B, n), or
    `component_mask` where a move is several numbers.
    The reward is that of the seat that moved. Infos are arrays over games:

    - `seat`: (B,) int64, the seat to move; the last one where the match is over;
    - `rewards`: (B, S) float64, every seat's reward of this step;
    - `illegal_moves`: (B, S) int64, illegal submissions of the match so far;
    - `match`, valid where `_match` (B,) is True: `returns` (B, S) float64, `length` (B,) int64 and
      `illegal_moves` (B, S) int64 of the match that ended in this step;
    - under same-step reset, valid in the same places: `final_obs`, what the seat that moved last
      saw at the end, and `final_info` with its `seat` and the `rewards`. With `copy=False`
      `final_obs` is a dict of arrays, else an object array of dicts as `SyncVectorEnv` gives it.

    Arguments and errors as in `FlatVectorEnv`.
    """

    def _after_reset(self, where: Any, seeded: np.ndarray) -> tuple[dict[str, Any], dict[str, Any]]:
        return self._observation(self._out.observations, self._out.masks), self._info()

    def step(self, actions: Any) -> tuple[dict[str, Any], Any, Any, Any, dict[str, Any]]:
        """Plays an action of the seat to move in every game: (B,), or (B, k) for k numbers a move.

        Raises:
            IllegalMove: an action is illegal, under `illegal="raise"`; nothing has changed.
            RuntimeError: `reset` was not called, or a match is over and autoreset is disabled.
            TypeError, ValueError: the actions are no integers, or not B of them.
        """
        self._require_running()
        taken = self._actions(actions)
        if self.illegal.kind == "raise":
            self._refuse_illegal(taken)
        self._device.run(step, self._batch, self._settings, taken)
        return self._stepped()

    def _stepped(self) -> tuple[dict[str, Any], Any, Any, Any, dict[str, Any]]:
        out, given = self._out, self._given
        observation = self._observation(out.observations, out.masks)
        ends = given(out.terminated), given(out.truncated)
        return observation, given(out.mover_rewards), *ends, self._info()

    def sample_actions(self) -> Any:
        """A random legal action of every game, from streams of its own; uniform where discrete.

        Returns:
            (B,) int64, or (B, k) for k numbers a move; 0 where the match is over.

        Raises:
            RuntimeError: `reset` was not called.
        """
        self._require_begun()
        self._device.run(sample, self._batch, self._drawn[0])
        if self._coded is None:
            return self._given(self._drawn[1])
        return self._device.stack(self._coded.columns(self._drawn[1]))

    def play_randomly(self, steps: int = 1) -> tuple[dict[str, Any], Any, Any, Any, dict[str, Any]]:
        """As many times `step(sample_actions())`, in one compiled loop; returns the last step's.

        With autoreset disabled a match that ends stays over for the rest of the steps.

        Raises:
            RuntimeError: `reset` was not called, or a match is over and autoreset is disabled.
            ValueError: `steps` is no number of steps.
        """
        self._require_running()
        count = whole(steps)
        if count is None or count < 1:
            raise ValueError(f"steps={steps!r}: a number of steps, at least one")
        self._device.run(play_randomly, self._batch, self._settings, count)
        return self._stepped()

    def _info(self) -> dict[str, Any]:
        out = self._out
        return self._information(
            (out.seats, out.rewards, out.illegal_moves, out.ended),
            (out.final_totals, out.final_plies, out.final_illegal_moves),
            (out.final_observations, out.movers),
        )
