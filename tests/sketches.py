"""Small games in the shapes of the larger ones to come, for docs/architecture.md and its test.

Each keeps only what tries the contract: joint moves, structured moves, hidden roles, phases that
the engine validates, independent solvers. They are not the games of those names.
"""

import json
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from gymnasium import spaces

from arenas.core.game import Game, GameSpec, IllegalMove
from arenas.core.language import strip_reasoning
from arenas.core.outcome import Outcome
from arenas.core.spaces import TextSpace

# -- Overcooked's shape: joint moves, one shared reward, paid at every step ------------------------

STAY, LEFT, RIGHT, INTERACT = range(4)


class KitchenState(NamedTuple):
    """Where each cook stands, whether it holds soup, and how many were served."""

    tick: int
    cells: tuple
    held: tuple
    served: int


class Kitchen(Game):
    """Two cooks in a corridor of three cells: soup at the left end, the hatch at the right end."""

    def __init__(self, horizon=6):
        self.horizon = horizon
        self.spec = GameSpec(
            name="Kitchen",
            version="1",
            roles=("cook", "cook"),
            agents=("cook_0", "cook_1"),
            payoff="common",
            information="perfect",
            observation_space=spaces.Box(0, 127, (6,), np.int8),
            action_space=spaces.Discrete(4),
            reward_range=(0.0, 20.0 * horizon),
            max_plies=2 * horizon,
            simultaneous=True,
            step_rewards=True,
        )

    def new(self, rng):
        return KitchenState(0, (0, 2), (False, False), 0)

    def movers(self, state):
        return (0, 1) if state.tick < self.horizon else ()

    def legal(self, state, seat):
        return (STAY, LEFT, RIGHT, INTERACT)

    def apply(self, state, moves):
        cells, held, served = list(state.cells), list(state.held), state.served
        for cook in (0, 1):  # interactions come first, one after the other
            mate = 1 - cook
            if moves[cook] != INTERACT:
                continue
            if not held[cook]:
                held[cook] = cells[cook] == 0
            elif cells[cook] == 2:
                held[cook] = False
                served += 1
            elif not held[mate] and abs(cells[cook] - cells[mate]) == 1:
                held[cook], held[mate] = False, True
        to = [min(2, max(0, cells[c] + {LEFT: -1, RIGHT: 1}.get(moves[c], 0))) for c in (0, 1)]
        if to[0] != to[1] and to != cells[::-1]:  # a collision moves nobody
            cells = to
        return KitchenState(state.tick + 1, tuple(cells), tuple(held), served)

    def returns(self, state):
        return (20.0 * state.served,) * 2

    def outcome(self, state):
        if self.movers(state):
            return None
        return Outcome(self.returns(state), "horizon", {"served": state.served})

    def key(self, state):
        return state

    def view(self, state, seat):
        pairs = (state.cells, state.held)
        own_first = [pair[s] for pair in pairs for s in (seat, 1 - seat)]
        return np.array([*own_first, state.tick, 1], np.int8)

    def brief(self, seat):
        return "Carry soup from the left end to the hatch. Reply [stay], [left], [right] or [use]."

    def tell(self, state, seat):
        return f"Tick {state.tick}: you stand on cell {state.cells[seat]}, served {state.served}."

    def format(self, state, seat, move):
        return ("[stay]", "[left]", "[right]", "[use]")[move]


# -- Negotiation's shape: structured moves, talk beside them, private values -----------------------


class DealState(NamedTuple):
    """`values` of a unit of each good by seat (private); moves so far; the deal if there is one."""

    values: tuple
    moves: tuple
    over: bool


