"""Overcooked: recorded transitions of overcooked-ai, layouts, rules by hand, words."""

from __future__ import annotations

import json
import zlib
from pathlib import Path

import numpy as np
import pytest
from kitchens import THINGS, Wanderer, everything, paid

import arenas
from arenas.core.match import Match
from arenas.core.rng import Rng
from arenas.games.overcooked import Overcooked
from arenas.games.overcooked import rules as flat
from arenas.games.overcooked.layouts import (
    ALIASES,
    CLASSICS,
    RECIPES,
    Layout,
    layout_names,
    read_layout,
)
from arenas.testing import check_game

VECTORS = sorted((Path(__file__).parent / "vectors" / "overcooked").glob("*.npz"))
OURS = {"counter_circuit": "counter_circuit_tomato"}
TOMATOES_OF_THE_DISPENSER = 0b11
"""Events that overcooked-ai does not log: tomato_pickup and useful_tomato_pickup."""

N, S, E, W, STAY, INTERACT = range(6)


# -- recorded transitions --------------------------------------------------------------------------


def recorded(path):
    with np.load(path) as file:
        arrays = {name: file[name] for name in file.files}
    return json.loads(bytes(arrays.pop("meta"))), arrays


@pytest.mark.parametrize("path", VECTORS, ids=lambda path: path.stem)
def test_recorded_transitions_replay_without_a_difference(path):
    meta, z = recorded(path)
    kitchen = OURS.get(meta["layout"], meta["layout"])
    game = Overcooked(kitchen, dynamics=meta["dynamics"], published=True)
    layout = game.layout
    assert list(layout.terrain) == meta["grid"]
    assert [list(start) for start in layout.starts] == meta["start_player_positions"]
    for parts, time, value in meta["recipes"]:
        recipe = "".join(sorted(part[0] for part in parts))
        assert (layout.time(recipe), layout.value(recipe)) == (time, value)
    assert tuple(meta["event_types"]) == flat.EVENT_NAMES[:25]
    # All of a file's steps take seconds; each third episode has every kind of play.
    for episode in range(0, len(z["actions"]), 3):
        replay(game, z, episode)


def replay(game, z, episode):
    state = game.new(Rng(0))
    log = {}
    for i in np.flatnonzero(z["counter_ep"] == episode):
        change = tuple(z["counter_xy"][i].tolist()), THINGS[z["counter_obj"][i]]
        log.setdefault(int(z["counter_t"][i]), []).append(change)
    lying = {}
    actions, points, shaped, events = (
        z[name][episode].tolist() for name in ("actions", "sparse", "shaped", "events")
    )
    for t in range(len(actions) + 1):
        lying.update(log.get(t, ()))
        same_state(game, state.row, z, episode, t, lying)
        if t == len(actions):
            return
        game.apply(state, dict(enumerate(actions[t])))
        for k in range(game.spec.seats):
            mine = paid(state.row, k)
            assert mine[0] == points[t][k]
            assert mine[1] == shaped[t][k]
            assert mine[2] & (1 << 25) - 1 == events[t][k]


def same_state(game, row, z, episode, t, lying):
    cooks, pots, counters = everything(game, row)
    for k, (place, facing, held) in enumerate(cooks):
        assert list(place) == z["pos"][episode, t, k].tolist()
        assert facing == z["ori"][episode, t, k]
        assert held[0] == THINGS[z["held"][episode, t, k]]
        assert list(held[1:]) == z["held_soup"][episode, t, k].tolist()
        crc = zlib.crc32(game.view(JointRow(row), k).tobytes())
        assert crc == z["lossless_crc"][episode, t, k]
    places = [game.layout.xy(cell) for cell in game.layout.where("P")]
    theirs = z["pots"][episode, t].tolist()
    assert [list(pots.get(place, (0, 0, -1))) for place in places] == theirs
    assert {place: thing[0] for place, thing in counters.items()} == {
        place: thing for place, thing in lying.items() if thing != "nothing"
    }


class JointRow:
    """A state without notes around a row."""

    def __init__(self, row):
        self.row = row


