"""Overcooked against a live overcooked-ai, step by step: `pip install overcooked==0.2.1`.

`python tests/test_overcooked_peer.py --episodes 100` plays that many fresh episodes in every layout
for two cooks and prints what it compared; the test plays fewer.
"""

from __future__ import annotations

import argparse
import sys
import time

import numpy as np
import pytest
from kitchens import Wanderer, everything, paid

from arenas.core.rng import Rng
from arenas.games.overcooked import Overcooked
from arenas.games.overcooked import rules as flat
from arenas.games.overcooked.layouts import layout_names

DIRECTIONS = [(0, -1), (0, 1), (1, 0), (-1, 0)]
HORIZON = 400
THEIRS = {"counter_circuit_tomato": "counter_circuit"}

# Where overcooked-ai slips, `published=True` slips too, which is what is compared here.
SETTLED = {"tutorial_3": {"order_bonus": 2}}
"""Its bonus is infinite there, which is no reward."""


@pytest.fixture(scope="module")
def peer():
    pytest.importorskip("overcooked", reason="needs overcooked==0.2.1, the extra `overcooked`")
    return Peer()


class Nearest:
    """The distances that `featurize_state` asks for, by the peer's own motion planner.

    Its package has lost the argument `with_argmin` that its own encoding passes.
    """

    def __init__(self, planner):
        self.motion_planner = self
        self.planner = planner

    def min_cost_to_feature(self, start, places, with_argmin=False):
        assert with_argmin
        best, at = np.inf, None
        for place in places:
            for goal in self.planner.motion_goals_for_pos[place]:
                if self.planner.is_valid_motion_start_goal_pair(start, goal):
                    distance = self.planner.get_gridworld_distance(start, goal)
                    if distance < best:
                        best, at = distance, place
        return best + 1, at


class Peer:
    """overcooked-ai."""

    def __init__(self):
        from overcooked.mdp import overcooked_mdp
        from overcooked.planning.planners import MotionPlanner

        self.mdp_of = overcooked_mdp.OvercookedGridworld.from_layout_name
        self.events = overcooked_mdp.EVENT_TYPES
        self.motion_planner = MotionPlanner

    def kitchen(self, name, dynamics):
        # Recipes are settings of the whole process there, so one kitchen at a time.
        mdp = self.mdp_of(
            THEIRS.get(name, name), old_dynamics=dynamics == "old", **SETTLED.get(name, {})
        )
        assert tuple(self.events) == flat.EVENT_NAMES[:25]
        return mdp, Nearest(self.motion_planner(mdp, counter_goals=[]))


def thing(held):
    if held is None:
        return "nothing", 0, 0
    parts = held.ingredients if held.name == "soup" else []
    return held.name, parts.count("onion"), parts.count("tomato")


def same_state(game, row, state, mdp):
    cooks, pots, counters = everything(game, row)
    for mine, player in zip(cooks, state.players, strict=True):
        assert mine[0] == player.position
        assert DIRECTIONS[mine[1]] == player.orientation
        assert mine[2] == thing(player.held_object)
    theirs = {"P": {}, "X": {}}
    for place, lying in state.objects.items():
        kind = mdp.get_terrain_type_at_pos(place)
        what = thing(lying)
        theirs[kind][place] = (*what[1:], lying._cooking_tick) if kind == "P" else what
    assert pots == theirs["P"]
    assert counters == theirs["X"]


def compare(peer, name, dynamics, episodes, seed=0, vector_every=8, horizon=HORIZON):
    """Plays fresh episodes in both; returns how many steps and deliveries were compared."""
    mdp, distances = peer.kitchen(name, dynamics)
    options = {"dynamics": dynamics, "published": True, "horizon": horizon}
    game = Overcooked(name, **options)
    vector = Overcooked(name, features="vector", **options)
    steps = deliveries = 0
    for episode in range(episodes):
        rng = np.random.default_rng([seed, episode])
        cooks = [Wanderer(game, k, 1000 * seed + 10 * episode + k) for k in range(2)]
        theirs, ours = mdp.get_standard_start_state(), game.new(Rng(0))
        same_state(game, ours.row, theirs, mdp)
        for t in range(horizon):
            if episode % 5 == 4:
                actions = rng.integers(0, 6, 2).tolist()
            else:
                actions = [cook.act(ours.row) for cook in cooks]
            joint = [DIRECTIONS[a] if a < 4 else (0, 0) if a == 4 else "interact" for a in actions]
            theirs, infos = mdp.get_state_transition(theirs, joint)
            game.apply(ours, dict(enumerate(actions)))
            same_state(game, ours.row, theirs, mdp)
            for k in range(2):
                points, shaped, events = paid(ours.row, k)
                assert points == infos["sparse_reward_by_agent"][k]
                assert shaped == infos["shaped_reward_by_agent"][k]
                happened = infos["event_infos"]
                bits = [bool(happened[event][k]) for event in flat.EVENT_NAMES[:25]]
                assert [bool(events >> bit & 1) for bit in range(25)] == bits
                deliveries += events >> flat.SOUP_DELIVERY & 1
            planes = mdp.lossless_state_encoding(theirs, horizon)
            for k in range(2):
                np.testing.assert_array_equal(game.view(ours, k), planes[k])
            if t % vector_every == 0:
                numbers = mdp.featurize_state(theirs, distances)
                for k in range(2):
                    np.testing.assert_array_equal(vector.view(ours, k), numbers[k])
            steps += 1
    assert flat.over(game.table, ours.row)
    return steps, deliveries


def dynamics_of(name):
    """Both, where the peer takes them: its old dynamics want three ingredients in every order."""
    layout = Overcooked(name, dynamics="new").layout
    old = ("old",) if all(len(recipe) == 3 for recipe in layout.ordered) else ()
    return (*old, "new")


@pytest.mark.slow  # The peer takes a tenth of a millisecond a step, and more for its encodings.
@pytest.mark.parametrize("name", layout_names(2)[:5] + layout_names(2)[5::4])
def test_fresh_episodes_are_the_same_in_both(peer, name):
    for dynamics in dynamics_of(name):
        compare(peer, name, dynamics, episodes=1, seed=len(name), vector_every=40)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--episodes", type=int, default=100, help="in each layout, both dynamics")
    parser.add_argument("--layouts", nargs="*", default=layout_names(2))
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    peer, began = Peer(), time.process_time()
    total = served = played = 0
    for name in given.layouts:
        both = dynamics_of(name)
        for number, dynamics in enumerate(both):
            episodes = (given.episodes + number) // len(both)
            steps, deliveries = compare(peer, name, dynamics, episodes, given.seed)
            total, served, played = total + steps, served + deliveries, played + episodes
            print(f"{name} {dynamics}: {episodes} episodes, {steps} steps, {deliveries} deliveries")
            sys.stdout.flush()
    seconds = time.process_time() - began
    print(
        f"{played} episodes, {total} steps, {served} deliveries, no difference, {seconds:.0f} CPU s"
    )


if __name__ == "__main__":
    main()
