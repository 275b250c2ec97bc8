"""The libraries that vector.py measures against, each served by a process of its own.

    vector_peers.py serve PACKAGE DEVICE   answers questions, one JSON line each, until input ends
    vector_peers.py start GAME DEVICE      a fresh process of pgx up to its first steps

This file runs in the interpreter of the peers and imports nothing of the package under test.
README.md in this folder says what each row is.
"""

from __future__ import annotations

import os

# One thread in every library, in this process and in those that it starts; set before NumPy comes.
os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1", MKL_NUM_THREADS="1")
os.environ.update(NUMBA_NUM_THREADS="1", NPROC="1")
os.environ.update(XLA_FLAGS="--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1")

import gc
import json
import sys
import time
from collections.abc import Callable
from functools import partial
from importlib import metadata
from random import Random
from typing import Any, NamedTuple

KUHN, TTT = "Kuhn poker", "TicTacToe"

Play = Callable[[], tuple[int, int]]
"""Plays on for a while; returns the decisions taken and the matches that ended."""


class Pass(NamedTuple):
    """Decisions and matches of one pass, and the seconds it took."""

    decisions: int
    matches: int
    cpu: float
    wall: float


def measure(play: Play, seconds: float, device: str) -> Pass:
    """Plays on until `seconds` are spent: of CPU time; of wall time where a GPU does the work."""
    decisions = matches = 0
    gc.collect()
    wall, cpu = time.perf_counter(), time.process_time()
    while True:
        taken, ended = play()
        decisions += taken
        matches += ended
        walled, spent = time.perf_counter() - wall, time.process_time() - cpu
        if (spent if device == "cpu" else walled) >= seconds:
            return Pass(decisions, matches, spent, walled)


class NotZeroSum(RuntimeError):
    """A match of a zero-sum game paid something other than zero in all."""

    def __str__(self) -> str:
        return "the rewards of a zero-sum match do not sum to zero"


# -- the rows ---------------------------------------------------------------------------------


