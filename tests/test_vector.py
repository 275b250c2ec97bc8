"""Vector environments play the very matches of the AEC environment, by Gymnasium's rules."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

import arenas

VARIANTS = [
    ("KuhnPoker-v0", {}),
    ("KuhnPoker-v0", {"players": 3}),
    ("KuhnPoker-v0", {"players": 4, "hands": 2}),
    ("KuhnPoker-v0", {"hands": 5}),
    ("KuhnPoker-v0", {"rules": "textarena-0.7.4"}),
    ("KuhnPoker-v0", {"rules": "spiral-v1"}),
    ("TicTacToe-v0", {}),
    ("TicTacToe-v0", {"size": 4, "win_length": 3}),
    ("TicTacToe-v0", {"size": 5}),
    ("TicTacToe-v0", {"size": 7}),
]
ILLEGAL = ["retry:1", "retry:0", "random-legal", "penalty:0.25"]


def same_play(game_id, options, illegal, max_cycles, seeds, steps, wild):
    """Plays the same actions in one vector environment and in one AEC environment per game."""
    kwargs = {"illegal": illegal, "max_cycles": max_cycles, **options}
    vec = arenas.make_vec(game_id, len(seeds), **kwargs)
    aecs = [arenas.make(game_id, **kwargs) for _ in seeds]
    observation, info = vec.reset(seed=seeds)
    for aec, seed in zip(aecs, seeds, strict=True):
        aec.reset(seed=seed)
    rng = np.random.default_rng(seeds[0])
    actions_of = vec.single_action_space.n
    played = 0
    for _ in range(steps):
        for i, aec in enumerate(aecs):
            seen = aec.observe(aec.agent_selection)
            assert aec.possible_agents[info["seat"][i]] == aec.agent_selection
            assert seen["observation"].tobytes() == observation["observation"][i].tobytes()
            assert seen["action_mask"].tobytes() == observation["action_mask"][i].tobytes()
        actions = vec.sample_actions().copy()
        blind = rng.random(len(seeds)) < wild
        actions[blind] = rng.integers(-2, actions_of + 2, blind.sum())
        observation, reward, terminated, truncated, info = vec.step(actions)
        for i, aec in enumerate(aecs):
            mover = aec.agent_selection
            aec.step(actions[i])
            paid = [aec.rewards[agent] for agent in aec.possible_agents]
            assert paid == info["rewards"][i].tolist()
            assert aec.rewards[mover] == reward[i]
            assert aec.terminations[mover] == terminated[i]
            assert aec.truncations[mover] == truncated[i]
            assert (terminated[i] or truncated[i]) == info["_match"][i]
            if info["_match"][i]:
                played += 1
                match, ended = aec.match, info["match"]
                assert list(match.totals) == ended["returns"][i].tolist()
                assert match.plies == ended["length"][i]
                assert match.illegal_moves == ended["illegal_moves"][i].tolist()
                last = aec.observe(mover)
                assert (
                    last["observation"].tobytes() == info["final_obs"]["observation"][i].tobytes()
                )
                assert not last["action_mask"].any()
                aec.reset()
    return played


@settings(max_examples=60, deadline=None)
@given(
    variant=st.sampled_from(VARIANTS),
    illegal=st.sampled_from(ILLEGAL),
    max_cycles=st.sampled_from([None, None, 1, 2, 3]),
    seeds=st.lists(st.integers(0, 2**63 - 1), min_size=2, max_size=4),
    wild=st.sampled_from([0.0, 0.2, 0.8]),
)
def test_lockstep_play_is_the_play_of_the_aec_environment(
    variant, illegal, max_cycles, seeds, wild
):
    same_play(*variant, illegal, max_cycles, seeds, 40, wild)


def test_a_thousand_seeds_give_the_same_matches():
    for game_id, options in VARIANTS[:1] + VARIANTS[6:7]:
        assert same_play(game_id, options, "retry:1", None, list(range(1000)), 20, 0.1) > 1000
