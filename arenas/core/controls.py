"""What a person can press, drag and type on a turn; the same for window, page and terminal.

Every control ends in a reply, the text that `Game.parse` reads: a move of a person goes the way of
one of a language model. A surface (window, page, terminal) draws the controls and knows no game.
"""

from __future__ import annotations

from dataclasses import dataclass

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
    """

    label: str
    reply: str
    key: str = ""
    area: Area | None = None


@dataclass(frozen=True, slots=True)
class Number:
    """A slider over whole numbers, `low` to `high`, that begins at `start`; `note` stands by it."""

    name: str
    label: str
    low: int
    high: int
    start: int = 0
    note: str = ""


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


REPLY = Form("reply", (Text("reply", "Your move in words"),))
"""A move as it is written, for games that offer nothing better."""