def pgx(sampler: str, looping: bool, game: str, batch: int) -> Play:
    """A vectorised step with pgx's own automatic reset, in a compiled loop or call by call."""
    import jax
    import jax.numpy as jnp

    try:
        jax.devices()
    except (AssertionError, RuntimeError) as error:  # As JAX and its builds without CUDA put it.
        raise ImportError(f"jax finds no device for {os.environ['JAX_PLATFORMS']!r}") from error
    import pgx as library
    from pgx.experimental import act_randomly, auto_reset

    def one_uniform(key: Any, mask: Any) -> Any:
        """The k-th legal action, k from one uniform number a game."""
        so_far = jnp.cumsum(mask, axis=-1, dtype=jnp.int32)
        legal = so_far[:, -1]
        k = jnp.floor(jax.random.uniform(key, legal.shape) * legal).astype(jnp.int32)
        return jnp.argmax(so_far > k[:, None], axis=-1)

    sample = {"categorical": act_randomly, "one uniform": one_uniform}[sampler]
    env = library.make({KUHN: "kuhn_poker", TTT: "tic_tac_toe"}[game])
    step = jax.vmap(auto_reset(env.step, env.init))
    # Long enough that a call from Python costs nothing beside the loop.
    steps = min(4096, max(8, 2**17 // batch)) if jax.default_backend() == "cpu" else 1024
    calls, steps = (1, steps) if looping else (min(256, steps), 1)

    def one(carry: Any, _: None) -> tuple[Any, None]:
        state, key, matches, unpaid = carry
        key, draw, deal = jax.random.split(key, 3)
        actions = sample(draw, state.legal_action_mask)
        state = step(state, actions, jax.random.split(deal, batch))
        unpaid += jnp.abs(state.rewards.sum(axis=-1)).sum()
        return (state, key, matches + state.terminated.sum(), unpaid), None

    @jax.jit
    def play_on(carry: Any) -> Any:
        # The whole state leaves the loop, so the compiler may not drop the observation from it.
        return jax.lax.scan(one, carry, length=steps)[0]

    key, deal = jax.random.split(jax.random.key(0))
    state = jax.jit(jax.vmap(env.init))(jax.random.split(deal, batch))

    def play() -> tuple[int, int]:
        nonlocal state, key
        carry = (state, key, jnp.int32(0), jnp.float32(0))
        for _ in range(calls):
            carry = play_on(carry)
        state, key, matches, unpaid = jax.block_until_ready(carry)
        if unpaid:
            raise NotZeroSum
        return calls * steps * batch, int(matches)

    return play


def envpool(game: str, batch: int) -> Play:
    """Steps that reset a finished match do nothing else; they are paid and not counted."""
    import envpool as library
    import numpy as np

    name = {KUHN: "KuhnPoker-v1", TTT: "TicTacToe-v1"}[game]
    env = library.make(name, env_type="gymnasium", num_envs=batch, num_threads=1, seed=0)
    rng = np.random.default_rng(0)
    _, info = env.reset()
    over = np.zeros(batch, bool)

    def step() -> tuple[int, int]:
        nonlocal info, over
        decisions = batch - np.count_nonzero(over)
        so_far = info["legal_action_mask"].reshape(batch, -1).cumsum(axis=1)
        k = (rng.random(batch) * so_far[:, -1]).astype(np.int64)
        _, rewards, over, _, info = env.step((so_far > k[:, None]).argmax(axis=1))
        if rewards.reshape(batch, 2).sum(axis=1).any():
            raise NotZeroSum
        return int(decisions), int(np.count_nonzero(over))

    # All matches start together, and no step of theirs is a reset then: wait until they are mixed.
    for _ in range(16):
        step()
    return step


def openspiel(tensor: bool, game: str, batch: int) -> Play:
    """C++ states, one at a time, driven from Python."""
    import pyspiel

    rules = pyspiel.load_game({KUHN: "kuhn_poker", TTT: "tic_tac_toe"}[game])
    rng = Random(0)

    def play() -> tuple[int, int]:
        decisions = 0
        state = rules.new_initial_state()
        while not state.is_terminal():
            if not state.is_chance_node():
                decisions += 1
                if tensor and game == KUHN:
                    state.information_state_tensor()
                elif tensor:
                    state.observation_tensor()
            legal = state.legal_actions()  # At a chance node of Kuhn poker: equally likely cards.
            state.apply_action(legal[int(rng.random() * len(legal))])
        if sum(state.returns()):
            raise NotZeroSum
        return decisions, 1

    return play


def pettingzoo(game: str, batch: int) -> Play:
    """The row of aec.py."""
    import aec

    play_match, seed = aec.pettingzoo("env"), 0

    def play() -> tuple[int, int]:
        nonlocal seed
        seed += 1
        decisions, paid = play_match(seed)
        if paid:
            raise NotZeroSum
        return decisions, 1

    return play


class Peer(NamedTuple):
    """A row: how it is made for a game and a batch, and what it can play."""

    package: str
    make: Callable[[str, int], Play]
    batched: bool = True
    games: tuple[str, ...] = (KUHN, TTT)
    devices: tuple[str, ...] = ("cpu",)


BOTH = ("cpu", "cuda")
PEERS = {
    "pgx, categorical": Peer("pgx", partial(pgx, "categorical", True), devices=BOTH),
    "pgx, one uniform": Peer("pgx", partial(pgx, "one uniform", True), devices=BOTH),
    "pgx, a call a step": Peer("pgx", partial(pgx, "one uniform", False), devices=BOTH),
    "EnvPool": Peer("envpool", envpool),
    "OpenSpiel state": Peer("open_spiel", partial(openspiel, False), batched=False),
    "OpenSpiel state, tensor": Peer("open_spiel", partial(openspiel, True), batched=False),
    "PettingZoo env()": Peer("pettingzoo", pettingzoo, batched=False, games=(TTT,)),
}


# -- serving ----------------------------------------------------------------------------------


def serve(package: str, device: str, make: Callable[[str, str, int], Play] | None = None) -> None:
    """Answers `{"row", "game", "batch", "seconds"}` with a Pass, or with what went wrong.

    The first line out says which versions are here. A row stays alive from its first question on;
    `make` makes one of its name, game and batch, as `PEERS` has them if it is None.
    """
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # What a library prints is no answer.
    versions = {}
    on_jax = package in ("pgx", "jaxmarl")
    for name in ("jax", "jaxlib", package) if on_jax else (package,):
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            versions[name] = "not installed"
    print(json.dumps(versions), file=answers)
    plays: dict[tuple[str, str, int], Play] = {}
    for line in sys.stdin:
        question = json.loads(line)
        row = (question["row"], question["game"], question["batch"])
        try:
            if row not in plays:
                plays[row] = make(*row) if make else PEERS[row[0]].make(row[1], row[2])
            answer = measure(plays[row], question["seconds"], device)._asdict()
        except ImportError as error:
            answer = {"skipped": str(error)}
        except Exception as error:
            answer = {"failed": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), file=answers)


if __name__ == "__main__":
    command, subject, device = sys.argv[1:]
    os.environ["JAX_PLATFORMS"] = device  # Read by JAX alone; a CUDA build can play on the CPU too.
    if command == "serve":
        serve(subject, device)
    else:
        pgx("categorical", True, subject, 1024)()
