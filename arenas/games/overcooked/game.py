"""Overcooked as a Game: options, spaces, words and evidence around the rules."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from gymnasium import spaces

from arenas.core.controls import Button, Controls
from arenas.core.game import GameSpec, whole
from arenas.core.joint import JointFlatGame, JointState
from arenas.core.outcome import Outcome
from arenas.core.rng import Rng
from arenas.games.overcooked import rules as flat
from arenas.games.overcooked import text
from arenas.games.overcooked.layouts import COUNTER, MAX_COOK_TIME, POT, RECIPES, read_layout
from arenas.games.overcooked.tables import backdrop, build_table, recipe_name, recipe_number

DYNAMICS = ("old", "new")
FEATURES = ("lossless", "vector")
STARTS = {
    "fixed": flat.FIXED,
    "places": flat.RANDOM_PLACES,
    "everything": flat.RANDOM_KITCHEN,
}
MAX_HORIZON = 100_000
KEYS = ("up", "down", "right", "left", "s", "space")
"""Of the keyboard, for each action."""

TICK = 0.1
"""Seconds of a step, where people play."""


class Overcooked(JointFlatGame):
    """Cooks share a kitchen: they fill pots, wait, plate and deliver, and are paid together.

    Args:
        kitchen: name of a published kitchen ("cramped_room", see `layouts.layout_names`) or of a
            generated one ("easy-0", "medium-17", "hard-3", see `generator`), a drawing of several
            lines, or a mapping with `grid` and other fields of `layouts.Layout`.
        dynamics: "old": a pot with three ingredients starts by itself (the papers, ProAgent,
            JaxMARL); "new": a cook starts it by an interaction with empty hands, with one to three
            ingredients (overcooked-ai 1.0 and later).
        horizon: steps of a match; the kitchen closes then, which is its end and no truncation.
        features: "lossless": planes, uint8 (width, height, 5 * cooks + 16); "vector": float32 of 48
            numbers a cook. Both are overcooked-ai's, see README.md.
        radius: a cook sees things and cooks at most so many cells away, as a king moves; None: all.
        starts: "fixed"; "places": each cook starts anywhere that it can walk to, facing anywhere;
            "everything": hands, counters and pots are random too.
        published: repeat the slips of overcooked-ai that README.md lists, to compare with it.

    Action: `Discrete(6)`: north, south, east, west, stay, interact.
    Rewards: points of every delivery, to all cooks alike, at the step of the delivery. Shaped
    rewards and events of each cook are reported apart (`reports`).

    Raises:
        ValueError: an option is out of range, or the layout makes no kitchen.
    """

    reports = ("deliveries", "shaped_rewards", "events")

    def __init__(
        self,
        kitchen: str | Mapping[str, Any] = "cramped_room",
        dynamics: str = "old",
        horizon: int = 400,
        features: str = "lossless",
        radius: int | None = None,
        starts: str = "fixed",
        published: bool = False,
    ) -> None:
        layout = read_layout(kitchen)
        steps = whole(horizon)
        if dynamics not in DYNAMICS:
            raise ValueError(f'dynamics={dynamics!r}: "old" or "new"')
        if steps is None or not 1 <= steps <= MAX_HORIZON:
            raise ValueError(f"horizon={horizon!r}: 1 to {MAX_HORIZON} steps")
        if features not in FEATURES:
            raise ValueError(f'features={features!r}: "lossless" or "vector"')
        if radius is not None and (whole(radius) is None or radius < 0):
            raise ValueError(f"radius={radius!r}: a number of cells, or None")
        if starts not in STARTS:
            raise ValueError(f"starts={starts!r}: {', '.join(STARTS)}")
        if published not in (True, False):
            raise ValueError(f"published={published!r}: True or False")
        if dynamics == "old" and not any(len(recipe) == 3 for recipe in layout.ordered):
            raise ValueError(
                f"layout {layout.name!r} has no order of three ingredients, and nothing else "
                'cooks in the old dynamics; take dynamics="new"'
            )
        self.kitchen = kitchen if isinstance(kitchen, str) else layout.as_json()
        self.layout = layout
        self.dynamics = dynamics
        self.horizon = steps
        self.features = features
        self.radius = None if radius is None else whole(radius)
        self.starts = starts
        self.published = bool(published)
        vector = features == "vector"
        table = build_table(
            layout, dynamics, steps, self.published, STARTS[starts], self.radius, vector
        )
        counters, pots = len(layout.where(COUNTER)), len(layout.where(POT))
        blank = [0] * flat.row_length(layout.cooks, counters, pots)
        super().__init__(self._spec(table), flat, table, blank, backdrop(layout, vector))

    def _spec(self, table: list[int]) -> GameSpec:
        layout, cooks = self.layout, self.layout.cooks
        pays = [table[flat.PAY + recipe_number(recipe)] for recipe in RECIPES]
        everywhere = cooks * self.horizon
        space: spaces.Box
        if self.features == "vector":
            far = float(max(layout.width, layout.height, MAX_COOK_TIME))
            space = spaces.Box(-far, far, (48 * cooks,), np.float32)
        else:
            shape = layout.width, layout.height, 5 * cooks + flat.PLANES
            space = spaces.Box(0, 255, shape, np.uint8)
        return GameSpec(
            name="Overcooked",
            version="1",
            roles=("cook",) * cooks,
            payoff="common",
            information="perfect" if self.radius is None else "imperfect",
            observation_space=space,
            action_space=spaces.Discrete(6),
            reward_range=(everywhere * min(0, *pays), everywhere * max(0, *pays)),
            max_plies=everywhere,
            simultaneous=True,
            has_chance=self.starts != "fixed",
            step_rewards=True,
            agents=tuple(f"cook_{k}" for k in range(cooks)),
        )

    def note(self, state: JointState) -> None:
        """Keeps each delivery: step (from 0), cook, recipe, points."""
        row = state.row
        for k in range(self.spec.seats):
            me = flat.BRIGADE + k * flat.COOK
            if row[me + flat.EVENTS] >> flat.SOUP_DELIVERY & 1:
                recipe = recipe_name(row[me + flat.SERVED])
                state.notes += ((row[flat.CLOCK] - 1, k, recipe, row[me + flat.PAID]),)

    def result(self, state: JointState) -> Outcome:
        row, cooks = state.row, range(self.spec.seats)
        brigade = [flat.BRIGADE + k * flat.COOK for k in cooks]
        evidence = {
            "deliveries": [
                dict(zip(("step", "cook", "recipe", "points"), delivery, strict=True))
                for delivery in state.notes
            ],
            "events": [
                {
                    name: row[me + flat.COUNTS + bit]
                    for bit, name in enumerate(flat.EVENT_NAMES)
                    if row[me + flat.COUNTS + bit]
                }
                for me in brigade
            ],
            "points": [row[me + flat.TOTAL_PAID] for me in brigade],
            "shaped_rewards": [row[me + flat.TOTAL_SHAPED] for me in brigade],
        }
        return Outcome(self.returns(state), "closing time", evidence)

    def resample(self, state: JointState, seat: int, rng: Rng) -> JointState:
        """The state with all that lies outside the seat's radius drawn anew."""
        twin = self.copy(state)
        table, row, layout = self.table, twin.row, self.layout

        def hidden(cell: int) -> bool:
            return not flat.is_near(table, row, seat, cell)

        first = flat.counter_base(table)
        for c, cell in enumerate(layout.where(COUNTER)):
            if hidden(cell):
                row[first + c] = flat.some_thing(table, rng.bits()) * (rng.below(4) == 0)
        first = flat.pot_base(table)
        for p, cell in enumerate(layout.where(POT)):
            if hidden(cell):
                row[first + p] = flat.some_content(table, rng.bits(), 0)
        for k in range(self.spec.seats):
            me = flat.BRIGADE + k * flat.COOK
            if hidden(row[me + flat.CELL]):
                start = flat.BEGIN + k * flat.BEGINNINGS
                area, size = table[start + flat.AREA], table[start + flat.AREA_SIZE]
                cells = [
                    cell
                    for cell in table[area : area + size]
                    if hidden(cell) and flat.standing(row, self.spec.seats, cell) in (-1, k)
                ]
                row[me + flat.CELL] = rng.choice(cells)
                row[me + flat.FACING] = rng.below(4)
                row[me + flat.HELD] = flat.some_thing(table, rng.bits()) * rng.below(2)
        return twin

    # -- words -------------------------------------------------------------------------------------

    def scene(self, state: JointState) -> text.Scene:
        """The state in words, phrase by phrase."""
        return text.Scene(self.layout, self.table, state.row, self.spec.agents)

    def brief(self, seat: int) -> str:
        new = self.dynamics == "new"
        return text.brief(self.layout, self.spec.agents, seat, self.horizon, new)

    def tell(self, state: JointState, seat: int) -> str:
        if flat.over(self.table, state.row):
            return self.scene(state).closing()
        return self.scene(state).situation(seat) + "\nYour action?"

    def show(self, state: JointState, seat: int | None = None) -> str:
        return self.scene(state).situation(seat)

    def draw(self, state: JointState, seat: int | None = None) -> np.ndarray:
        from arenas.games.overcooked.draw import draw_kitchen

        return draw_kitchen(self.layout, self.table, state.row, seat)

    def controls(self, state: JointState, seat: int) -> Controls:
        """The arrow keys, space to interact, s to stay; whoever presses nothing stays."""
        buttons = (Button(w, f"[{w}]", k) for w, k in zip(text.ACTIONS, KEYS, strict=True))
        return Controls(tuple(buttons), tick=TICK, idle=f"[{text.ACTIONS[flat.STAY]}]")

    def format(self, state: JointState, seat: int, move: Any) -> str:
        return f"[{text.ACTIONS[move]}]"

    def reply_examples(self) -> tuple[str, ...]:
        return tuple(f"[{word}]" for word in text.ACTIONS)
