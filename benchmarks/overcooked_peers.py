"""The libraries that overcooked.py measures against, each served by a process of its own.

    overcooked_peers.py serve PACKAGE cpu   answers questions, one JSON line each, until input ends

This file runs in the interpreters of the peers and imports nothing of the package under test. A
step is one joint step of one kitchen, with uniformly random actions.
"""

from __future__ import annotations

# First, because it holds every library to one thread.
from vector_peers import Play, serve  # isort: skip

import os
import sys
from random import Random
from typing import Any

HORIZON = 400
LAYOUTS = {
    "cramped_room": "cramped_room",
    "asymmetric_advantages": "asymm_advantages",
    "coordination_ring": "coord_ring",
    "forced_coordination": "forced_coord",
    "counter_circuit_o_1order": "counter_circuit",
}
"""Names of the classic kitchens here and in JaxMARL."""

MOVES = [(0, -1), (0, 1), (1, 0), (-1, 0), (0, 0), "interact"]


def overcooked_ai(encode: bool, environment: bool, kitchen: str) -> Play:
    """A kitchen of overcooked-ai, one step at a time: its transition, or its environment's step."""
    # The benchmark beside this file has the package's name.
    sys.path[:] = [path for path in sys.path if path != os.path.dirname(__file__)]
    from overcooked.mdp import OvercookedEnv, OvercookedGridworld

    mdp = OvercookedGridworld.from_layout_name(kitchen, old_dynamics=True)
    env = OvercookedEnv.from_mdp(mdp, horizon=HORIZON, info_level=0)
    rng = Random(0)

    def play() -> tuple[int, int]:
        env.reset()
        state = mdp.get_standard_start_state()
        for _ in range(HORIZON):
            joint = rng.choice(MOVES), rng.choice(MOVES)
            if environment:
                state, _, _, _ = env.step(joint)
            else:
                state, _ = mdp.get_state_transition(state, joint)
            if encode:
                mdp.lossless_state_encoding(state, HORIZON)
        return HORIZON, 1

    return play


def jaxmarl(encode: bool, kitchen: str, batch: int) -> Play:
    """JaxMARL's step with its automatic reset in a compiled loop.

    Without encoding the observations are left out of what the loop returns, so that the compiler
    drops them.
    """
    import jax
    import jax.numpy as jnp
    from jaxmarl import make
    from jaxmarl.environments.overcooked import overcooked_layouts

    layout = overcooked_layouts[LAYOUTS[kitchen]]
    env = make("overcooked", layout=layout, max_steps=HORIZON)
    steps = min(4096, max(8, 2**16 // batch))

    def one(carry: Any, _: None) -> tuple[Any, None]:
        state, key, seen, paid = carry
        key, act, go = jax.random.split(key, 3)
        drawn = jax.random.randint(act, (2, batch), 0, 6)
        joint = {agent: drawn[i] for i, agent in enumerate(env.agents)}
        keys = jax.random.split(go, batch)
        views, state, rewards, _, _ = jax.vmap(env.step)(keys, state, joint)
        paid += rewards[env.agents[0]].sum()
        return (state, key, views if encode else seen, paid), None

    @jax.jit
    def play_on(carry: Any) -> Any:
        # The last observations leave the loop, so the compiler may not drop them from it.
        return jax.lax.scan(one, carry, length=steps)[0]

    key, deal = jax.random.split(jax.random.key(0))
    views, state = jax.jit(jax.vmap(env.reset))(jax.random.split(deal, batch))
    carry = state, key, views, jnp.float32(0)

    def play() -> tuple[int, int]:
        nonlocal carry
        carry = jax.block_until_ready(play_on(carry))
        return steps * batch, steps * batch // HORIZON

    return play


TRANSITION = "overcooked-ai, get_state_transition"
TRANSITION_ENCODED = "overcooked-ai, get_state_transition + lossless"
STEP = "overcooked-ai, env.step"
STEP_ENCODED = "overcooked-ai, env.step + lossless"
JAX, JAX_ENCODED = "JaxMARL, no observations", "JaxMARL, observations"

OVERCOOKED_AI = {
    TRANSITION: (False, False),
    TRANSITION_ENCODED: (True, False),
    STEP: (False, True),
    STEP_ENCODED: (True, True),
}


def make_row(row: str, kitchen: str, batch: int) -> Play:
    """A row by name."""
    if row in OVERCOOKED_AI:
        return overcooked_ai(*OVERCOOKED_AI[row], kitchen)
    return jaxmarl(row == JAX_ENCODED, kitchen, batch)


if __name__ == "__main__":
    _, package, device = sys.argv[1:]
    os.environ["JAX_PLATFORMS"] = device
    serve(package, device, make_row)
