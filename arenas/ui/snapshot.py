"""What one seat of a live match may see at one moment, and the lines that it overheard so far."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from arenas.core.controls import Controls
from arenas.core.game import Game
from arenas.core.match import Match
from arenas.core.picture import DRAWING

Line = tuple[str, str]
"""An agent's name and what it said or did."""

_NEXT = "is to "
"""So games begin to say what someone has not done yet."""


@dataclass(frozen=True)
class Snapshot:
    """A live match as one seat, or an onlooker, sees it; it never changes.

    Attributes:
        version: grows with every change of the match.
        seat: whose view it is; None is an onlooker, who sees everything.
        agents: the game's names of the seats.
        names: who sits in them.
        brief: the rules and the role, in words; "" for an onlooker.
        told: the situation in words.
        log: what was said and done that this seat may know, oldest first; empty under a clock.
        awaited: the seats whose move is awaited; empty before the start.
        controls: what can be pressed and typed now; empty when the seat is not to move.
        step: moves played so far, of all seats.
        tick: seconds a step where a clock runs, else None.
        started: the match has begun.
        over: it is finished or broken off.
        failure: why it was broken off; "" if it was not.
        totals: reward of each seat so far; at the end, the rewards.
        farewell: how the match ended; "" before.
    """

    version: int
    seat: int | None
    agents: tuple[str, ...]
    names: tuple[str, ...]
    brief: str
    told: str
    log: tuple[Line, ...]
    awaited: tuple[int, ...]
    controls: Controls
    step: int
    tick: float | None
    started: bool
    over: bool
    failure: str
    totals: tuple[float, ...]
    farewell: str
    _game: Game[Any] = field(repr=False, compare=False)
    _state: Any = field(repr=False, compare=False)

    @property
    def my_turn(self) -> bool:
        """Whether this seat is to move."""
        return self.seat in self.awaited

    @cached_property
    def picture(self) -> np.ndarray:
        """The state as a picture: (height, width, 3) uint8, drawn when it is first asked for.

        Raises:
            ImportError: pygame is not installed.
        """
        with DRAWING:
            return self._game.draw(self._state, self.seat)


@dataclass(frozen=True)
class Shown:
    """All that there is to see of a live match at one moment; replaced as a whole, never changed.

    Attributes:
        version: grows with every change.
        match: a copy that nobody plays on.
        logs: of each seat, then of an onlooker.
        busy: seats whose move is being played.
        started, failure: as of `Snapshot`.
    """

    version: int
    match: Match
    logs: tuple[tuple[Line, ...], ...]
    busy: frozenset[int] = frozenset()
    started: bool = False
    failure: str = ""

    @property
    def over(self) -> bool:
        """Whether the match is finished or broken off."""
        return self.match.over or bool(self.failure)

    def to(
        self, seat: int | None, names: tuple[str, ...], people: Collection[int], tick: float | None
    ) -> Snapshot:
        """What a seat may see of it; None is an onlooker.

        Args:
            seat: whose view.
            names, tick: as of `Snapshot`.
            people: seats that have controls.
        """
        match, game, state = self.match, self.match.game, self.match.state
        ended = farewell(match, seat)
        running = self.started and not self.over
        awaited = tuple(s for s in match.awaited if running and s not in self.busy)
        controls = Controls()
        if seat is not None and seat in awaited and seat in people:
            controls = game.controls(state, seat)
        return Snapshot(
            version=self.version,
            seat=seat,
            agents=game.spec.agents,
            names=names,
            brief="" if seat is None else game.briefs[seat],
            told=game.show(state) if seat is None else ended or game.tell(state, seat),
            log=self.logs[-1 if seat is None else seat],
            awaited=awaited,
            controls=controls,
            step=match.plies,
            tick=tick,
            started=self.started,
            over=self.over,
            failure=self.failure,
            totals=match.totals,
            farewell=ended,
            _game=game,
            _state=state,
        )


class Logs:
    """What was said and done in a match, for an onlooker and for each seat.

    An onlooker reads every move. A seat reads its own, and of others' all where nothing is hidden
    by the rules; elsewhere only what `Game.tell` tells it of them: a line, or a sentence of one
    without quotation marks, that begins with another's name and was not there before.

    Args:
        game: of the match.
    """

    def __init__(self, game: Game[Any]) -> None:
        self.agents = agents = game.spec.agents
        self._open = game.spec.information == "perfect"
        self._all: list[Line] = []
        self._seats: list[list[Line]] = [[] for _ in agents]
        self._before: list[Counter[Line]] = [Counter() for _ in agents]
        named = "|".join(map(re.escape, sorted(agents, key=len, reverse=True)))
        self._named = re.compile(rf"({named})\b[: ]*(.*)")
        self._joints = re.compile(rf"(?<=[.;]) |(?<=[,:]) (?=(?:{named})\b)")

    def did(self, seat: int, what: str, illegal: str | None = None) -> None:
        """Adds a seat's submission; why it is illegal is for itself and the onlooker."""
        line = self.agents[seat], what if illegal is None else f"{what} (not legal: {illegal})"
        self._all.append(line)
        for other, lines in enumerate(self._seats):
            if other == seat or (self._open and illegal is None):
                lines.append(line)

    def hear(self, game: Game[Any], state: Any) -> None:
        """Adds what is new in what each seat is told now."""
        if self._open:
            return
        for seat, agent in enumerate(self.agents):
            now = [line for line in self._said(game.tell(state, seat)) if line[0] != agent]
            new, self._before[seat] = Counter(now) - self._before[seat], Counter(now)
            for line in now:
                if new[line]:
                    new[line] -= 1
                    self._seats[seat].append(line)

    def last(self, lines: int) -> tuple[tuple[Line, ...], ...]:
        """The last lines of each seat's log, then of the onlooker's."""
        return tuple(tuple(log[-lines:]) for log in [*self._seats, self._all])

    def _said(self, told: str) -> list[Line]:
        said = []
        for line in told.splitlines():
            # In quotation marks stands whatever a player wrote, names of others included.
            for part in [line] if '"' in line else self._joints.split(line):
                found = self._named.fullmatch(part.strip().rstrip(",;."))
                if found and not found[2].startswith(_NEXT):
                    said.append((found[1], found[2]))
        return said


def farewell(match: Match, seat: int | None) -> str:
    """How a finished match ended, for a seat or an onlooker; "" before its end."""
    if match.outcome is None:
        return ""
    if seat is not None:
        return match.farewell(seat)
    scores: Sequence[str] = [
        f"{agent} {total:+g}"
        for agent, total in zip(match.game.spec.agents, match.totals, strict=True)
    ]
    return f"The match is over ({match.outcome.reason}): {', '.join(scores)}."