def test_by_default_a_tomato_from_the_dispenser_is_an_event():
    _, z = recorded(next(path for path in VECTORS if "new_mdp_test" in path.stem))
    game = Overcooked("mdp_test", dynamics="new")
    seen = 0
    for episode in range(len(z["actions"])):
        state = game.new(Rng(0))
        for t, actions in enumerate(z["actions"][episode].tolist()):
            game.apply(state, dict(enumerate(actions)))
            for k in range(2):
                points, shaped, events = paid(state.row, k)
                assert points == z["sparse"][episode, t, k]
                assert shaped == z["shaped"][episode, t, k]
                more = (events ^ int(z["events"][episode, t, k])) & (1 << 25) - 1
                assert more & ~TOMATOES_OF_THE_DISPENSER == 0
                seen += more & 1
    assert seen > 40


# -- layouts ---------------------------------------------------------------------------------------


def test_published_layouts_are_there_by_name():
    assert layout_names()[:5] == list(CLASSICS)
    assert len(layout_names(2)) == 43
    for name in layout_names():
        layout = read_layout(name)
        assert read_layout(layout.as_json()) == layout
        assert json.loads(json.dumps(layout.as_json())) == layout.as_json()
    for alias, name in ALIASES.items():
        assert read_layout(alias) == read_layout(name)


def test_the_two_counter_circuits_are_told_apart():
    with pytest.raises(ValueError, match=r"counter_circuit_o_1order.*counter_circuit_tomato"):
        read_layout("counter_circuit")
    assert "T" not in "".join(read_layout("random3").grid)
    assert read_layout("counter_circuit_tomato").bonus_orders == ("ot",)


DRAWING = """
    XXPXX
    O1 2O
    XDXSX
"""


def test_a_drawing_is_a_kitchen():
    layout = read_layout(DRAWING)
    assert layout.terrain == ("XXPXX", "O   O", "XDXSX")
    assert layout.starts == ((1, 1), (3, 1))
    assert read_layout({"grid": DRAWING, "orders": ["oo"]}).orders == ("oo",)
    game = Overcooked({"grid": DRAWING, "cook_time": 5})
    assert Overcooked(**game.options).options == game.options
    assert Overcooked(DRAWING).options["kitchen"] == DRAWING


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"grid": []}, "the grid is empty"),
        ({"grid": ["XXPXX", "O12O", "XDXSX"]}, "row 1 has 4"),
        ({"grid": ["XX XX", "P1 2O", "XDXSX"]}, "the border is open at x=2, y=0"),
        ({"grid": ["XXPXX", "O1q2O", "XDXSX"]}, "'q' at x=2, y=1"),
        ({"grid": ["XXPXX", "O1 3O", "XDXSX"]}, "once each, not 1 3"),
        ({"grid": ["XXPXX", "O1 1O", "XDXSX"]}, "once each, not 1 1"),
        ({"grid": ["XXPXX", "O   O", "XDXSX"]}, "not nowhere"),
        ({"grid": ["XXXXX", "O1 2O", "XDXSX"]}, "there is no pot"),
        ({"grid": ["XXPXX", "O1 2O", "XXXSX"]}, "there is no dish dispenser"),
        ({"grid": ["XXPXX", "O1 2O", "XDXXX"]}, "there is no serving hatch"),
        ({"grid": ["XXPXX", "X1 2X", "XDXSX"]}, "neither onions"),
        ({"grid": ["X" * 30] * 20}, "600 cells are more than 400"),
        ({"orders": ["ooo", "ooo"]}, "at most once"),
        ({"orders": ["to"]}, "orders="),
        ({"bonus_orders": ["ttt"]}, "not all among the orders"),
        ({"onion_value": 3}, "come together"),
        ({"delivery_reward": 3, "values": {"ooo": 4}}, "more than one way"),
        ({"values": {"xyz": 4}}, "the recipes are"),
        ({"values": {"ooo": 2.5}}, "a whole number, not 2.5"),
        ({"order_bonus": 1.5}, "order_bonus=1.5"),
        ({"cook_time": 300}, "0 to 250"),
        ({"cook_time": -1}, "0 to 250"),
        ({"facing": "N"}, "for each of 2 cooks"),
        ({"holding": ["spoon", ""]}, "onion, tomato or dish"),
        ({"pots": [[0, 0, "oo"]]}, "x and y of a pot"),
        ({"walls": 3}, "a layout has no walls"),
    ],
)
def test_what_makes_no_kitchen_is_named(change, message):
    with pytest.raises(ValueError, match=message):
        read_layout({"grid": DRAWING, **change})


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"kitchen": "cramped"}, "Did you mean"),
        ({"kitchen": 3}, "a name, a drawing, or a mapping"),
        ({"kitchen": {"orders": ["ooo"]}}, "needs a grid"),
        ({"dynamics": "newer"}, "dynamics='newer'"),
        ({"horizon": 0}, "horizon=0"),
        ({"horizon": 2.5}, "horizon=2.5"),
        ({"features": "pixels"}, "features='pixels'"),
        ({"radius": -1}, "radius=-1"),
        ({"starts": "anywhere"}, "fixed, places, everything"),
        ({"published": "yes"}, "published='yes'"),
        ({"kitchen": {"grid": DRAWING, "orders": ["oo"]}}, 'take dynamics="new"'),
    ],
)
def test_wrong_options_are_named(options, message):
    with pytest.raises(ValueError, match=message):
        Overcooked(**options)


