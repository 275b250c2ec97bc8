"""A recorded match played again, step by step, with what every seat was told and did."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from arenas.core.game import Game, IllegalMove
from arenas.core.match import Match
from arenas.core.picture import DRAWING
from arenas.core.policy import Tokens
from arenas.core.record import MatchRecord, RecordError, check_line, read_lines
from arenas.registry import make_game
from arenas.rollout.trajectories import Trajectory


@dataclass(frozen=True, slots=True)
class Act:
    """One submission.

    Attributes:
        seat: who submitted.
        said: the reply as it came, or the move in words.
        prompt: what the seat was told before it; what it was told earlier is not repeated.
        illegal: why it was illegal; None for a legal move.
        played: in words, the move that was played in its place; None if none was.
        tokens: how a language model came to it; None where that was not kept.
    """

    seat: int
    said: str
    prompt: str
    illegal: str | None = None
    played: str | None = None
    tokens: Tokens | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """The match after one move, one joint move or one illegal submission; the first has no acts.

    Attributes:
        acts: what led here from the step before.
        told: for each seat, its situation in words.
        shown: the state in words for an onlooker.
        totals: reward of each seat so far.
        state: the game's state, for pictures.
    """

    acts: tuple[Act, ...]
    told: tuple[str, ...]
    shown: str
    totals: tuple[float, ...]
    state: Any = field(repr=False)


@dataclass(frozen=True, slots=True)
class Replay:
    """A record with its steps.

    Attributes:
        record: the record.
        game: a game of its id and options.
        steps: as far as the record can be played.
        problems: what verification found; empty for a verified record.
    """

    record: MatchRecord
    game: Game[Any]
    steps: tuple[Step, ...]
    problems: tuple[str, ...]

    @classmethod
    def of_line(cls, line: bytes, trajectories: Iterable[Trajectory] = ()) -> Replay:
        """The replay of one line of a file of records.

        Args:
            line: with its newline, as `read_lines` gives it.
            trajectories: where the tokens of this match, by seed and seat, are taken from.

        Raises:
            RecordError: the line is no record.
            ValueError: there is no such game, or its options are wrong.
        """
        record = MatchRecord.from_json(line, check_digest=False)
        game = make_game(record.game, **record.options)
        tokens = {
            (each.seat, number): turn.tokens
            for each in trajectories
            if each.seed == record.seed and each.game == record.game
            for number, turn in enumerate(each.turns)
        }
        problems = check_line(line, lambda *_: game)
        steps: list[Step] = []
        try:
            steps.extend(_steps(record, game, tokens))
        except RecordError as error:
            problems = problems or [str(error)]
        return cls(record, game, tuple(steps), tuple(problems))

    @property
    def viewpoints(self) -> Sequence[int | None]:
        """None for the onlooker, then the seats whose pictures may differ from the onlooker's."""
        if self.game.spec.information == "perfect":
            return (None,)
        return (None, *range(self.game.spec.seats))

    def pictures(self, seat: int | None = None) -> Iterator[np.ndarray]:
        """The picture of each step: (height, width, 3) uint8.

        Raises:
            ImportError: pygame is not installed.
        """
        for step in self.steps:
            with DRAWING:
                picture = self.game.draw(step.state, seat)
            yield picture

    @property
    def title(self) -> str:
        """The game and who played it."""
        between = " with " if self.game.spec.payoff == "common" else " against "
        return f"{self.game.spec.name}: {between.join(self.record.seats)}"

    def player(self, seat: int) -> str:
        """The agent of a seat with the player who sat there."""
        names = self.record.seats
        agent = self.game.spec.agents[seat]
        return f"{agent} ({names[seat]})" if seat < len(names) else agent


def load(path: Path, number: int, trajectories: Iterable[Trajectory] = ()) -> Replay:
    """The replay of a record of a file.

    Args:
        path: a file of records.
        number: of the line, from 1.
        trajectories: see `Replay.of_line`.

    Raises:
        OSError: the file cannot be read.
        ValueError: there is no such line, or it is no record of a game that is here.
    """
    lines = 0
    for lines, line in itertools.islice(read_lines(path), number):
        if lines == number:
            if isinstance(line, RecordError):
                raise ValueError(f"{path}:{number}: {line}")
            try:
                return Replay.of_line(line, trajectories)
            except ValueError as error:
                raise ValueError(f"{path}:{number}: {error}") from None
    raise ValueError(f"{path} has {lines} records; there is no number {number}")


def _steps(
    record: MatchRecord, game: Game[Any], tokens: dict[tuple[int, int], Tokens | None]
) -> Iterator[Step]:
    """The states of a match, joint moves as one step."""
    match: Match | None = None
    acts: list[Act] = []
    state: Any = None
    prompts: list[str] = []
    plies = -1
    for number, match in enumerate(record.steps(game, language=True)):
        if number:
            acts.append(_act(match, state, prompts, tokens))
        waits = number and match.plies == plies and acts[-1].illegal is None and not match.over
        if not waits:
            # A state that a game changes in place would drag the earlier steps along.
            state, plies = game.copy(match.state), match.plies
            seats = range(game.spec.seats)
            told = tuple(match.farewell(s) if match.over else game.tell(state, s) for s in seats)
            yield Step(tuple(acts), told, game.show(state), match.totals, state)
            acts = []
        prompts = [_asked(match, seat) for seat in range(game.spec.seats)]


def _asked(match: Match, seat: int) -> str:
    """What a seat was told last."""
    assert match.conversation is not None
    messages = match.conversation.messages(seat)
    return str(messages[-1]["content"]) if messages[-1]["role"] == "user" else ""


def _act(
    match: Match, state: Any, prompts: Sequence[str], tokens: dict[tuple[int, int], Tokens | None]
) -> Act:
    """The latest submission of a match; `state` is the one before it."""
    entry = match.log[-1]
    seat = entry.seat
    return Act(
        seat,
        entry.text if entry.text is not None else _words(match.game, state, seat, entry.move),
        prompts[seat],
        entry.illegal,
        None if entry.played is None else _words(match.game, state, seat, entry.played),
        tokens.get((seat, match.submitted[seat] - 1)),
    )


def _words(game: Game[Any], state: Any, seat: int, move: Any) -> str:
    """A move in words; an illegal one, which may have none, as JSON."""
    try:
        return game.format(state, seat, move)
    except (IllegalMove, LookupError, TypeError, ValueError, AttributeError):
        return json.dumps(move)
