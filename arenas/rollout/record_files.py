"""Records as a table in Parquet, which `datasets` reads.

For looking at matches in bulk. The proof stays the line of JSON, which `digest` names.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

from arenas.core.record import MatchRecord
from arenas.rollout import parquet


def to_dict(record: MatchRecord) -> dict[str, Any]:
    """A row: the record's fields and the digest of its line; the same columns for every game.

    Moves, options and evidence are JSON text, because a column has one type. Lone surrogates of
    replies, which no UTF-8 holds, become question marks; the line has the very text.
    """
    row = {field.name: getattr(record, field.name) for field in fields(record)}
    row["options"] = json.dumps(record.options)
    row["evidence"] = json.dumps(record.evidence)
    row["turns"] = [
        {
            "seat": turn["seat"],
            "move": json.dumps(turn["move"]),
            "text": parquet.unicode(turn.get("text")),
            "illegal": parquet.unicode(turn.get("illegal")),
            "played": json.dumps(turn["played"]) if "played" in turn else None,
        }
        for turn in record.turns
    ]
    row["digest"] = json.loads(record.to_json())["digest"]
    return row


def from_dict(row: dict[str, Any]) -> MatchRecord:
    """The record of a row."""
    values = {field.name: row[field.name] for field in fields(MatchRecord)}
    values["options"] = json.loads(row["options"])
    values["evidence"] = json.loads(row["evidence"])
    values["turns"] = [_turn(turn) for turn in row["turns"]]
    return MatchRecord(**values)


def _turn(row: dict[str, Any]) -> dict[str, Any]:
    turn = {"seat": row["seat"], "move": json.loads(row["move"])}
    for name in ("text", "illegal"):
        if row[name] is not None:
            turn[name] = row[name]
    if row["played"] is not None:
        turn["played"] = json.loads(row["played"])
    return turn


def write_parquet(records: Iterable[MatchRecord], path: str | Path, rows: int = 1_024) -> None:
    """Writes a Parquet file, a row a match.

    Args:
        records: read as they come; at most `rows` are held in memory.
        path: of the file; replaced if it exists.
        rows: matches in a row group.

    Raises:
        ImportError: `pyarrow` is not installed.
    """
    parquet.write(map(to_dict, records), _columns, path, rows)


def read_parquet(path: str | Path) -> Iterator[MatchRecord]:
    """The records of a Parquet file.

    Raises:
        ImportError: `pyarrow` is not installed.
        OSError: the file cannot be read.
    """
    return map(from_dict, parquet.read(path))


def _columns(pa: Any) -> dict[str, Any]:
    text, number, real, flag = pa.string(), pa.int64(), pa.float64(), pa.bool_()
    turn = {"seat": number, "move": text, "text": text, "illegal": text, "played": text}
    return {
        "game": text,
        "rules": text,
        "options": text,
        "seed": number,
        "illegal": text,
        "max_cycles": number,
        "seats": pa.list_(text),
        "turns": pa.list_(pa.struct(turn)),
        "rewards": pa.list_(real),
        "reason": text,
        "truncated": flag,
        "illegal_moves": pa.list_(number),
        "evidence": text,
        "group": number,
        "format": text,
        "digest": text,
    }
