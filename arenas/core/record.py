"""A finished match as one line of JSON, and its replay.

The digest guards a record against damage and careless edits; what proves the rewards is the replay.
"""

from __future__ import annotations

import copy
import hashlib
import json
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import IO, Any

from arenas.core.game import Game
from arenas.core.match import LogEntry, Match

FORMAT = "arenas-record/1"
UNFINISHED = "arenas-unfinished/1"
MAX_LINE_BYTES = 16 << 20
"""A longer line is refused unread."""

_CHUNK = 1 << 16
_CHANGED = "digest does not fit: the record was changed or damaged"
_SEALED = re.compile(rb'(.*),"digest":"([0-9a-f]{64})"\}', re.DOTALL)


class RecordError(ValueError):
    """A line is not a whole, well-formed record; `str()` of it is the reason."""


@dataclass(frozen=True)
class MatchRecord:
    """Everything that a third party needs to play the match again.

    Attributes:
        game: id of the game, "selfplay/KuhnPoker-v0".
        rules: version of the game's rules.
        options: the game's constructor arguments.
        seed: the match's seed.
        illegal: the illegal-move policy as written.
        max_cycles: moves per seat after which the match was cut short, or None.
        seats: who played, by seat.
        turns: every submission in order: `seat`, then `move` or `text` (and `move` where the text
            named one), `illegal` with the reason, `played` for a replacement.
        rewards: total reward of each seat.
        reason: how it ended.
        truncated: cut short rather than ended by the rules.
        illegal_moves: illegal submissions of each seat.
        evidence: what the rewards follow from, and the game's `figures` of the end.
        group: matches with the same number were scored together (the same deal, seats exchanged).
        format: version of this layout.
    """

    game: str
    rules: str
    options: dict[str, Any]
    seed: int
    illegal: str
    max_cycles: int | None
    seats: list[str]
    turns: list[dict[str, Any]]
    rewards: list[float]
    reason: str
    truncated: bool
    illegal_moves: list[int]
    evidence: dict[str, Any]
    group: int | None = None
    format: str = field(default=FORMAT)

    @classmethod
    def of(
        cls, match: Match, game_id: str, seats: Sequence[str], group: int | None = None
    ) -> MatchRecord:
        """The record of a finished match.

        Raises:
            ValueError: the match is not over, or there are not as many names as seats.
        """
        outcome = match.outcome
        if outcome is None:
            raise ValueError("only a finished match makes a record")
        if len(seats) != match.game.spec.seats:
            raise ValueError(f"seats: {len(seats)} names for {match.game.spec.seats} seats")
        return cls(
            game=game_id,
            rules=match.game.spec.version,
            options=dict(match.game.options),
            seed=match.seed,
            illegal=str(match.illegal),
            max_cycles=match.max_cycles,
            seats=list(seats),
            turns=[_turn(entry) for entry in match.log],
            rewards=list(outcome.rewards),
            reason=outcome.reason,
            truncated=outcome.truncated,
            illegal_moves=list(match.illegal_moves),
            evidence=copy.deepcopy({**outcome.evidence, **match.game.figures(match.state)}),
            group=group,
        )

    def to_json(self) -> str:
        """One line of ASCII JSON, without the newline.

        It ends with `,"digest":"..."}`: the SHA-256 of everything that stands before that comma.
        """
        body = {f.name: getattr(self, f.name) for f in fields(self)}
        text = json.dumps(body, separators=(",", ":"), allow_nan=False)[:-1]
        return f'{text},"digest":"{hashlib.sha256(text.encode()).hexdigest()}"}}'

    @classmethod
    def from_json(cls, line: str | bytes, check_digest: bool = True) -> MatchRecord:
        """Reads a line, with or without its newline.

        Raises:
            RecordError: it is not JSON, not an object with exactly a record's fields, a field is of
                the wrong type, or (unless `check_digest` is False) the digest does not fit.
        """
        try:
            body = json.loads(
                line, parse_constant=_refuse_constant, object_pairs_hook=_refuse_twins
            )
        except (ValueError, RecursionError) as error:
            raise RecordError(f"not JSON: {error}") from None
        if not isinstance(body, dict):
            raise RecordError(f"not a record: a JSON {type(body).__name__}, not an object")
        digest = body.pop("digest", None)
        names = {f.name for f in fields(cls)}
        if set(body) != names or digest is None:
            missing = sorted(names - set(body)) + ["digest"] * (digest is None)
            unknown = sorted(set(body) - names)
            raise RecordError(f"not a record: missing {missing}, unknown {unknown}")
        if body["format"] != FORMAT:
            raise RecordError(f"format is {body['format']!r}, this version reads {FORMAT!r}")
        for name, kinds in _TYPES.items():
            value = body[name]
            if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
                raise RecordError(f"{name} is a {type(value).__name__}")
        if not all(isinstance(name, str) for name in body["seats"]):
            raise RecordError("seats holds something other than names")
        if check_digest and not _digest_fits(line):
            raise RecordError(_CHANGED)
        return cls(**body)

    def replay(self, game: Game[Any]) -> Match:
        """Plays the recorded submissions again in a match of `game`.

        Raises:
            RecordError: a submission cannot be played where it stands.
        """
        *_, match = self.steps(game)
        if match.outcome is None:
            raise RecordError(f"after {len(self.turns)} turns the match is not over")
        return match

    def steps(self, game: Game[Any], language: bool = False) -> Iterator[Match]:
        """The match at its start and after each submission: one object, which goes on.

        Args:
            game: of the record's id and options.
            language: keep each seat's conversation.

        Raises:
            RecordError: a submission cannot be played where it stands.
        """
        try:
            match = Match(game, self.seed, self.illegal, self.max_cycles, language)
        except ValueError as error:
            raise RecordError(str(error)) from None
        yield match
        for number, turn in enumerate(self.turns):
            # True and 0.0 would do as seats, but are not what was recorded.
            if not isinstance(turn, dict) or type(turn.get("seat")) is not int:
                raise RecordError(f"turn {number} is not a submission of a seat: {_clip(turn)}")
            seat, text = turn["seat"], turn.get("text")
            try:
                if text is not None:
                    match.reply(seat, text)
                else:
                    match.submit(seat, turn["move"])
            except (LookupError, AttributeError) as error:
                raise RecordError(f"turn {number} is not a submission: {error!r}") from None
            except (TypeError, ValueError, RuntimeError) as error:
                raise RecordError(f"turn {number}: {error}") from None
            yield match

    def problems(self, game: Game[Any]) -> list[str]:
        """What differs from a replay with `game`; empty when every reward is proven."""
        if self.rules != game.spec.version:
            return [f"rules version {self.rules!r}, this package plays {game.spec.version!r}"]
        try:
            again = MatchRecord.of(self.replay(game), self.game, self.seats, self.group)
        except ValueError as error:
            return [str(error)]
        found = []
        for f in fields(self):
            was, now = getattr(self, f.name), getattr(again, f.name)
            if _canonical(was) != _canonical(now):
                found.append(f"{f.name}: recorded {_clip(was)}, replay gives {_clip(now)}")
        return found


