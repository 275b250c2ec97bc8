"""Scripted players of deep search: a proposer that walks the graph, and who solves."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from functools import lru_cache

from arenas.core.policy import Policy, Reply, Turn
from arenas.core.rng import Rng
from arenas.games.deep_search.answers import normalise
from arenas.games.deep_search.checks import fact_of
from arenas.games.deep_search.game import DeepSearch
from arenas.games.deep_search.learned import LinearPlayer
from arenas.games.deep_search.library import world_of
from arenas.games.deep_search.notes import Notes
from arenas.games.deep_search.queries import Query, derivation
from arenas.games.deep_search.questions import SHAPES, find_question
from arenas.games.deep_search.reader import read_article
from arenas.games.deep_search.relations import BY_NAME
from arenas.games.deep_search.solver import Browser, Call, ClosedBook, Reader, hash_of
from arenas.games.deep_search.wording import read_question, write_question
from arenas.games.deep_search.world import Fact, Node, World

FALLBACKS = (("path", 2), ("path", 1), ("path", 3), ("intersection", 2))
"""What is tried where the answer has no question of the wanted kind."""


class Walker(Policy):
    """A proposer that knows the graph: it plans a fair question, then finds its facts by searching.

    Args:
        argument: `HOPS` or `HOPS:SHAPE`, facts that a question uses and its shape (path,
            intersection, comparison, mixed); 2 and path if empty.

    Raises:
        ValueError: the game is not about a generated world, or the argument is none of these.
    """

    name = "walker"

    def __init__(self, game: DeepSearch, argument: str = "") -> None:
        if game.corpus != "world":
            raise ValueError(
                "player 'walker' walks the graph of corpus='world'; there is none here"
            )
        hops, _, shape = (argument or "2").partition(":")
        shape = shape or "path"
        if not hops.isdigit() or not 1 <= int(hops) <= 8 or shape not in SHAPES:
            raise ValueError(
                f"walker:{argument}: HOPS in 1..8, then a shape of {', '.join(SHAPES)}"
            )
        self.hops, self.shape = int(hops), shape
        self.world = world_of(game.documents, game.world_seed)
        self.min_searches = 0 if game.mode == "long-context" else game.min_searches
        self._plan = lru_cache(maxsize=1_024)(self._make_plan)

    def act(self, turns: Sequence[Turn]) -> list[Reply]:
        return [Reply(self._move(turn)) for turn in turns]

    def _make_plan(self, answer: str) -> tuple[Query, list[Fact]] | None:
        """A question for an answer and the facts that it rests on."""
        world = self.world
        node: Node = _node(answer, world)
        for number, (shape, hops) in enumerate([(self.shape, self.hops), *FALLBACKS]):
            rng = Rng(hash_of(f"{answer}/{number}"))
            try:
                query = find_question(world, node, rng, hops, shape)
            except ValueError:
                continue
            if query is not None and len(read_question(_worded(query, answer))) == 1:
                return query, derivation(query, node, world, world)
        return None

    def _move(self, turn: Turn) -> object:
        notes = Notes(turn.told)
        plan = self._plan(notes.task)
        numbered = bool(turn.game.num_actions)
        if plan is None:
            return self._by_number([], [], notes) if numbered else _question("", None)
        query, facts = plan
        calls = list(self._missing(facts, notes)) if notes.left > 1 else []
        if numbered:
            return self._by_number(facts, calls, notes)
        return calls[0] if calls else _question(_worded(query, notes.task), query)

    def _missing(self, facts: list[Fact], notes: Notes) -> Iterator[Call]:
        """Searches and openings that could show facts which were not shown yet."""
        world = self.world
        read = [s for p in notes.pages for s in read_article(p.shown.title, p.shown.text)]
        known = {fact_of(statement, world) for statement in read}
        for fact in facts:
            if fact in known or _mirror(fact) in known:
                continue
            labels = [world.label(fact.subject)]
            if isinstance(fact.object, int):
                labels.append(world.label(fact.object))
            page = notes.page_of(labels[0])
            if page is not None and page.cut and page.id not in notes.opened:
                yield {"tool": "open", "document": page.id}
            for label in labels:
                if label not in notes.searched:
                    yield {"tool": "search", "query": label}
        if len(set(notes.searched)) < self.min_searches:
            titles = [page.shown.title for page in notes.pages]
            for name in [notes.task, *titles]:
                if name not in notes.searched:
                    yield {"tool": "search", "query": name}

    def _by_number(self, facts: list[Fact], calls: list[Call], notes: Notes) -> int:
        """The number of the first call that is listed; then links and the question.

        Only names that were read can be searched for, so what is missing next to the answer comes
        first, and the answer itself before all.
        """
        first = {"tool": "search", "query": notes.task}
        for call in [*([first] if calls else []), *reversed(calls)]:
            value = next(v for k, v in call.items() if k != "tool")
            number = notes.moves.get(f"{call['tool']} {value}")
            if number is not None:
                return number
        return self._link(facts, notes)

    def _link(self, facts: list[Fact], notes: Notes) -> int:
        """The next fact of the chain, from the answer outwards; then the question."""
        world = self.world
        for fact in reversed(facts):
            for words, number in notes.moves.items():
                if not words.startswith("link "):
                    continue
                subject, relation, node = words.removeprefix("link ").split(" / ")
                ends = [world.named(subject), world.named(node) or node]
                own = [
                    [fact.subject],
                    [fact.object] if isinstance(fact.object, int) else fact.object,
                ]
                if relation == fact.relation and (ends == own or ends == own[::-1]):
                    return number
        asks = [number for words, number in notes.moves.items() if words.startswith("ask: ")]
        return asks[0] if asks else min(notes.moves.values())


def _node(answer: str, world: World) -> Node:
    things = world.named(answer)
    return things[0] if things else normalise(answer)


def _mirror(fact: Fact) -> Fact:
    """The same fact from its other end, where the relation holds both ways."""
    if BY_NAME[fact.relation].symmetric and isinstance(fact.object, int):
        return Fact(fact.object, fact.relation, fact.subject)
    return fact


def _question(text: str, query: Query | None) -> Call:
    formal = "" if query is None else json.dumps(query)
    return {"tool": "question", "text": text, "query": formal}


def _worded(query: Query, answer: str) -> str:
    for attempt in range(16):
        text = write_question(query, Rng(hash_of(answer) + attempt))
        if len(read_question(text)) == 1:
            break
    return text


class Scripted(Policy):
    """`walker` in the proposer's seat, `reader` in the solvers'.

    Over the user's own documents, where there is no graph to walk, it proposes nothing valid.
    """

    name = "scripted"

    def __init__(self, game: DeepSearch, argument: str = "") -> None:
        self._walker = Walker(game, argument) if game.corpus == "world" else None
        self._reader = Reader(game)

    def act(self, turns: Sequence[Turn]) -> list[Reply]:
        return [self._seat(turn).act([turn])[0] for turn in turns]

    def _seat(self, turn: Turn) -> Policy:
        if turn.role == "proposer" and self._walker is not None:
            return self._walker
        return self._reader


PLAYERS = {
    "scripted": Scripted,
    "walker": Walker,
    "reader": Reader,
    "closed-book": ClosedBook,
    "browser": Browser,
    "learned": LinearPlayer.read,
}
