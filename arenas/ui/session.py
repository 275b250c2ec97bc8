"""One live match with people and agents; window, page and terminal show it and send replies.

People are never kept waiting: agents answer in threads of their own, every look at the match is a
look at a copy that nobody changes, and where the game has a clock it runs on without the late.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from time import monotonic
from typing import Any

from arenas.core.game import Game, IllegalMove
from arenas.core.language import strip_reasoning
from arenas.core.match import Match
from arenas.core.policy import Policy, Reply, Turn, answer
from arenas.core.record import MatchRecord, unfinished_line, write_records
from arenas.core.rng import SeedSequence
from arenas.registry import find, make_game, make_player, player_names
from arenas.ui.agents import Agents, seated
from arenas.ui.hints import hint
from arenas.ui.snapshot import Logs, Shown, Snapshot

LINES = 400
"""The last lines of a log are shown."""

STALLED = 5
"""A clock that is more ticks behind than this goes on from now rather than hurry."""

_WRITING = threading.Lock()
"""Several sessions may share a file; their lines do not mix."""


class NotYourTurn(RuntimeError):
    """The seat is not to move now; nothing changed."""


class Session:
    """A match that people and agents play together, in real time.

    Every method may be called from any thread. A person's illegal reply is refused with the reason
    and costs nothing; an agent's is dealt with by `illegal`.

    Under a clock a step takes what each person pressed last, or else `Controls.idle`, and goes on
    without agents that are still thinking; what comes late is played at the step in which it comes.

    Args:
        game: id of the game, or the game itself; then `game_id` is its id.
        players: a player for each seat, by name or the policy itself; in people's seats, the
            person's name. One alone sits in every seat that is no person's.
        people: the seats of people.
        seed: of the match; None for a new one.
        options: the game's own, where `game` is an id.
        game_id: see `game`.
        illegal, max_cycles: of the match, as in `arenas.make`.
        tick: seconds a step; None for what the game says (`Controls.tick`), 0 for no clock.
        pace: seconds that an agent takes for a move, at least, so that people can follow.
        record: file that the record is added to. A match that is left before its end is added to
            the file beside it that has `.unfinished` before its suffix.

    Raises:
        UnknownNameError: no such game, option or player; the message lists what exists.
        ValueError: a value is out of range, or there are not as many players as seats.
        OSError: `record` cannot be written.
    """

    def __init__(
        self,
        game: str | Game[Any],
        players: str | Policy | Sequence[str | Policy],
        people: Collection[int] = (0,),
        seed: int | None = None,
        *,
        options: Mapping[str, Any] | None = None,
        game_id: str = "",
        illegal: str = "retry:1",
        max_cycles: int | None = None,
        tick: float | None = None,
        pace: float = 0.0,
        record: str | Path | None = None,
    ) -> None:
        self.game_id = find(game if isinstance(game, str) else game_id).id
        self._owned = isinstance(game, str)
        self.game = make_game(game, **(options or {})) if isinstance(game, str) else game
        self.people = frozenset(people)
        seats = self.game.spec.seats
        if not self.people <= set(range(seats)):
            raise ValueError(f"people={sorted(self.people)}: the seats are 0 to {seats - 1}")
        if isinstance(players, (str, Policy)):
            players = ["human" if seat in self.people else players for seat in range(seats)]
        if len(players) != seats:
            raise ValueError(f"{self.game_id} has {seats} seats; got {len(players)} players")
        self.names = tuple(p if isinstance(p, str) else p.name for p in players)
        others = {seat: p for seat, p in enumerate(players) if seat not in self.people}
        policies, made = seated(self.game_id, self.game, others)
        self.seed = SeedSequence().next() if seed is None else seed
        language = any(policy.speaks for policy in policies.values())
        self._match = Match(self.game, self.seed, illegal, max_cycles, language)
        own_tick = self.game.controls(self._match.state, self._match.awaited[0]).tick
        self.tick = own_tick if tick is None else tick or None
        self._record = None if record is None else Path(record)
        if self._record is not None:
            self._record.open("a", encoding="ascii").close()
        self._lock = threading.Lock()  # whoever changes the match holds it
        self._seen = threading.Condition()  # guards `_shown` and announces the next
        self._closed = threading.Event()
        self._threads: list[threading.Thread] = []
        self._listeners: list[Callable[[], None]] = []
        self._pressed: dict[int, Reply] = {}  # under a clock: what the next step takes
        self._logs = Logs(self.game)
        self._agents = Agents(policies, made, pace, self._answered, self._failed)
        self._shown = Shown(0, self._match.copy(), self._logs.last(LINES))

    # -- the course of a match -----------------------------------------------------------------

    def start(self) -> None:
        """Begins: agents are asked and the clock runs. Calling it again does nothing."""
        with self._lock:
            if self._shown.started or self._closed.is_set():
                return
            self._show(started=True)
            self._agents.ask(self._shown.match)
        if self.tick is not None:
            self._in_thread(self._run_clock, "clock")

    def close(self) -> None:
        """Ends it and keeps a match that is left as unfinished; calling it again does nothing.

        It waits a moment for what is being written, and not for an agent that is still thinking.
        """
        with self._lock:
            first = not self._closed.is_set()
            self._closed.set()
            if first and not self._shown.over:
                self._break_off("the match was left before its end")
        self._agents.stop()
        for thread in [*self._threads, *self._agents.threads]:
            if thread is not threading.current_thread():
                thread.join(timeout=2.0)
        if first and self._owned:
            self.game.close()

    def __enter__(self) -> Session:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # -- what people do ------------------------------------------------------------------------

    def reply(self, seat: int, text: str) -> None:
        """Plays a person's reply; under a clock, at the next step, in place of an earlier one.

        In games that wait for the outside (`spec.waits`) it returns before the move is played, and
        the seat is not awaited until it is.

        Raises:
            NotYourTurn: the seat is not to move; nothing changed.
            IllegalMove: the reply names no legal move; `str()` is the reason. Nothing changed.
        """
        self._check(self._require_turn(seat), seat, text)
        if self.tick is not None:
            with self._lock:
                self._pressed[seat] = Reply(text=text)
        elif self.game.spec.waits:
            with self._lock:
                self._require_turn(seat)
                self._show(busy=self._shown.busy | {seat})
            self._in_thread(lambda: self._play_awaited(seat, text), f"move of seat {seat}")
        else:
            self._play_awaited(seat, text)

    def fill(self, seat: int, form: str, values: Mapping[str, Any]) -> None:
        """Plays a filled form of the seat's controls, as `reply`.

        Args:
            seat: the person's.
            form: its name.
            values: by field; a field that is left out has the value it starts with.

        Raises:
            NotYourTurn: the seat is not to move; nothing changed.
            IllegalMove: also for values that the form does not take. Nothing changed.
        """
        state = self._require_turn(seat).state
        checked = self.game.filled(state, seat, form, values)
        self.reply(seat, self.game.compose(state, seat, form, checked))

    def hint(self, seat: int) -> str:
        """What the game's exact player would do in this seat: one move, or several with odds.

        Raises:
            NotYourTurn: the seat is not to move.
            ValueError: there is no exact player (see `has_hints`).
        """
        match = self._require_turn(seat)
        if self._exact is None:
            raise ValueError(f"{self.game_id} has no exact player with these options")
        return hint(self._exact, Turn.of(match, seat))

    @property
    def has_hints(self) -> bool:
        """Whether `hint` has an exact player to ask."""
        return self._exact is not None

    # -- what people see -----------------------------------------------------------------------

    def snapshot(self, seat: int | None = None) -> Snapshot:
        """The match as `seat` may see it now; None is an onlooker, who sees everything."""
        return self._shown.to(seat, self.names, self.people, self.tick)

    def listen(self, changed: Callable[[], None]) -> None:
        """Has `changed` called after each change, from any thread; it returns at once."""
        with self._seen:
            self._listeners.append(changed)

    def wait(self, version: int, timeout: float | None = None) -> int:
        """Blocks while the match is of this version, for `timeout` seconds at most.

        Returns:
            The version that it is of now.
        """
        with self._seen:
            self._seen.wait_for(lambda: self._shown.version != version, timeout)
            return self._shown.version

    @property
    def started(self) -> bool:
        """Whether the match has begun."""
        return self._shown.started

    @property
    def over(self) -> bool:
        """Whether the match is finished or broken off."""
        return self._shown.over

    def match_record(self) -> MatchRecord:
        """The record of a match that was played to its end, as `arenas verify` accepts it.

        Raises:
            ValueError: it was not.
        """
        return MatchRecord.of(self._shown.match, self.game_id, self.names)

    # -- inside --------------------------------------------------------------------------------

    @cached_property
    def _exact(self) -> Policy | None:
        if "exact" not in player_names(self.game_id):
            return None
        try:
            return make_player(self.game_id, "exact", self.game)
        except (ValueError, ImportError):
            return None

    def _require_turn(self, seat: int) -> Match:
        """The match as it is shown, if it awaits a person in this seat."""
        shown = self._shown
        if seat not in self.people:
            raise NotYourTurn(f"nobody plays in seat {seat} from here")
        if shown.over:
            raise NotYourTurn(shown.failure or "the match is over")
        if not shown.started:
            raise NotYourTurn("the match has not begun")
        if seat in shown.busy:
            raise NotYourTurn("your last move is still being played")
        if seat not in shown.match.awaited:
            raise NotYourTurn("it is not your turn")
        return shown.match

    def _check(self, match: Match, seat: int, text: str) -> None:
        if len(text) > self.game.spec.max_reply_chars:
            raise IllegalMove(f"longer than {self.game.spec.max_reply_chars} characters")
        self.game.check(match.state, seat, self.game.parse(match.state, seat, text))

    def _play_awaited(self, seat: int, text: str) -> None:
        """Plays a person's reply, unless the match went on without it."""
        with self._lock:
            busy = self._shown.busy - {seat}
            if busy == self._shown.busy:
                self._check(self._require_turn(seat), seat, text)
            if not self._shown.over:
                self._play([(seat, Reply(text=text))], busy=busy)

    def _answered(self, seat: int, reply: Reply) -> None:
        with self._lock:
            if self._shown.over:
                return
            if self.tick is not None:
                self._pressed[seat] = reply
            elif seat in self._match.awaited:
                self._play([(seat, reply)])

    def _failed(self, seats: list[int], error: Exception) -> None:
        agents = " and ".join(self.game.spec.agents[seat] for seat in seats)
        with self._lock:
            if not self._shown.over:
                self._break_off(f"{agents} ({self.names[seats[0]]}) failed: {_words(error)}")

    def _play(self, replies: Sequence[tuple[int, Reply]], **changes: Any) -> None:
        """Plays replies and shows what came of them; the lock is held."""
        try:
            for seat, reply in replies:
                self._submit(seat, reply)
            if self.tick is None:
                self._logs.hear(self.game, self._match.state)
        except Exception as error:
            self._break_off(f"the match cannot go on: {_words(error)}")
            return
        self._show(match=self._match.copy(), logs=self._logs.last(LINES), **changes)
        if self._match.over:
            self._in_thread(self._keep_record, "record")
        else:
            self._agents.ask(self._shown.match)

    def _submit(self, seat: int, reply: Reply) -> None:
        match, state = self._match, self._shown.match.state
        answer(match, seat, reply)
        if self.tick is not None:
            return
        entry = match.log[-1]
        if entry.illegal is None:
            said = self.game.format(state, seat, entry.move)
        else:
            said = strip_reasoning(entry.text) if entry.text is not None else str(entry.move)
        # The brackets of a move are for machines; what is said beside it keeps its own.
        alone = said.startswith("[") and said.find("]") == len(said) - 1
        self._logs.did(seat, said[1:-1] if alone else said, entry.illegal)

    def _run_clock(self) -> None:
        assert self.tick is not None
        due = monotonic() + self.tick
        while not self._closed.wait(max(0.0, due - monotonic())):
            with self._lock:
                if self._shown.over:
                    return
                self._step()
            due += self.tick
            if monotonic() - due > STALLED * self.tick:
                due = monotonic()

    def _step(self) -> None:
        """One step of the clock for every awaited seat; the lock is held."""
        match, game = self._match, self.game
        replies = []
        for seat in match.awaited:
            idle = Reply(text=game.controls(match.state, seat).idle)
            replies.append((seat, self._legal(seat, self._pressed.pop(seat, idle)) or idle))
        self._play(replies)

    def _legal(self, seat: int, reply: Reply) -> Reply | None:
        """A reply that comes in time, unless it names no legal move by now."""
        try:
            if reply.text is not None:
                self._check(self._match, seat, reply.text)
            else:
                self.game.check(self._match.state, seat, reply.move)
        except (IllegalMove, TypeError):
            return None
        return reply

    def _break_off(self, why: str) -> None:
        """Ends the match unfinished; the lock is held."""
        self._show(failure=why, busy=frozenset())
        self._agents.stop()
        if self._record is not None:
            path = self._record.with_name(f"{self._record.stem}.unfinished{self._record.suffix}")
            with _WRITING, path.open("a", encoding="ascii") as file:
                file.write(unfinished_line(self._match, self.game_id, self.names, why) + "\n")

    def _keep_record(self) -> None:
        self._agents.stop()
        if self._record is None:
            return
        try:
            with _WRITING, self._record.open("a", encoding="ascii") as file:
                write_records([self.match_record()], file)
        except OSError as error:
            self._show(failure=f"the record is not written: {error}")

    def _show(self, **changes: Any) -> None:
        with self._seen:
            shown = self._shown
            self._shown = replace(shown, version=shown.version + 1, **changes)
            self._seen.notify_all()
            for changed in self._listeners:
                changed()

    def _in_thread(self, work: Callable[[], None], name: str) -> None:
        thread = threading.Thread(target=work, name=name, daemon=True)
        self._threads.append(thread)
        thread.start()


def _words(error: Exception) -> str:
    return str(error) if isinstance(error, ValueError | RuntimeError) else repr(error)
