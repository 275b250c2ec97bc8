"""Random play in many kitchens: nothing is lost or made, nobody overlaps, vector equals single.

`python tests/test_overcooked_fuzz.py` plays 10**6 random joint actions in every published kitchen
and 1,000 in each of 1,000 generated ones; the tests play fewer.
"""

from __future__ import annotations

import argparse
import time

import numpy as np
import pytest
from rich.progress import track

from arenas.core.joint_vector import JointVectorEnv
from arenas.games.overcooked import Overcooked
from arenas.games.overcooked import rules as flat
from arenas.games.overcooked.generator import DIFFICULTIES, areas_of, generate, obstacle
from arenas.games.overcooked.layouts import layout_names, read_layout


class Rows:
    """The rows of all games, column by column."""

    def __init__(self, game, rows):
        self.game, self.rows = game, rows.astype(np.int64)
        table, cooks = game.table, game.spec.seats
        at = [flat.BRIGADE + k * flat.COOK for k in range(cooks)]
        self.cells, self.facing, self.held, self.paid, self.served, self.events = (
            self.rows[:, [me + column for me in at]]
            for column in (
                flat.CELL, flat.FACING, flat.HELD, flat.PAID, flat.SERVED, flat.EVENTS,
            )
        )  # fmt: skip
        first, last = flat.counter_base(table), flat.pot_base(table)
        self.counters, self.pots = self.rows[:, first:last], self.rows[:, last:]

    def things(self):
        """Onions, tomatoes and dishes in each game, wherever they are: (B, 3)."""
        found = np.zeros((len(self.rows), 3), np.int64)
        for lying in (self.held, self.counters):
            for i, kind in enumerate((flat.ONION, flat.TOMATO, flat.DISH)):
                found[:, i] += (lying & 7 == kind).sum(1)
            soups = lying & 7 == flat.SOUP
            found[:, 0] += (soups * (lying >> 3 & 3)).sum(1)
            found[:, 1] += (soups * (lying >> 5 & 3)).sum(1)
            found[:, 2] += soups.sum(1)
        found[:, 0] += (self.pots & 3).sum(1)
        found[:, 1] += (self.pots >> 2 & 3).sum(1)
        return found


def brought_in(game, before, actions):
    """What dispensers gave and deliveries took in a step, from the state before: (B, 3)."""
    kinds = np.array(
        [game.table[game.table[flat.KINDS] + c] for c in range(game.table[flat.CELLS])]
    )
    steps = np.array([-game.layout.width, game.layout.width, 1, -1])
    faced = kinds[before.cells + steps[before.facing]]
    acts = actions == flat.INTERACT
    change = np.zeros((len(actions), 3), np.int64)
    for i, kind in enumerate((flat.ONIONS, flat.TOMATOES, flat.DISHES)):
        change[:, i] += (acts & (faced == kind) & (before.held == flat.NOTHING)).sum(1)
    sold = acts & (faced == flat.HATCH) & (before.held & 7 == flat.SOUP)
    change[:, 0] -= (sold * (before.held >> 3 & 3)).sum(1)
    change[:, 1] -= (sold * (before.held >> 5 & 3)).sum(1)
    change[:, 2] -= sold.sum(1)
    return change


def check_rows(game, now):
    """What is true of every state."""
    cooks = game.spec.seats
    floor = np.array([kind == " " for kind in game.layout.cells])
    assert floor[now.cells].all()
    for k in range(cooks):
        for j in range(k):
            assert (now.cells[:, k] != now.cells[:, j]).all(), "two cooks on one cell"
    assert ((now.facing >= 0) & (now.facing < 4)).all()
    onions, tomatoes = now.pots & 3, now.pots >> 2 & 3
    assert (onions + tomatoes <= 3).all()
    assert ((now.pots < 16) | (onions + tomatoes > 0)).all(), "an empty pot cooks"
    for lying in (now.held, now.counters):
        assert ((lying & 7) <= flat.SOUP).all()
        assert ((lying & 7 == flat.SOUP) | (lying < 8)).all()
        assert ((lying & 7 != flat.SOUP) | (lying >> 3 > 0)).all(), "a soup of nothing"


def fuzz(game, games, steps, singles, seed=0):
    """Random play in lockstep, checked at every step; the first `singles` games also one by one.

    Returns:
        Joint actions played.
    """
    env = JointVectorEnv(game, games)
    observation, _ = env.reset(seed=seed)
    ours = [env.state(i) for i in range(singles)]
    now = Rows(game, env._batch.rows)
    for step in range(steps):
        check_rows(game, now)
        actions = env.sample_actions()
        expected = now.things() + brought_in(game, now, actions)
        observation, _, terminated, _, _ = env.step(actions)
        if terminated.any():
            assert step == steps - 1, "matches are as long as the play"
            break
        now = Rows(game, env._batch.rows)
        assert (now.things() == expected).all(), "things were lost or made"
        for i, state in enumerate(ours):
            game.apply(state, dict(enumerate(actions[i].tolist())))
            if step % 10 == 0:
                assert state.row == env._batch.rows[i].tolist()
                for k in range(game.spec.seats):
                    assert (game.view(state, k) == observation["observation"][i, k]).all()
    env.close()
    return games * steps


