"""The kitchen in words for a planner, and the same read back from the words.

Hands and pots are put as in ProAgent's prompts. Where things are is told as the steps that each
cook needs to use them, which is what a choice between skills turns on.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

from arenas.games.overcooked.layouts import Layout
from arenas.games.overcooked.planning import FAR
from arenas.games.overcooked.players.errands import Rota
from arenas.games.overcooked.snapshot import (
    DISH,
    IDLE,
    INGREDIENTS,
    LETTERS,
    NOTHING,
    SOUP,
    THINGS,
    Kitchen,
    Snapshot,
)

HATCH, ASIDE = "hatch", "counter"
"""Names of places in the list of steps: beside dispensers and pots."""
IN_THE_WAY = 20
"""Steps that it is reckoned to take until a cook that never moves lets one pass."""


class CookScene(NamedTuple):
    """One cook as the words have it.

    Attributes:
        held: "", "onion", "tomato", "dish" or "soup".
        idle: steps since it last did something.
        steps: to use a place, by its name; places out of reach are left out.
    """

    held: str
    idle: int
    steps: dict[str, int]


class PotScene(NamedTuple):
    """One pot as the words have it.

    Attributes:
        size: ingredients in it.
        left: steps until it is ready, 0 when it is; -1 when it does not cook.
        missing: ingredients that it still needs, by thing.
    """

    size: int
    left: int
    missing: dict[str, int]


class Scene(NamedTuple):
    """A moment as the words have it.

    Attributes:
        own: the number of the cook who is asked.
        cooks: by number.
        pots: by number.
        across: for each thing, how many lie ready on counters for a cook nearer to its use.
        free_across: empty counters on which the asked cook can hand over what it holds or fetches.
    """

    own: int
    cooks: list[CookScene]
    pots: list[PotScene]
    across: dict[str, int]
    free_across: int


def describe(kitchen: Kitchen, now: Snapshot, seat: int, horizon: int, score: int) -> str:
    """The moment in words, for the cook of a seat; `read` takes the same text."""
    rota = Rota(kitchen, now)
    lines = [f"Step {now.tick} of {horizon}, {score} points."]
    for k in (seat, *(k for k in range(len(now.cooks)) if k != seat)):
        cook = now.cooks[k]
        you = " (you)" if k == seat else ""
        lines.append(
            f"<Player {k}>{you} holds {_HANDS[cook.held]}, and last did something "
            f"{cook.unproductive} steps ago."
        )
    for number, pot in enumerate(now.pots.values()):
        missing = kitchen.missing(pot.recipe) if pot.left == IDLE else ""
        lines.append(f"<Pot {number}> {_pot(pot.recipe, pot.left, missing, kitchen.auto)}.")
    lying = {thing: list(now.counters.values()).count(thing) for thing in THINGS[1:]}
    lines.append(f"On counters: {_things(lying)}.")
    region = rota.regions[seat]
    if any(kitchen.onward[thing, region] for thing in THINGS[1:]):
        across = {
            thing: sum(now.counters.get(c) == thing for c in kitchen.onward[thing, region])
            for thing in THINGS[1:]
        }
        shared = {c for thing in THINGS[1:] for c in kitchen.onward[thing, region]}
        free = len(shared - set(now.counters))
        lines.append(
            f"What you cannot use yourself goes over the counters between you: {free} of them are "
            f"empty, and there lie ready for the other: {_things(across)}."
        )
    lines.append("Steps to get to a place and use it:")
    for k in range(len(now.cooks)):
        places = [f"{name} {steps}" for name, steps in _steps(rota, k).items() if steps < FAR]
        lines.append(f"<Player {k}>: {', '.join(places) or 'nothing in reach'}.")
    return "\n".join(lines)


def _steps(rota: Rota, seat: int) -> dict[str, int]:
    kitchen, region, cook = rota.kitchen, rota.regions[seat], rota.now.cooks[seat]
    cells = {thing: rota.sources(seat, thing) for thing in (*LETTERS, DISH, SOUP)}
    cells |= {f"<Pot {number}>": [cell] for number, cell in enumerate(kitchen.pots)}
    cells[HATCH] = list(kitchen.uses[SOUP, region])
    cells[ASIDE] = [cell for cell in kitchen.shelves[region] if cell not in rota.now.counters]
    steps = {}
    for name, there in cells.items():
        # A cook that never moves is walked around; if it stands in the only way it will have to.
        through = kitchen.planner.closest(cook.cell, cook.facing, there)[0]
        steps[name] = min(rota.cost(seat, there), through + IN_THE_WAY)
    return steps


_HANDS = {
    NOTHING: "nothing",
    "onion": "one onion",
    "tomato": "one tomato",
    DISH: "one dish",
    SOUP: "a dish with soup",
}


def _pot(recipe: str, left: int, missing: str, auto: bool) -> str:
    inside = _counted({thing: recipe.count(letter) for thing, letter in LETTERS.items()})
    if left == 0:
        return f"has already cooked the soup ({inside})"
    if left > 0:
        return f"cooks {inside}, the soup will be ready after {left} steps"
    state = f"has {inside}" if recipe else "is empty"
    if missing:
        return f"{state}, and needs {_counted({INGREDIENTS[c]: missing.count(c) for c in missing})}"
    return state if auto or not recipe else f"{state}, and can be started"


def _counted(numbers: dict[str, int]) -> str:
    """Things and how many of each: "2 onions and 1 tomato"."""
    named = [f"{n} {_plural(thing, n)}" for thing, n in numbers.items() if n]
    return " and ".join(named)


def _plural(thing: str, number: int) -> str:
    return thing if number == 1 else f"{thing}{'es' if thing in ('tomato', 'dish') else 's'}"


def _things(numbers: dict[str, int]) -> str:
    return _counted(numbers) or "nothing"


def orders(layout: Layout, recipes: Iterable[str]) -> str:
    """What can be cooked and pays, in words."""
    return "; ".join(
        f"{_counted({thing: recipe.count(letter) for thing, letter in LETTERS.items()})} "
        f"({layout.pay(recipe)} points)"
        for recipe in recipes
    )


# -- reading it back -------------------------------------------------------------------------------

_COOK = re.compile(r"<Player (\d+)>( \(you\))? holds (.+?), and last did something (\d+) steps ago")
_IN_POT = re.compile(r"^<Pot (\d+)> (.+)\.$", re.MULTILINE)
_LEFT = re.compile(r"ready after (\d+) steps")
_NEEDS = re.compile(r"needs (.+)$")
_NUMBER = re.compile(r"(\d+) (onion|tomato|dish|soup)(?:e?s)?\b")
_STEPS = re.compile(r"^<Player (\d+)>: (.+)\.$", re.MULTILINE)
_BETWEEN = re.compile(r"between you: (\d+) of them are empty, .* for the other: (.*)\.")


def read(text: str) -> Scene:
    """The moment that a text of `describe` tells of; other lines are passed over.

    Raises:
        ValueError: no cook who is asked is in it.
    """
    hands = {words: thing for thing, words in _HANDS.items()}
    told = {
        int(k): (bool(you), hands[holds], int(idle)) for k, you, holds, idle in _COOK.findall(text)
    }
    own = [k for k, (you, _, _) in told.items() if you]
    if not own:
        raise ValueError("the text does not say which player is asked")
    steps = {}
    for k, places in _STEPS.findall(text):
        pairs = (place.rpartition(" ") for place in places.split(", ") if place[-1].isdigit())
        steps[int(k)] = {name: int(number) for name, _, number in pairs}
    cooks = [CookScene(told[k][1], told[k][2], steps[k]) for k in sorted(told)]
    pots = [_read_pot(words) for _, words in _IN_POT.findall(text)]
    between = _BETWEEN.search(text)
    across = _read_things(between[2]) if between else {}
    return Scene(own[0], cooks, pots, across, int(between[1]) if between else 0)


def _read_pot(words: str) -> PotScene:
    needs = _NEEDS.search(words)
    inside = words[: needs.start()] if needs else words
    left = _LEFT.search(words)
    cooking = 0 if "already cooked" in words else int(left[1]) if left else IDLE
    size = sum(_read_things(inside).values())
    return PotScene(size, cooking, _read_things(needs[1]) if needs else {})


def _read_things(words: str) -> dict[str, int]:
    return {thing: int(number) for number, thing in _NUMBER.findall(words)}
