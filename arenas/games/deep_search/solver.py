"""A scripted solver: reads the question as a query, searches for what is missing, answers.

It knows the wordings of questions and articles and nothing of the graph. At each turn it works out
from its text view alone which facts it has, which step of the query lacks one, and which call could
bring it: a search for a name, for a name with the words of a relation, the rest of a page that was
cut. Where a step has several candidates it follows up each: it backtracks if one leads nowhere.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from arenas.core.policy import Policy, Reply, Turn
from arenas.games.deep_search.articles import write_value
from arenas.games.deep_search.game import DeepSearch
from arenas.games.deep_search.notes import Facts, Notes
from arenas.games.deep_search.queries import Query
from arenas.games.deep_search.relations import BY_NAME
from arenas.games.deep_search.wording import read_question
from arenas.search.index import query_words

CANDIDATES = 4
"""Candidates of a step that are followed up."""

UNKNOWN = "unknown"

Call = dict[str, str]


class Reader(Policy):
    """The solver of this file.

    Args:
        argument: most searches and opened documents before it answers; empty for all that it may.

    Raises:
        ValueError: the argument is no number.
    """

    name = "reader"

    def __init__(self, game: DeepSearch, argument: str = "") -> None:
        try:
            self.budget = int(argument) if argument else 1_000
        except ValueError:
            raise ValueError(f"reader:{argument}: the budget is a whole number") from None

    def act(self, turns: Sequence[Turn]) -> list[Reply]:
        return [Reply(self.move(turn)) for turn in turns]

    def move(self, turn: Turn) -> object:
        """The next move of a turn."""
        notes = Notes(turn.told)
        facts = Facts(notes.pages)
        readings = read_question(notes.task)
        if not readings:
            return as_move(_answer(UNKNOWN), notes, turn)
        query = readings[0]
        found = sorted(facts.answers(query))
        made = len(notes.searched) + len(notes.opened)
        if len(found) != 1 and notes.left > 1 and made < self.budget:
            for call in self.wants(query, facts, notes):
                move = None if _done(call, notes) else as_move(call, notes, turn)
                if move is not None:
                    return move
        return as_move(_answer(found[0] if found else _guess(query, facts)), notes, turn)

    def wants(self, query: Query, facts: Facts, notes: Notes) -> Iterator[Call]:
        """Calls that could bring what a query lacks, the most promising first."""
        yield from wants(query, facts, notes)


def wants(query: Query, facts: Facts, notes: Notes) -> Iterator[Call]:
    """See `Reader.wants`."""
    operator = query[0]
    if operator == "is":
        return
    if operator == "and":
        yield from _wants_all(query, facts, notes)
        return
    relation = query[1]
    if operator in ("most", "least"):
        for side in query[2:]:
            names = sorted(facts.answers(side))
            if not names:
                yield from wants(side, facts, notes)
            for name in names[:1]:
                if not facts.objects(name, relation):
                    yield from _look_up(name, relation, notes)
        return
    names = sorted(facts.answers(query[2]))
    if not names:
        yield from wants(query[2], facts, notes)
    for name in names[:CANDIDATES]:
        if operator == "of" and not facts.objects(name, relation):
            yield from _look_up(name, relation, notes)
        if operator == "whose" and not facts.subjects(relation, name):
            yield from _look_for(name, relation, notes)
    if names:
        # None of those known leads on: there may be more of them.
        yield from wants(query[2], facts, notes)


def _wants_all(query: Query, facts: Facts, notes: Notes) -> Iterator[Call]:
    """Candidates by the clause that says most, then the other clauses of each candidate."""
    clauses = sorted(query[1:], key=_vagueness)
    known = [facts.answers(clause) for clause in clauses]
    for clause, candidates in zip(clauses, known, strict=True):
        if not candidates:
            yield from wants(clause, facts, notes)
        for name in sorted(candidates)[: 2 * CANDIDATES]:
            for other in clauses:
                if other is not clause and not facts.objects(name, other[1]):
                    yield from _look_up(name, other[1], notes)
                    break
        for name in sorted(facts.answers(clause[2]))[:CANDIDATES]:
            yield from _look_for(name, clause[1], notes)


def _vagueness(clause: Query) -> int:
    """How much fits a clause: few things a name or a date, many a year or a trade."""
    kinds = {"number": 0, "date": 1, "year": 3, "category": 4}
    return kinds.get(BY_NAME[clause[1]].object, 2)


def _look_up(name: str, relation: str, notes: Notes) -> Iterator[Call]:
    """Calls that show the article of a thing."""
    yield _search(name)
    page = notes.page_of(name)
    if page is not None and page.cut:
        yield {"tool": "open", "document": page.id}
    yield _search(f"{name} {_lexeme(relation)}")


def _look_for(name: str, relation: str, notes: Notes) -> Iterator[Call]:
    """Calls that show articles in which something is related to a thing or value."""
    about = BY_NAME[relation]
    said = name if about.entity else write_value(about, name)
    yield _search(f"{said} {_lexeme(relation)}")
    if about.entity:
        yield _search(name)
        page = notes.page_of(name)
        if page is not None and page.cut:
            yield {"tool": "open", "document": page.id}
        for mention in notes.pages:
            if mention.cut and name not in mention.shown.text:
                yield {"tool": "open", "document": mention.id}
    yield _search(f"{about.subject} {said}")


def _lexeme(relation: str) -> str:
    """The telling words of a relation."""
    return " ".join(query_words(BY_NAME[relation].whose[0].replace("{}", "")))


def _search(query: str) -> Call:
    return {"tool": "search", "query": query[:300]}


def _answer(text: str) -> Call:
    return {"tool": "answer", "answer": text}


def _guess(query: Query, facts: Facts) -> str:
    """Something that at least one part of the query comes to."""
    for part in query[1:]:
        if isinstance(part, list) and part[0] != "is":
            found = sorted(facts.answers(part)) or [_guess(part, facts)]
            if found[0] != UNKNOWN:
                return found[0]
    return UNKNOWN


def _done(call: Call, notes: Notes) -> bool:
    if call["tool"] == "open":
        return call["document"] in notes.opened
    return call["query"] in notes.searched


def as_move(call: Call, notes: Notes, turn: Turn) -> object:
    """A call as the game takes it: itself, or the number of the listed move that it is.

    Where moves are listed, a search for a name and more is one for the name, an answer that is not
    listed is another, and None stands for any other call that is not.
    """
    if not turn.game.num_actions:
        return call
    tool, value = call["tool"], next(v for k, v in call.items() if k != "tool")
    number = notes.moves.get(f"{tool} {value}")
    if number is None and tool == "search":
        names = [said for said in notes.moves if said.startswith("search ")]
        near = [said for said in names if said.removeprefix("search ") in value]
        return notes.moves[max(near, key=len)] if near else None
    if number is None and tool == "answer":
        return next(n for said, n in notes.moves.items() if said.startswith("answer "))
    return number


class ClosedBook(Policy):
    """Answers at once, without a document: a name from the question, or a value by rote."""

    name = "closed-book"

    def __init__(self, game: DeepSearch, argument: str = "") -> None:
        if argument:
            raise ValueError(f"player 'closed-book' takes no argument, got {argument!r}")

    def act(self, turns: Sequence[Turn]) -> list[Reply]:
        return [Reply(self._move(turn)) for turn in turns]

    def _move(self, turn: Turn) -> object:
        notes = Notes(turn.told)
        readings = read_question(notes.task)
        names = _named(readings[0]) if readings else []
        guess = turn.rng.choice([*names, "1700", "1 January 1700"])
        return as_move(_answer(guess), notes, turn)


def _named(query: Query) -> list[str]:
    if query[0] == "is":
        return [query[1]]
    return [name for part in query[1:] if isinstance(part, list) for name in _named(part)]


class Browser(Reader):
    """Reads and answers as `reader` does, but opens documents at random instead of searching."""

    name = "browser"

    def wants(self, query: Query, facts: Facts, notes: Notes) -> Iterator[Call]:
        number = hash_of(f"{notes.task}{notes.left}") % self.size
        yield {"tool": "open", "document": f"doc-{number}"}

    def __init__(self, game: DeepSearch, argument: str = "") -> None:
        super().__init__(game, argument)
        self.size = game.documents


def hash_of(text: str) -> int:
    """A number from a text, the same in every process."""
    value = 0xCBF29CE484222325
    for byte in text.encode():
        value = ((value ^ byte) * 0x100000001B3) & 0x7FFFFFFFFFFFFFFF
    return value
