"""Formal queries: what a question means, as JSON, and what it comes to on a graph.

A query is a list that begins with its operator:

- `["is", "Mira Dalvane"]`: the thing of that name, or the value of that text;
- `["of", relation, Q]`: what Q is related to: `["of", "birthplace", Q]` is where Q was born;
- `["whose", relation, Q]`: what is related to Q: `["whose", "birthplace", Q]`, all born in Q;
- `["and", Q, Q, ...]`: what fits several `whose` queries at once, 2 to 4 of them;
- `["most", relation, Q, Q]` and `["least", ...]`: that of two with the larger or smaller value.

A query over the whole graph gives a set of nodes; a question is fair if that set is one node.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Protocol

from arenas.games.deep_search.relations import BY_NAME
from arenas.games.deep_search.world import Fact, Node, World

Query = list[Any]
"""See the module's page."""

MAX_DEPTH, MAX_EDGES, MAX_SET = 8, 12, 20_000


class QueryError(ValueError):
    """Not a query, or one that cannot be evaluated; `str()` of it is the reason."""


class Graph(Protocol):
    """What queries are evaluated on."""

    def objects(self, node: Node, relation: str) -> list[Node]:
        """What a node is related to."""

    def subjects(self, relation: str, node: Node) -> list[int]:
        """What is related to a node."""


class FactGraph:
    """The graph of some facts alone: what a reader of some documents knows."""

    def __init__(self, facts: Iterable[Fact]) -> None:
        self._objects: dict[tuple[Node, str], list[Node]] = {}
        self._subjects: dict[tuple[str, Node], list[int]] = {}
        for fact in sorted(set(facts), key=repr):
            subject, relation, node = fact
            self._objects.setdefault((subject, relation), []).append(node)
            self._subjects.setdefault((relation, node), []).append(subject)
            if BY_NAME[relation].symmetric and isinstance(node, int):
                self._objects.setdefault((node, relation), []).append(subject)
                self._subjects.setdefault((relation, subject), []).append(node)

    def objects(self, node: Node, relation: str) -> list[Node]:
        return sorted(set(self._objects.get((node, relation), ())), key=repr)

    def subjects(self, relation: str, node: Node) -> list[int]:
        return sorted(set(self._subjects.get((relation, node), ())))


def check_query(query: Any, depth: int = 0) -> Query:
    """Returns a query as it is, or says what is wrong with its form.

    Raises:
        QueryError: it is no query, deeper than 8, or uses more than 12 facts.
    """
    if depth > MAX_DEPTH:
        raise QueryError(f"a query is at most {MAX_DEPTH} deep")
    if not isinstance(query, list) or not query or not isinstance(query[0], str):
        raise QueryError('a query is a list such as ["of", "author", ["is", "NAME"]]')
    operator, *rest = query
    if operator == "is":
        if len(rest) != 1 or not isinstance(rest[0], str) or not 0 < len(rest[0]) <= 120:
            raise QueryError('["is", NAME] takes one name or value as a string')
        return query
    if operator == "and":
        if not 2 <= len(rest) <= 4:
            raise QueryError('["and", Q, Q] takes 2 to 4 queries')
        for part in rest:
            check_query(part, depth + 1)
            if part[0] != "whose":
                raise QueryError('the parts of "and" are "whose" queries')
        kinds = {BY_NAME[part[1]].subject for part in rest}
        if len(kinds) > 1:
            raise QueryError(f'the parts of "and" ask for {" and for ".join(sorted(kinds))}')
    elif operator in ("of", "whose", "most", "least"):
        if not rest or not isinstance(rest[0], str) or rest[0] not in BY_NAME:
            raise QueryError(f"{rest[:1]} is no relation; they are {', '.join(BY_NAME)}")
        wanted = 1 if operator in ("of", "whose") else 2
        if len(rest) != 1 + wanted:
            raise QueryError(f'"{operator}" takes a relation and {wanted} queries')
        if wanted == 2 and not BY_NAME[rest[0]].more:
            raise QueryError(f"{rest[0]} cannot be compared")
        for part in rest[1:]:
            check_query(part, depth + 1)
    else:
        raise QueryError(f"{operator!r} is none of is, of, whose, and, most, least")
    if depth == 0 and hops(query) > MAX_EDGES:
        raise QueryError(f"a query uses at most {MAX_EDGES} facts")
    return query


def parts(query: Query) -> list[Query]:
    """The queries that a query is made of."""
    return [part for part in query[1:] if isinstance(part, list)]


def hops(query: Query) -> int:
    """The facts that an answer rests on: one for each `of` and `whose`, two for a comparison."""
    own = {"of": 1, "whose": 1, "most": 2, "least": 2}.get(query[0], 0)
    return own + sum(hops(part) for part in parts(query))


def constants(query: Query, depth: int = 0) -> list[tuple[str, int]]:
    """The names and values in a query, each with its distance from the answer in facts."""
    if query[0] == "is":
        return [(query[1], depth)]
    step = depth + (1 if query[0] in ("of", "whose") else 0)
    return [found for part in parts(query) for found in constants(part, step)]


