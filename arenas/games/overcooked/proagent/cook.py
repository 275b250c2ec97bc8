"""The ProAgent cook: asks a reasoner for skills, checks them, and walks."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from arenas.core.game import Game, IllegalMove
from arenas.core.joint import JointState
from arenas.core.policy import Policy, Reply, Turn
from arenas.core.record import MatchRecord
from arenas.games.overcooked import rules
from arenas.games.overcooked.game import Overcooked
from arenas.games.overcooked.players.errands import Errand, Rota
from arenas.games.overcooked.players.ways import action, nearest_other
from arenas.games.overcooked.proagent.question import Question, SkillChoice
from arenas.games.overcooked.proagent.reasoner import RuleReasoner
from arenas.games.overcooked.proagent.scene import describe
from arenas.games.overcooked.skills import WAIT, Skill, done, needs, reached, read_skill, why_not
from arenas.games.overcooked.snapshot import Kitchen, Snapshot

MAX_REPLANS = 4
"""Answers that may fail before the cook waits a step."""
STALE = 30
"""Steps after which a plan that came to nothing is thought over."""
RECALLED = 3
"""Beliefs about the other cook that are told with a question."""
THOUGHT = 5
"""Label of the streams that answers are drawn from, apart from the turn's own."""


class Belief(NamedTuple):
    """What the other cook was expected to do, and what it did next.

    Attributes:
        step: when it was expected.
        expected: the skill in words.
        seen_at: when it did something.
        seen: the skill that it completed.
    """

    step: int
    expected: str
    seen_at: int
    seen: str

    @property
    def held(self) -> bool:
        """Whether the belief was right."""
        return self.expected == self.seen


@dataclass
class Mind:
    """What a cook remembers of one match.

    Attributes:
        row: the kitchen when it last decided.
        plan: the skill that it is at; None if it has to think.
        since: when it began with that.
        intention: the skill that the other cook is expected to complete next.
        believed_at: when that was expected.
        beliefs: expectations that were met or corrected.
        setback: why the last plan came to nothing, for the next question.
    """

    row: list[int]
    plan: Skill | None = None
    since: int = 0
    intention: Skill | None = None
    believed_at: int = 0
    beliefs: list[Belief] = field(default_factory=list)
    setback: str = ""


@dataclass
class _Thinking:
    """A turn whose plan is being asked for."""

    turn: Turn
    kitchen: Kitchen
    now: Snapshot
    mind: Mind
    failures: list[str]
    thoughts: dict[str, Any]


