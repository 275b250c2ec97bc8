"""Plans and solvability of kitchens, against a blind search and against overcooked-ai's planner."""

import time
from collections import deque
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arenas.games.overcooked.generator import obstacle
from arenas.games.overcooked.layouts import Layout
from arenas.games.overcooked.planning import FAR, INTERACT, MotionPlanner, why_unsolvable

MOVES = ((0, -1), (0, 1), (1, 0), (-1, 0))  # north, south, east, west as (x, y)

CORRIDOR = ("XXXXXXX", "O 1   P", "XXX XXX", "XXD2SXX", "XXXXXXX")
RING = ("XXXPX", "X 1 P", "D2X X", "O   X", "XOSXX")
FORCED = ("XXXPX", "O X1P", "O2X X", "D X X", "XXXSX")


@st.composite
def grids(draw):
    """Any terrain inside a border without floor, up to 7 x 6."""
    width, height = draw(st.integers(3, 7)), draw(st.integers(3, 6))
    border, inside = st.sampled_from("XOTDPS"), st.sampled_from("     XXOTDPS")
    return [
        "".join(
            draw(border if x in (0, width - 1) or y in (0, height - 1) else inside)
            for x in range(width)
        )
        for y in range(height)
    ]


def blind_search(grid, start, target, blocked):
    """Actions until the target is used, by trying all six in every (x, y, facing)."""
    seen, queue = {start}, deque([(start, 0)])
    while queue:
        (x, y, facing), cost = queue.popleft()
        dx, dy = MOVES[facing]
        if (x + dx, y + dy) == target:
            return cost + 1
        for move, (dx, dy) in enumerate(MOVES):
            to = (x + dx, y + dy)
            free = grid[to[1]][to[0]] == " " and to != blocked
            after = (*to, move) if free else (x, y, move)
            if after not in seen:
                seen.add(after)
                queue.append((after, cost + 1))
    return FAR


@given(grids(), st.data())
def test_costs_are_those_of_a_blind_search(grid, data):
    planner, width = MotionPlanner(grid), len(grid[0])
    cells = [(x, y) for y, row in enumerate(grid) for x, letter in enumerate(row) if letter == " "]
    features = [(x, y) for y, row in enumerate(grid) for x, c in enumerate(row) if c != " "]
    if not cells:
        return
    x, y = data.draw(st.sampled_from(cells))
    target = data.draw(st.sampled_from(features))
    blocked = data.draw(st.sampled_from([None, *(cell for cell in cells if cell != (x, y))]))
    wall = -1 if blocked is None else blocked[1] * width + blocked[0]
    goal = target[1] * width + target[0]
    for facing in range(4):
        expected = blind_search(grid, (x, y, facing), target, blocked)
        assert planner.cost(y * width + x, facing, goal, wall) == expected
        assert planner.closest(y * width + x, facing, [goal, goal], wall) == (
            (expected, goal) if expected < FAR else (FAR, -1)
        )
        plan = planner.plan(y * width + x, facing, goal, wall)
        assert len(plan) == expected % FAR
        if plan:
            assert plan[-1] == INTERACT
            assert faced(grid, (x, y, facing), plan[:-1], blocked) == target


def faced(grid, start, moves, blocked):
    """The cell that a cook faces after some moves."""
    x, y, facing = start
    for move in moves:
        facing, (dx, dy) = move, MOVES[move]
        if grid[y + dy][x + dx] == " " and (x + dx, y + dy) != blocked:
            x, y = x + dx, y + dy
    return (x + MOVES[facing][0], y + MOVES[facing][1])


@given(grids(), st.data())
def test_every_first_action_lies_on_a_shortest_plan(grid, data):
    planner = MotionPlanner(grid)
    if not planner.floor:
        return
    cell, facing = data.draw(st.sampled_from(planner.floor)), data.draw(st.integers(0, 3))
    target = data.draw(st.sampled_from(planner.cells("XOTDPS")))
    cost = planner.cost(cell, facing, target)
    better = [
        action
        for action in range(4)
        if planner.cost(*planner.after(cell, facing, action), target) < cost
    ]
    if cost == 1:
        better = [INTERACT]
    assert planner.actions(cell, facing, target) == (better if cost < FAR else [])


@pytest.mark.parametrize(
    "grid", [(), ("XX", "X"), ("XXX", "X?X", "XXX"), ("X X", "X X", "XXX"), ("XXX", "X  ", "XXX")]
)
def test_what_is_no_kitchen_is_refused(grid):
    with pytest.raises(ValueError, match=r"rows|letters|border"):
        MotionPlanner(grid)


