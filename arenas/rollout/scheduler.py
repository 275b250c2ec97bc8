"""Many matches under way at once: whatever turns are pending for a policy are answered together."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence, Sized
from dataclasses import dataclass, field
from itertools import islice
from queue import SimpleQueue
from typing import NoReturn, TypeVar

from arenas.core.match import Match
from arenas.core.policy import Policy, Reply, Stream, Turn, answer

T = TypeVar("T")

AHEAD = 16
"""Finished matches wait for one with a lower number; this many times as many as run at once."""


@dataclass(frozen=True, slots=True)
class Decision:
    """One submission as it was asked for and answered; the match's log says what became of it.

    Attributes:
        seat: who was asked.
        reply: the answer.
        legal: the legal moves in words; None where they are too many to list.
        before: the seat's total reward when it was asked.
    """

    seat: int
    reply: Reply
    legal: tuple[str, ...] | None
    before: float


@dataclass(slots=True)
class Running:
    """A match under way, or finished.

    Attributes:
        number: its place in the rollout.
        group: matches of one group play the same deal.
        game_id: full id of its game.
        match: the match.
        sitting: which player of the group has each seat.
        policies: who plays, by seat.
        keep: whether decisions are kept.
        repeat: which playing of the deal this is; players draw anew in each.
        decisions: one for each entry of the match's log, if they are kept.
    """

    number: int
    group: int
    game_id: str
    match: Match
    sitting: tuple[int, ...]
    policies: tuple[Policy, ...]
    keep: bool = False
    repeat: int = 0
    decisions: list[Decision] = field(default_factory=list)
    _asked: list[Turn] = field(default_factory=list)
    _replies: dict[int, Reply] = field(default_factory=dict)

    def ask(self) -> list[Turn]:
        """The turns that are pending now, in the order of seats."""
        match, number = self.match, self.number
        self._asked = [Turn.of(match, seat, number) for seat in match.awaited]
        if self.repeat:
            for turn in self._asked:
                turn.rng = turn.rng.fork(self.repeat)
        return self._asked

    def answered(self, turn: Turn, reply: Reply) -> bool:
        """Takes a reply; whether it was the last one awaited, so that `go_on` is due.

        Replies of seats that move at once wait for each other here, so that a match does not
        depend on who answers first.
        """
        self._replies[turn.seat] = reply
        return len(self._replies) == len(self._asked)

    def go_on(self) -> None:
        """Hands the match the replies that were awaited."""
        replies, self._replies = self._replies, {}
        for asked in self._asked:
            # A forfeit can end a match while other seats of it were asked.
            if asked.seat in self.match.awaited:
                self._hand_over(asked, replies[asked.seat])

    def _hand_over(self, turn: Turn, reply: Reply) -> None:
        match, seat = self.match, turn.seat
        if self.keep:
            legal = turn.replies
            words = None if legal is None else tuple(legal)
            self.decisions.append(Decision(seat, reply, words, match.totals[seat]))
        answer(match, seat, reply)


def run(waiting: Iterator[Running], concurrency: int) -> Iterator[Running]:
    """Plays matches, at most `concurrency` at once, and yields them in order of their numbers.

    When a policy or the person at the keyboard (Ctrl-C) ends it early, the finished matches behind
    one that was still under way are yielded first, then the error goes on.

    Args:
        waiting: matches numbered 0, 1, ...; each is taken when there is room for it.
        concurrency: at least 1.
    """
    finished: dict[int, Running] = {}
    try:
        due = 0
        for each in as_finished(waiting, concurrency, finished):
            finished[each.number] = each
            while due in finished:
                yield finished.pop(due)
                due += 1
    except (Exception, KeyboardInterrupt):
        for number in sorted(finished):
            yield finished.pop(number)
        raise


def as_finished(
    waiting: Iterator[Running], concurrency: int, held: Sized = ()
) -> Iterator[Running]:
    """Plays matches, at most `concurrency` at once, and yields each as soon as it is finished.

    Args:
        waiting: matches; an iterator that had no more may have some later, and is asked again.
        concurrency: at least 1.
        held: none is begun while this holds too many.
    """
    streams: dict[int, Stream | _Thread] = {}
    threads = _Threads()
    running: dict[int, Running] = {}
    to_ask: list[Running] = []
    while True:
        room = concurrency - len(running) if len(held) <= AHEAD * concurrency else 0
        for each in islice(waiting, room):
            running[each.number] = each
            to_ask.append(each)
        if not running:
            return
        pending: dict[int, tuple[Policy, list[Turn]]] = {}
        for each in to_ask:
            for turn in each.ask():
                policy = each.policies[turn.seat]
                key = id(policy)
                if key not in pending:
                    pending[key] = (policy, [])
                pending[key][1].append(turn)
        for key, (policy, turns) in pending.items():
            if key not in streams:
                streams[key] = threads.stream(policy) if policy.waits else policy.stream()
            streams[key].put(turns)
        to_ask = []
        for each in _stepped(list(streams.values()), threads, running):
            if each.match.outcome is None:
                to_ask.append(each)
            else:
                del running[each.number]
                yield each
        # A pool may bring ever new policies; what has no turns is not kept.
        streams = {key: stream for key, stream in streams.items() if len(stream)}


def _stepped(
    streams: list[Stream | _Thread], threads: _Threads, running: Mapping[int, Running]
) -> Iterator[Running]:
    """Matches that have gone on by what was answered next, in line or in a thread.

    What waits for the outside (policies, or games with `spec.waits`) is only collected where it is
    ready, if there is anything else to go on with.
    """
    for stream in streams:
        if isinstance(stream, _Thread):
            stream.begin()
    here = [stream for stream in streams if not isinstance(stream, _Thread)]
    for stream in here:
        for turn, reply in stream.take():
            yield from _take(turn, reply, running, threads)
    for done in threads.ended(wait=not here):
        if isinstance(done, Running):
            yield done
        else:
            for turn, reply in done:
                yield from _take(turn, reply, running, threads)


def _take(
    turn: Turn, reply: Reply, running: Mapping[int, Running], threads: _Threads
) -> Iterator[Running]:
    """The match of an answered turn, if it has gone on by it; one that waits goes to a thread."""
    each = running[turn.match_id]
    if not each.answered(turn, reply):
        return
    if each.match.game.spec.waits:
        threads.run(each.go_on, lambda _: each)
    else:
        each.go_on()
        yield each


_Answers = list[tuple[Turn, Reply]]


class _Threads:
    """What waits for the outside, each in a thread of its own while others go on.

    The threads are daemons: a server or a test run that hangs does not keep the process from
    ending. They are never more than there are matches and policies under way.
    """

    def __init__(self) -> None:
        self._done: SimpleQueue[Callable[[], _Answers | Running]] = SimpleQueue()
        self._busy = 0

    def stream(self, policy: Policy) -> _Thread:
        """Where turns go that are answered in a thread; `ended` has the answers."""
        return _Thread(policy, self)

    def run(self, work: Callable[[], T], then: Callable[[T], _Answers | Running]) -> None:
        """Does `work` in a thread, and `then` with its result in the thread that asks `ended`."""

        def done() -> None:
            try:
                result = work()
            except BaseException as error:
                failure = error  # The name `error` ends with this clause.
                self._done.put(lambda: _raise(failure))
            else:
                self._done.put(lambda: then(result))

        self._busy += 1
        threading.Thread(target=done, daemon=True).start()

    def ended(self, wait: bool) -> Iterator[_Answers | Running]:
        """What has ended by now; with `wait` at least one thing, if anything is under way.

        Raises what a policy or a game raised in its thread.
        """
        while self._busy and (wait or not self._done.empty()):
            finish = self._done.get()
            self._busy -= 1
            wait = False
            yield finish()


def _raise(error: BaseException) -> NoReturn:
    raise error


class _Thread:
    """Calls `act` in a thread of its own, with all that has come in since the last call."""

    def __init__(self, policy: Policy, threads: _Threads) -> None:
        self._policy = policy
        self._threads = threads
        self._turns: list[Turn] = []
        self._asked: list[Turn] = []

    def put(self, turns: Sequence[Turn]) -> None:
        self._turns += turns

    def begin(self) -> None:
        """Starts a call with what is waiting, unless one is under way."""
        if self._turns and not self._asked:
            asked = self._asked = self._turns
            self._turns = []
            self._threads.run(lambda: self._policy.act(asked), self._answered)

    def _answered(self, replies: list[Reply]) -> _Answers:
        asked, self._asked = self._asked, []
        return list(zip(asked, replies, strict=True))

    def __len__(self) -> int:
        return len(self._turns) + len(self._asked)
