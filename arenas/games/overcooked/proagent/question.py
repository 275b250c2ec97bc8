"""The question that a reasoner is asked, as a turn of a game, so that any policy can answer it."""

from __future__ import annotations

import re
from collections.abc import Hashable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from gymnasium import spaces

from arenas.core.game import Game, GameSpec, IllegalMove, Move
from arenas.core.language import strip_reasoning
from arenas.core.outcome import Outcome
from arenas.core.rng import Rng
from arenas.core.spaces import TextSpace
from arenas.games.overcooked.game import Overcooked
from arenas.games.overcooked.proagent.scene import orders
from arenas.games.overcooked.skills import MAX_WAIT, WAIT, Skill, known, read_skill
from arenas.games.overcooked.snapshot import SOUP, Kitchen


class Question(NamedTuple):
    """One thing to decide.

    Attributes:
        told: the scene, and what has come of earlier answers.
        intentions: what the other cook may be about to do, for players who choose from a list.
        skills: what the asked cook may be told to do.
        over: it was answered.
    """

    told: str
    intentions: tuple[Skill, ...]
    skills: tuple[Skill, ...]
    over: bool = False


class SkillChoice(Game[Question]):
    """Names the next skill of a cook, and what the other one is expected to do.

    A move is `{"intention": NAME, "plan": NAME}`; the intention is "" where none was named. Replies
    are free text with a line "Intention: [...]" and a line "Plan: [...]"; the listed moves, for
    policies that choose among replies, have one of each and no analysis.

    Args:
        kitchen: for its skills.
        game: the match that the question is about, for its rules.
    """

    def __init__(self, kitchen: Kitchen, game: Overcooked) -> None:
        self.kitchen, self.game = kitchen, game
        self.skills = (*known(kitchen), WAIT)
        seats = game.spec.seats
        self.spec = GameSpec(
            name="OvercookedSkill",
            version="1",
            roles=game.spec.roles,
            agents=game.spec.agents,
            payoff="common",
            information="perfect",
            observation_space=spaces.Box(0, 1, (1,), np.int8),
            action_space=TextSpace(2_000, ()),
            reward_range=(0.0, 0.0),
            max_plies=seats,
        )

    def new(self, rng: Rng) -> Question:
        return Question("", self.skills, self.skills)

    def movers(self, state: Question) -> tuple[int, ...]:
        return () if state.over else (0,)

    def legal(self, state: Question, seat: int) -> Sequence[Move]:
        return [
            {"intention": str(intention), "plan": str(plan)}
            for intention in state.intentions
            for plan in state.skills
        ]

    def check(self, state: Question, seat: int, move: Move) -> None:
        named = isinstance(move, dict) and set(move) == {"intention", "plan"}
        if not named or not all(isinstance(name, str) for name in move.values()):
            raise IllegalMove('a move is {"intention": ..., "plan": ...}')
        if read_skill(move["plan"]) is None:
            names = ", ".join(map(str, self.skills))
            raise IllegalMove(f"{move['plan']!r} is no skill; there are {names}")

    def apply(self, state: Question, moves: Mapping[int, Move]) -> Question:
        return state._replace(over=True)

    def outcome(self, state: Question) -> Outcome | None:
        zeros = (0.0,) * self.spec.seats
        return Outcome(zeros, "answered", {}) if state.over else None

    def key(self, state: Question) -> Hashable:
        return state

    def view(self, state: Question, seat: int) -> np.ndarray:
        return np.ones(1, np.int8)

    # -- words -------------------------------------------------------------------------------------

    def brief(self, seat: int) -> str:
        kitchen = self.kitchen
        others = [k for k in range(self.spec.seats) if k != seat]
        names = " and ".join(f"<Player {k}>" for k in others)
        starts = (
            "A pot with three ingredients starts cooking by itself."
            if kitchen.auto
            else "A pot cooks once a cook with empty hands starts it."
        )
        skills = "\n".join(f"- {_named(skill)}: {_meaning(skill)}" for skill in self.skills)
        expected = f"Intention: [the skill that you expect of {names} next]\n" if others else ""
        together = f", together with {names}" if others else ""
        return (
            f"You plan for <Player {seat}>, a cook{together}. All points are shared. Bring "
            f"ingredients to a pot, wait until the soup is cooked, take it out with a dish and "
            f"deliver it. {starts} Soups that pay: {orders(kitchen.layout, kitchen.recipes)}.\n"
            f"You choose one skill at a time; a controller walks and acts until it is done.\n"
            f"{skills}\n"
            f"Do what the other cook is not about to do. Reply with\n"
            f"Analysis: a few words on the scene\n"
            f"{expected}"
            f"Plan: [your next skill]"
        )

    def tell(self, state: Question, seat: int) -> str:
        return state.told

    def format(self, state: Question, seat: int, move: Move) -> str:
        intention = f"Intention: [{move['intention']}]\n" if move["intention"] else ""
        return f"{intention}Plan: [{move['plan']}]"

    def parse(self, state: Question, seat: int, text: str) -> Move:
        visible = strip_reasoning(text[: self.spec.max_reply_chars])
        plan, intention = _after("plan", visible), _after("intention", visible)
        if plan is None:
            named = {str(skill) for skill in _skills(visible)}
            if len(named) != 1:
                raise IllegalMove("the reply has no line 'Plan: [skill]'")
            plan = read_skill(named.pop())
        return {"intention": str(intention or ""), "plan": str(plan)}


_MEANING = {
    "pickup": "take it from its dispenser or from a counter; needs empty hands",
    "put_in_pot": "needs one in hand and a pot with room",
    "start_cooking": "start a pot; needs empty hands",
    "fill_dish": "go to a pot that cooks or is ready, wait, take the soup; needs a dish in hand",
    "deliver": "serve; needs a soup in hand",
    "place": "put down what is in hand",
    "wait": f"stay out of the way for n steps, 1 to {MAX_WAIT}",
}


def _named(skill: Skill) -> str:
    return "wait(n)" if skill.verb == "wait" else str(skill)


def _meaning(skill: Skill) -> str:
    if skill == Skill("pickup", SOUP):
        return "take a soup that lies on a counter; needs empty hands"
    return _MEANING[skill.verb]


_MENTION = re.compile(r"\[([^\[\]\n]{1,60})\]|(\w+\s*\([^()\n]{0,20}\))")


def _skills(text: str) -> list[Skill]:
    """The skills that a text names, in brackets or with their parentheses, in order."""
    named = (read_skill(bracketed or bare) for bracketed, bare in _MENTION.findall(text))
    return [skill for skill in named if skill is not None]


def _after(label: str, text: str) -> Skill | None:
    """The first skill on the last line that a label opens."""
    lines = re.findall(rf"\b{label}\b[^:\n]*:(.*)", text, re.IGNORECASE)
    # Several labels may share a line.
    ends = re.split(r"\b(?:plan|intention)\b", lines[-1], flags=re.IGNORECASE) if lines else [""]
    return next(iter(_skills(ends[0])), None)
