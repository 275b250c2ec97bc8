"""Chat messages for supervised fine-tuning, from records: what was said, without tokens.

The players need not be language models: moves of a solver or of a search are worded as the text
view words them. The prompts are the text view's too; what a policy adds to them (`role_prompts`,
labels) is in no record.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

from arenas.core.game import Game
from arenas.core.match import Match
from arenas.core.record import MatchRecord
from arenas.registry import make_game

Messages = list[dict[str, str]]


def won(record: MatchRecord, seat: int) -> bool:
    """Whether the seat was paid more than every other one, in a match that was not cut short."""
    rewards = list(record.rewards)
    own = rewards.pop(seat)
    return not record.truncated and all(own > other for other in rewards)


def chat_turns(
    records: Iterable[MatchRecord], chosen: Callable[[MatchRecord, int], bool] = won
) -> Iterator[dict[str, Any]]:
    """An example for each legal turn, with the columns that TRL's `SFTTrainer` takes (TRL 1.16).

    `prompt` holds the messages that the seat had read when it answered, and `completion` its reply
    as it came, reasoning included; the trainer trains on the completion alone. Columns beside them
    say where it comes from: `game`, `seat`, `player`, `reward` (the seat's total).
    `datasets.Dataset.from_list(list(...))` makes a data set.

    Args:
        records: matches, as `play_matches`, files of records and `Played.record` give them.
        chosen: of a record and a seat, whether to learn from it.

    Raises:
        ValueError: a record does not stand up to its replay (see `MatchRecord.problems`).
        UnknownNameError: of a game or options that are not registered.
    """
    for record, said in _replayed(records, chosen):
        for seat, prompt, reply, _, legal in said:
            if legal and chosen(record, seat):
                completion = [{"role": "assistant", "content": reply}]
                yield {"prompt": prompt, "completion": completion, **_source(record, seat)}


def chat_conversations(
    records: Iterable[MatchRecord], chosen: Callable[[MatchRecord, int], bool] = won
) -> Iterator[dict[str, Any]]:
    """An example for each seat, with the column that TRL's `SFTTrainer` takes (TRL 1.16).

    `messages` is the seat's whole conversation up to its last reply, with its replies as later
    prompts repeat them: without reasoning. The trainer trains on all of it, or on the assistant's
    messages with `assistant_only_loss=True`. So seats with an illegal reply are left out, as are
    those without a turn. Other columns are those of `chat_turns`.

    Args:
        records: matches, as `play_matches`, files of records and `Played.record` give them.
        chosen: of a record and a seat, whether to learn from it.

    Raises:
        ValueError: a record does not stand up to its replay (see `MatchRecord.problems`).
        UnknownNameError: of a game or options that are not registered.
    """
    for record, said in _replayed(records, chosen):
        last = {turn.seat: turn for turn in said}
        for seat, turn in sorted(last.items()):
            if chosen(record, seat) and not record.illegal_moves[seat]:
                reply = {"role": "assistant", "content": turn.repeated}
                yield {"messages": [*turn.prompt, reply], **_source(record, seat)}


class _Said(NamedTuple):
    seat: int
    prompt: Messages
    reply: str
    repeated: str
    legal: bool


def _replayed(
    records: Iterable[MatchRecord], chosen: Callable[[MatchRecord, int], bool]
) -> Iterator[tuple[MatchRecord, list[_Said]]]:
    games: dict[tuple[str, str], Game[Any]] = {}
    for record in records:
        if not any(chosen(record, seat) for seat in range(len(record.seats))):
            continue
        key = record.game, json.dumps(record.options, sort_keys=True)
        if key not in games:
            games[key] = make_game(record.game, **record.options)
        yield record, _said(record, games[key])


def _said(record: MatchRecord, game: Game[Any]) -> list[_Said]:
    problems = record.problems(game)
    if problems:
        raise ValueError(f"a record of {record.game} is not what was played: {problems[0]}")
    match = Match(game, record.seed, record.illegal, record.max_cycles, language=True)
    conversation = match.conversation
    assert conversation is not None
    said = []
    for turn in record.turns:
        seat, text = turn["seat"], turn.get("text")
        prompt = conversation.messages(seat)
        if text is None:
            match.submit(seat, turn["move"])
        else:
            match.reply(seat, text)
        repeated = conversation.messages(seat)[len(prompt)]["content"]
        reply = repeated if text is None else text
        said.append(
            _Said(
                seat,
                [{"role": m["role"], "content": _unicode(m["content"])} for m in prompt],
                _unicode(reply),
                _unicode(repeated),
                "illegal" not in turn,
            )
        )
    return said


def _source(record: MatchRecord, seat: int) -> dict[str, Any]:
    return {
        "game": record.game,
        "seat": seat,
        "player": record.seats[seat],
        "reward": record.rewards[seat],
    }


def _unicode(text: str) -> str:
    """The text with what no UTF-8 can hold (lone surrogates) replaced, for Arrow."""
    return text.encode("utf-8", "replace").decode()
