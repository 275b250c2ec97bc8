"""Trajectories as JSON Lines and as Parquet, which `datasets` reads."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, Any

from arenas.core.policy import Tokens
from arenas.rollout import parquet
from arenas.rollout.trajectories import Trajectory, TurnTaken

FORMAT = "arenas-trajectory/1"


def to_dict(trajectory: Trajectory) -> dict[str, Any]:
    """JSON values; the same columns for every game, so that files of several games are one table.

    Moves, options and versions are written as JSON text, because a column has one type. Lone
    surrogates, which no UTF-8 holds, become question marks; the match's record has the very text.
    """
    body: dict[str, Any] = {"format": FORMAT}
    for field in dataclasses.fields(trajectory):
        body[field.name] = getattr(trajectory, field.name)
    body["options"] = json.dumps(trajectory.options, sort_keys=True)
    body["rewards"] = list(trajectory.rewards)
    for name in ("version_start", "version_end"):
        body[name] = json.dumps(body[name])
    body["turns"] = [_turn_dict(turn) for turn in trajectory.turns]
    return body


def _turn_dict(turn: TurnTaken) -> dict[str, Any]:
    body: dict[str, Any] = {
        "text": parquet.unicode(turn.text),
        "move": json.dumps(turn.move),
        "legal": None if turn.legal is None else list(turn.legal),
        "illegal": parquet.unicode(turn.illegal),
        "reward": turn.reward,
    }
    for field in dataclasses.fields(Tokens):
        value = None if turn.tokens is None else getattr(turn.tokens, field.name)
        if isinstance(value, tuple):
            value = [list(each) if isinstance(each, tuple) else each for each in value]
        body[field.name] = value
    if turn.tokens is not None:
        body["policy_version"] = json.dumps(turn.tokens.policy_version)
    return body


def from_dict(body: dict[str, Any]) -> Trajectory:
    """A trajectory from `to_dict`.

    Raises:
        ValueError: it is of another format.
    """
    if body.get("format") != FORMAT:
        raise ValueError(f"format is {body.get('format')!r}, this version reads {FORMAT!r}")
    values = {field.name: body[field.name] for field in dataclasses.fields(Trajectory)}
    for name in ("options", "version_start", "version_end"):
        values[name] = json.loads(body[name])
    values["rewards"] = tuple(body["rewards"])
    values["turns"] = tuple(map(_turn_from, body["turns"]))
    return Trajectory(**values)


def _turn_from(body: dict[str, Any]) -> TurnTaken:
    tokens = None
    if body["prompt"] is not None:
        values = {field.name: body[field.name] for field in dataclasses.fields(Tokens)}
        for name in ("prompt", "completion", "logprobs", "mask"):
            values[name] = None if values[name] is None else tuple(values[name])
        if values["candidates"] is not None:
            values["candidates"] = tuple(map(tuple, values["candidates"]))
        tokens = Tokens(**{**values, "policy_version": json.loads(values["policy_version"])})
    legal = None if body["legal"] is None else tuple(body["legal"])
    move = json.loads(body["move"])
    return TurnTaken(tokens, body["text"], move, legal, body["illegal"], body["reward"])


def write_jsonl(trajectories: Iterable[Trajectory], file: IO[str]) -> None:
    """Writes one line of ASCII JSON each, and flushes."""
    for trajectory in trajectories:
        file.write(json.dumps(to_dict(trajectory), allow_nan=False) + "\n")
    file.flush()


def read_jsonl(path: str | Path) -> Iterator[Trajectory]:
    """The trajectories of a file of JSON lines.

    Raises:
        OSError: the file cannot be read.
        ValueError: a line is not a trajectory.
    """
    with open(path, encoding="ascii") as file:
        for line in file:
            yield from_dict(json.loads(line))


def write_parquet(trajectories: Iterable[Trajectory], path: str | Path, rows: int = 1_024) -> None:
    """Writes a Parquet file that `datasets` and Arrow read, a row a trajectory.

    Ids are 32-bit integers and log-probabilities 64-bit floats.

    Args:
        trajectories: read as they come; at most `rows` are held in memory.
        path: of the file; replaced if it exists.
        rows: trajectories in a row group.

    Raises:
        ImportError: `pyarrow` is not installed.
    """
    parquet.write(map(to_dict, trajectories), _columns, path, rows)


def read_parquet(path: str | Path) -> Iterator[Trajectory]:
    """The trajectories of a Parquet file.

    Raises:
        ImportError: `pyarrow` is not installed.
        OSError: the file cannot be read.
    """
    return map(from_dict, parquet.read(path))


def _columns(pa: Any) -> dict[str, Any]:
    text, number, real, flag = pa.string(), pa.int64(), pa.float64(), pa.bool_()
    ids = pa.list_(pa.int32())
    turn = {
        "text": text,
        "move": text,
        "legal": pa.list_(text),
        "illegal": text,
        "reward": real,
        "prompt": ids,
        "completion": ids,
        "logprobs": pa.list_(real),
        "kind": text,
        "mask": pa.list_(flag),
        "policy_version": text,
        "finish": text,
        "temperature": real,
        "candidates": pa.list_(ids),
    }
    return {
        "format": text,
        "game": text,
        "rules": text,
        "options": text,
        "seed": number,
        "number": number,
        "group": number,
        "reason": text,
        "truncated": flag,
        "rewards": pa.list_(real),
        "seat": number,
        "agent": text,
        "role": text,
        "player": text,
        "trainable": flag,
        "version_start": text,
        "version_end": text,
        "reward": real,
        "turns": pa.list_(pa.struct(turn)),
    }
