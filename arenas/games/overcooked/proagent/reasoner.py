"""Answers the planner's questions by rules, from the words alone, as a language model would."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from arenas.core.policy import Policy, Reply, Turn
from arenas.games.overcooked.planning import FAR
from arenas.games.overcooked.players.errands import PATIENCE
from arenas.games.overcooked.proagent.scene import HATCH, Scene, read
from arenas.games.overcooked.skills import WAIT, Skill
from arenas.games.overcooked.snapshot import DISH, IDLE, LETTERS, NOTHING, SOUP


class RuleReasoner(Policy):
    """A planner in place of a language model: reads the question, writes analysis and plan.

    It knows what the text says and nothing else, so it shows that the text is enough to play by,
    and it stands in wherever no model is at hand.
    """

    name = "rules"

    def act(self, turns: Sequence[Turn]) -> list[Reply]:
        return [Reply(text=answer(turn.told)) for turn in turns]


def answer(told: str) -> str:
    """The reply to a question."""
    scene = read(told)
    others = [k for k in range(len(scene.cooks)) if k != scene.own]
    plan = choose(scene, scene.own)
    if not others:
        return f"Analysis: {analysis(scene)}\nPlan: [{plan}]"
    return f"Analysis: {analysis(scene)}\nIntention: [{choose(scene, others[0])}]\nPlan: [{plan}]"


def analysis(scene: Scene) -> str:
    """What the kitchen lacks, in a few words."""
    wanted, soups, full = needs(scene, scene.own)
    lacking = [f"{number} {thing}" for thing, number in wanted.items() if number]
    return (
        f"ingredients that nobody brings: {', '.join(lacking) or 'none'}; soups without a dish: "
        f"{max(0, soups)}; pots about to be full without a dish: {max(0, full)}."
    )


def choose(scene: Scene, who: int) -> Skill:
    """The skill that the kitchen needs most of a cook: the courier's rota, from the words alone."""
    me = scene.cooks[who]
    if me.held == NOTHING:
        return _with_nothing(scene, who)
    if me.held == SOUP:
        return Skill("deliver") if HATCH in me.steps else Skill("place")
    if not any(_pot(number) in me.steps for number in range(len(scene.pots))):
        return _hand_on(scene, who)
    return _with_dish(scene, who) if me.held == DISH else _with_ingredient(scene, who)


def _hand_on(scene: Scene, who: int) -> Skill:
    """What a cook does with a thing that only the other one can use."""
    held, steps = scene.cooks[who].held, scene.cooks[who].steps
    if who != scene.own or scene.free_across > 1:
        return Skill("place")
    wanted, soups, _ = needs(scene, who)
    if held in LETTERS and (SOUP in steps or (soups > 0 and DISH in steps)):
        # Hands are needed for something else.
        return Skill("place")
    if not scene.free_across:
        return Skill("place") if SOUP in steps else WAIT
    return Skill("place") if held == DISH or wanted[held] else WAIT


def _pot(number: int) -> str:
    return f"<Pot {number}>"


def relied_on(scene: Scene, who: int) -> bool:
    """Whether a cook has done something lately."""
    return scene.cooks[who].idle < PATIENCE


def needs(scene: Scene, who: int) -> tuple[dict[str, int], int, int]:
    """What is needed once all that others hold, or that lies ready for them, has been used.

    Returns:
        Ingredients by thing; pots that cook without a dish; pots about to be full without one.
    """
    others = [k for k in range(len(scene.cooks)) if k != who and relied_on(scene, k)]
    brought = {
        thing: sum(scene.cooks[k].held == thing for k in others)
        + (scene.across.get(thing, 0) if who == scene.own else 0)
        for thing in (*LETTERS, DISH)
    }
    wanted = dict.fromkeys(LETTERS, 0)
    full = 0
    idle = [pot.missing for pot in scene.pots if pot.left == IDLE]
    for missing in sorted(idle, key=lambda each: sum(each.values())):
        short = 0
        for thing, number in missing.items():
            there = min(number, brought[thing])
            brought[thing] -= there
            wanted[thing] += number - there
            short += number - there
        full += not short
    soups = sum(pot.left != IDLE for pot in scene.pots) - brought[DISH]
    return wanted, soups, full + min(0, soups)


