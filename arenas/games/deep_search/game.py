"""Deep search as a Game: options, moves, checks and grades around the documents."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
from gymnasium import spaces

from arenas.core.controls import Controls
from arenas.core.game import Move
from arenas.core.outcome import Outcome
from arenas.core.rng import Rng
from arenas.core.spaces import TextSpace
from arenas.games.deep_search import controls as at_hand
from arenas.games.deep_search import text as words_of
from arenas.games.deep_search.answers import normalise, same
from arenas.games.deep_search.checks import (
    CHECKS,
    Proposal,
    Rules,
    Shown,
    as_json,
    names_of,
    validate,
)
from arenas.games.deep_search.goals import draw_goal
from arenas.games.deep_search.library import (
    WORLD,
    Library,
    Source,
    fingerprint_of,
    open_library,
    world_of,
)
from arenas.games.deep_search.numbered import asked, knows, last_found, legal_numbers
from arenas.games.deep_search.numbered import call as call_of
from arenas.games.deep_search.options import (
    FORM,
    MODES,
    MOVES,
    PRESETS,
    WORDINGS,
    Preset,
    in_range,
    one_of,
    one_word,
    strings,
)
from arenas.games.deep_search.protocol import ANSWER, OPEN, QUESTION, SEARCH, Protocol
from arenas.games.deep_search.queries import hops
from arenas.games.deep_search.reader import Statement
from arenas.games.deep_search.state import Goal, Opened, Question, Searched, Task
from arenas.games.deep_search.structured import SLOTS, Knowledge, Layout, make_view
from arenas.games.deep_search.world import MAX_DOCUMENTS, MIN_DOCUMENTS, Node, World
from arenas.kernels.propose_solve import (
    PROPOSER,
    Check,
    Grade,
    Noted,
    ProposeSolve,
    Submitted,
    TaskState,
)
from arenas.search.index import ENGINES, default_engine


class DeepSearch(ProposeSolve):
    """A proposer, given an answer, writes a question that needs searching; solvers search for it.

    Args:
        corpus: "world", a generated encyclopedia whose graph decides what is true; or the name of
            a corpus of the user's own documents (`arenas corpus add`).
        documents: size of the generated world, 200 to 2,000,000.
        world_seed: which generated world.
        engine: "tantivy", "sqlite", "dense", "hybrid", or the URL of a retriever; None for
            "tantivy" where it is installed, else "sqlite". Rankings differ, so it is recorded.
        fingerprint: of the documents; None for those that there are. A record holds it.
        mode: "search", or "long-context": no search, the same documents in every prompt.
        context: documents in a prompt in long-context mode, 2 to 64.
        solved: questions solved before on these documents; so many more are in the prompt.
        recent: questions asked before, which are refused.
        solvers: attempts at a question, 1 to 64.
        reward: "ssp" (1 - s, invalid 0), "spell" (a normal curve about 1/2; -1 for a malformed
            and -0.5 for an ungrounded question), or a shape of `kernels.proposer_pay`.
        invalid: what a malformed question earns the proposer, 0 or less; None for the preset's.
        ungrounded: what a well-formed question earns that fails a later check, from `invalid` to
            0; None for the preset's, or for `invalid` where that is given.
        turns: the most calls of the proposer, and of each solver, the last one included.
        results: documents a search shows, 1 to 10.
        result_chars: characters shown of each of them; `open_chars` of an opened one.
        min_words: of a question.
        min_searches: different searches before a question.
        noise: documents added when a question is checked for being grounded.
        wording: "derive" (a reader must read the formal query out of the words) or "mention".
        skip: checks that are left out, for ablations; see `checks.CHECKS`.
        moves: "tools" (tool calls in words) or "numbered" (choose names, documents and facts by
            number; for networks, on the generated world).
        given: questions in place of the proposer's: objects with `answer`, `question`, and by
            choice `query` and `documents`.

    Action: a tool call (see `protocol`), or `Discrete(n)` (see `structured.Layout`).
    View: int32 vector; see `structured.Layout`.
    Rewards: solvers 1 for the right answer, else 0; the proposer by `reward`.

    Raises:
        ValueError: an option is out of range.
    """

    def __init__(
        self,
        corpus: str = WORLD,
        documents: int = 1_000,
        world_seed: int = 0,
        engine: str | None = None,
        fingerprint: str | None = None,
        mode: str = "search",
        context: int = 8,
        solved: int = 0,
        recent: Sequence[str] = (),
        solvers: int = 5,
        reward: str = "ssp",
        invalid: float | None = None,
        ungrounded: float | None = None,
        turns: int = 10,
        results: int = 3,
        result_chars: int = 600,
        open_chars: int = 4_000,
        min_words: int = 10,
        min_searches: int = 2,
        noise: int = 4,
        wording: str = "derive",
        skip: Sequence[str] = (),
        moves: str = "tools",
        given: Sequence[Any] | None = None,
    ) -> None:
        self.corpus = one_word(corpus, "corpus")
        self.documents = in_range("documents", documents, MIN_DOCUMENTS, MAX_DOCUMENTS)
        self.world_seed = in_range("world_seed", world_seed, 0, (1 << 63) - 1)
        self.engine = default_engine() if engine is None else one_word(engine, "engine")
        if self.engine not in ENGINES and "://" not in self.engine:
            raise ValueError(f"engine={engine!r}: {', '.join(ENGINES)}, or the URL of a retriever")
        self.mode = one_of("mode", mode, MODES)
        self.context = in_range("context", context, 2, 64)
        self.solved = in_range("solved", solved, 0, 1_000)
        self.recent = strings("recent", recent)
        self.reward = str(reward)
        preset = PRESETS.get(self.reward, Preset(self.reward, 0.0, 0.0))
        malformed = preset.invalid if invalid is None else invalid
        if ungrounded is None:
            ungrounded = preset.ungrounded if invalid is None else invalid
        if not isinstance(ungrounded, (int, float)) or not malformed <= ungrounded <= 0:
            raise ValueError(f"ungrounded={ungrounded!r}: a number from invalid={malformed} to 0")
        self.ungrounded = float(ungrounded)
        self.turns = in_range("turns", turns, 1, 100)
        self.results = in_range("results", results, 1, 10)
        self.result_chars = in_range("result_chars", result_chars, 50, 20_000)
        self.open_chars = in_range("open_chars", open_chars, 50, 100_000)
        self.min_words = in_range("min_words", min_words, 1, 100)
        self.min_searches = in_range("min_searches", min_searches, 0, 50)
        self.noise = in_range("noise", noise, 0, 50)
        self.wording = one_of("wording", wording, WORDINGS)
        self.skip = strings("skip", skip)
        for name in self.skip:
            one_of("skip", name, CHECKS)
        self.moves = one_of("moves", moves, MOVES)
        if self.moves == "numbered" and self.corpus != WORLD:
            raise ValueError('moves="numbered" needs the facts of corpus="world"')
        self._source = Source(self.corpus, self.documents, self.world_seed)
        try:
            found = fingerprint_of(self._source)
        except FileNotFoundError as error:
            raise ValueError(f"corpus={corpus!r}: {error}") from None
        if fingerprint not in (None, found):
            raise ValueError(f"fingerprint={fingerprint!r}: the documents here are {found}")
        self.fingerprint = found
        self.layout = Layout(self.results)
        looking = () if self.mode == "long-context" else (SEARCH, OPEN)
        self._protocols = (Protocol(*looking, QUESTION), Protocol(*looking, ANSWER))
        self._library: Library | None = None
        high = max(self.turns, self.results, SLOTS * 2, 99)
        numbered = self.moves == "numbered"
        super().__init__(
            name="DeepSearch",
            version="1",
            observation_space=spaces.Box(0, high, (self.layout.length,), np.int32),
            action_space=spaces.Discrete(self.layout.moves)
            if numbered
            else TextSpace(16_384, self.reply_examples()),
            solvers=solvers,
            pay=preset.pay,
            invalid=malformed,
            turns=(self.turns, self.turns),
            given=given,
        )

    # -- documents -----------------------------------------------------------------------------

    @property
    def library(self) -> Library:
        """The documents and their index, opened when first needed.

        Raises:
            IndexCorrupted: what is on disk is not what it was when it was written.
        """
        if self._library is None:
            self._library = open_library(self._source, self.engine)
        return self._library

    @property
    def world(self) -> World | None:
        """The graph of the generated world; None for the user's documents."""
        return world_of(self.documents, self.world_seed) if self.corpus == WORLD else None

    def close(self) -> None:
        self._library = None
        self.__dict__.pop("_knowledge", None)

    def __getstate__(self) -> dict[str, Any]:
        kept = dict(self.__dict__)
        kept["_library"] = None
        kept.pop("_knowledge", None)
        return kept

    def shown(self, number: int, chars: int) -> Shown:
        """The title and the beginning of a document."""
        document = self.library.document(number)
        return Shown(document.title, document.text[:chars])

    def shown_to(self, state: TaskState, seat: int) -> list[tuple[int, int]]:
        """Number and characters of each document that a seat was shown, in order."""
        found = [(number, self.open_chars) for number in state.goal.context]
        for note in state.parts[seat].notes:
            if isinstance(note, Searched):
                found += [(number, self.result_chars) for number in note.found]
            elif isinstance(note, Opened) and note.number >= 0:
                found.append((note.number, self.open_chars))
        return found

    def knowledge(
        self, given: tuple[str, ...], documents: tuple[tuple[int, int], ...], notes: Any
    ) -> Knowledge:
        """What someone knows who was given some names, shown some documents, and took notes."""
        return self._knowledge(given, documents, notes)  # type: ignore[no-any-return]

    @cached_property
    def _knowledge(self) -> Any:
        @lru_cache(maxsize=256)
        def make(given: tuple[str, ...], documents: tuple[Any, ...], notes: Any) -> Knowledge:
            return Knowledge(
                given,
                [self.shown(*each) for each in documents] if self.corpus == WORLD else (),
                [note.query for note in notes if isinstance(note, Searched)],
                [note for note in notes if isinstance(note, Statement)],
            )

        return make

    # -- the kernel's questions ----------------------------------------------------------------

    def begin(self, rng: Rng) -> Goal:
        return draw_goal(self, rng)

    def act(self, state: TaskState, seat: int, move: Move) -> Noted | Submitted:
        call = call_of(self, state, seat, move) if self.num_actions else move
        tool = call["tool"]
        if tool == "search":
            found = self.library.search(call["query"], self.results)
            return Noted(Searched(call["query"], tuple(hit.number for hit in found)))
        if tool == "open":
            number = self.library.number(call["document"].strip())
            return Noted(Opened(call["document"], -1 if number is None else number))
        if tool == "link":
            return Noted(knows(self, state, seat).statement(call["fact"]))
        if tool == "question":
            return Submitted(Question(call["text"].strip(), call["query"].strip()))
        return Submitted(call["answer"].strip())

    def validate(self, state: TaskState, proposal: Question) -> tuple[tuple[Check, ...], Any]:
        skip = set(self.skip)
        searches = [n.query for n in state.parts[PROPOSER].notes if isinstance(n, Searched)]
        shown = [self.shown(*each) for each in self.shown_to(state, PROPOSER)]
        if self.mode == "long-context":
            skip.add("searched")
        if proposal.documents is not None:
            skip.add("searched")
            shown = [self.shown(number, self.open_chars) for number in proposal.documents]
            if not shown:
                skip |= {"grounded", "quoted"}
        goal: Goal = state.goal
        verdict = validate(
            Proposal(
                proposal.text,
                proposal.formal,
                goal.answer,
                goal.accepted,
                tuple(searches),
                tuple(shown),
                tuple(self.shown(number, self.result_chars) for number in goal.noise),
            ),
            Rules(
                self.min_words,
                self.min_searches,
                tuple(self.recent),
                self.wording,
                frozenset(skip),
            ),
            self.world,
        )
        if not all(check.passed for check in verdict.checks):
            return verdict.checks, None
        world = self.world
        path = as_json(verdict.path, world) if world is not None else []
        formal = json.dumps(verdict.query) if verdict.query is not None else ""
        edges = tuple((s, r, o) for s, r, o in path)
        return verdict.checks, Task(verdict.question, goal.accepted, formal, edges)

    def grade(self, state: TaskState, seat: int, answer: str) -> Grade:
        return Grade(same(answer, state.task.accepted), normalise(answer[:500]))

    def take(self, given: Any) -> tuple[Goal, Question]:
        if not isinstance(given, dict) or not {"answer", "question"} <= set(given):
            raise ValueError("a given question is an object with `answer` and `question`")
        answer, formal = str(given["answer"]), given.get("query") or ""
        numbers = []
        for name in given.get("documents", ()):
            number = self.library.number(str(name))
            if number is None:
                raise ValueError(f"given: there is no document {name!r}")
            numbers.append(number)
        node: Node = answer
        accepted: tuple[str, ...] = (answer,)
        world = self.world
        if world is not None:
            things = world.named(answer)
            if len(things) > 1:
                raise ValueError(f"given: {len(things)} things are called {answer}")
            if things:
                node, accepted = things[0], names_of(world, things[0])
            else:
                node = normalise(answer)
                accepted = (answer, node)
        formal = formal if isinstance(formal, str) else json.dumps(formal)
        goal = Goal(node, accepted, (), tuple(numbers) if self.mode == "long-context" else ())
        return goal, Question(str(given["question"]), formal, tuple(numbers))

    def outcome(self, state: TaskState) -> Outcome | None:
        outcome = super().outcome(state)
        if outcome is None or state.valid or self.ungrounded == self.invalid:
            return outcome
        assert state.checks is not None
        if state.checks[-1].name in FORM:
            return outcome
        return replace(outcome, rewards=(self.ungrounded, *outcome.rewards[1:]))

    def evidence(self, state: TaskState) -> dict[str, Any]:
        goal: Goal = state.goal
        world = self.world
        found: dict[str, Any] = {
            "fingerprint": self.fingerprint,
            "answer": goal.answer if world is None else world.say(goal.answer),
            "accepted": list(goal.accepted),
            "searches": [
                [note.query for note in part.notes if isinstance(note, Searched)]
                for part in state.parts
            ],
            "documents": self._hashes(state),
        }
        task = state.task
        if task is not None:
            found["question"] = task.question
            if task.formal:
                query = json.loads(task.formal)
                found["query"] = query
                found["hops"] = hops(query)
                found["derivation"] = [list(edge) for edge in task.path]
            found["answers"] = [part.answer for part in state.parts[1:]]
        else:
            asked = state.parts[PROPOSER].answer
            found["question"] = asked.text if isinstance(asked, Question) else None
        return found

    def _hashes(self, state: TaskState) -> dict[str, str]:
        """Id and hash of the contents of every document that a seat was shown."""
        asked = state.parts[PROPOSER].answer
        numbers = {n for seat in range(self.spec.seats) for n, _ in self.shown_to(state, seat)}
        if isinstance(asked, Question) and asked.documents:
            numbers |= set(asked.documents)
        documents = [self.library.document(number) for number in sorted(numbers)]
        return {document.id: document.hash for document in documents}

    def resample_task(self, state: TaskState, seat: int, rng: Rng) -> TaskState:
        """Another answer and another proposer's search, for the same question."""
        task: Task | None = state.task
        if state.proposing:
            goal = self.begin(rng)._replace(context=state.goal.context)
            return replace(state, goal=goal)
        if task is None:
            return state
        goal = state.goal._replace(answer="", accepted=(), noise=())
        hidden = replace(state.parts[PROPOSER], notes=())
        return replace(
            state,
            goal=goal,
            parts=(hidden, *state.parts[1:]),
            task=task._replace(accepted=(), formal="", path=()),
        )

    # -- moves ---------------------------------------------------------------------------------

    def protocol(self, seat: int) -> Protocol:
        """The calls of a seat."""
        return self._protocols[seat != PROPOSER]

    def legal(self, state: TaskState, seat: int) -> Sequence[Move] | None:
        return legal_numbers(self, state, seat) if self.num_actions else None

    def check(self, state: TaskState, seat: int, move: Move) -> None:
        if self.num_actions:
            super().check(state, seat, move)
        else:
            self.protocol(seat).check(move)

    def parse(self, state: TaskState, seat: int, text: str) -> Move:
        if self.num_actions:
            return super().parse(state, seat, text)
        return self.protocol(seat).read(text, self.spec.max_reply_chars)

    def format(self, state: TaskState, seat: int, move: Move) -> str:
        return f"[move {move}]" if self.num_actions else self.protocol(seat).format(move)

    def grammar(self, state: TaskState, seat: int) -> str:
        return super().grammar(state, seat) if self.num_actions else self.protocol(seat).grammar()

    def sample(self, state: TaskState, seat: int, rng: Rng) -> Move:
        if self.num_actions:
            return super().sample(state, seat, rng)
        return words_of.random_call(self, state, seat, rng)

    def reply_examples(self) -> tuple[str, ...]:
        if self.moves == "numbered":
            return ("[move 0]", "[move 1]")
        both = (*self._protocols[0].examples(), *self._protocols[1].examples())
        return tuple(dict.fromkeys(both))

    # -- views ---------------------------------------------------------------------------------

    def view(self, state: TaskState, seat: int) -> np.ndarray:
        """Role (1 proposer, 2 solver), moves left, links, slot + 1 of the chain's end, ...; then
        the parts of `structured.Layout`.
        """
        waits = seat != PROPOSER and state.task is None
        head = [1 + (seat != PROPOSER), self.turns_left(state, seat), 0, 0, int(waits)]
        if waits:
            return make_view(self.layout, head, Knowledge((), ()), (), None)
        knowledge = knows(self, state, seat)
        if seat == PROPOSER:
            end = knowledge.slot(knowledge.chain()[2])
            head[2], head[3] = len(knowledge.links), 0 if end is None else end + 1
        titles = [self.library.document(n).title for n in last_found(state, seat)]
        return make_view(self.layout, head, knowledge, titles, asked(self, state) if seat else None)

    def info_state(self, state: TaskState, seat: int) -> str:
        return f"{seat}:{self.tell(state, seat)}"

    def brief(self, seat: int) -> str:
        return words_of.brief(self, seat)

    def tell(self, state: TaskState, seat: int) -> str:
        return words_of.tell(self, state, seat)

    def tell_new(self, state: TaskState, seat: int) -> str:
        return words_of.tell_new(self, state, seat)

    def draw(self, state: TaskState, seat: int | None = None) -> np.ndarray:
        from arenas.games.deep_search.draw import draw_search

        return draw_search(self, state, seat)

    def controls(self, state: TaskState, seat: int) -> Controls:
        return at_hand.controls(self, state, seat)

    def compose(self, state: TaskState, seat: int, form: str, values: Mapping[str, Any]) -> str:
        return at_hand.compose(self, state, seat, form, self.filled(state, seat, form, values))