class Deal(Game):
    """Seat 0 owns 3 wood, seat 1 owns 3 gold; they trade once, in at most six moves."""

    stock = ((3, 0), (0, 3))

    def __init__(self):
        self.spec = GameSpec(
            name="Deal",
            version="1",
            roles=("trader", "trader"),
            payoff="general_sum",
            information="imperfect",
            observation_space=spaces.Box(0, 9, (3,), np.int8),
            action_space=TextSpace(2_000, self.reply_examples()),
            reward_range=(-27.0, 27.0),
            max_plies=6,
            has_chance=True,
        )

    def new(self, rng):
        return DealState(tuple(tuple(1 + rng.below(9) for _ in "wg") for _ in (0, 1)), (), False)

    def movers(self, state):
        return () if state.over or len(state.moves) == 6 else (len(state.moves) % 2,)

    def legal(self, state, seat):
        return None

    def check(self, state, seat, move):
        if not isinstance(move, dict) or not isinstance(move.get("say"), str):
            raise IllegalMove('a move is {"kind": ..., "say": "..."}')
        if len(move["say"]) > 200:
            raise IllegalMove(f"say has {len(move['say'])} characters, more than 200")
        offers = [m for m in state.moves[-1:] if m["kind"] == "offer"]
        if move["kind"] == "accept" and offers and set(move) == {"kind", "say"}:
            return
        if move["kind"] != "offer" or set(move) != {"kind", "give", "ask", "say"}:
            raise IllegalMove("offer with give and ask, or accept an offer that stands")
        for part, owner in (("give", seat), ("ask", 1 - seat)):
            good = isinstance(move[part], list) and len(move[part]) == 2
            if not good or any(type(n) is not int for n in move[part]):
                raise IllegalMove(f"{part} is a list of two whole numbers")
            if not all(0 <= n <= own for n, own in zip(move[part], self.stock[owner], strict=True)):
                raise IllegalMove(f"{part}={move[part]}: there is {list(self.stock[owner])}")

    def apply(self, state, moves):
        (move,) = moves.values()
        return state._replace(moves=(*state.moves, move), over=move["kind"] == "accept")

    def outcome(self, state):
        if self.movers(state):
            return None
        if not state.over:
            return Outcome((0.0, 0.0), "no deal", {"values": [list(v) for v in state.values]})
        offer, by = state.moves[-2], len(state.moves) % 2
        gains = [0.0, 0.0]
        for good, (give, ask) in enumerate(zip(offer["give"], offer["ask"], strict=True)):
            gains[by] += (ask - give) * state.values[by][good]
            gains[1 - by] += (give - ask) * state.values[1 - by][good]
        evidence = {"offer": offer, "by": by, "values": [list(v) for v in state.values]}
        return Outcome((gains[0], gains[1]), "deal", evidence)

    def sample(self, state, seat, rng):
        if state.moves and rng.below(3) == 0:
            return {"kind": "accept", "say": ""}
        give, ask = ([rng.below(n + 1) for n in self.stock[s]] for s in (seat, 1 - seat))
        return {"kind": "offer", "give": give, "ask": ask, "say": ""}

    def resample(self, state, seat, rng):
        fresh = self.new(rng).values
        own_kept = tuple(state.values[s] if s == seat else fresh[s] for s in (0, 1))
        return state._replace(values=own_kept)

    def key(self, state):
        return json.dumps(state, sort_keys=True)

    def view(self, state, seat):
        return np.array([*state.values[seat], len(state.moves)], np.int8)

    def brief(self, seat):
        return 'Reply with one JSON object, {"kind": "offer" or "accept", ...}, and say in "say".'

    def tell(self, state, seat):
        wood, gold = state.values[seat]
        lines = [f"To you a wood is worth {wood} and a gold {gold}."]
        for number, move in enumerate(state.moves):
            terms = f" {move['give']} for {move['ask']}" if move["kind"] == "offer" else ""
            said = json.dumps(move["say"])  # quoted, on one line: it cannot look like ours
            lines.append(f"player_{number % 2} {move['kind']}s{terms} and says {said}.")
        return "\n".join(lines)

    def format(self, state, seat, move):
        return json.dumps(move)

    def parse(self, state, seat, text):
        try:
            return json.loads(strip_reasoning(text))
        except (ValueError, RecursionError) as error:
            raise IllegalMove(f"the reply is not one JSON object: {error}") from None

    def grammar(self, state, seat):
        two = r"\[\d, \d\]"
        offer = rf'"kind": "offer", "give": {two}, "ask": {two}'
        return rf'\{{({offer}|"kind": "accept"), "say": "[^"\\\x00-\x1f]{{0,200}}"\}}'

    def reply_examples(self):
        return ('{"kind": "offer", "give": [1, 0], "ask": [0, 1], "say": "one for one"}',)


# -- Who Is the Spy's shape: clues in turn, votes at once, a role nobody may read off --------------

WORDS = ("cat", "dog", "fox")


class SpyState(NamedTuple):
    """All but the spy hold `word`; clues in the order spoken from `opener` on; votes by seat."""

    spy: int
    word: int
    other: int
    opener: int
    clues: tuple
    votes: tuple


