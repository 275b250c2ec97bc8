"""Many games of one joint flat game in lockstep, as a Gymnasium vector environment."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence
from types import ModuleType
from typing import Any, cast

import numpy as np
from gymnasium import spaces
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space

from arenas.core.compiled import following, fork, mix64
from arenas.core.device import device_of
from arenas.core.game import IllegalMove, whole
from arenas.core.joint import JointFlatGame, JointState
from arenas.core.joint_lockstep import (
    COUNTS,
    FINAL_ILLEGAL_MOVES,
    FINAL_PLIES,
    FINAL_TOTAL,
    ILLEGAL_MOVES,
    MATCHES,
    NUMBERS,
    REWARD,
    SEED,
    SUBMITTED,
    SUMS,
    TOTAL,
    JointBatch,
    play_randomly,
    sample,
    start,
    step,
)
from arenas.core.lockstep import (
    COMMON,
    DISABLED,
    ENDED,
    FLAGS,
    GENERAL_SUM,
    NEXT_STEP,
    OVER,
    PENALTY,
    RANDOM,
    RETRY,
    SAME_STEP,
    SAMPLER,
    SEQUENCE,
    TERMINATED,
    TRUNCATED,
    ZERO_SUM,
    Settings,
)
from arenas.core.match import IllegalPolicy, check_max_cycles
from arenas.core.policy import TURNS, Decisions, Turn
from arenas.core.rng import SEEDS, Rng, check_seed
from arenas.core.vector import autoreset_mode

_AUTORESET = {
    AutoresetMode.NEXT_STEP: NEXT_STEP,
    AutoresetMode.SAME_STEP: SAME_STEP,
    AutoresetMode.DISABLED: DISABLED,
}
_ILLEGAL = {"retry": RETRY, "raise": RETRY, "random-legal": RANDOM, "penalty": PENALTY}
_PAYOFF = {"zero_sum": ZERO_SUM, "common": COMMON, "general_sum": GENERAL_SUM}
_STATE = ("rows", "words", "numbers", "counts", "sums", "flags", "views", "masks", "reports")
"""What `get_state` reads; everything that depends on play."""

_SAMPLES = 4
"""Label of the streams of `sample_actions`, apart from all others of a match."""

_IN_KERNELS = ("new", "movers", "legal", "check", "apply", "returns", "sample", "forfeit", "view")
"""Methods of `JointFlatGame` that kernels do themselves, from the rules module."""


def _check_rules(game: JointFlatGame) -> None:
    """Accepts a game that kernels play as `Match` does, silently.

    Raises:
        TypeError: its class does by itself what kernels take from the rules module.
    """
    own = [n for n in _IN_KERNELS if getattr(type(game), n) is not getattr(JointFlatGame, n)]
    if own:
        raise TypeError(f"{game!r} cannot be played in lockstep: it has its own {', '.join(own)}")


class JointVectorEnv(VectorEnv[Any, Any, Any]):
    """B games of a simultaneous game; the caller acts in every seat at every step.

    Arrays have one entry for each game and seat: observations are `observation` (B, S, ...) and
    `action_mask` (B, S, n), actions (B, S), rewards (B, S) float64. The mask of a seat that is not
    awaited is all zeros: the match is over, or its action stands while another seat tries again
    after an illegal one. Infos are arrays too:

    - the game's `reports` by name, (B, S) int32 each: what the rules report of this step, such as
      `shaped_rewards` in Overcooked; zeros where no step was played;
    - `illegal_moves`: (B, S) int64, illegal submissions of the match so far;
    - `match`, valid where `_match` (B,) is True: `returns` (B, S) float64, `length` (B,) int64
      (moves of all seats) and `illegal_moves` (B, S) int64 of the match that ended in this step;
    - under same-step reset, `final_obs` where `_final_obs` (B,) is True: what the seats saw at the
      end; with `copy=False` a dict of arrays, else an object array of dicts as `SyncVectorEnv`'s.

    Args:
        game: the rules.
        num_envs: number of games B.
        autoreset: when the match after a finished one begins: "same_step", "next_step" (the step
            after the end ignores its actions), or "disabled" (`reset(options={"reset_mask": m})`).
        illegal: what follows an illegal move, see `IllegalPolicy`.
        max_cycles: truncate once this many moves per seat were played.
        threads: CPU threads that share the games.
        device: "cpu" or "cuda".
        copy: return fresh arrays; if False, the kernels' own, which the next call overwrites and
            the caller must not change.
        render_mode: None or "ansi".
        views: whether steps draw observations; without, they stay as `reset` left them, for
            callers that need rewards and reports alone.

    Raises:
        TypeError: the game overrides rules of `JointFlatGame`, which kernels would not follow.
        ValueError: an argument is out of range; the message lists what is possible.
        ImportError: `device="cuda"` without torch or numba.
    """

    def __init__(
        self,
        game: JointFlatGame,
        num_envs: int,
        autoreset: str | AutoresetMode = AutoresetMode.SAME_STEP,
        illegal: str = "retry:1",
        max_cycles: int | None = None,
        threads: int = 1,
        device: str = "cpu",
        copy: bool = False,
        render_mode: str | None = None,
        views: bool = True,
    ) -> None:
        _check_rules(game)
        if (whole(num_envs) or 0) < 1:
            raise ValueError(f"num_envs={num_envs!r}: a number of games, at least one")
        if render_mode not in (None, "ansi"):
            raise ValueError(f'render_mode={render_mode!r}: "ansi", or None')
        mode = autoreset_mode(autoreset)
        self.game = game
        self.num_envs = num_envs
        self.illegal = IllegalPolicy.read(illegal)
        self.max_cycles = check_max_cycles(max_cycles)
        self.render_mode = render_mode
        self.metadata = {"render_modes": ["ansi"], "render_fps": 2, "autoreset_mode": mode}
        self.autoreset_mode = mode  # Where Gymnasium's own vector environments have it, too.
        self.single_observation_space, self.single_action_space = _joint_spaces(game)
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self.action_space = batch_space(self.single_action_space, num_envs)
        spec = game.spec
        self._settings = Settings(
            autoreset=_AUTORESET[mode],
            illegal=_ILLEGAL[self.illegal.kind],
            amount=float(self.illegal.amount),
            last_ply=self.max_cycles * spec.seats if self.max_cycles else spec.max_plies + 1,
            payoff=_PAYOFF[spec.payoff],
            least=float(spec.reward_range[0]),
        )
        self._copy = copy
        self._views = bool(views)
        self._device = device_of(device, None, cast(ModuleType, game.row_rules), threads)
        self._allocate()
        self._every = self._device.take(np.ones(num_envs, bool), bool)
        self._drawn = self._device.outer(np.zeros((num_envs, spec.seats), np.int64))
        self._begun = False

    def _allocate(self) -> None:
        """The arrays as kernels take them, and by name as callers do."""
        game, games, seats, device = self.game, self.num_envs, self.game.spec.seats, self._device
        n = len(game.backdrop)
        shapes: dict[str, tuple[tuple[int, ...], Any]] = {
            "rows": ((len(game.blank),), np.int32),
            "numbers": ((NUMBERS,), np.int64),
            "counts": ((COUNTS, seats), np.int64),
            "sums": ((SUMS, seats), np.float64),
            "flags": ((FLAGS,), np.bool_),
            "views": ((seats, n), game.backdrop.dtype),
            "masks": ((seats, game.num_actions), np.int8),
            "final_views": ((seats, n), game.backdrop.dtype),
            "reports": ((seats, len(game.reports)), np.int32),
        }
        kernels: dict[str, Any] = {}
        out: dict[str, Any] = {}
        for name, (shape, dtype) in shapes.items():
            kernels[name], out[name] = device.outer(np.zeros((games, *shape), dtype))
        # Torch has no arithmetic for unsigned words, and no caller needs them.
        kernels["words"] = device.inner(np.zeros((games, 2), np.uint64))
        self._batch = JointBatch(
            table=device.inner(np.array(game.table, np.int32)),
            blank=device.inner(np.array(game.blank, np.int32)),
            backdrop=device.inner(game.backdrop.copy()),
            **kernels,
        )
        shape = (games, seats, *(game.spec.observation_space.shape or ()))
        numbers, counts, sums, flags = (out[n] for n in ("numbers", "counts", "sums", "flags"))
        self._observations = out["views"].reshape(shape)
        self._masks = out["masks"]
        self._final_observations = out["final_views"].reshape(shape)
        self._no_masks = device.outer(np.zeros((games, seats, game.num_actions), np.int8))[1]
        self._rewards = sums[:, REWARD]
        self._terminated, self._truncated = flags[:, TERMINATED], flags[:, TRUNCATED]
        self._over, self._ended = flags[:, OVER], flags[:, ENDED]
        self._reports = {name: out["reports"][:, :, k] for k, name in enumerate(game.reports)}
        self._illegal_moves = counts[:, ILLEGAL_MOVES]
        self._submitted = counts[:, SUBMITTED]
        self._seeds = numbers[:, SEED]
        self._matches = numbers[:, MATCHES]
        self._finals = {
            "returns": sums[:, FINAL_TOTAL],
            "length": numbers[:, FINAL_PLIES],
            "illegal_moves": counts[:, FINAL_ILLEGAL_MOVES],
        }
        self._totals = sums[:, TOTAL]

    def reset(
        self,
        *,
        seed: int | Sequence[int | None] | np.ndarray | None = None,
        options: dict[str, Any] | None = None,
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """Begins a match in every game.

        Args:
            seed: game i plays the match of seed + i, and then those that `arenas.make` plays after
                it; or a list with a seed or None for each game. None goes on to each game's next
                match, from unpredictable seeds at first.
            options: `reset_mask`, bool array of shape (B,), resets only the games that it marks.

        Returns:
            Observations and infos as `step` does.

        Raises:
            ValueError: a seed is no integer in 0..2**63-1, or there are not B of them, or the mask
                has another shape.
            TypeError: the mask is not of bools.
            RuntimeError: some games are left out although no match has begun in them.
        """
        mask = (options or {}).get("reset_mask")
        where = self._every if mask is None else self._device.take(mask, bool)
        if where.shape != (self.num_envs,):
            raise ValueError(f"reset_mask has shape {where.shape}, not ({self.num_envs},)")
        if mask is not None and not self._begun:
            raise RuntimeError("call reset() without a mask first")
        if isinstance(seed, (Sequence, np.ndarray)):
            seeds = list(seed)
        else:
            seeds = [None if seed is None else check_seed(seed) + i for i in range(self.num_envs)]
        if len(seeds) != self.num_envs:
            raise ValueError(f"{len(seeds)} seeds for {self.num_envs} games")
        with np.errstate(over="ignore"):
            self._seed(seeds, self._device.read(where))
        super().reset(seed=seed if isinstance(seed, int) else None)
        self._device.run(start, self._batch, where)
        self._begun = True
        return self._observation(), self._info()

    def _seed(self, seeds: list[int | None], where: np.ndarray) -> None:
        """Sets the seed of each game's match, and the streams."""
        device, b = self._device, self._batch
        words, numbers = device.read(b.words), device.read(b.numbers)
        given = np.array([seed is not None for seed in seeds])
        firsts = np.array([0 if s is None else check_seed(s) for s in seeds], np.uint64)
        chaos = np.frombuffer(secrets.token_bytes(8 * self.num_envs), np.uint64)
        # As `rng.SeedSequence` numbers the matches of a seed, and those that follow.
        nexts = following(words[:, SEQUENCE] if self._begun else chaos)
        sequence = np.where(given, fork(firsts, SEEDS), nexts)
        match_seeds = np.where(given, firsts, mix64(nexts) >> np.uint64(11))
        fresh = where if not self._begun else where & given
        words[where, SEQUENCE] = sequence[where]
        words[fresh, SAMPLER] = fork(match_seeds, _SAMPLES)[fresh]
        numbers[where, SEED] = match_seeds.astype(np.int64)[where]
        device.write(b.words, words)
        device.write(b.numbers, numbers)

    def step(self, actions: Any) -> tuple[dict[str, Any], Any, Any, Any, dict[str, Any]]:
        """Plays an action of every seat in every game: (B, S).

        Returns:
            Observations, rewards (B, S) float64, terminated (B,), truncated (B,) and infos.

        Raises:
            IllegalMove: an action is illegal, under `illegal="raise"`; nothing has changed.
            RuntimeError: `reset` was not called, or a match is over and autoreset is disabled.
            TypeError, ValueError: the actions are no integers, or not of shape (B, S).
        """
        self._require_running()
        taken = self._device.take(actions, np.int64)
        shape = (self.num_envs, self.game.spec.seats)
        if taken.shape != shape:
            raise ValueError(f"actions have shape {taken.shape}, not {shape}")
        self._play(taken)
        return self._stepped()

    def _play(self, actions: Any) -> None:
        """Plays an action of every seat, as kernels take them."""
        if self.illegal.kind == "raise":
            self._refuse_illegal(self._device.read(actions))
        self._device.run(step, self._batch, self._settings, self._views, actions)

    def sample_actions(self) -> Any:
        """A uniformly random action of every seat, from streams of its own.

        Returns:
            (B, S) int64; 0 where the match is over.

        Raises:
            RuntimeError: `reset` was not called.
        """
        self._require_begun()
        self._device.run(sample, self._batch, self._drawn[0])
        return self._given(self._drawn[1])

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
        arguments = self._settings, self._views, count, self._drawn[0]
        self._device.run(play_randomly, self._batch, *arguments)
        return self._stepped()

    # -- what is given out -------------------------------------------------------------------------

    def _stepped(self) -> tuple[dict[str, Any], Any, Any, Any, dict[str, Any]]:
        given = self._given
        ends = given(self._terminated), given(self._truncated)
        return self._observation(), given(self._rewards), *ends, self._info()

    def _observation(self) -> dict[str, Any]:
        views, masks = self._given(self._observations), self._given(self._masks)
        return {"observation": views, "action_mask": masks}

    def _given(self, array: Any) -> Any:
        return self._device.copy(array) if self._copy else array

    def _info(self) -> dict[str, Any]:
        given = self._given
        ended = given(self._ended)
        info: dict[str, Any] = {name: given(array) for name, array in self._reports.items()}
        info["illegal_moves"] = given(self._illegal_moves)
        info["match"] = {name: given(array) for name, array in self._finals.items()}
        info["_match"] = ended
        if self._settings.autoreset == SAME_STEP:
            info["final_obs"] = self._final(ended)
            info["_final_obs"] = ended
        return info

    def _final(self, ended: Any) -> Any:
        """Last observations: as `SyncVectorEnv` gives them, or without copies as arrays."""
        if not self._copy:
            return {"observation": self._final_observations, "action_mask": self._no_masks}
        final = np.full(self.num_envs, None, object)
        for i in np.flatnonzero(self._device.host(ended)):
            final[i] = {
                "observation": self._device.copy(self._final_observations[i]),
                "action_mask": self._device.copy(self._no_masks[i]),
            }
        return final

    @property
    def matches(self) -> Any:
        """Matches that have ended in each game since the environment was made, (B,) int64."""
        return self._given(self._matches)

    @property
    def returns(self) -> Any:
        """Total reward of each seat in the match that goes on, (B, S) float64."""
        return self._given(self._totals)

    def state(self, game: int) -> JointState:
        """The state of a game's match, as `arenas.make` has it (without notes)."""
        self._require_begun()
        return JointState(self._device.read(self._batch.rows[game]).tolist())

    def turn(self, game: int, seat: int) -> Turn:
        """The pending turn of a seat in a game, as policies get it in `play_matches`.

        Raises:
            RuntimeError: its match is over, or `reset` was not called.
        """
        state = self.state(game)
        if self._over[game]:
            raise RuntimeError(f"the match of game {game} is over")
        rng = Rng(int(self._seeds[game])).fork(TURNS, seat, int(self._submitted[game, seat]))
        return Turn(self.game, state, seat, rng, game)

    def decisions(self, where: np.ndarray, seats: np.ndarray) -> Decisions:
        """The pending turns of one seat a game, `seats` (B,), where `where` (B,) marks the game.

        As arrays, on the CPU.
        """
        games = np.flatnonzero(where)
        seats = seats[where]
        with np.errstate(over="ignore"):
            streams = fork(self._seeds[games].astype(np.uint64), TURNS)
            streams = fork(streams, cast(Any, seats.astype(np.uint64)))
            streams = fork(streams, self._submitted[games, seats].astype(np.uint64))
        views, masks = self._observations[games, seats], self._masks[games, seats]
        return Decisions(views, masks, seats, streams)

    def render(self) -> tuple[str, ...] | None:
        """Every game as a text picture; None without a render mode."""
        if self.render_mode is None:
            return None
        return tuple(self.game.show(self.state(i)) for i in range(self.num_envs))

    # -- what must hold ----------------------------------------------------------------------------

    def _require_begun(self) -> None:
        if not self._begun:
            raise RuntimeError("call reset() first")

    def _require_running(self) -> None:
        self._require_begun()
        if self._settings.autoreset == DISABLED and bool(self._over.any()):
            raise RuntimeError(
                "a match is over: reset(options={'reset_mask': over}) begins the next one"
            )

    def _refuse_illegal(self, actions: np.ndarray) -> None:
        """Under `illegal="raise"`: nothing is played unless all the actions are legal.

        Raises:
            IllegalMove: one is not; with the game's number and the reason.
        """
        wrong = (actions < 0) | (actions >= self.game.num_actions)
        wrong &= ~self._device.host(self._over)[:, None]
        for game, seat in np.argwhere(wrong).tolist():
            try:
                self.game.check(self.state(game), seat, int(actions[game, seat]))
            except IllegalMove as error:
                raise IllegalMove(f"game {game}, seat {seat}: {error}") from None

    # -- saving ------------------------------------------------------------------------------------

    def get_state(self) -> dict[str, np.ndarray]:
        """All that play depends on, by name; `set_state` goes on from there, bit for bit.

        Raises:
            RuntimeError: `reset` was not called.
        """
        self._require_begun()
        state = {name: self._device.read(getattr(self._batch, name)) for name in _STATE}
        mode = self.metadata["autoreset_mode"].name
        made = type(self).__name__, self.game, self.game.spec.version, self.illegal
        digest = hashlib.sha256(repr((*made, self.max_cycles, mode)).encode()).digest()
        # Says whose state it is; numbers, which every file of arrays can hold.
        state["environment"] = np.frombuffer(digest, np.uint8).copy()
        return state

    def set_state(self, state: dict[str, np.ndarray]) -> None:
        """Takes up what `get_state` of an environment made with the same arguments returned.

        Raises:
            ValueError: it is the state of another kind of environment.
        """
        begun, self._begun = self._begun, True
        own = self.get_state()
        self._begun = begun
        given = {name: np.asarray(each) for name, each in state.items()}
        same = own.keys() == given.keys() and all(
            (own[name].dtype, own[name].shape) == (given[name].dtype, given[name].shape)
            for name in own
        )
        if not same or not np.array_equal(own["environment"], given["environment"]):
            raise ValueError("the state is of another game, of other options or another num_envs")
        for name in _STATE:
            self._device.write(getattr(self._batch, name), given[name])
        self._begun = True

    def close_extras(self, **kwargs: Any) -> None:
        """Closes the game and stops the threads."""
        self._device.close()
        self.game.close()


def _joint_spaces(game: JointFlatGame) -> tuple[spaces.Space[Any], spaces.Space[Any]]:
    """Observations and actions of all seats of one game."""
    spec, n = game.spec, game.num_actions
    view = cast(spaces.Box, spec.observation_space)
    low, high = np.stack([view.low] * spec.seats), np.stack([view.high] * spec.seats)
    observation = spaces.Box(low, high, dtype=cast(Any, view.dtype).type)
    mask = spaces.Box(0, 1, (spec.seats, n), np.int8)
    joint = spaces.Dict({"observation": observation, "action_mask": mask})
    return joint, spaces.MultiDiscrete([n] * spec.seats)
