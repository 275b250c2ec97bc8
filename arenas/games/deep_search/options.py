"""Options of deep search: published rewards by name, and checks of values."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from arenas.core.game import whole

MODES = ("search", "long-context")
MOVES = ("tools", "numbered")
WORDINGS = ("derive", "mention")


class Preset(NamedTuple):
    """A published reward: the proposer's shape, and what an invalid question earns."""

    pay: str
    invalid: float
    ungrounded: float


PRESETS = {
    "ssp": Preset("one-minus", 0.0, 0.0),
    "spell": Preset("gaussian", -1.0, -0.5),
}
"""`invalid` is paid where a check of `FORM` fails, `ungrounded` where another does."""

FORM = ("a proposal", "format", "query")
"""Checks of the form alone; "a proposal" fails where none came."""


def in_range(name: str, value: Any, low: int, high: int) -> int:
    """A whole number of a range.

    Raises:
        ValueError: it is none.
    """
    number = whole(value)
    if number is None or not low <= number <= high:
        raise ValueError(f"{name}={value!r}: a whole number from {low:,} to {high:,}")
    return number


def one_of(name: str, value: Any, known: Sequence[str]) -> str:
    """One of the known words.

    Raises:
        ValueError: it is none of them.
    """
    if value not in known:
        raise ValueError(f"{name}={value!r}: one of {', '.join(known)}")
    return str(value)


def one_word(value: Any, name: str) -> str:
    """A string that is not empty.

    Raises:
        ValueError: it is none.
    """
    if not isinstance(value, str) or not value:
        raise ValueError(f"{name}={value!r}: a name")
    return value


def strings(name: str, value: Any) -> list[str]:
    """A list of strings.

    Raises:
        ValueError: it is none.
    """
    if not isinstance(value, (list, tuple)) or not all(isinstance(each, str) for each in value):
        raise ValueError(f"{name}={value!r}: a list of strings")
    return list(value)