def test_prices_of_zero_count_unless_published():
    free = {"grid": DRAWING, "delivery_reward": 0, "cook_time": 0}
    ours, theirs = Overcooked(free), Overcooked(free, published=True)
    assert (ours.table[flat.PAY + 3], ours.table[flat.TIMES + 3]) == (0, 0)
    assert (theirs.table[flat.PAY + 3], theirs.table[flat.TIMES + 3]) == (20, 20)
    assert isinstance(ours.layout, Layout)


def test_values_and_bonus():
    layout = read_layout("counter_circuit_tomato")
    assert [layout.pay(recipe) for recipe in RECIPES] == [0, 0, 0, 0, 0, 0, 68, 55, 47]


# -- rules by hand ---------------------------------------------------------------------------------


def play(game, *joint):
    """Plays joint actions from the start; returns the state."""
    state = game.new(Rng(0))
    for actions in joint:
        game.apply(state, dict(enumerate(actions)))
    return state


HANDS = {"grid": ["XXPXX", "O1 2S", "XDXXX"], "cook_time": 3}


@pytest.mark.parametrize("dynamics", ["old", "new"])
def test_a_soup_from_onion_to_hatch(dynamics):
    game = Overcooked(HANDS, dynamics=dynamics)
    back = [(W, STAY)]
    once = [(W, STAY), (INTERACT, STAY), (E, STAY), (N, STAY), (INTERACT, STAY)]
    joint = [*once, *back, *once[1:], *back, *once[1:]]
    started = [] if dynamics == "old" else [(INTERACT, STAY)]
    state = play(game, *joint, *started)
    # The tick counts at the end of the very step that began it, old or new.
    assert list(everything(game, state.row)[1].values()) == [(3, 0, 1)]
    state = play(game, *joint, *started, (STAY, STAY))
    assert list(everything(game, state.row)[1].values()) == [(3, 0, 2)]
    dish = [(W, STAY), (S, STAY), (INTERACT, STAY), (E, STAY), (N, STAY), (INTERACT, STAY)]
    state = play(game, *joint, *started, *dish)
    assert everything(game, state.row)[0][0][2] == ("soup", 3, 0)
    assert paid(state.row, 0) == (0, 5, 1 << flat.SOUP_PICKUP)
    # Cook 1 stands before the hatch, so the soup goes over the counter.
    state = play(game, *joint, *started, *dish, (S, STAY), (INTERACT, STAY), (W, W))
    assert everything(game, state.row)[2] == {(2, 2): ("soup", 3, 0)}
    over = [(S, STAY), (INTERACT, STAY), (W, W), (STAY, S), (STAY, INTERACT), (STAY, E)]
    state = play(game, *joint, *started, *dish, *over, (STAY, E), (STAY, INTERACT))
    assert paid(state.row, 1) == (20, 0, 1 << flat.SOUP_DELIVERY)
    assert game.returns(state) == (20.0, 20.0)


def test_interactions_come_in_the_order_of_seats():
    grid = ["XXPXX", "O1X2S", "XDXXX"]
    game = Overcooked({"grid": grid, "holding": ["onion", ""], "facing": "EW"})
    state = play(game, (INTERACT, INTERACT))
    assert [cook[2][0] for cook in everything(game, state.row)[0]] == ["nothing", "onion"]
    game = Overcooked({"grid": grid, "holding": ["", "onion"], "facing": "EW"})
    state = play(game, (INTERACT, INTERACT))
    assert [cook[2][0] for cook in everything(game, state.row)[0]] == ["nothing", "nothing"]
    assert everything(game, state.row)[2] == {(2, 1): ("onion", 0, 0)}


