"""Verification of files of records: every match is played again."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from arenas.core.game import Game
from arenas.core.record import check_line, read_lines
from arenas.registry import make_game


class Verdict(NamedTuple):
    """What verification says of one line.

    Attributes:
        line: line number, from 1.
        problems: what is wrong; empty when the record is verified.
        bytes_read: length of the line, for progress.
    """

    line: int
    problems: list[str]
    bytes_read: int


def verify_file(path: str | Path) -> Iterator[Verdict]:
    """A verdict on every line of a file of records, in order; a bad line does not stop it.

    Raises:
        OSError: the file cannot be read.
    """
    for number, line in read_lines(path):
        length = len(line) if isinstance(line, bytes) else 0
        yield Verdict(number, check_line(line, _game), length)


def _game(game_id: str, options: dict[str, Any]) -> Game[Any]:
    return _kept_game(game_id, json.dumps(options, sort_keys=True))


@lru_cache(maxsize=32)
def _kept_game(game_id: str, options: str) -> Game[Any]:
    return make_game(game_id, **json.loads(options))
