"""Medium-level actions of a cook: their names, where each is done, and why one cannot be done.

The names are ProAgent's (Zhang et al., "ProAgent: building proactive cooperative agents with large
language models", AAAI 2024); overcooked-ai's medium-level actions are the same goals unnamed.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from arenas.games.overcooked import rules
from arenas.games.overcooked.snapshot import (
    DISH,
    IDLE,
    LETTERS,
    NOTHING,
    ONION,
    SOUP,
    THINGS,
    TOMATO,
    Kitchen,
    Snapshot,
)

MAX_WAIT = 20
"""Longest wait in steps."""


class Skill(NamedTuple):
    """A medium-level action; `str` of it is its name: "pickup(onion)", "deliver_soup()".

    Attributes:
        verb: "pickup", "put_in_pot", "start_cooking", "fill_dish", "deliver", "place" or "wait".
        thing: what is picked up, or put into a pot.
        steps: how long to wait.
    """

    verb: str
    thing: str = NOTHING
    steps: int = 0

    def __str__(self) -> str:
        if self.verb in ("pickup", "put_in_pot"):
            return (
                f"pickup({self.thing})" if self.verb == "pickup" else f"put_{self.thing}_in_pot()"
            )
        return f"wait({self.steps})" if self.verb == "wait" else _NAMES[self.verb]


_NAMES = {
    "start_cooking": "start_cooking()",
    "fill_dish": "fill_dish_with_soup()",
    "deliver": "deliver_soup()",
    "place": "place_obj_on_counter()",
}
WAIT = Skill("wait", steps=1)
SKILLS = (
    *(Skill("pickup", thing) for thing in (*LETTERS, DISH, SOUP)),
    *(Skill("put_in_pot", thing) for thing in LETTERS),
    *map(Skill, _NAMES),
)
"""Every skill but waiting."""
_BY_NAME = {str(skill): skill for skill in SKILLS}
_WAIT = re.compile(r"wait\((\d{1,9})\)")


def read_skill(name: str) -> Skill | None:
    """The skill of a name, whatever its case, spaces and quotes; None if there is none."""
    bare = re.sub(r"[\s'\"`]", "", name).lower()
    bare = bare if bare.endswith(")") else f"{bare}()"
    if wait := _WAIT.fullmatch(bare):
        return Skill("wait", steps=int(wait[1]))
    return _BY_NAME.get(bare)


def known(kitchen: Kitchen) -> list[Skill]:
    """The skills that make sense in a kitchen: for what it gives, and by its dynamics."""
    there = [thing for thing in THINGS if thing not in LETTERS or kitchen.dispensers[thing]]
    return [
        skill
        for skill in SKILLS
        if skill.thing in there and not (kitchen.auto and skill.verb == "start_cooking")
    ]


def cells(kitchen: Kitchen, now: Snapshot, skill: Skill) -> list[int]:
    """The features at which a skill can be done at the moment, by whoever gets there.

    They are those of overcooked-ai's medium-level actions with every counter allowed: dispensers
    and counters with the thing; idle pots with room; idle pots with something in them (new
    dynamics); pots that cook or are ready; hatches; empty counters. None for "wait".
    """
    verb, pots = skill.verb, now.pots
    if verb == "pickup":
        lying = [cell for cell, thing in now.counters.items() if thing == skill.thing]
        return [*kitchen.dispensers.get(skill.thing, ()), *lying]
    if verb == "put_in_pot":
        return [cell for cell, pot in pots.items() if pot.left == IDLE and len(pot.recipe) < 3]
    if verb == "start_cooking":
        return [] if kitchen.auto else [c for c, p in pots.items() if p.left == IDLE and p.recipe]
    if verb == "fill_dish":
        return [cell for cell, pot in pots.items() if pot.left != IDLE]
    if verb == "deliver":
        return list(kitchen.hatches)
    if verb == "place":
        return [cell for cell in kitchen.counters if cell not in now.counters]
    return []


def needs(skill: Skill) -> tuple[str, ...]:
    """What must be in hand for a skill: any of these things; "" is empty hands."""
    if skill.verb == "put_in_pot":
        return (skill.thing,)
    by_verb = {"fill_dish": (DISH,), "deliver": (SOUP,), "place": THINGS[1:], "wait": THINGS}
    return by_verb.get(skill.verb, (NOTHING,))


def reached(kitchen: Kitchen, now: Snapshot, seat: int, skill: Skill) -> list[int]:
    """Those of the `cells` of a skill that a cook can walk to; other cooks are no obstacle."""
    region = kitchen.planner.region[now.cooks[seat].cell]
    touches = kitchen.planner.touches
    return [cell for cell in cells(kitchen, now, skill) if region in touches[cell]]


def motion_goals(kitchen: Kitchen, now: Snapshot, seat: int, skill: Skill) -> list[tuple[int, int]]:
    """Every (cell, orientation) that a cook can walk to and do a skill from.

    Other cooks are no obstacle. "wait" is done where the cook stands.
    """
    cook, region = now.cooks[seat], kitchen.planner.region
    if skill.verb == "wait":
        return [(cook.cell, cook.facing)]
    goals = (g for cell in cells(kitchen, now, skill) for g in kitchen.planner.goals(cell))
    return [goal for goal in goals if region[goal[0]] == region[cook.cell]]


def why_not(kitchen: Kitchen, now: Snapshot, seat: int, skill: Skill) -> str | None:
    """Why a cook cannot do a skill now; None if it can.

    Preconditions: empty hands and something to reach for a pick-up; the ingredient in hand and a
    pot with room; a dish in hand and a pot that cooks or is ready; a soup in hand; anything in hand
    and an empty counter; a wait of 1 to `MAX_WAIT` steps.
    """
    held = now.cooks[seat].held
    if held not in needs(skill):
        having = f"you hold {_A[held]}" if held else "your hands are empty"
        wanted = " or ".join(_A[thing] for thing in needs(skill))
        if needs(skill) == (NOTHING,):
            return f"{skill} needs empty hands, and {having}"
        return f"{skill} needs {wanted} in hand, and {having}"
    if skill.verb == "wait":
        fine = 1 <= skill.steps <= MAX_WAIT
        return None if fine else f"one can wait for 1 to {MAX_WAIT} steps, not {skill.steps}"
    if skill not in known(kitchen):
        return f"{skill} cannot be done in this kitchen"
    there = cells(kitchen, now, skill)
    if there and not reached(kitchen, now, seat, skill):
        return f"{_PLACE[skill.verb].format(skill.thing)} is out of your reach"
    return None if there else f"there is no {_PLACE[skill.verb].format(skill.thing)} at the moment"


_A = {NOTHING: "nothing", ONION: "an onion", TOMATO: "a tomato", DISH: "a dish", SOUP: "a soup"}
_PLACE = {
    "pickup": "{} to take",
    "put_in_pot": "pot with room",
    "start_cooking": "pot to start",
    "fill_dish": "pot that cooks or is ready",
    "deliver": "serving hatch",
    "place": "empty counter",
}


def medium_level_actions(kitchen: Kitchen, now: Snapshot, seat: int) -> list[Skill]:
    """What a cook can do now, in the order of `SKILLS`; waiting is last."""
    return [s for s in (*known(kitchen), WAIT) if why_not(kitchen, now, seat, s) is None]


def done(events: int) -> Skill | None:
    """The skill that a cook has completed in a step, by the rules' bit set of its events."""
    return next((skill for bit, skill in _DONE if events >> bit & 1), None)


_DONE = (
    (rules.SOUP_DELIVERY, Skill("deliver")),
    (rules.COOKING_START, Skill("start_cooking")),
    *((rules.first_event(n) + rules.POTTING, Skill("put_in_pot", THINGS[n])) for n in (1, 2)),
    *((rules.first_event(n) + rules.PICKUP, Skill("pickup", THINGS[n])) for n in (1, 2, 3)),
    *((rules.first_event(n) + rules.DROP, Skill("place")) for n in (1, 2, 3)),
    (rules.SOUP_DROP, Skill("place")),
    (rules.SOUP_PICKUP, Skill("fill_dish")),
)