@pytest.mark.parametrize(
    ("actions", "places"),
    [
        ((E, STAY), [(2, 1), (4, 1)]),
        ((E, W), [(2, 1), (3, 1)]),
        ((W, STAY), [(1, 1), (4, 1)]),
    ],
)
def test_movement(actions, places):
    grid = ["XXPXXX", "O1  2S", "XDXXXX"]
    game = Overcooked({"grid": grid})
    state = play(game, actions)
    assert [cook[0] for cook in everything(game, state.row)[0]] == places


def test_cooks_neither_meet_nor_change_places_but_follow():
    grid = ["XXPXXX", "O1 2 S", "XDXXXX"]
    game = Overcooked({"grid": grid})
    met = play(game, (E, W))
    assert [cook[:2] for cook in everything(game, met.row)[0]] == [((1, 1), E), ((3, 1), W)]
    swapped = play(game, (E, STAY), (E, W))
    assert [cook[0] for cook in everything(game, swapped.row)[0]] == [(2, 1), (3, 1)]
    followed = play(game, (E, STAY), (E, E))
    assert [cook[0] for cook in everything(game, followed.row)[0]] == [(3, 1), (4, 1)]
    with_three = Overcooked({"grid": ["XXPXXX", "O1 2 S", "XD3XXX", "XXXXXX"]})
    stuck = play(with_three, (E, W, STAY))
    assert [cook[0] for cook in everything(with_three, stuck.row)[0]] == [(1, 1), (3, 1), (2, 2)]


def test_more_than_two_cooks_earn_the_dish_reward_unless_published():
    grid = ["XXPXXX", "O1 23S", "XDXXXX"]
    for published, shaped in ((False, 3), (True, 0)):
        game = Overcooked(
            {"grid": grid, "facing": "SNN", "pots": [[2, 0, "oo"]]}, published=published
        )
        state = play(game, (INTERACT, STAY, STAY))
        assert paid(state.row, 0)[1] == shaped


def test_random_starts_stay_in_each_cooks_own_part():
    game = Overcooked("forced_coordination", starts="places")
    left, right = set(), set()
    for seed in range(60):
        cooks, _, _ = everything(game, game.new(Rng(seed)).row)
        right.add(cooks[0][0])
        left.add(cooks[1][0])
    assert left == {(1, 1), (1, 2), (1, 3)}
    assert right == {(3, 1), (3, 2), (3, 3)}


def test_random_kitchens_have_everything_somewhere():
    game = Overcooked("mdp_test", starts="everything", dynamics="new")
    held, cooked = set(), set()
    for seed in range(300):
        cooks, pots, counters = everything(game, game.new(Rng(seed)).row)
        assert cooks[0][0] != cooks[1][0]
        held |= {cook[2][0] for cook in cooks} | {thing[0] for thing in counters.values()}
        cooked |= {content[2] >= 0 for content in pots.values()}
    assert held == {*THINGS}
    assert cooked == {True, False}


# -- the game --------------------------------------------------------------------------------------


def test_the_kitchen_closes_and_that_is_the_end():
    env = arenas.make_parallel("Overcooked-v0", horizon=3)
    env.reset(seed=0)
    for step in range(3):
        _, rewards, terminations, truncations, _ = env.step({"cook_0": STAY, "cook_1": STAY})
        assert terminations == dict.fromkeys(rewards, step == 2)
        assert not any(truncations.values())
    env = arenas.make_parallel("Overcooked-v0", horizon=3, max_cycles=2)
    env.reset(seed=0)
    env.step({"cook_0": STAY, "cook_1": STAY})
    assert all(env.step({"cook_0": STAY, "cook_1": STAY})[3].values())


def wandering_match(game, seed=0):
    match = Match(game, seed)
    cooks = [Wanderer(game, k, 10 * seed + k) for k in range(game.spec.seats)]
    while not match.over:
        actions = [cook.act(match.state.row) for cook in cooks]
        for seat, action in enumerate(actions):
            match.submit(seat, action)
    return match


