"""Medium-level actions of a cook: where each can be done, and whether it is done.

The names are ProAgent's (Zhang et al., "ProAgent: building proactive cooperative agents with large
language models", AAAI 2024); overcooked-ai's medium-level actions are the same goals unnamed.
"""

from __future__ import annotations

from typing import NamedTuple

from arenas.games.overcooked.planning import FAR
from arenas.games.overcooked.scene import DISH, IDLE, LETTERS, NOTHING, SOUP, Kitchen, Scene


class Skill(NamedTuple):
    """A medium-level action.

    Attributes:
        verb: "pickup", "put_in_pot", "start_cooking", "fill_dish", "deliver", "place" or "wait".
        thing: what is picked up.
        ticks: how long to wait.
    """

    verb: str
    thing: str = NOTHING
    ticks: int = 0


def cells(kitchen: Kitchen, scene: Scene, skill: Skill) -> list[int]:
    """The features at which a skill could be done now, whoever does it.

    They are those of overcooked-ai's medium-level actions, every counter allowed: a dispenser or
    a counter with the thing; an idle pot with room; an idle pot with something in it (new dynamics);
    a pot that cooks or is ready; a serving hatch; an empty counter. None for "wait".
    """
    verb, pots = skill.verb, scene.pots
    if verb == "pickup":
        lying = [cell for cell, thing in scene.counters.items() if thing == skill.thing]
        return [*kitchen.dispensers.get(skill.thing, ()), *lying]
    if verb == "put_in_pot":
        return [c for c, pot in pots.items() if pot.left == IDLE and len(pot.recipe) < 3]
    if verb == "start_cooking":
        return [] if kitchen.auto else [c for c, p in pots.items() if p.left == IDLE and p.recipe]
    if verb == "fill_dish":
        return [cell for cell, pot in pots.items() if pot.left != IDLE]
    if verb == "deliver":
        return list(kitchen.hatches)
    if verb == "place":
        return [cell for cell in kitchen.counters if cell not in scene.counters]
    return []


def needs(skill: Skill) -> tuple[str, ...]:
    """What must be in hand for a skill: any of these things; "" is empty hands."""
    return {
        "put_in_pot": tuple(LETTERS),
        "fill_dish": (DISH,),
        "deliver": (SOUP,),
        "place": (*LETTERS, DISH, SOUP),
        "wait": (NOTHING, *LETTERS, DISH, SOUP),
    }.get(skill.verb, (NOTHING,))


def motion_goals(
    kitchen: Kitchen, scene: Scene, seat: int, skill: Skill
) -> list[tuple[int, int]]:
    """Every (cell, orientation) from which a cook can do a skill and that it can walk to.

    The other cooks are no obstacle here. "wait" is done where the cook stands.
    """
    cook = scene.cooks[seat]
    if skill.verb == "wait":
        return [(cook.cell, cook.facing)]
    region = kitchen.planner.region
    goals = (g for cell in cells(kitchen, scene, skill) for g in kitchen.planner.goals(cell))
    return [goal for goal in goals if region[goal[0]] == region[cook.cell]]


def medium_level_actions(kitchen: Kitchen, scene: Scene, seat: int) -> list[Skill]:
    """What a cook can do with what it holds and can reach, in a fixed order; waiting is last."""
    held = scene.cooks[seat].held
    able = [
        skill
        for skill in ALL
        if held in needs(skill) and motion_goals(kitchen, scene, seat, skill)
    ]
    return [*able, Skill("wait", ticks=1)]


ALL = (
    *(Skill("pickup", thing) for thing in (*LETTERS, DISH, SOUP)),
    Skill("start_cooking"),
    Skill("put_in_pot"),
    Skill("fill_dish"),
    Skill("deliver"),
    Skill("place"),
)
"""Every skill but waiting."""