class Spy(Game):
    """Four players, one of them with another word; one clue each, then one vote each or none."""

    def __init__(self):
        self.spec = GameSpec(
            name="Spy",
            version="1",
            roles=("player",) * 4,
            payoff="zero_sum",
            information="imperfect",
            observation_space=spaces.Box(0, 4, (3,), np.int8),
            action_space=TextSpace(200, self.reply_examples()),
            reward_range=(-1.0, 1.0),
            max_plies=8,
            has_chance=True,
        )

    def new(self, rng):
        word, other = self._pair(rng)
        return SpyState(rng.below(4), word, other, rng.below(4), (), ())

    def _pair(self, rng):
        words = list(range(len(WORDS)))
        rng.shuffle(words)
        return words[0], words[1]

    def movers(self, state):
        if len(state.clues) < 4:
            return ((state.opener + len(state.clues)) % 4,)
        return () if state.votes else (0, 1, 2, 3)

    def legal(self, state, seat):
        return None

    def check(self, state, seat, move):
        if len(state.clues) < 4:
            if not isinstance(move, dict) or not isinstance(move.get("clue"), str):
                raise IllegalMove('give a clue: {"clue": "..."}')
            if not 1 <= len(move["clue"]) <= 80 or move["clue"] in state.clues:
                raise IllegalMove("a clue has 1 to 80 characters and was not given before")
        elif not isinstance(move, dict) or set(move) != {"vote"}:
            raise IllegalMove('vote: {"vote": 0 to 3, or null}')
        elif move["vote"] is not None and (
            type(move["vote"]) is not int or move["vote"] not in range(4) or move["vote"] == seat
        ):
            raise IllegalMove(f"vote for a seat other than {seat}, or null")

    def apply(self, state, moves):
        if len(state.clues) < 4:
            (move,) = moves.values()
            return state._replace(clues=(*state.clues, move["clue"]))
        return state._replace(votes=tuple(moves[seat]["vote"] for seat in range(4)))

    def outcome(self, state):
        if self.movers(state):
            return None
        cast = [v for seat, v in enumerate(state.votes) if seat != state.spy]  # the spy's is void
        on = [cast.count(seat) for seat in range(4)]
        mean = (sum(on) - on[state.spy]) / 3
        caught = 0.1 * (on[state.spy] - mean)
        rewards = [caught / 3 - 0.1 * (on[seat] - mean) for seat in range(4)]
        rewards[state.spy] = -caught
        evidence = {"spy": state.spy, "votes": list(state.votes)}
        return Outcome(tuple(rewards), "vote", evidence)

    def sample(self, state, seat, rng):
        if len(state.clues) < 4:
            return {"clue": f"hint {rng.below(1_000)} of {len(state.clues)}"}
        return {"vote": rng.choice([None, *(s for s in range(4) if s != seat)])}

    def resample(self, state, seat, rng):
        if seat == state.spy:
            word = rng.choice([w for w in range(len(WORDS)) if w != state.other])
            return state._replace(word=word)
        spy = rng.choice([s for s in range(4) if s != seat])
        other = rng.choice([w for w in range(len(WORDS)) if w != state.word])
        return state._replace(spy=spy, other=other)

    def key(self, state):
        return state

    def word(self, state, seat):
        return state.other if seat == state.spy else state.word

    def view(self, state, seat):
        role = 2 if seat == state.spy else 1
        return np.array([role, self.word(state, seat), len(state.clues)], np.int8)

    def brief(self, seat):
        return "One of four players, the spy, has another word. Give a clue as JSON, later vote."

    def tell(self, state, seat):
        role = "the spy" if seat == state.spy else "no spy"
        lines = [f"You are {role}. Your word: {WORDS[self.word(state, seat)]}."]
        for number, clue in enumerate(state.clues):
            lines.append(f"player_{(state.opener + number) % 4} says {json.dumps(clue)}.")
        if state.votes:
            lines.append(f"The spy was player_{state.spy}.")
        return "\n".join(lines)

    format = Deal.format
    parse = Deal.parse

    def grammar(self, state, seat):
        if len(state.clues) < 4:
            return r'\{"clue": "[^"\\\x00-\x1f]{1,80}"\}'
        others = "|".join(str(s) for s in range(4) if s != seat)
        return rf'\{{"vote": ({others}|null)\}}'

    def reply_examples(self):
        return ('{"clue": "it has fur"}', '{"vote": null}')


# -- Propose, validate, k solves, score: the shape of deep search ----------------------------------


@dataclass(frozen=True)
class TaskState:
    """`done[seat]` is what a seat submitted; `seen[seat]` the results of its tools so far."""

    goal: str
    checks: tuple = ()
    done: tuple = ()
    seen: tuple = ()


