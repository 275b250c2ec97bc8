"""Cooks: what they score together, what each of them does and leaves, and the skills they share."""

from statistics import fmean

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import arenas
from arenas.core.match import Match
from arenas.core.policy import Turn, answer
from arenas.core.rng import Rng
from arenas.games.overcooked import Overcooked, rules
from arenas.games.overcooked.generator import generate
from arenas.games.overcooked.layouts import CLASSICS, layout_names, read_layout
from arenas.games.overcooked.planning import FAR, INTERACT, STAY, why_unsolvable
from arenas.games.overcooked.players import PLAYERS
from arenas.games.overcooked.players.errands import PATIENCE, Rota
from arenas.games.overcooked.skills import (
    SKILLS,
    WAIT,
    Skill,
    done,
    medium_level_actions,
    motion_goals,
    needs,
    read_skill,
    why_not,
)
from arenas.games.overcooked.snapshot import THINGS, Cook, Kitchen, Pot, Snapshot
from arenas.registry import make_player

TWINS = dict(zip(CLASSICS, (190, 340, 190, 240, 160), strict=True))
"""What two couriers score at least, in the old dynamics."""

GREEDY = dict(zip(CLASSICS, ((194, 9), (290, 22), (0, 0), (0, 0), (10, 13)), strict=True))
"""Mean and deviation of two GreedyHumanModels of overcooked-ai over 10 matches, old dynamics."""


def scores(players, kitchen, n=1, seed=0, **options):
    records = arenas.play_matches(
        "Overcooked-v0", players, n, seed, swap=False, options={"kitchen": kitchen, **options}
    )
    return [record.rewards[0] for record in records]


def steps(players, kitchen, number=200, **options):
    """The snapshots of a match, step by step, with the state after each."""
    game = Overcooked(kitchen, **options)
    cooks = [make_player("Overcooked-v0", player, game) for player in players]
    match, reader = Match(game, 0), Kitchen(game.layout, game.table)
    for _ in range(number):
        for turn in [Turn.of(match, seat) for seat in match.awaited]:
            (reply,) = cooks[turn.seat].act([turn])
            answer(match, turn.seat, reply)
        yield reader.read(match.state.row)


# -- scores ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("kitchen", CLASSICS)
def test_two_couriers_reach_the_published_level(kitchen):
    assert min(scores(["courier", "courier"], kitchen, 2)) >= TWINS[kitchen]


@pytest.mark.parametrize("kitchen", CLASSICS)
def test_two_greedy_planners_score_as_those_of_overcooked_ai(kitchen):
    mean, deviation = GREEDY[kitchen]
    # Ours sees a little less of being stuck; the means agree within the spread of matches.
    assert abs(fmean(scores(["greedy", "greedy"], kitchen, 10)) - mean) <= max(1, 1.5 * deviation)


@pytest.mark.parametrize("kitchen", layout_names())
def test_couriers_deliver_in_every_published_kitchen(kitchen):
    layout = read_layout(kitchen)
    assert why_unsolvable(layout.grid, layout.ordered) is None
    for dynamics in ("old", "new"):
        if dynamics == "new" or all(len(recipe) == 3 for recipe in layout.ordered):
            (score,) = scores(["courier"] * layout.cooks, kitchen, dynamics=dynamics)
            assert score > 0


@pytest.mark.parametrize("partner", ["random", "greedy", "onion-only", "dish-only", "lazy", "slow"])
def test_the_courier_gets_on_with_everyone(partner):
    for kitchen in ("cramped_room", "coordination_ring", "counter_circuit_o_1order"):
        for seats in (["courier", partner], [partner, "courier"]):
            assert scores(seats, kitchen)[0] > 0, (kitchen, seats)


def test_the_courier_walks_around_one_who_never_moves():
    # The other stands in front of a pot; there is another one.
    assert scores(["courier", "stay"], "counter_circuit_o_1order")[0] >= 80
    assert scores(["stay", "stay"], "cramped_room") == [0]


def test_less_rational_greedy_planners_do_less():
    kitchen = "asymmetric_advantages"
    sharp, noisy, blind = (
        fmean(scores([player, player], kitchen, 4))
        for player in ("greedy", "greedy:1", "greedy:0.01")
    )
    assert sharp > noisy > blind


# -- what each of them does ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("player", "never"), [("onion-only", {"dish", "soup"}), ("dish-only", {"onion", "tomato"})]
)
@pytest.mark.parametrize("kitchen", CLASSICS)
def test_biased_partners_leave_the_other_work(player, never, kitchen):
    held = [now.cooks[0].held for now in steps([player, "courier"], kitchen)]
    assert set(held) <= set(THINGS) - never
    # From this seat of Forced Coordination nobody else can fill a pot, so no dish is handed over.
    assert len(set(held)) > 1 or (player, kitchen) == ("dish-only", "forced_coordination")


def test_the_lazy_rest_and_the_slow_pause():
    for now in steps(["lazy:0.25", "slow:3"], "cramped_room", 60):
        tick = now.tick - 1
        if tick % 20 >= 15:
            assert now.cooks[0].last == STAY
        if tick % 3:
            assert now.cooks[1].last == STAY


