r"""Tool calls as moves: one JSON object a reply, and quoted text that cannot pass for the game's.

A call is `{"tool": "search", "query": "river"}`: the tool's name and exactly its arguments. As a
reply it may stand in a code fence; private reasoning before it is not read. JSON that says nothing
clear (a key twice, NaN, several objects) is refused with the reason.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from arenas.core.game import IllegalMove, Move
from arenas.core.language import strip_reasoning

_FENCE = re.compile(r"```(?:json)?[ \t]*\n(.*?)\n?```", re.DOTALL)
_STRING = r'"(?:[^"\\\x00-\x1f]|\\["\\/bfnrt]|\\u[0-9a-fA-F]{4})*"'
_INTEGER = r"(?:0|[1-9][0-9]{0,8})"


@dataclass(frozen=True)
class Argument:
    """One argument of a tool.

    Attributes:
        name: its key.
        kind: "text", or "number" (a whole number of 0 to 999,999,999).
        limit: most characters of a text, or the greatest number.
        sample: what random players and examples pass.
    """

    name: str
    kind: str = "text"
    limit: int = 1_000
    sample: str | int = ""

    def check(self, value: Any) -> None:
        """Accepts a value of this argument, silently.

        Raises:
            IllegalMove: it is of another kind, too long or too great.
        """
        if self.kind == "number":
            if type(value) is not int or not 0 <= value <= self.limit:
                raise IllegalMove(f"{self.name} is a whole number from 0 to {self.limit}")
        elif not isinstance(value, str):
            raise IllegalMove(f"{self.name} is a string")
        elif len(value) > self.limit:
            raise IllegalMove(f"{self.name} has {len(value)} characters, more than {self.limit}")

    @property
    def pattern(self) -> str:
        """A regular expression of its value in JSON."""
        return _INTEGER if self.kind == "number" else _STRING


@dataclass(frozen=True)
class Tool:
    """A tool: its name, what it does in a few words, and its arguments in order."""

    name: str
    does: str
    arguments: tuple[Argument, ...] = ()

    def example(self) -> dict[str, Any]:
        """A call with the arguments' samples."""
        return {"tool": self.name, **{a.name: a.sample for a in self.arguments}}


class Toolbox:
    """The tools of one seat: describes them, and reads, checks and writes calls."""

    def __init__(self, tools: Sequence[Tool]) -> None:
        self.tools = {tool.name: tool for tool in tools}

    def describe(self) -> str:
        """The tools, one a line, for a brief."""
        lines = []
        for tool in self.tools.values():
            form = {"tool": tool.name, **{a.name: _shown(a) for a in tool.arguments}}
            lines.append(f"{json.dumps(form)}: {tool.does}")
        return "\n".join(lines)

    def read(self, text: str, max_chars: int) -> Move:
        """The call that a reply makes; `check` says whether it is legal.

        Raises:
            IllegalMove: the reply is too long, or not one JSON object.
        """
        if len(text) > max_chars:
            raise IllegalMove(f"the reply is longer than {max_chars} characters")
        shown = strip_reasoning(text).strip()
        if not shown:
            raise IllegalMove("the reply is empty apart from private reasoning")
        fences = _FENCE.findall(shown)
        if len(fences) == 1:
            shown = fences[0]
        try:
            call = json.loads(shown, parse_constant=_refuse, object_pairs_hook=_no_twins)
        except (ValueError, RecursionError) as error:
            raise IllegalMove(f"the reply is not one JSON object: {error}") from None
        return call

    def check(self, call: Move) -> None:
        """Accepts a well-formed call of one of the tools, silently.

        Raises:
            IllegalMove: it is none; with the reason.
        """
        if not isinstance(call, dict) or not isinstance(call.get("tool"), str):
            raise IllegalMove('a reply is {"tool": NAME, ...}')
        tool = self.tools.get(call["tool"])
        if tool is None:
            raise IllegalMove(f"there is no such tool; the tools are {', '.join(self.tools)}")
        names = [argument.name for argument in tool.arguments]
        if set(call) != {"tool", *names}:
            wants = f"exactly {', '.join(names)}" if names else "nothing more"
            raise IllegalMove(f"the tool {tool.name} takes {wants}")
        for argument in tool.arguments:
            argument.check(call[argument.name])

    def format(self, call: Move) -> str:
        """A call as `read` takes it, keys in the tool's order."""
        tool = self.tools[call["tool"]]
        ordered = {"tool": tool.name, **{a.name: call[a.name] for a in tool.arguments}}
        return json.dumps(ordered)

    def grammar(self) -> str:
        """A regular expression of all calls in the form that `format` writes."""
        calls = []
        for tool in self.tools.values():
            pairs = [f'"tool": {re.escape(json.dumps(tool.name))}']
            pairs += [f'"{re.escape(a.name)}": {a.pattern}' for a in tool.arguments]
            calls.append(r"\{" + ", ".join(pairs) + r"\}")
        return "|".join(calls)


def quoted(text: str) -> str:
    r"""Text of a file, a test or a player, each line behind `| `, as no line of ours begins.

    Whatever begins a new line on a screen begins a quoted one, and control characters are shown as
    escapes, so that nothing in it can pass for a message of the game.
    """
    lines = text.split("\n")
    if lines and lines[-1] == "":
        lines.pop()
    return "\n".join("| " + _visible(line) for line in lines)


def named(text: str) -> str:
    """A name that a player chose, within a line of ours: quoted and escaped as in JSON."""
    return json.dumps(text, ensure_ascii=True)


def _visible(line: str) -> str:
    if line.isprintable():
        return line
    return "".join(c if c.isprintable() or c == "\t" else repr(c)[1:-1] for c in line)


def _shown(argument: Argument) -> str | int:
    return 0 if argument.kind == "number" else "..."


def _refuse(name: str) -> Any:
    raise ValueError(f"{name} is no JSON number")


def _no_twins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key stands twice in one object")
    return found
