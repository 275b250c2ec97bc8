"""Fair questions for an answer, found by walking the graph: for scripted proposers and for tests.

A question is fair when its query comes to exactly the answer, every part of it is needed, and no
shorter chain of facts joins a name in it to the answer. Walks start at the answer and go outwards,
so that the last thing reached is the name that the question gives.
"""

from __future__ import annotations

from arenas.core.rng import Rng
from arenas.games.deep_search.queries import (
    Query,
    QueryError,
    connected,
    constants,
    evaluate,
    parts,
)
from arenas.games.deep_search.relations import BY_NAME, RELATIONS
from arenas.games.deep_search.world import Fact, Node, World

SHAPES = ("path", "intersection", "comparison", "mixed")
"""A chain; two clauses about the answer; which of two; a chain that ends in two clauses."""

MAX_TRIES = 60


def find_question(
    world: World, answer: Node, rng: Rng, hops: int, shape: str = "path"
) -> Query | None:
    """A fair query of `hops` facts for an answer; None if none was found in `MAX_TRIES` tries.

    Raises:
        ValueError: there is no such shape, or a shape cannot have so few facts.
    """
    if shape not in SHAPES:
        raise ValueError(f"shape={shape!r}: the shapes are {', '.join(SHAPES)}")
    least = {"path": 1, "intersection": 2, "comparison": 4, "mixed": 3}[shape]
    if hops < least:
        raise ValueError(f"a question of shape {shape} uses at least {least} facts")
    for _ in range(MAX_TRIES):
        query = _draw(world, answer, rng, hops, shape)
        if query is not None and is_fair(query, answer, world):
            return query
    return None


def is_fair(query: Query, answer: Node, world: World) -> bool:
    """Whether a query comes to the answer alone, needs all its parts and has no short cut."""
    try:
        return (
            evaluate(query, world, world) == {answer}
            and unneeded(query, answer, world) is None
            and short_cut(query, answer, world) is None
        )
    except QueryError:
        return False


def unneeded(query: Query, answer: Node, world: World) -> Query | None:
    """A part of an `and` without which the query comes to the same nodes; None if all are needed.

    Raises:
        QueryError: as `evaluate`.
    """
    if query[0] == "and":
        whole = evaluate(query, world, world)
        for left_out in query[1:]:
            rest = [part for part in query[1:] if part is not left_out]
            reduced = rest[0] if len(rest) == 1 else ["and", *rest]
            if evaluate(reduced, world, world) == whole:
                return left_out  # type: ignore[no-any-return]
    for part in parts(query):
        found = unneeded(part, answer, world)
        if found is not None:
            return found
    return None


def short_cut(query: Query, answer: Node, world: World) -> str | None:
    """A name in a query that fewer facts join to the answer than the query uses; else None.

    Values are no places to start from: too much has the same year or trade.
    """
    for name, distance in constants(query):
        things = world.named(name)
        if len(things) == 1 and distance > 1 and connected(world, things[0], answer, distance - 1):
            return name
    return None


def _draw(world: World, answer: Node, rng: Rng, hops: int, shape: str) -> Query | None:
    if shape == "path":
        return _chain(world, answer, rng, hops)
    if shape == "intersection":
        return _several(world, answer, rng, [1] * hops if hops < 4 else [1, hops - 1])
    if shape == "mixed":
        steps = hops - 2
        reached = _walk(world, answer, rng, steps, set())
        if reached is None:
            return None
        path, end = reached
        inner = _several(world, end, rng, [1, 1], answer)
        return None if inner is None else _wrap(path, inner, answer)
    return _comparison(world, answer, rng, hops)


def _edges(world: World, node: Node, rng: Rng) -> list[Fact]:
    """The facts at a node in random order; of values, some of the facts that have them."""
    if isinstance(node, int):
        found = [*world.facts(node), *world.facts_about(node, 6)]
    else:
        found = []
        for relation in RELATIONS:
            if not relation.entity:
                subjects = world.subjects(relation.name, node)
                found += [Fact(s, relation.name, node) for s in subjects[:6]]
    rng.shuffle(found)
    return found


def _walk(
    world: World, start: Node, rng: Rng, steps: int, seen: set[Node]
) -> tuple[list[Fact], Node] | None:
    """A chain of facts from a node outwards through things, no thing twice, and its end."""
    path: list[Fact] = []
    node, seen = start, seen | {start}
    for step in range(steps):
        for fact in _edges(world, node, rng):
            other = fact.object if fact.subject == node else fact.subject
            last = step == steps - 1
            value = isinstance(other, str)
            if other in seen or (value and not (last and steps > 1)):
                continue
            path.append(fact)
            seen.add(other)
            node = other
            break
        else:
            return None
    return path, node


def _wrap(path: list[Fact], query: Query, answer: Node) -> Query:
    """The query whose answer is the beginning of a chain, given one for its end."""
    nodes: list[Node] = [answer]
    for fact in path:
        nodes.append(fact.object if fact.subject == nodes[-1] else fact.subject)
    for fact, node in zip(reversed(path), reversed(nodes[:-1]), strict=True):
        symmetric = BY_NAME[fact.relation].symmetric
        forward = fact.object == node or symmetric
        query = ["of" if forward else "whose", fact.relation, query]
    return query


def _chain(world: World, answer: Node, rng: Rng, hops: int) -> Query | None:
    reached = _walk(world, answer, rng, hops, set())
    if reached is None:
        return None
    path, end = reached
    return _wrap(path, ["is", world.say(end)], answer)


def _several(
    world: World, answer: Node, rng: Rng, lengths: list[int], avoid: Node = ""
) -> Query | None:
    """Clauses about a node, each a chain of the given length, of different relations.

    None of them begins at the node `avoid`.
    """
    if not isinstance(answer, int):
        return None
    clauses: list[Query] = []
    for length in lengths:
        used = {clause[1] for clause in clauses}
        own = [f for f in world.facts(answer) if f.relation not in used and f.object != avoid]
        if length > 1:
            own = [fact for fact in own if isinstance(fact.object, int)]
        if not own:
            return None
        fact = rng.choice(own)
        inner: Query | None = ["is", world.say(fact.object)]
        if length > 1:
            reached = _walk(world, fact.object, rng, length - 1, {answer})
            if reached is None:
                return None
            path, end = reached
            inner = _wrap(path, ["is", world.say(end)], fact.object)
        clauses.append(["whose", fact.relation, inner])
    return ["and", *clauses] if len(clauses) > 1 else None


def _comparison(world: World, answer: Node, rng: Rng, hops: int) -> Query | None:
    """Which of two, each given by a chain; the other is any thing of the same kind."""
    if not isinstance(answer, int):
        return None
    kind = world.kind(answer)
    ordered = [r for r in RELATIONS if r.subject == kind and r.more]
    if not ordered:
        return None
    relation = rng.choice(ordered)
    other = world.first[kind] + rng.below(world.sizes[kind])
    own, its = world.objects(answer, relation.name), world.objects(other, relation.name)
    first = (hops - 2 + 1) // 2
    sides = [_chain(world, answer, rng, first), _chain(world, other, rng, hops - 2 - first)]
    if None in sides or not own or not its:
        return None
    rng.shuffle(sides)
    for operator in ("most", "least"):
        query: Query = [operator, relation.name, *sides]
        if evaluate(query, world, world) == {answer}:
            return query
    return None