@pytest.mark.parametrize(
    "name",
    ["lazy:2", "lazy:x", "slow:0", "slow:-1", "greedy:-1", "greedy:x", "courier:1", "stay:1"],
)
def test_wrong_arguments_are_refused(name):
    with pytest.raises(ValueError, match=name.partition(":")[0]):
        make_player("Overcooked-v0", name, Overcooked())


@pytest.mark.parametrize("player", sorted(PLAYERS))
def test_moves_follow_from_the_turn_alone(player):
    """Asked again, in another order, by another object, every turn gets the same answer."""
    game = Overcooked("coordination_ring", starts="everything")
    matches = [Match(game, seed) for seed in range(6)]
    first, second = (make_player("Overcooked-v0", player, game) for _ in "ab")
    for _ in range(20):
        moves = {}
        for match in matches:
            for seat in (0, 1):
                (reply,) = first.act([Turn.of(match, seat)])
                moves[id(match), seat] = reply.move
        turns = [Turn.of(match, seat) for match in reversed(matches) for seat in (1, 0)]
        keys = [(id(match), seat) for match in reversed(matches) for seat in (1, 0)]
        assert [reply.move for reply in second.act(turns)] == [moves[key] for key in keys]
        for match in matches:
            for seat in (0, 1):
                match.submit(seat, moves[id(match), seat])


def test_a_player_meets_kitchens_that_it_was_not_made_for():
    courier = make_player("Overcooked-v0", "courier", Overcooked())
    (score,) = scores([courier, courier], "asymmetric_advantages")
    assert score >= TWINS["asymmetric_advantages"]


# -- errands ---------------------------------------------------------------------------------------


def kitchen_of(layout, dynamics="old"):
    game = Overcooked(layout, dynamics=dynamics)
    return Kitchen(game.layout, game.table)


def cook(kitchen, x, y, held="", unproductive=0):
    return Cook(y * kitchen.planner.width + x, 0, held, STAY, 0, unproductive)


def errands(kitchen, cooks, recipes, counters=()):
    """Skills of all cooks; `recipes` are (contents, steps left) of the pots."""
    pots = {cell: Pot(*each) for cell, each in zip(kitchen.pots, recipes, strict=True)}
    width = kitchen.planner.width
    lying = {y * width + x: thing for x, y, thing in counters}
    rota = Rota(kitchen, Snapshot(100, tuple(cooks), pots, lying))
    return [str(rota.errand(seat).skill) for seat in range(len(cooks))]


def test_the_nearest_fetches_the_dish_and_the_other_goes_on():
    kitchen = kitchen_of("cramped_room")
    near, far = cook(kitchen, 1, 2), cook(kitchen, 3, 1)
    assert errands(kitchen, [near, far], [("ooo", 3)]) == ["pickup(dish)", "pickup(onion)"]
    assert errands(kitchen, [far, near], [("ooo", 3)]) == ["pickup(onion)", "pickup(dish)"]


def test_a_dish_in_hand_is_enough():
    kitchen = kitchen_of("cramped_room")
    cooks = [cook(kitchen, 1, 2, "dish"), cook(kitchen, 3, 1)]
    assert errands(kitchen, cooks, [("ooo", 3)]) == ["fill_dish_with_soup()", "pickup(onion)"]


def test_an_ingredient_too_many_is_put_down_for_a_dish():
    kitchen = kitchen_of("cramped_room")
    cooks = [cook(kitchen, 1, 2, "onion"), cook(kitchen, 3, 1, "onion")]
    assert errands(kitchen, cooks, [("ooo", 3)]) == ["place_obj_on_counter()", "wait(1)"]


def test_nobody_waits_for_a_cook_that_does_nothing():
    kitchen = kitchen_of("cramped_room")
    idle = cook(kitchen, 1, 2, unproductive=PATIENCE)
    assert errands(kitchen, [idle, cook(kitchen, 3, 1)], [("ooo", 0)])[1] == "pickup(dish)"


def test_things_are_handed_over_and_left_for_the_other():
    kitchen = kitchen_of("forced_coordination")
    right, left = cook(kitchen, 3, 2), cook(kitchen, 1, 2, "onion")
    assert errands(kitchen, [right, left], [("", -1)] * 2)[1] == "place_obj_on_counter()"
    # What lies between them is for the one who can use it.
    lying = [(2, 1, "onion"), (2, 2, "dish")]
    left = cook(kitchen, 1, 2)
    fetched = errands(kitchen, [right, left], [("oo", -1), ("", -1)], lying)
    assert fetched == ["pickup(onion)", "pickup(onion)"]
    pots = {cell: Pot("", -1) for cell in kitchen.pots}
    rota = Rota(kitchen, Snapshot(1, (right, left), pots, {12: "onion"}))
    assert rota.sources(0, "onion") == [12]
    assert 12 not in rota.sources(1, "onion")


def test_a_full_pot_is_started_in_the_new_dynamics():
    for dynamics, skill in (("old", "pickup(dish)"), ("new", "start_cooking()")):
        kitchen = kitchen_of("cramped_room", dynamics)
        cooks = [cook(kitchen, 2, 1), cook(kitchen, 1, 1, "onion")]
        assert errands(kitchen, cooks, [("ooo", -1)])[0] == skill