def kitchen(name, steps, features="lossless"):
    game_of = {"features": features, "horizon": steps, "starts": "everything"}
    return [Overcooked(name, dynamics=d, **game_of) for d in dynamics_of(name)]


def dynamics_of(name):
    three = any(len(recipe) == 3 for recipe in read_layout(name).ordered)
    return ("old", "new") if three else ("new",)


@pytest.mark.slow  # Every published kitchen, step by step in Python too.
@pytest.mark.parametrize("name", layout_names())
def test_random_play_in_published_kitchens(name):
    for game in kitchen(name, 100):
        fuzz(game, games=40, steps=100, singles=2)


@pytest.mark.slow  # Three dozen kitchens.
@pytest.mark.parametrize("difficulty", DIFFICULTIES)
def test_random_play_in_generated_kitchens(difficulty):
    for seed in range(12):
        for game in kitchen(f"{difficulty}-{seed}", 50, ("lossless", "vector")[seed % 2]):
            fuzz(game, games=8, steps=50, singles=1, seed=seed)


@pytest.mark.parametrize("difficulty", DIFFICULTIES)
def test_generated_kitchens_can_be_solved_and_stay_what_they_are(difficulty):
    grids = set()
    for seed in range(100):
        layout = generate(seed, difficulty)
        assert obstacle(layout) is None
        assert layout == read_layout(layout.name) == read_layout(layout.as_json())
        assert 1 <= len(areas_of(layout)) <= 2
        grids.add(layout.grid)
    assert len(grids) == 100
    assert generate(5, difficulty, cooks=3).cooks == 3


def test_a_generated_kitchen_does_not_change_with_the_package():
    assert generate(0, "hard").grid == (
        "XXXXXOXX",
        "XXX   SX",
        "T1     X",
        "X    XXX",
        "D  X  XX",
        "X   X 2X",
        "X PXX  X",
        "XXXXXXXX",
    )


@pytest.mark.parametrize(
    ("grid", "orders", "dynamics", "message"),
    [
        (["XXPXX", "O1XSX", "XD2XX", "XXXXX"], ["ooo"], "old", "no pot can be"),
        (["XPXXXXX", "O1XX2SX", "XDXXXXX"], ["ooo"], "old", "no pot can be"),
        (["XPXXX", "O1X2S", "XDXXX"], ["ooo"], "old", None),
        (["XPXXX", "O1X2S", "XDXXX"], ["oot"], "old", "no pot can be"),
        (["XPXXX", "O1X S", "XXXDX"], ["ooo"], "old", "no cook can get at a dish"),
        (["XPXXX", "O1X S", "XDXXX"], ["ooo"], "old", "no pot can be"),
        (["XPXXX", "O1  S", "XDXXX"], ["oo"], "old", "no order pays"),
        (["XPXXX", "O1  S", "XDXXX"], ["oo"], "new", None),
    ],
)
def test_an_obstacle_is_named(grid, orders, dynamics, message):
    found = obstacle(read_layout({"grid": grid, "orders": orders}), dynamics)
    assert found is None if message is None else message in str(found)


def test_published_kitchens_can_be_solved():
    for name in layout_names():
        assert obstacle(read_layout(name), "new") is None


@pytest.mark.parametrize(
    ("arguments", "message"),
    [((0, "brutal"), "easy, medium, hard"), ((0, "easy", 5), "1 to 4"), ((-1, "easy"), "seed")],
)
def test_what_cannot_be_generated_is_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        generate(*arguments)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--actions", type=int, default=1_000_000, help="in a published kitchen")
    parser.add_argument("--generated", type=int, default=1_000, help="kitchens")
    parser.add_argument("--singles", type=int, help="matches a kitchen that are also played singly")
    given = parser.parse_args()
    began, total, steps, singles = time.process_time(), 0, 400, 0
    for name in track(layout_names(), "published"):
        both = kitchen(name, steps)
        for game in both:
            games = -(-given.actions // steps // len(both))
            alone = games if given.singles is None else min(games, given.singles)
            total += fuzz(game, games, steps, singles=alone)
            singles += alone * steps
    print(f"{total} joint actions, {singles} of them one by one too: no difference")
    names = [f"{d}-{s}" for d in DIFFICULTIES for s in range(-(-given.generated // 3))]
    total = 0
    for number, name in enumerate(track(names[: given.generated], "generated")):
        for game in kitchen(name, 100, ("lossless", "vector")[number % 2]):
            total += fuzz(game, games=5, steps=100, singles=5, seed=number)
    print(f"{given.generated} generated kitchens, {total} joint actions: no difference")
    print(f"{time.process_time() - began:.0f} CPU s")


if __name__ == "__main__":
    main()