def _nearer(scene: Scene, who: int, place: str, free: Callable[[str], bool]) -> int:
    """How many others with the right thing in hand reach a place before this cook."""
    mine = scene.cooks[who].steps.get(place, FAR), who
    return sum(
        place in cook.steps and (cook.steps[place], k) < mine
        for k, cook in enumerate(scene.cooks)
        if k != who and free(cook.held) and relied_on(scene, k)
    )


def _with_dish(scene: Scene, who: int) -> Skill:
    steps = scene.cooks[who].steps
    cooking = [
        number
        for number, pot in enumerate(scene.pots)
        if pot.left != IDLE and _pot(number) in steps
    ]
    cooking.sort(key=lambda number: scene.pots[number].left)
    if cooking:
        place = _pot(cooking[0])
        if _nearer(scene, who, place, lambda held: held == DISH) < len(cooking):
            return Skill("fill_dish")
    wanted, _, full = needs(scene, who)
    if full > 0 or not any(wanted.values()):
        return WAIT
    return Skill("place")


def _with_ingredient(scene: Scene, who: int) -> Skill:
    held, steps = scene.cooks[who].held, scene.cooks[who].steps
    room = {
        number: pot.missing.get(held, 0)
        for number, pot in enumerate(scene.pots)
        if pot.left == IDLE and pot.missing.get(held) and _pot(number) in steps
    }
    if room:
        place = min(map(_pot, room), key=lambda name: steps[name])
        if _nearer(scene, who, place, lambda other: other == held) < sum(room.values()):
            return Skill("put_in_pot", held)
    _, soups, _ = needs(scene, who)
    helpers = [
        cook
        for k, cook in enumerate(scene.cooks)
        if k != who and relied_on(scene, k) and cook.held == NOTHING and DISH in cook.steps
    ]
    if soups > 0 and not helpers and _nearer(scene, who, DISH, LETTERS.__contains__) == 0:
        return Skill("place")
    if _to_start(scene, who) and not any(
        cook.held == NOTHING and relied_on(scene, k)
        for k, cook in enumerate(scene.cooks)
        if k != who
    ):
        return Skill("place")
    return WAIT


def _to_start(scene: Scene, who: int) -> list[int]:
    """Pots that are complete and do not cook; there are none in the old dynamics."""
    return [
        number
        for number, pot in enumerate(scene.pots)
        if pot.left == IDLE
        and pot.size
        and not pot.missing
        and _pot(number) in scene.cooks[who].steps
    ]


def _with_nothing(scene: Scene, who: int) -> Skill:
    steps = scene.cooks[who].steps

    def free(held: str) -> bool:
        return held == NOTHING

    start = _to_start(scene, who)
    if start and _nearer(scene, who, _pot(start[0]), free) < len(start):
        return Skill("start_cooking")
    if SOUP in steps:
        return Skill("pickup", SOUP)
    wanted, soups, full = needs(scene, who)
    things = [thing for thing in LETTERS if wanted[thing] and thing in steps]
    if soups > 0 and DISH in steps and _nearer(scene, who, DISH, free) < soups:
        left = min(pot.left for pot in scene.pots if pot.left != IDLE)
        # A dish fetched later would come late: there and back again, roughly.
        if not things or 2 * steps[DISH] >= left:
            return Skill("pickup", DISH)
    for thing in things:
        if _nearer(scene, who, thing, free) < wanted[thing] or DISH not in steps:
            return Skill("pickup", thing)
    if DISH in steps and (soups > 0 or full > 0):
        return Skill("pickup", DISH)
    for thing in things or LETTERS:
        if thing in steps:
            return Skill("pickup", thing)
    hands_on = not any(_pot(number) in steps for number in range(len(scene.pots)))
    if DISH in steps and hands_on and not scene.across.get(DISH):
        return Skill("pickup", DISH)
    return WAIT