def relations_in(query: Query) -> list[str]:
    """The relations that a query names."""
    own = [query[1]] if query[0] in ("of", "whose", "most", "least") else []
    return own + [name for part in parts(query) for name in relations_in(part)]


def answer_type(query: Query, world: World) -> str:
    """The kind of the answer, or the type of its value.

    Raises:
        QueryError: the query is a bare name.
    """
    if query[0] == "of":
        return BY_NAME[query[1]].object
    if query[0] in ("whose", "most", "least"):
        return BY_NAME[query[1]].subject
    if query[0] == "and":
        return BY_NAME[query[1][1]].subject
    raise QueryError("a bare name is no question")


def resolve(name: str, world: World) -> Node:
    """The thing or the value that a constant means.

    Raises:
        QueryError: several things share the name; give the numeral.
    """
    things = world.named(name)
    if len(things) > 1:
        raise QueryError(f"{len(things)} things are called {name}; the numeral is missing")
    return things[0] if things else name


def evaluate(query: Query, graph: Graph, world: World) -> set[Node]:
    """The nodes that a checked query comes to on a graph; names are looked up in the world.

    Raises:
        QueryError: a name is shared by several things, or a set grows beyond 20,000 nodes.
    """
    operator = query[0]
    if operator == "is":
        return {resolve(query[1], world)}
    if operator == "and":
        return set.intersection(*(evaluate(part, graph, world) for part in query[1:]))
    relation = query[1]
    if operator in ("most", "least"):
        return _compare(query, graph, world)
    found: set[Node] = set()
    for node in evaluate(query[2], graph, world):
        if operator == "of":
            found.update(graph.objects(node, relation))
        else:
            found.update(graph.subjects(relation, node))
        if len(found) > MAX_SET:
            raise QueryError(f"more than {MAX_SET} nodes fit a part of the query")
    return found


def rank(node: Node) -> tuple[int, str]:
    """The order of values of one type: ISO dates and numbers both compare so."""
    text = str(node)
    return (int(text), "") if text.isascii() and text.isdigit() else (0, text.zfill(10))


def _compare(query: Query, graph: Graph, world: World) -> set[Node]:
    operator, relation, *sides = query
    nodes = [evaluate(side, graph, world) for side in sides]
    if any(len(side) != 1 for side in nodes) or nodes[0] == nodes[1]:
        return set()
    values = []
    for side in nodes:
        (node,) = side
        found = graph.objects(node, relation)
        if len(found) != 1:
            return set()
        values.append((rank(found[0]), node))
    if values[0][0] == values[1][0]:
        return set()
    values.sort(key=lambda pair: pair[0])
    return {values[-1 if operator == "most" else 0][1]}


def derivation(query: Query, answer: Node, graph: Graph, world: World) -> list[Fact]:
    """The facts by which a query comes to an answer, from the names on.

    Raises:
        QueryError: as `evaluate`.
    """
    operator = query[0]
    if operator == "is":
        return []
    if operator == "and":
        return [fact for part in query[1:] for fact in derivation(part, answer, graph, world)]
    relation = query[1]
    if operator in ("most", "least"):
        facts: list[Fact] = []
        for side in query[2:]:
            for node in sorted(evaluate(side, graph, world), key=repr)[:1]:
                facts += derivation(side, node, graph, world)
                for value in graph.objects(node, relation):
                    if isinstance(node, int):
                        facts.append(Fact(node, relation, value))
        return facts
    for node in sorted(evaluate(query[2], graph, world), key=repr):
        if operator == "of" and answer in graph.objects(node, relation) and isinstance(node, int):
            return [*derivation(query[2], node, graph, world), Fact(node, relation, answer)]
        if operator == "whose" and answer in graph.subjects(relation, node):
            assert isinstance(answer, int)
            return [*derivation(query[2], node, graph, world), Fact(answer, relation, node)]
    return []


def connected(world: World, start: int, goal: Node, within: int) -> bool:
    """Whether a chain of at most `within` facts leads from a thing to a thing or value."""
    if within < 1:
        return False
    if isinstance(goal, str):
        having = {s for r in BY_NAME.values() if not r.entity for s in world.subjects(r.name, goal)}
        return start in having or _meets(world, start, having, within - 1)
    # One step from the goal is as good as one more from the start, where chains fan out.
    return _meets(world, start, set(world.neighbours(goal)), within - 1)


def _meets(world: World, start: int, goals: set[int], steps: int) -> bool:
    """Whether at most so many facts lead from a thing to one of some things."""
    reached, frontier = {start}, {start}
    if start in goals:
        return True
    for _ in range(steps):
        frontier = {other for thing in frontier for other in world.neighbours(thing)} - reached
        if not frontier.isdisjoint(goals):
            return True
        reached |= frontier
    return False


def key_of(query: Query) -> str:
    """A query without the order of the parts that have none, for comparison."""
    if query[0] == "is":
        return repr(query)
    inner: Sequence[str] = [key_of(part) for part in parts(query)]
    if query[0] in ("and", "most", "least"):
        inner = sorted(inner)
    names = [item for item in query if isinstance(item, str)]
    return f"({' '.join([*names, *inner])})"
