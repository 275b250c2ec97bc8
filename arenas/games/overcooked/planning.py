"""Shortest plans of a cook over (cell, orientation), and whether a kitchen can serve soup at all.

Only the terrain counts here: cooks, soups and orders are in the state. A grid is a list of rows in
overcooked-ai's letters: space floor, `X` counter, `O` onions, `T` tomatoes, `D` dishes, `P` pot,
`S` serving; digits are floor on which a cook starts. A cell is the number y * width + x.
Orientations and moves are numbered alike: 0 north, 1 south, 2 east, 3 west.

**Why it is fast.** A move sets the orientation, also where it is blocked, so what a cook can reach
from a cell does not depend on where it faced. One breadth-first search over cells therefore gives
the cost from every (cell, orientation) to a target, and there are some fifty cells. overcooked-ai
searches between all pairs of (cell, orientation) and then over pairs of cooks; the costs are equal.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cached_property

from arenas.games.overcooked.layouts import COUNTER, DISHES, FLOOR, HATCH, ONIONS, POT, TOMATOES

NORTH, SOUTH, EAST, WEST, STAY, INTERACT = range(6)
TERRAIN = FLOOR + COUNTER + ONIONS + TOMATOES + DISHES + POT + HATCH

FAR = 1 << 20
"""Cost of what cannot be reached: more than any plan, and small enough to add up."""


class MotionPlanner:
    """Shortest plans of one cook in a kitchen, around another cook or through it.

    The cost of a plan is its number of actions, the closing INTERACT included, as in
    overcooked-ai's `MotionPlanner`. What are `counter_goals` there is left to the caller here: any
    feature is a target.

    Args:
        grid: the rows, all of one length; the border has no floor.

    Attributes:
        width, height: of the grid.
        terrain: the letters of all cells in one string, digits replaced by floor.
        steps: what is added to a cell by a move north, south, east, west.
        floor: floor cells, ascending.

    Raises:
        ValueError: the grid is no rectangle, has other letters, or floor on its border.
    """

    def __init__(self, grid: Sequence[str]) -> None:
        self.width, self.height = len(grid[0]) if grid else 0, len(grid)
        if any(len(row) != self.width for row in grid) or not self.width:
            raise ValueError(f"the rows of a kitchen have one length, got {list(map(len, grid))}")
        self.terrain = "".join(
            FLOOR if letter.isdigit() else letter for row in grid for letter in row
        )
        if unknown := set(self.terrain) - set(TERRAIN):
            raise ValueError(f"a kitchen has no {sorted(unknown)}, only the letters {TERRAIN!r}")
        self.steps = (-self.width, self.width, 1, -1)
        self.floor = self.cells(FLOOR)
        for cell in self.floor:
            y, x = divmod(cell, self.width)
            if x in (0, self.width - 1) or y in (0, self.height - 1):
                raise ValueError(f"there is floor on the border at (x={x}, y={y})")
        self._next_to = [
            tuple(cell + step for step in self.steps if self.terrain[cell + step] == FLOOR)
            if self.terrain[cell] == FLOOR
            else ()
            for cell in range(len(self.terrain))
        ]
        self._fields: dict[tuple[int, int], list[int]] = {}
        for target in range(len(self.terrain)):
            if self.terrain[target] != FLOOR:
                self.field(target)

    def cells(self, letters: str) -> tuple[int, ...]:
        """The cells of these letters, in row-major order."""
        return tuple(cell for cell, letter in enumerate(self.terrain) if letter in letters)

    def goals(self, target: int) -> tuple[tuple[int, int], ...]:
        """The motion goals of a feature: every (cell, orientation) from which it is faced."""
        return tuple(
            (target - step, facing)
            for facing, step in enumerate(self.steps)
            if 0 <= target - step < len(self.terrain)
            and self.terrain[target - step] == FLOOR  # the border keeps rows from wrapping
        )

    # -- costs ---------------------------------------------------------------------------------

    def field(self, target: int, blocked: int = -1) -> list[int]:
        """Cost of using `target` from each cell by a cook that does not face it yet.

        A cook that faces it needs one action, INTERACT; `cost` sees to that.

        Args:
            target: the cell of a feature.
            blocked: a floor cell that cannot be entered, such as the other cook's; -1 for none.

        Returns:
            One cost for each cell, `FAR` where there is no way; the list is kept, do not change it.
        """
        field = self._fields.get((target, blocked))
        if field is None:
            field = self._fields[target, blocked] = self._search(target, blocked)
        return field

    def _search(self, target: int, blocked: int) -> list[int]:
        field = [FAR] * len(self.terrain)
        reached = []
        for cell, facing in self.goals(target):
            # Next to the target: turn and interact. In line behind that: one move does both.
            behind = cell - self.steps[facing]
            for start in (cell, behind):
                if cell != blocked and start != blocked and self.terrain[start] == FLOOR:
                    field[start] = 2
                    reached.append(start)
        for cell in reached:  # grows while it is walked
            cost = field[cell] + 1
            for near in self._next_to[cell]:
                if field[near] > cost and near != blocked:
                    field[near] = cost
                    reached.append(near)
        return field

    def cost(self, cell: int, facing: int, target: int, blocked: int = -1) -> int:
        """Actions from (cell, orientation) until `target` is used; `FAR` if there is no way."""
        if cell + self.steps[facing] == target:
            return 1
        return self.field(target, blocked)[cell]

    def closest(
        self, cell: int, facing: int, targets: Iterable[int], blocked: int = -1
    ) -> tuple[int, int]:
        """The least cost to any target, and the first target of that cost; (FAR, -1) if none."""
        best, chosen = FAR, -1
        ahead = cell + self.steps[facing]
        for target in targets:
            cost = 1 if ahead == target else self.field(target, blocked)[cell]
            if cost < best:
                best, chosen = cost, target
        return best, chosen

    def between(self, sources: Iterable[int], targets: Iterable[int]) -> int:
        """The least cost from facing one of `sources` to having used one of `targets`."""
        targets = tuple(targets)
        starts = (goal for source in sources for goal in self.goals(source))
        return min((self.closest(*start, targets)[0] for start in starts), default=FAR)

    # -- plans ---------------------------------------------------------------------------------

    def after(self, cell: int, facing: int, action: int, blocked: int = -1) -> tuple[int, int]:
        """Where a cook stands and faces after an action."""
        if action >= STAY:
            return cell, facing
        to = cell + self.steps[action]
        return (to if self.terrain[to] == FLOOR and to != blocked else cell), action

    def actions(self, cell: int, facing: int, target: int, blocked: int = -1) -> list[int]:
        """Every action that begins a shortest plan to `target`, ascending; none if no way."""
        cost = self.cost(cell, facing, target, blocked)
        if cost >= FAR:
            return []
        if cost == 1:
            return [INTERACT]
        return [
            move
            for move in range(4)
            if self.cost(*self.after(cell, facing, move, blocked), target, blocked) == cost - 1
        ]

    def plan(self, cell: int, facing: int, target: int, blocked: int = -1) -> list[int]:
        """A shortest plan to `target`, INTERACT last; empty if there is no way."""
        plan: list[int] = []
        while actions := self.actions(cell, facing, target, blocked):
            plan.append(actions[0])
            if actions[0] == INTERACT:
                break
            cell, facing = self.after(cell, facing, actions[0], blocked)
        return plan

    # -- regions -------------------------------------------------------------------------------

    @cached_property
    def region(self) -> list[int]:
        """The number of the connected piece of floor that each cell is in; -1 off the floor."""
        region = [-1] * len(self.terrain)
        for number, start in enumerate(self.floor):
            if region[start] >= 0:
                continue
            region[start], reached = number, [start]
            for cell in reached:
                for near in self._next_to[cell]:
                    if region[near] < 0:
                        region[near] = number
                        reached.append(near)
        return region

    @cached_property
    def touches(self) -> list[frozenset[int]]:
        """The regions from which each cell can be faced; none for floor."""
        return [
            frozenset(self.region[near] for near, _ in self.goals(cell))
            if self.terrain[cell] != FLOOR
            else frozenset()
            for cell in range(len(self.terrain))
        ]


def why_unsolvable(grid: Sequence[str], recipes: Iterable[str] = ("ooo",)) -> str | None:
    """What keeps the cooks of a kitchen from ever serving a soup; None if nothing does.

    Things travel within a region of floor on which a cook starts, and from one region to another
    over a counter that both touch. A pot takes ingredients from every region that touches it. What
    cooks do to each other's way is left out: in a corridor one cell wide, one may have to give way.

    Args:
        grid: rows with the cooks' starts as digits.
        recipes: what is ordered, as `Layout.ordered` has it: "ooo", "oot". One soup that can be
            served is enough.

    Returns:
        None, or a sentence that names the first thing that is out of reach.

    Raises:
        ValueError: the grid is not one (see `MotionPlanner`), or no cook starts in it.
    """
    planner = MotionPlanner(grid)
    letters = "".join(grid)
    starts = [cell for cell, letter in enumerate(letters) if letter.isdigit()]
    if not starts:
        raise ValueError("no cook starts in this kitchen: put the digit 1 on a floor cell")
    manned = frozenset(planner.region[start] for start in starts)

    def spread(regions: Iterable[int]) -> frozenset[int]:
        """Manned regions that a thing can get to from these."""
        reached = frozenset(regions) & manned
        while True:
            passed = (planner.touches[counter] & manned for counter in planner.cells(COUNTER))
            more = reached.union(*(regions for regions in passed if regions & reached))
            if more == reached:
                return reached
            reached = more

    def source(letter: str) -> frozenset[int]:
        return spread(region for cell in planner.cells(letter) for region in planner.touches[cell])

    problem = "no soup is ordered"
    dishes = source(DISHES)
    for recipe in recipes:
        needed = sorted(set(recipe.upper()))
        pots = planner.cells(POT)
        for letter in needed:
            at = source(letter)
            pots = tuple(pot for pot in pots if planner.touches[pot] & at)
        if not pots:
            problem = f"no pot can be filled with {' and '.join(map(_WORDS.__getitem__, needed))}"
            continue
        pots = tuple(pot for pot in pots if planner.touches[pot] & dishes)
        if not pots:
            problem = "no dish can be brought to a pot that can be filled"
            continue
        soups = spread(region for pot in pots for region in planner.touches[pot] & dishes)
        if any(planner.touches[serving] & soups for serving in planner.cells(HATCH)):
            return None
        problem = "no soup can be brought to a serving location"
    return problem


_WORDS = {ONIONS: "onions", TOMATOES: "tomatoes"}
