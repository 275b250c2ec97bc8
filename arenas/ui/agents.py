"""The agents of a live match: each player thinks in a thread of its own."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from time import monotonic
from typing import Any

from arenas.core.game import Game
from arenas.core.match import Match
from arenas.core.policy import Policy, Reply, Turn
from arenas.registry import make_player


def seated(
    game_id: str, game: Game[Any], players: Mapping[int, str | Policy]
) -> tuple[dict[int, Policy], set[Policy]]:
    """The policy in each seat, one for seats of the same name; and those that were made here.

    Raises:
        UnknownNameError: no such player; the message lists what exists.
        ValueError: a player does not take this game or its argument.
    """
    names = {player for player in players.values() if isinstance(player, str)}
    made = {name: make_player(game_id, name, game) for name in names}
    policies = {s: made[p] if isinstance(p, str) else p for s, p in players.items()}
    return policies, set(made.values())


class Agents:
    """Asks players for the moves of their seats and hands their answers on, from their threads.

    A player that sits in several seats answers the turns that are there in one call.

    Args:
        seats: who sits where, people left out.
        owned: those to close in the end.
        pace: seconds between a question and the handing on of its answer, at least.
        answered: called with the seat and the reply.
        failed: called with the seats of a player that raised, and the error; it is not asked again.
    """

    def __init__(
        self,
        seats: Mapping[int, Policy],
        owned: set[Policy],
        pace: float,
        answered: Callable[[int, Reply], None],
        failed: Callable[[list[int], Exception], None],
    ) -> None:
        self.threads: list[threading.Thread] = []
        self._seats = dict(seats)
        self._owned = set(owned)
        self._pace = pace
        self._answered = answered
        self._failed = failed
        self._asked: set[int] = set()
        self._waiting: dict[Policy, list[Turn]] = {}
        self._news = threading.Condition()
        self._stop = threading.Event()

    def ask(self, match: Match) -> None:
        """Asks for the awaited seats of a match that nobody changes, unless they still think."""
        with self._news:
            if self._stop.is_set():
                return
            for seat in match.awaited:
                if seat in self._asked or seat not in self._seats:
                    continue
                policy = self._seats[seat]
                self._asked.add(seat)
                if policy not in self._waiting:
                    self._waiting[policy] = []
                    name = f"player {policy.name}"
                    thread = threading.Thread(
                        target=self._work, args=(policy,), name=name, daemon=True
                    )
                    self.threads.append(thread)
                    thread.start()
                self._waiting[policy].append(Turn.of(match, seat))
            self._news.notify_all()

    def stop(self) -> None:
        """No more questions; what is being thought out is thrown away, and players are closed."""
        with self._news:
            first = not self._stop.is_set()
            self._stop.set()
            self._news.notify_all()
        if first:
            for policy in self._owned - set(self._waiting):
                policy.close()

    def _work(self, policy: Policy) -> None:
        try:
            while turns := self._next(policy):
                due = monotonic() + self._pace
                seats = [turn.seat for turn in turns]
                try:
                    replies = policy.act(turns)
                    if len(replies) != len(turns):
                        raise ValueError(f"{len(replies)} replies to {len(turns)} turns")
                except Exception as error:
                    self._failed(seats, error)
                    return
                self._stop.wait(max(0.0, due - monotonic()))
                with self._news:
                    self._asked.difference_update(seats)
                for seat, reply in zip(seats, replies, strict=True):
                    self._answered(seat, reply)
        finally:
            if policy in self._owned:
                policy.close()

    def _next(self, policy: Policy) -> list[Turn]:
        """The turns that wait for a player; none once it is to stop."""
        with self._news:
            self._news.wait_for(lambda: self._stop.is_set() or self._waiting[policy])
            turns, self._waiting[policy] = self._waiting[policy], []
            return [] if self._stop.is_set() else turns
