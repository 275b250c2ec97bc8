"""What vector environments of games in lockstep have in common, whatever their kernels.

Arguments, seeds, resets, saved states: `core/vector.py` adds the arrays and kernels of games in
turns, `core/joint_vector.py` those of games whose seats all move at every step.
"""

from __future__ import annotations

import hashlib
import secrets
from abc import abstractmethod
from collections.abc import Sequence
from typing import Any

import numpy as np
from gymnasium import spaces
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space

from arenas.core.compiled import following, fork, mix64
from arenas.core.device import Device
from arenas.core.game import Game, whole
from arenas.core.lockstep import (
    COMMON,
    DISABLED,
    GENERAL_SUM,
    NEXT_STEP,
    PENALTY,
    RANDOM,
    RETRY,
    SAME_STEP,
    SAMPLER,
    SEQUENCE,
    ZERO_SUM,
    Settings,
)
from arenas.core.match import IllegalPolicy, check_max_cycles
from arenas.core.rng import SEEDS, check_seed

_AUTORESET = {
    AutoresetMode.NEXT_STEP: NEXT_STEP,
    AutoresetMode.SAME_STEP: SAME_STEP,
    AutoresetMode.DISABLED: DISABLED,
}
_ILLEGAL = {"retry": RETRY, "raise": RETRY, "random-legal": RANDOM, "penalty": PENALTY}
_PAYOFF = {"zero_sum": ZERO_SUM, "common": COMMON, "general_sum": GENERAL_SUM}

_SAMPLES = 4
"""Label of the streams of `sample_actions`, apart from all others of a match."""


def autoreset_mode(mode: str | AutoresetMode) -> AutoresetMode:
    """Reads "same_step", "next_step", "disabled", or Gymnasium's own values.

    Raises:
        ValueError: it is none of them.
    """
    for each in AutoresetMode:
        if mode in (each, each.value, each.name.lower()):
            return each
    names = ", ".join(each.name.lower() for each in AutoresetMode)
    raise ValueError(f"autoreset={mode!r}: the modes are {names}")


def check_rules(
    game: Game[Any], base: type[Any], in_kernels: Sequence[str], foreign: Sequence[str] = ()
) -> None:
    """Accepts a game that kernels play as `Match` does, silently.

    Args:
        game: the rules.
        base: the class whose methods kernels stand for.
        in_kernels: names of those methods.
        foreign: parts of `GameSpec` that kernels do not know.

    Raises:
        TypeError: the game's class does by itself what kernels take from the rules module.
    """
    own = [n for n in in_kernels if getattr(type(game), n) is not getattr(base, n)]
    own += [n for n in foreign if getattr(game.spec, n)]
    if own:
        raise TypeError(f"{game!r} cannot be played in lockstep: it has its own {', '.join(own)}")