_TYPES: dict[str, tuple[type, ...]] = {
    "game": (str,),
    "rules": (str,),
    "options": (dict,),
    "seed": (int,),
    "illegal": (str,),
    "max_cycles": (int, type(None)),
    "seats": (list,),
    "turns": (list,),
    "rewards": (list,),
    "reason": (str,),
    "truncated": (bool,),
    "illegal_moves": (list,),
    "evidence": (dict,),
    "group": (int, type(None)),
}


def _digest_fits(line: str | bytes) -> bool:
    data = line.encode() if isinstance(line, str) else line
    sealed = _SEALED.fullmatch(data.strip())
    return bool(sealed and hashlib.sha256(sealed[1]).hexdigest().encode() == sealed[2])


def _turn(entry: LogEntry) -> dict[str, Any]:
    turn = {"seat": entry.seat, "move": entry.move}
    if entry.text is not None:
        turn["text"] = entry.text
    if entry.illegal is not None:
        turn["illegal"] = entry.illegal
        if entry.played is not None:
            turn["played"] = entry.played
    return turn


def _canonical(value: Any) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), default=str)


def _clip(value: Any) -> str:
    text = _canonical(value)
    return text if len(text) <= 200 else f"{text[:200]}... ({len(text)} characters)"


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is not a JSON number")


def _refuse_twins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object's fields. Of two of one name readers may take either, so there must not be two."""
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twin = next(name for name in found if names.count(name) > 1)
        raise ValueError(f"{twin!r} stands twice in one object")
    return found


def unfinished_line(match: Match, game_id: str, seats: Sequence[str], why: str) -> str:
    """A match that was left as one line of JSON: what a record says of it, without an end.

    Its `format` is `UNFINISHED`, so nothing takes it for a record; `why` it was left stands in it.
    """
    body = {
        "format": UNFINISHED,
        "game": game_id,
        "rules": match.game.spec.version,
        "options": dict(match.game.options),
        "seed": match.seed,
        "illegal": str(match.illegal),
        "max_cycles": match.max_cycles,
        "seats": list(seats),
        "turns": [_turn(entry) for entry in match.log],
        "why": why,
    }
    return json.dumps(body, separators=(",", ":"), allow_nan=False)


def write_records(records: Sequence[MatchRecord], file: IO[str]) -> None:
    """Writes one line per record and flushes, so that a crash can tear the last line at most."""
    for record in records:
        file.write(record.to_json() + "\n")
    file.flush()


def read_lines(path: str | Path) -> Iterator[tuple[int, bytes | RecordError]]:
    """Line number (from 1) and bytes of each line that is not blank.

    A line longer than `MAX_LINE_BYTES` is skipped without holding it in memory, and given as a
    RecordError.

    Raises:
        OSError: the file cannot be read.
    """
    with open(path, "rb") as file:
        number = 0
        while line := file.readline(MAX_LINE_BYTES + 1):
            number += 1
            if len(line) <= MAX_LINE_BYTES or line.endswith(b"\n"):
                if line.strip():
                    yield number, line
                continue
            length = len(line)
            while not line.endswith(b"\n") and (line := file.readline(_CHUNK)):
                length += len(line)
            limit = MAX_LINE_BYTES >> 20
            yield number, RecordError(f"{length} bytes in a line, more than {limit} MiB")


def check_line(
    line: bytes | RecordError, make_game: Callable[[str, dict[str, Any]], Game[Any]]
) -> list[str]:
    """What is wrong with one line of a file of records; empty when it is verified.

    Args:
        line: as `read_lines` gives it.
        make_game: makes a game from its id and options; raises ValueError or KeyError if it cannot.
    """
    found: list[str] = []
    try:
        if isinstance(line, RecordError):
            raise line
        record = MatchRecord.from_json(line, check_digest=False)
        if not _digest_fits(line):
            # The replay goes on to say which field is not what it should be.
            found.append(_CHANGED)
        found += record.problems(make_game(record.game, record.options))
    except RecursionError:
        found.append("nested too deeply")
    except (TypeError, ValueError) as error:
        torn = isinstance(line, bytes) and not line.endswith(b"\n")
        found.append(f"torn, no newline at its end: {error}" if torn else str(error))
    return found