class ProAgent(Policy):
    """Plans in words, as ProAgent does (Zhang et al. 2024), with any policy as the reasoner.

    1. The scene is put into words, with what the cook expected of the other one lately and what
       that one really did (belief correction).
    2. The reasoner names the other cook's intention and the next skill. It may be a language model
       at hand, a server, or rules: it answers turns of a game of its own (`SkillChoice`).
    3. The skill is checked. If it cannot be done the reasoner is told why and asked again, four
       times at most; then the cook waits a step.
    4. The controller walks around the other cook until the skill is done. The cook thinks again
       when it is, when it can no longer be done, when the other cook does something else than was
       expected, or after 30 steps.

    It remembers its plan from turn to turn of a match. A memory is only taken up if the kitchen of
    the turn follows, by the rules, from the one remembered and the actions that the state records;
    else the cook begins afresh. So answers depend on the earlier turns of the same match and on
    nothing else, and not on how turns are batched.

    When it has thought, its reply is a text with the thoughts as JSON in `<think>` tags before the
    action; they are private, stand in the record, and `beliefs_of` reads them back.

    Args:
        game: whose kitchen is prepared.
        reasoner: who answers; `RuleReasoner` if left out.

    Attributes:
        reasoner: as given.
    """

    name = "proagent"

    def __init__(self, game: Overcooked, reasoner: Policy | None = None) -> None:
        self.reasoner = reasoner or RuleReasoner()
        self.waits = self.reasoner.waits
        self._choices: dict[Game[JointState], SkillChoice] = {}
        self._minds: dict[tuple[int, int], Mind] = {}
        self.choice_of(game)

    def choice_of(self, game: Overcooked) -> SkillChoice:
        """The game whose turns are questions about a match of `game`."""
        choice = self._choices.get(game)
        if choice is None:
            kitchen = Kitchen(game.layout, game.table)
            self._choices[game] = choice = SkillChoice(kitchen, game)
        return choice

    def act(self, turns: Sequence[Turn]) -> list[Reply]:
        thinking = [self._look(turn) for turn in turns]
        self._think([each for each in thinking if each.mind.plan is None])
        replies = [self._walk(each) for each in thinking]
        for each in thinking:
            self._forget(each)
        return replies

    def close(self) -> None:
        self.reasoner.close()

    # -- what has happened -------------------------------------------------------------------------

    def _look(self, turn: Turn) -> _Thinking:
        """Takes up the memory of a match, and what has happened since."""
        game = turn.game
        assert isinstance(game, Overcooked)
        kitchen, row = self.choice_of(game).kitchen, turn.resample().row
        now, key = kitchen.read(row), (turn.match_id, turn.seat)
        mind = self._minds.get(key)
        if mind is None or not follows(game.table, mind.row, row):
            mind = Mind(row)
        self._minds[key] = mind
        mind.row = row
        each = _Thinking(turn, kitchen, now, mind, [], {})
        if mind.plan is not None:
            self._observe(each)
        return each

    def _observe(self, each: _Thinking) -> None:
        """Drops a plan that is done or can no longer be done, and corrects beliefs."""
        now, mind, seat = each.now, each.mind, each.turn.seat
        plan = mind.plan
        assert plan is not None
        if mind.intention is not None:
            for other, cook in enumerate(now.cooks):
                seen = done(cook.events) if other != seat else None
                if seen is not None:
                    belief = Belief(mind.believed_at, str(mind.intention), now.tick, str(seen))
                    mind.beliefs.append(belief)
                    each.thoughts["belief"] = belief._asdict()
                    mind.intention = None
                    if not belief.held:
                        mind.plan = None
                    break
        age = now.tick - mind.since
        if done(now.cooks[seat].events) is not None or (plan.verb == "wait" and age >= plan.steps):
            mind.plan = None
        elif plan.verb != "wait" and (problem := why_not(each.kitchen, now, seat, plan)):
            mind.plan, mind.setback = None, f"{plan} came to nothing: {problem}"
        elif plan.verb != "wait" and age >= STALE:
            mind.plan, mind.setback = None, f"{plan} is not done after {age} steps"

    def _forget(self, each: _Thinking) -> None:
        """Lets go of a match at its last step."""
        assert isinstance(each.turn.game, Overcooked)
        if each.now.tick + 1 == each.turn.game.horizon:
            del self._minds[each.turn.match_id, each.turn.seat]

    # -- asking ------------------------------------------------------------------------------------

    def _think(self, waiting: list[_Thinking]) -> None:
        """Asks for plans, all together, and asks again where one cannot be done."""
        for attempt in range(1 + MAX_REPLANS):
            if not waiting:
                return
            asked = [self._ask(each, attempt) for each in waiting]
            replies = self.reasoner.act([turn for turn, _ in asked])
            for each, (turn, question), reply in zip(waiting, asked, replies, strict=True):
                self._hear(each, turn, question, reply)
            waiting = [each for each in waiting if each.mind.plan is None]
        for each in waiting:
            self._settle(each, WAIT, None)

    def _ask(self, each: _Thinking, attempt: int) -> tuple[Turn, Question]:
        turn, game = each.turn, each.turn.game
        assert isinstance(game, Overcooked)
        choice, others = self.choice_of(game), range(game.spec.seats)
        expected = (
            skill
            for skill in choice.skills
            if any(each.now.cooks[k].held in needs(skill) for k in others if k != turn.seat)
        )
        told = "\n".join([self._scene(each), *self._history(each)])
        question = Question(told, tuple(expected) or (WAIT,), choice.skills)
        rng = turn.rng.fork(THOUGHT, attempt)
        return Turn(choice, question, turn.seat, rng, turn.match_id), question

    def _scene(self, each: _Thinking) -> str:
        row, game = each.mind.row, each.turn.game
        assert isinstance(game, Overcooked)
        return describe(each.kitchen, each.now, each.turn.seat, game.horizon, row[rules.SCORE])

    def _history(self, each: _Thinking) -> list[str]:
        """Beliefs lately, the last setback, and the answers that failed."""
        mind = each.mind
        lines = [
            f"At step {belief.step} you expected {belief.expected} of the other player; it "
            + ("did that." if belief.held else f"did {belief.seen} instead.")
            for belief in mind.beliefs[-RECALLED:]
        ]
        if mind.setback:
            lines.append(f"Your last plan {mind.setback}.")
        lines += [f"Your answer failed: {failure}. Think again." for failure in each.failures]
        return lines

    def _hear(self, each: _Thinking, turn: Turn, question: Question, reply: Reply) -> None:
        """Takes an answer, or notes why it fails."""
        try:
            move = reply.move if reply.text is None else turn.parse(reply.text)
            turn.game.check(question, turn.seat, move)
        except IllegalMove as error:
            each.failures.append(str(error))
            return
        plan = read_skill(move["plan"])
        assert plan is not None
        problem = why_not(each.kitchen, each.now, each.turn.seat, plan)
        if problem:
            each.failures.append(problem)
        else:
            self._settle(each, plan, read_skill(move["intention"]) if move["intention"] else None)

    def _settle(self, each: _Thinking, plan: Skill, intention: Skill | None) -> None:
        mind, now = each.mind, each.now
        mind.plan, mind.since = plan, now.tick
        mind.intention, mind.believed_at = intention, now.tick
        mind.setback = ""
        each.thoughts["plan"] = str(plan)
        if intention is not None:
            each.thoughts["intention"] = str(intention)
        if each.failures:
            each.thoughts["failed"] = each.failures

    # -- walking -----------------------------------------------------------------------------------

    def _walk(self, each: _Thinking) -> Reply:
        kitchen, now, mind, turn = each.kitchen, each.now, each.mind, each.turn
        assert mind.plan is not None
        rota = Rota(kitchen, now)
        mine = errand_of(rota, turn.seat, mind.plan)
        other = nearest_other(kitchen, now, turn.seat)
        theirs = mine
        if other >= 0:
            expected = mind.intention
            able = expected is not None and why_not(kitchen, now, other, expected) is None
            theirs = errand_of(rota, other, expected) if able and expected else rota.errand(other)
        move = action(kitchen, now, turn.seat, mine, theirs, turn.rng)
        if not each.thoughts:
            return Reply(move)
        return Reply(text=f"<think>{json.dumps(each.thoughts)}</think> {turn.format(move)}")