@pytest.mark.parametrize("dynamics", ["old", "new"])
def test_the_evidence_names_every_delivery(dynamics):
    match = wandering_match(Overcooked("mdp_test", dynamics=dynamics, horizon=2000))
    evidence = match.outcome.evidence
    assert evidence["deliveries"]
    assert sum(d["points"] for d in evidence["deliveries"]) == match.totals[0] == match.totals[1]
    for k in range(2):
        mine = [d for d in evidence["deliveries"] if d["cook"] == k]
        assert evidence["events"][k].get("soup_delivery", 0) == len(mine)
        assert evidence["points"][k] == sum(d["points"] for d in mine)
        paying = {d["recipe"]: d["points"] for d in mine}
        assert all(match.game.layout.pay(recipe) == pay for recipe, pay in paying.items())


def test_a_move_that_waits_is_not_seen():
    for view in ("array", "text", "both"):
        env = arenas.make("Overcooked-v0", view=view)
        env.reset(seed=0)
        twin = arenas.make("Overcooked-v0", view=view)
        twin.reset(seed=0)
        env.step(INTERACT if view == "array" else "[interact]")
        twin.step(N if view == "array" else "[north]")
        one, two = env.observe("cook_1"), twin.observe("cook_1")
        assert one.keys() == two.keys()
        assert all(np.array_equal(one[name], two[name]) for name in one)
        assert env.infos["cook_1"] == twin.infos["cook_1"]


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"kitchen": "mdp_test", "dynamics": "new", "starts": "everything", "features": "vector"},
        {"kitchen": "multiplayer_schelling"},
        {"kitchen": "cramped_room_single"},
        {"kitchen": "centre_pots", "radius": 1, "starts": "everything"},
        {"kitchen": "asymmetric_advantages", "radius": 2, "features": "vector"},
    ],
)
def test_contract(options):
    check_game("Overcooked-v0", matches=3, horizon=20, **options)


def test_out_of_sight_is_out_of_every_view():
    game = Overcooked("corridor", radius=2)
    state = game.new(Rng(0))
    assert "cook_1 is out of sight." in game.tell(state, 0)
    planes = game.view(state, 0)
    assert planes[..., 0].sum() == 1
    assert not planes[..., 1].any()
    assert not planes[..., 6:10].any()
    near = Overcooked("corridor").view(state, 0)
    assert near[..., 1].sum() == 1


def test_the_words_tell_what_the_partner_did():
    game = Overcooked(HANDS)
    state = play(game, (W, STAY), (INTERACT, STAY), (STAY, W))
    told = game.tell(state, 1)
    assert "cook_0 is at (1, 1) facing west" in told
    assert "it holds one onion" in told
    assert "It last chose [stay] and took an onion 1 step before." in told
    assert "the pot at (2, 0) is empty" in told


# -- pictures --------------------------------------------------------------------------------------


def test_a_picture_shows_what_changes_and_keeps_its_size():
    pytest.importorskip("pygame")
    game = Overcooked(HANDS)
    states = [play(game), play(game, (W, STAY)), play(game, (W, STAY), (INTERACT, STAY))]
    pictures = [game.draw(state) for state in states]
    assert {picture.shape for picture in pictures} == {pictures[0].shape}
    assert {picture.dtype for picture in pictures} == {np.dtype(np.uint8)}
    assert len({picture.tobytes() for picture in pictures}) == 3
    assert (game.draw(states[0]) == pictures[0]).all()


def test_a_picture_for_a_seat_hides_what_is_out_of_its_sight():
    pytest.importorskip("pygame")
    game = Overcooked("corridor", radius=2)
    state = game.new(Rng(0))
    other = state.row[:]
    other[flat.BRIGADE + flat.COOK + flat.FACING] = S
    turned = JointRow(other)
    assert (game.draw(state, 0) == game.draw(turned, 0)).all()
    assert (game.draw(state) != game.draw(turned)).any()


def test_every_kitchen_can_be_drawn_small_and_large():
    pytest.importorskip("pygame")
    from arenas.games.overcooked.draw import draw_kitchen

    for name in layout_names():
        game = Overcooked(name, dynamics="new")
        row = game.new(Rng(0)).row
        small, large = (draw_kitchen(game.layout, game.table, row, None, t) for t in (16, 48))
        assert small.shape[1] == max(4, game.layout.width) * 16
        assert large.shape[1] == max(4, game.layout.width) * 48