@pytest.mark.parametrize(
    ("grid", "recipes", "problem"),
    [
        (RING, ("ooo",), None),
        (FORCED, ("ooo",), None),
        (CORRIDOR, ("ooo",), None),
        (FORCED, (), "no soup is ordered"),
        (FORCED, ("oot",), "no pot can be filled with onions and tomatoes"),
        (FORCED, ("oot", "o"), None),
        (("XPXX", "O1XS", "XDXX", "XXXX"), ("o",), "no soup can be brought to a serving location"),
        (("XPXXX", "O1X2D", "XXXSX"), ("o",), None),
        (("XPXXXX", "O1XX2D", "XXXXSX"), ("o",), "no dish can be brought to a pot"),
        # The middle room would pass things on, but nobody is in it.
        (("XPXXXXX", "O1X X2D", "XXXXXSX"), ("o",), "no dish can be brought to a pot"),
        (("XPXXXXX", "O1X3X2D", "XXXXXSX"), ("o",), None),
    ],
)
def test_solvable_kitchens(grid, recipes, problem):
    found = why_unsolvable(grid, recipes)
    assert found == problem or (problem is not None and found.startswith(problem))


def test_a_kitchen_needs_a_cook():
    with pytest.raises(ValueError, match="no cook starts"):
        why_unsolvable(("XPX", "O S", "XDX"))


@settings(deadline=None)
@given(grids())
def test_costs_between_features(grid):
    planner = MotionPlanner(grid)
    pots, ovens = planner.cells("P"), planner.cells("OT")
    expected = min(
        (
            planner.cost(*goal, target)
            for source, target in product(pots, ovens)
            for goal in planner.goals(source)
        ),
        default=FAR,
    )
    assert planner.between(pots, ovens) == expected


def test_costs_are_those_of_overcooked_ai():
    mdp = pytest.importorskip(
        "overcooked.mdp.overcooked_mdp", reason="overcooked==0.2.1 is not installed"
    )
    from overcooked.planning.planners import MotionPlanner as Theirs

    for name in ("cramped_room", "coordination_ring", "forced_coordination", "schelling_s"):
        world = mdp.OvercookedGridworld.from_layout_name(name)
        grid = ["".join(row) for row in world.terrain_mtx]
        ours, width = MotionPlanner(grid), len(grid[0])
        counters = world.terrain_pos_dict["X"]
        # Theirs are plans to one side of a feature; ours are to the nearest.
        least: dict[tuple[object, int], int] = {}
        for (start, ((x, y), (dx, dy))), (_, _, cost) in Theirs(world, counters).all_plans.items():
            key = start, (y + dy) * width + x + dx
            least[key] = min(cost, least.get(key, cost))
        assert len(least) > 150
        for (((x, y), direction), target), cost in least.items():
            assert ours.cost(y * width + x, MOVES.index(direction), target) == cost
        onions, pots = world.get_onion_dispenser_locations(), world.get_pot_locations()
        least_of_theirs = Theirs(world).min_cost_between_features(onions, pots)
        assert ours.between(ours.cells("O"), ours.cells("P")) == min(FAR, least_of_theirs)


def test_a_planner_is_ready_in_milliseconds():
    grid = ["X" * 20, *("X" + " " * 18 + "X" for _ in range(12)), "XPOSDTXXXXXXXXXXXXXX"]
    start = time.process_time()
    MotionPlanner(grid)
    assert time.process_time() - start < 0.05


@given(grids(), st.data())
def test_two_accounts_of_what_is_solvable_agree(grid, data):
    """The generator has its own; both follow things over counters, in different ways."""
    cells = [(x, y) for y, row in enumerate(grid) for x, letter in enumerate(row) if letter == " "]
    if len(cells) < 2:
        return
    starts = data.draw(st.lists(st.sampled_from(cells), min_size=1, max_size=3, unique=True))
    rows = [list(row) for row in grid]
    for k, (x, y) in enumerate(starts):
        rows[y][x] = str(k + 1)
    orders = data.draw(st.sampled_from([("ooo",), ("ttt",), ("oot", "ooo"), ("oot",)]))
    drawn = tuple("".join(row) for row in rows)
    try:
        layout = Layout("drawn", drawn, orders=orders)
    except ValueError:
        return
    assert (why_unsolvable(drawn, orders) is None) == (obstacle(layout) is None)
