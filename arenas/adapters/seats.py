"""What adapters to chats have in common: what a seat is told, and a match of coroutines."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping

from arenas.core.match import Match
from arenas.core.policy import Policy, Reply, Turn
from arenas.rollout.scheduler import Running


class News:
    """What a seat of a match was told since it was last read, for chats that keep what was said.

    Args:
        match: with a conversation.
        seat: whose it is.
    """

    def __init__(self, match: Match, seat: int) -> None:
        self._match, self._seat = match, seat
        # The first message is the rules, `Game.brief`.
        self._read = 1

    def read(self) -> str:
        """The next message to the seat; the seat's own replies are left out."""
        assert self._match.conversation is not None
        messages = self._match.conversation.messages(self._seat)
        told = [each["content"] for each in messages[self._read :] if each["role"] == "user"]
        self._read = len(messages)
        return "\n\n".join(told)


async def play(
    match: Match,
    seats: Mapping[int, Callable[[], Awaitable[Reply]]],
    opponent: Policy | None = None,
) -> None:
    """Plays a match to its end; seats that are to move at once are asked at once.

    Args:
        match: not begun.
        seats: for each seat a coroutine that gives its next reply.
        opponent: who answers for seats that have none.
    """

    async def reply(turn: Turn) -> Reply:
        if turn.seat in seats:
            return await seats[turn.seat]()
        assert opponent is not None
        return (await asyncio.to_thread(opponent.act, [turn]))[0]

    running = Running(0, 0, "", match, (), ())
    while not match.over:
        turns = running.ask()
        for turn, given in zip(turns, await asyncio.gather(*map(reply, turns)), strict=True):
            running.answered(turn, given)
        if match.game.spec.waits:
            await asyncio.to_thread(running.go_on)
        else:
            running.go_on()
