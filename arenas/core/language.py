r"""The text view: what a seat is told, and how a reply is read.

How a reply names a move (`read_move`):

1. Private reasoning is removed: `<think>...</think>` (also `<thinking>`, `<reasoning>`, in any
   case), and everything before a lone closing tag, because some chat templates open the tag inside
   the prompt. A tag that is never closed hides the rest of the reply.
2. What stands in `[square brackets]` or in `\boxed{...}` is compared with the names of the legal
   moves, ignoring case and outer spaces. Brackets with anything else in them do not count.
3. A reply without brackets names a move if the whole reply is that name, give or take quotes and
   final punctuation: `bet`, `Bet.`, `"4"`.

One legal move named (once or often) is the move; none, or two different ones, is illegal.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

M = TypeVar("M")

_TAG = re.compile(r"<(/?)(?:think|thinking|reasoning)\b[^<>]*>", re.IGNORECASE)
_MARKED = re.compile(r"\\boxed\s*\{([^{}]*)\}|\[([^\[\]]*)\]")
_TRIM = " \t\r\n.,!;:'\"`*"

ECHO_CHARS = 2_000
"""A seat's own reply is repeated to it up to this many characters."""


def strip_reasoning(text: str) -> str:
    """The part of a reply that is not private reasoning (rule 1 above), in time linear in it."""
    if "<" not in text:
        return text
    shown: list[str] = []
    hidden, end = False, 0
    for tag in _TAG.finditer(text):
        if not tag[1]:
            if not hidden:
                shown.append(text[end : tag.start()])
            hidden = True
            continue
        if not hidden:
            shown.clear()
        hidden, end = False, tag.end()
    if not hidden:
        shown.append(text[end:])
    return "".join(shown).strip()


def read_move(text: str, names: Mapping[str, M], max_chars: int) -> M:
    """The one legal move that a reply names.

    Args:
        text: the reply as it came.
        names: legal moves by lower-case name, without brackets.
        max_chars: longest reply in characters that is read.

    Raises:
        ValueError: no legal move is named, or several are, or the reply is too long; the message
            is written for whoever replied.
    """
    legal = "legal: " + " ".join(f"[{name}]" for name in names)
    if len(text) > max_chars:
        raise ValueError(f"the reply is longer than {max_chars} characters; {legal}")
    visible = strip_reasoning(text)
    marked = [(a or b).strip(" \t\r\n[]").lower() for a, b in _MARKED.findall(visible)]
    named = {name: names[name] for name in marked if name in names}
    if len(named) == 1:
        return next(iter(named.values()))
    if len(named) > 1:
        several = " and ".join(f"[{name}]" for name in named)
        raise ValueError(f"the reply names {several}; name one move; {legal}")
    bare = visible.strip(_TRIM).lower()
    if not marked and bare in names:
        return names[bare]
    if not visible.strip():
        raise ValueError(f"the reply is empty apart from private reasoning; {legal}")
    if marked and len(marked[0]) <= 40:
        raise ValueError(f"[{marked[0]}] is not a legal move now; {legal}")
    raise ValueError(f"the reply names no move in [brackets]; {legal}")


def with_pictures(messages: Sequence[dict[str, Any]], pictures: Sequence[Any]) -> list[Any]:
    """Chat messages with pictures before the text of the first message of the user.

    Args:
        messages: `{"role": ..., "content": text}`.
        pictures: arrays (height, width, 3) uint8.

    Returns:
        Fresh messages. The content of that one is a list of parts, as processors of `transformers`
        take it: `{"type": "image", "image": array}` and `{"type": "text", "text": text}`. Without
        pictures they are as they were.
    """
    told = [dict(message) for message in messages]
    first = next((message for message in told if message["role"] == "user"), None)
    if pictures and first is not None:
        images = [{"type": "image", "image": picture} for picture in pictures]
        first["content"] = [*images, {"type": "text", "text": first["content"]}]
    return told


class Conversation:
    """What each seat of one match was told and answered, in order.

    Every line that a seat reads comes from the game or from that seat itself, so no reply can
    forge a game message to another seat.
    """

    __slots__ = ("_briefs", "_messages", "_parts")

    def __init__(self, briefs: tuple[str, ...]) -> None:
        self._briefs = briefs
        # Seat, role and content of each, one after another: no object a message to collect.
        self._messages: list[Any] = []
        # Of each seat's prompt; they are put together when it is read.
        self._parts = [[brief] for brief in briefs]

    def ask(self, seat: int, told: str) -> None:
        """Adds what the game tells `seat`."""
        self._messages += seat, "user", told
        self._parts[seat].append(told)

    def answer(self, seat: int, reply: str) -> None:
        """Adds the seat's own reply without its private reasoning, cut to `ECHO_CHARS`."""
        visible = strip_reasoning(reply) if "<" in reply else reply
        if len(visible) > ECHO_CHARS:
            visible = visible[:ECHO_CHARS] + " [cut]"
        self._messages += seat, "assistant", visible
        self._parts[seat].append(f"You: {visible}")

    def text(self, seat: int) -> str:
        """Everything that `seat` has read and said, as one prompt."""
        parts = self._parts[seat]
        if len(parts) > 1:
            parts[:] = ("\n\n".join(parts),)
        return parts[0]

    def messages(self, seat: int) -> list[dict[str, Any]]:
        """The same as chat messages: `{"role": ..., "content": ...}`; system, user, assistant."""
        flat = self._messages
        every = zip(flat[::3], flat[1::3], flat[2::3], strict=True)
        said = [(role, content) for s, role, content in every if s == seat]
        messages = [("system", self._briefs[seat]), *said]
        return [{"role": role, "content": content} for role, content in messages]

    def copy(self) -> Conversation:
        """An independent copy."""
        twin = Conversation(self._briefs)
        twin._messages = self._messages[:]
        twin._parts = [parts[:] for parts in self._parts]
        return twin