def follows(table: Sequence[int], before: list[int], after: list[int]) -> bool:
    """Whether a kitchen is what the last actions in it have made of an earlier one."""
    row = before[:]
    cooks = range(table[rules.COOKS])
    actions = [after[rules.BRIGADE + k * rules.COOK + rules.ACTION] for k in cooks]
    if min(actions) < 0:
        return False
    rules.play(table, row, actions)
    return row == after


def errand_of(rota: Rota, seat: int, skill: Skill) -> Errand:
    """Where a cook does a skill."""
    kitchen, now = rota.kitchen, rota.now
    held, region = now.cooks[seat].held, rota.regions[seat]
    cells = rota.within_reach(seat, reached(kitchen, now, seat, skill))
    if skill.verb == "wait":
        near = kitchen.uses[held, region] if held else ()
        return Errand(skill, near, wait=True)
    if skill.verb == "pickup":
        return Errand(skill, rota.sources(seat, skill.thing) or cells)
    if skill.verb == "fill_dish":
        left = min((now.pots[cell].left for cell in cells), default=0)
        soonest = [cell for cell in cells if now.pots[cell].left == left]
        return Errand(skill, soonest, wait=left > 0)
    if skill.verb == "put_in_pot":
        wanting = [c for c in cells if skill.thing[0] in rota.missing.get(c, "")] or cells
        most = max((len(now.pots[cell].recipe) for cell in wanting), default=0)
        return Errand(skill, [cell for cell in wanting if len(now.pots[cell].recipe) == most])
    if skill.verb == "place":
        onward = kitchen.onward[held, region] if held else ()
        if ahead := [cell for cell in cells if cell in onward]:
            return Errand(skill, ahead)
    return Errand(skill, cells)


def beliefs_of(record: MatchRecord, seat: int) -> list[Belief]:
    """What a ProAgent cook expected of the other one in a recorded match, and what that one did."""
    beliefs = []
    for thoughts in thoughts_of(record, seat):
        if "belief" in thoughts:
            beliefs.append(Belief(**thoughts["belief"]))
    return beliefs


def thoughts_of(record: MatchRecord, seat: int) -> Iterable[dict[str, Any]]:
    """The thoughts in the replies of a seat, in order."""
    for turn in record.turns:
        if turn["seat"] == seat and turn.get("text"):
            said = re.match(r"<think>(.*)</think>", turn["text"], re.DOTALL)
            if said:
                yield json.loads(said[1])
