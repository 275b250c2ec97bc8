"""What a person can press, drag and type on a turn; the same for window, page and terminal.

Every control ends in a reply, the text that `Game.parse` reads: a move of a person goes the way of
one of a language model. A surface (window, page, terminal) draws the controls and knows no game.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

LISTED = 64
"""More legal replies than this are not offered as buttons."""

Area = tuple[int, int, int, int]
"""x, y, width, height in pixels of the picture that `Game.draw` gives the same seat."""


@dataclass(frozen=True, slots=True)
class Button:
    """A legal reply at a press.

    Attributes:
        label: what stands on it.
        reply: what it sends.
        key: of the keyboard, as pygame names it ("left", "space", "c"); "" for none.
        area: where the picture shows it; None if it stands beside the picture alone.
        stays: what it does is to be seen at its area from then on, as a stone on a cell; so a
            surface can mark the last move.
    """

    label: str
    reply: str
    key: str = ""
    area: Area | None = None
    stays: bool = False


@dataclass(frozen=True, slots=True)
class Number:
    """A slider over whole numbers.

    Attributes:
        name, label: in the form; what stands by it.
        low, high, start: its range, and where it begins.
        note: what else stands by it.
        below, above: what a value below zero and one above zero is called ("give", "ask"); "" for
            nothing but its sign.
    """

    name: str
    label: str
    low: int
    high: int
    start: int = 0
    note: str = ""
    below: str = ""
    above: str = ""

    def say(self, value: int) -> str:
        """A value as it is shown: "give 3"."""
        name = self.below if value < 0 else self.above if value > 0 else ""
        return f"{name} {abs(value)}" if name else str(value)


@dataclass(frozen=True, slots=True)
class Choice:
    """One of several values; each option is (value, label)."""

    name: str
    label: str
    options: tuple[tuple[str, str], ...]
    start: str = ""


@dataclass(frozen=True, slots=True)
class Text:
    """Words to type.

    Attributes:
        name, label: in the form; what stands by it.
        max_chars: more cannot be typed.
        rows: 1 for a line; more for a box, which a window opens in `$EDITOR`.
        start: what stands in it at first.
        suffix: of the editor's file (".diff"), so that it colours what is typed.
    """

    name: str
    label: str
    max_chars: int = 500
    rows: int = 1
    start: str = ""
    suffix: str = ".txt"


Field = Number | Choice | Text


@dataclass(frozen=True, slots=True)
class Form:
    """Fields that make one reply together; `Game.compose` joins their values.

    Attributes:
        name: tells the forms of a turn apart.
        fields: in the order in which they stand.
        send: what stands on the button that sends it.
    """

    name: str
    fields: tuple[Field, ...]
    send: str = "Send"


@dataclass(frozen=True, slots=True)
class Controls:
    """All that a person can do on a turn.

    Attributes:
        buttons: one press, one reply.
        forms: what takes more than a press.
        tick: seconds after which `idle` is sent for a person who did nothing; None waits for ever.
        idle: that reply; legal wherever `tick` is given.
    """

    buttons: tuple[Button, ...] = ()
    forms: tuple[Form, ...] = ()
    tick: float | None = None
    idle: str = ""


def read_form(controls: Controls, name: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """The values of a filled form by field, each a value that its field can have.

    A field that was left out has what it started with.

    Raises:
        ValueError: there is no such form or field, or a value is of another kind or out of range;
            the message is written for whoever filled it.
    """
    form = next((form for form in controls.forms if form.name == name), None)
    if form is None:
        raise ValueError(f"there is no form {name!r} now")
    fields = {field.name: field for field in form.fields}
    if unknown := set(values) - set(fields):
        raise ValueError(f"the form {name!r} has no field {sorted(unknown)[0]!r}")
    return {field.name: _value(field, values.get(field.name, field.start)) for field in form.fields}


def _value(field: Field, value: Any) -> int | str:
    if isinstance(field, Number):
        if type(value) is not int or not field.low <= value <= field.high:
            raise ValueError(f"{field.label}: a whole number from {field.low} to {field.high}")
        return value
    if not isinstance(value, str):
        raise ValueError(f"{field.label}: it is text")
    if isinstance(field, Choice) and value not in [option for option, _ in field.options]:
        raise ValueError(f"{field.label}: choose one of them")
    if isinstance(field, Text) and len(value) > field.max_chars:
        raise ValueError(f"{field.label}: {len(value)} characters, more than {field.max_chars}")
    return value


REPLY = Form("reply", (Text("reply", "Your move in words"),))
"""A move as it is written, for games that offer nothing better."""