def test_pots_become_the_best_order_that_they_still_can():
    layout = {
        "grid": ["XPXX", "O1 T", "X 2X", "XDSX"],
        "orders": ["ooo", "ot", "ttt"],
        "values": {"ooo": 30, "ot": 20, "ttt": 40},
    }
    kitchen = kitchen_of(layout, "new")
    assert kitchen.recipes == ["ttt", "ooo", "ot"]
    contents = ("", "o", "t", "ot", "oot", "tt")
    assert [kitchen.missing(recipe) for recipe in contents] == ["ttt", "oo", "tt", "", "", "t"]
    # With three ingredients or not at all: what can become no order is filled up to be got rid of.
    old = kitchen_of(layout, "old")
    assert old.recipes == ["ttt", "ooo"]
    assert [old.missing(recipe) for recipe in ("", "ot", "oot")] == ["ttt", "t", ""]


# -- skills against the rules ----------------------------------------------------------------------


def test_names_of_skills_are_read_back():
    for skill in (*SKILLS, WAIT, Skill("wait", steps=20)):
        assert read_skill(str(skill)) == skill
        assert read_skill(f" '{str(skill).upper()}' ") == skill
    assert read_skill("deliver_soup") == Skill("deliver")
    assert read_skill("pickup(stone)") is None
    assert read_skill("wait(x)") is None


LAYOUTS = st.sampled_from([*CLASSICS, "counter_circuit_tomato", "mdp_test"])


@settings(deadline=None, max_examples=150)
@given(LAYOUTS, st.integers(0, 2**32), st.integers(0, 1), st.data())
def test_what_can_be_done_is_done_by_walking_there(layout, seed, seat, data):
    """From any state a plan to a motion goal completes the skill, as the rules see it."""
    game = Overcooked(layout, starts="everything", dynamics="new")
    kitchen, row = Kitchen(game.layout, game.table), game.new(Rng(seed)).row
    now = kitchen.read(row)
    able = medium_level_actions(kitchen, now, seat)
    assert able[-1] == WAIT
    for skill in SKILLS:
        holds = now.cooks[seat].held in needs(skill)
        goals = motion_goals(kitchen, now, seat, skill)
        assert (
            (skill in able)
            == (why_not(kitchen, now, seat, skill) is None)
            == (holds and bool(goals))
        )
    skill = data.draw(st.sampled_from(able[:-1] or [WAIT]))
    if skill == WAIT:
        return
    planner, me = kitchen.planner, now.cooks[seat]
    at, facing = data.draw(st.sampled_from(motion_goals(kitchen, now, seat, skill)))
    target = at + planner.steps[facing]
    other = now.cooks[1 - seat].cell
    if planner.cost(me.cell, me.facing, target, other) >= FAR:
        return
    moves = planner.plan(me.cell, me.facing, target, other)
    assert len(moves) == planner.cost(me.cell, me.facing, target, other)
    left = now.pots[target].left if skill.verb == "fill_dish" else 0
    moves[-1:] = [STAY] * max(0, left - len(moves) + 1) + [INTERACT]
    for move in moves:
        assert done(kitchen.read(row).cooks[seat].events) is None
        rules.play(game.table, row, [move, STAY] if seat == 0 else [STAY, move])
    seen = done(kitchen.read(row).cooks[seat].events)
    # A soup off a counter and one out of a pot are the same event.
    assert seen == (Skill("fill_dish") if skill == Skill("pickup", "soup") else skill)


@settings(deadline=None, max_examples=60)
@given(LAYOUTS, st.integers(0, 2**32), st.sampled_from(["old", "new"]))
def test_a_snapshot_says_what_the_words_say(layout, seed, dynamics):
    if dynamics == "old" and layout in ("counter_circuit_tomato", "mdp_test"):
        return
    game = Overcooked(layout, starts="everything", dynamics=dynamics)
    state = game.new(Rng(seed))
    now, told = Kitchen(game.layout, game.table).read(state.row), game.tell(state, 0)
    for k, cook_ in enumerate(now.cooks):
        x, y = game.layout.xy(cook_.cell)
        assert f"{'You are' if k == 0 else 'cook_1 is'} at ({x}, {y}) facing" in told
    for cell, pot in now.pots.items():
        words = told.partition(f"pot at {game.layout.xy(cell)} ")[2]
        assert words.startswith("is empty") == (not pot.recipe)
        if pot.left > 0:
            assert f"after {pot.left} timestep" in words
        assert words.startswith("has already") == (pot.left == 0)
    for cell, thing in now.counters.items():
        at = told.partition("On counters: ")[2]
        assert thing in at.partition(f" at {game.layout.xy(cell)}")[0].rpartition(", ")[2]


@pytest.mark.parametrize("seed", range(6))
def test_couriers_deliver_in_generated_kitchens(seed):
    kitchen = generate(seed, "easy").as_json()
    assert scores(["courier", "courier"], kitchen)[0] > 0
