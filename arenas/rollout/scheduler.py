"""Many matches under way at once: whatever turns are pending for a policy are answered together."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence, Sized
from dataclasses import dataclass, field
from itertools import islice
from queue import SimpleQueue

from arenas.core.match import Match
from arenas.core.policy import Policy, Reply, Stream, Turn, answer

_AHEAD = 16
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
        """Takes a reply; whether it was the last one awaited, so that the match has gone on.

        Replies of seats that move at once wait for each other here, so that a match does not
        depend on who answers first.
        """
        if len(self._asked) == 1:
            self._hand_over(turn, reply)
            return True
        self._replies[turn.seat] = reply
        if len(self._replies) < len(self._asked):
            return False
        for asked in self._asked:
            # A forfeit can end a match while other seats of it were asked.
            if asked.seat in self.match.awaited:
                self._hand_over(asked, self._replies[asked.seat])
        self._replies = {}
        return True

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
        for each in _play(waiting, concurrency, finished):
            finished[each.number] = each
            while due in finished:
                yield finished.pop(due)
                due += 1
    except (Exception, KeyboardInterrupt):
        for number in sorted(finished):
            yield finished.pop(number)
        raise


def _play(waiting: Iterator[Running], concurrency: int, held: Sized) -> Iterator[Running]:
    """Finished matches in any order; none is begun while too many finished ones are `held`."""
    streams: dict[int, Stream | _Thread] = {}
    threads = _Threads()
    running: dict[int, Running] = {}
    to_ask: list[Running] = []
    while True:
        room = concurrency - len(running) if len(held) <= _AHEAD * concurrency else 0
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
        for turn, reply in _answers(list(streams.values()), threads):
            each = running[turn.match_id]
            if not each.answered(turn, reply):
                continue
            if each.match.outcome is None:
                to_ask.append(each)
            else:
                del running[turn.match_id]
                yield each
        # A pool may bring ever new policies; what has no turns is not kept.
        streams = {key: stream for key, stream in streams.items() if len(stream)}


def _answers(streams: list[Stream | _Thread], threads: _Threads) -> Iterator[tuple[Turn, Reply]]:
    """What is answered next; of policies in threads, only what is ready if others go on."""
    waiting = [stream for stream in streams if isinstance(stream, _Thread)]
    for thread in waiting:
        thread.begin()
    here = [stream for stream in streams if not isinstance(stream, _Thread)]
    for stream in here:
        yield from stream.take()
    if waiting:
        yield from threads.take(wait=not here)


class _Threads:
    """Policies that wait for the outside, each answering in a thread while others go on."""

    def __init__(self) -> None:
        self.done: SimpleQueue[tuple[_Thread, list[tuple[Turn, Reply]] | BaseException]]
        self.done = SimpleQueue()

    def stream(self, policy: Policy) -> _Thread:
        """Where turns go that are answered in a thread; `take` has the answers."""
        return _Thread(policy, self)

    def take(self, wait: bool) -> Iterator[tuple[Turn, Reply]]:
        """What is answered by now; with `wait` at least the answers of one call."""
        while wait or not self.done.empty():
            thread, result = self.done.get()
            wait = False
            yield from thread.ended(result)


class _Thread:
    """Calls `act` in a thread of its own, with all that has come in since the last call.

    The threads are daemons: a server that hangs does not keep the process from ending.
    """

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
            self._asked, self._turns = self._turns, []
            threading.Thread(target=self._act, args=(self._asked,), daemon=True).start()

    def ended(self, result: list[tuple[Turn, Reply]] | BaseException) -> list[tuple[Turn, Reply]]:
        """Takes what a call ended with: the answers, or the error that it raised."""
        self._asked = []
        if isinstance(result, BaseException):
            raise result
        return result

    def __len__(self) -> int:
        return len(self._turns) + len(self._asked)

    def _act(self, turns: list[Turn]) -> None:
        try:
            result = list(zip(turns, self._policy.act(turns), strict=True))
        except BaseException as error:
            self._threads.done.put((self, error))
        else:
            self._threads.done.put((self, result))