class ProposeSolve(Game):
    """Seat 0 proposes, the engine validates, the other seats solve, each for itself."""

    tools: tuple
    turns = 3

    def __init__(self, solvers=2):
        self.solvers = solvers
        self.opened = False
        seats = 1 + solvers
        self.spec = GameSpec(
            name=type(self).__name__,
            version="1",
            roles=("proposer",) + ("solver",) * solvers,
            agents=("proposer_0", *(f"solver_{i}" for i in range(solvers))),
            payoff="general_sum",
            information="imperfect",
            observation_space=spaces.Box(0, 127, (2,), np.int8),
            action_space=TextSpace(2_000, self.reply_examples()),
            reward_range=(-1.0, 1.0),
            max_plies=seats * self.turns,
            has_chance=True,
            independent=True,
            waits=True,
        )

    @property
    def service(self):
        """The pool or index: opened when first needed, one for all matches, closed by `close`."""
        self.opened = True
        return self

    def close(self):
        self.opened = False

    def movers(self, state):
        if state.done[0] is None:
            return (0,)
        if not all(ok for _, ok in state.checks):
            return ()
        return tuple(s for s in range(1, 1 + self.solvers) if state.done[s] is None)

    def legal(self, state, seat):
        return None

    def check(self, state, seat, move):
        if not isinstance(move, dict) or set(move) != {"tool", "text"}:
            raise IllegalMove('a move is {"tool": ..., "text": "..."}')
        if move["tool"] not in (*self.tools, "submit") or not isinstance(move["text"], str):
            raise IllegalMove(f"the tools are {', '.join(self.tools)} and submit")

    def apply(self, state, moves):
        done, seen, checks = list(state.done), list(state.seen), state.checks
        for seat, move in moves.items():
            last = len(seen[seat]) == self.turns - 1
            if move["tool"] == "submit" or last:
                done[seat] = move["text"] if move["tool"] == "submit" else ""
                if seat == 0:
                    checks = self.validate(state, done[0])
            else:
                seen[seat] = (*seen[seat], self.use(state, seat, move))
        return replace(state, done=tuple(done), seen=tuple(seen), checks=checks)

    def start(self, goal):
        seats = 1 + self.solvers
        return TaskState(goal, (), (None,) * seats, ((),) * seats)

    def outcome(self, state):
        if self.movers(state):
            return None
        evidence = {"checks": [list(check) for check in state.checks]}
        if not all(ok for _, ok in state.checks):
            return Outcome((self.invalid,) + (0.0,) * self.solvers, "invalid", evidence)
        solved = [self.solves(state, text) for text in state.done[1:]]
        evidence["solved"] = solved
        rate = sum(solved) / self.solvers
        return Outcome((self.pay(rate), *map(self.wage, solved)), "solved", evidence)

    def sample(self, state, seat, rng):
        return {"tool": "submit", "text": rng.choice(self.texts)}

    def resample(self, state, seat, rng):
        goal = state.goal if seat == 0 else self.new(rng).goal
        done = tuple(
            text if s in (0, seat) or text is None else rng.choice(self.texts)
            for s, text in enumerate(state.done)
        )
        seen = tuple(results if s == seat else () for s, results in enumerate(state.seen))
        return replace(state, goal=goal, done=done, seen=seen)

    def key(self, state):
        return state

    def view(self, state, seat):
        return np.array([len(state.seen[seat]), 1 + (state.done[0] is not None)], np.int8)

    def brief(self, seat):
        return f"You are a {self.spec.roles[seat]}. Call tools as JSON; submit ends your part."

    format = Deal.format
    parse = Deal.parse

    def grammar(self, state, seat):
        return rf'\{{"tool": "({"|".join(self.tools)}|submit)", "text": "[^"\\\x00-\x1f]*"\}}'

    def reply_examples(self):
        return tuple(json.dumps({"tool": "submit", "text": text}) for text in self.texts)


class DeepSearch(ProposeSolve):
    """The proposer is given an answer and writes a question that the documents settle."""

    tools = ("search",)
    texts = ("Which river runs through the town where Ada was born?", "Orr", "Tam")
    documents = ("Ada was born in Ashby.", "The river Orr runs through Ashby.", "Tam is a guild.")
    invalid = 0.0

    def new(self, rng):
        return self.start(rng.choice(("Orr", "Tam")))

    def use(self, state, seat, move):
        words = set(move["text"].lower().split())
        scores = [len(words & set(d.lower().strip(".").split())) for d in self.service.documents]
        return self.documents[scores.index(max(scores))]

    def validate(self, state, question):
        hidden = state.goal.lower() not in question.lower()
        grounded = any(state.goal in document for document in state.seen[0])
        return (("ten words", len(question.split()) >= 10), ("hidden", hidden), ("seen", grounded))

    def solves(self, state, answer):
        return answer.strip().lower() == state.goal.lower()

    def pay(self, rate):
        return 1.0 - rate

    def wage(self, solved):
        return float(solved)

    def tell(self, state, seat):
        task = f"Question: {state.done[0]}" if seat else f"Ask for: {state.goal}"
        return "\n".join([task, *state.seen[seat]])


SKETCHES = (Kitchen, Deal, Spy, DeepSearch)
