"""One match in the terminal: a person in one seat, other players in the rest."""

from __future__ import annotations

from collections.abc import Sequence

from arenas.core.match import Match
from arenas.core.policy import Policy, Turn, answer


def play(match: Match, policies: Sequence[Policy], watch: int) -> None:
    """Plays a match to its end and prints how it ended for seat `watch`.

    Args:
        match: at its start.
        policies: one for each seat; a person's reads the terminal.
        watch: the person's seat.

    Raises:
        Quit: the person left; the match is unfinished.
    """
    while not match.over:
        seat = match.awaited[0]
        (reply,) = policies[seat].act([Turn.of(match, seat)])
        answer(match, seat, reply)
    print(f"\n{match.farewell(watch)}")
    for seat, agent in enumerate(match.game.spec.agents):
        print(f"  {agent}: {match.totals[seat]:+g}{'  (you)' if seat == watch else ''}")