class LockstepVectorEnv(VectorEnv[Any, Any, Any]):
    """B games of one game: arguments, seeds, resets, saved states.

    A subclass makes the arrays and calls `_take_up` with them, says how matches start (`_start`),
    what `reset` returns (`_after_reset`) and where a match stands (`_position`).

    Args:
        game: the rules.
        num_envs: number of games B.
        single_spaces: observations and actions of one game.
        autoreset: when the match after a finished one begins: "same_step", "next_step" (the step
            after the end ignores its actions), or "disabled" (`reset(options={"reset_mask": m})`).
        illegal: what follows an illegal move, see `IllegalPolicy`.
        max_cycles: truncate once this many moves per seat were played.
        copy: return fresh arrays; if False, the kernels' own, which the next call overwrites and
            the caller must not change.
        render_mode: None or "ansi".

    Raises:
        ValueError: an argument is out of range; the message lists what is possible.
    """

    _SAVED: tuple[str, ...]
    """Fields of the batch that play depends on."""

    _SEED: int
    """The column of the batch's `numbers` that holds the match's seed."""

    def __init__(
        self,
        game: Game[Any],
        num_envs: int,
        single_spaces: tuple[spaces.Space[Any], spaces.Space[Any]],
        autoreset: str | AutoresetMode,
        illegal: str,
        max_cycles: int | None,
        copy: bool,
        render_mode: str | None,
    ) -> None:
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
        self._let(*single_spaces)
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
        self._begun = False

    def _let(self, observation: spaces.Space[Any], action: spaces.Space[Any]) -> None:
        """Sets the spaces, of one game and of all."""
        self.single_observation_space, self.single_action_space = observation, action
        self.observation_space = batch_space(observation, self.num_envs)
        self.action_space = batch_space(action, self.num_envs)

    def _take_up(self, device: Device, batch: Any, over: Any) -> None:
        """Takes the arrays as kernels have them, and where a match is over as callers see it."""
        self._device, self._batch, self._over = device, batch, over
        self._every = device.take(np.ones(self.num_envs, bool), bool)

    @abstractmethod
    def _start(self, where: Any) -> None:
        """Begins the matches of the seeds that are set, in the games that `where` marks."""

    @abstractmethod
    def _after_reset(self, where: Any, seeded: np.ndarray) -> tuple[dict[str, Any], dict[str, Any]]:
        """What `reset` returns, once matches have begun in the games that `where` marks."""

    @abstractmethod
    def _position(self, game: int) -> Any:
        """The state of a game's match, as `arenas.make` has it."""

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
            seeded = self._seed(seeds, self._device.read(where))
        super().reset(seed=seed if isinstance(seed, int) else None)
        self._start(where)
        self._begun = True
        return self._after_reset(where, seeded)

    def _seed(self, seeds: list[int | None], where: np.ndarray) -> np.ndarray:
        """Sets the seed of each game's match, and the streams; says which were given (B,)."""
        device, b = self._device, self._batch
        words, numbers = device.read(b.words), device.read(b.numbers)
        given = np.array([seed is not None for seed in seeds])
        first = np.array([0 if s is None else check_seed(s) for s in seeds], np.uint64)
        chaos = np.frombuffer(secrets.token_bytes(8 * self.num_envs), np.uint64)
        # As `rng.SeedSequence` numbers the matches of a seed, and those that follow.
        following_ones = following(words[:, SEQUENCE] if self._begun else chaos)
        sequence = np.where(given, fork(first, SEEDS), following_ones)
        match_seeds = np.where(given, first, mix64(following_ones) >> np.uint64(11))
        fresh = where if not self._begun else where & given
        words[where, SEQUENCE] = sequence[where]
        words[fresh, SAMPLER] = fork(match_seeds, _SAMPLES)[fresh]
        numbers[where, self._SEED] = match_seeds.astype(np.int64)[where]
        device.write(b.words, words)
        device.write(b.numbers, numbers)
        return given

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

    # -- what is given out -------------------------------------------------------------------------

    def _given(self, array: Any) -> Any:
        return self._device.copy(array) if self._copy else array

    def render(self) -> tuple[str, ...] | None:
        """Every game as a text picture; None without a render mode."""
        if self.render_mode is None:
            return None
        self._require_begun()
        return tuple(self.game.show(self._position(i)) for i in range(self.num_envs))

    # -- saving ------------------------------------------------------------------------------------

    def get_state(self) -> dict[str, np.ndarray]:
        """All that play depends on, by name; `set_state` goes on from there, bit for bit.

        Raises:
            RuntimeError: `reset` was not called.
        """
        self._require_begun()
        return self._state()

    def _state(self) -> dict[str, np.ndarray]:
        state = {name: self._device.read(getattr(self._batch, name)) for name in self._SAVED}
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
        own = self._state()
        given = {name: np.asarray(each) for name, each in state.items()}
        same = own.keys() == given.keys() and all(
            (own[name].dtype, own[name].shape) == (given[name].dtype, given[name].shape)
            for name in own
        )
        if not same or not np.array_equal(own["environment"], given["environment"]):
            raise ValueError("the state is of another game, of other options or another num_envs")
        for name in self._SAVED:
            self._device.write(getattr(self._batch, name), given[name])
        self._begun = True

    def close_extras(self, **kwargs: Any) -> None:
        """Closes the game and stops the threads."""
        self._device.close()
        self.game.close()
