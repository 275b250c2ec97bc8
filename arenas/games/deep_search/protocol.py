"""Moves as words: tool calls in tags, or in JSON.

`<search>query</search>`, `<open>doc-12</open>`, `<question>text</question>` with an optional
`<query>[...]</query>` after it, `<answer>text</answer>`; or one JSON object,
`{"tool": "search", "query": "..."}`. A reply makes one call; what stands around the tags is not
read, nor is private reasoning.
"""

from __future__ import annotations

import json
import re

from arenas.core.game import IllegalMove, Move
from arenas.core.language import strip_reasoning
from arenas.kernels.tool_calls import Argument, Tool, Toolbox

MAX_QUERY_CHARS, MAX_TEXT_CHARS, MAX_FORMAL_CHARS, MAX_ANSWER_CHARS = 300, 2_000, 2_000, 500

SEARCH = Tool("search", "looks for documents", (Argument("query", "text", MAX_QUERY_CHARS),))
OPEN = Tool("open", "shows a document as a whole", (Argument("document", "text", 120),))
QUESTION = Tool(
    "question",
    "submits your question, and what it means as a formal query (or an empty string)",
    (Argument("text", "text", MAX_TEXT_CHARS), Argument("query", "text", MAX_FORMAL_CHARS)),
)
ANSWER = Tool("answer", "submits your answer", (Argument("answer", "text", MAX_ANSWER_CHARS),))

_TAGGED = re.compile(r"<(search|open|question|query|answer)>(.*?)</\1>", re.DOTALL)
_PLAIN = r"[^<>\x00-\x1f\x7f]*"
_FIRST = {tool.name: tool.arguments[0].name for tool in (SEARCH, OPEN, QUESTION, ANSWER)}


class Protocol:
    """Reads, checks and writes the calls that a seat may make.

    Args:
        tools: the tools of the seat.
    """

    def __init__(self, *tools: Tool) -> None:
        self.box = Toolbox(tools)

    def read(self, text: str, max_chars: int) -> Move:
        """The call of a reply; `check` says whether it is legal.

        Raises:
            IllegalMove: the reply makes no call, or several; with the reason.
        """
        if len(text) > max_chars:
            raise IllegalMove(f"the reply is longer than {max_chars} characters")
        shown = strip_reasoning(text).strip()
        calls = _TAGGED.findall(shown)
        if not calls or shown.startswith("{"):
            if "{" in shown:
                return self.box.read(text, max_chars)
            names = " ".join(f"<{name}>...</{name}>" for name in self.box.tools)
            raise IllegalMove(f"the reply makes no call; make one of: {names}")
        (name, inside), *more = calls
        formal = (
            more[0][1].strip() if name == "question" and more[:1] and more[0][0] == "query" else ""
        )
        if name == "question" and more[:1] and more[0][0] == "query":
            more = more[1:]
        if more:
            raise IllegalMove(f"the reply makes {len(more) + 1} calls; make one at a time")
        if name not in self.box.tools:
            raise IllegalMove(f"you have no <{name}>; the tools are {', '.join(self.box.tools)}")
        call = {"tool": name, _FIRST[name]: inside.strip()}
        return {**call, "query": formal} if name == "question" else call

    def check(self, call: Move) -> None:
        """Accepts a well-formed call, silently.

        Raises:
            IllegalMove: it is none.
        """
        self.box.check(call)

    def format(self, call: Move) -> str:
        """A call in words: tags where they can hold it, else JSON."""
        values = [value for key, value in call.items() if key != "tool"]
        plain = all(re.fullmatch(_PLAIN, v) and v == v.strip() for v in values)
        if not plain:
            # Tags within strings must not be taken for calls or for private reasoning.
            return self.box.format(call).replace("<", "\\u003c")
        name = call["tool"]
        written = f"<{name}>{call[_FIRST[name]]}</{name}>"
        formal = call.get("query") if name == "question" else None
        return f"{written}<query>{formal}</query>" if formal else written

    def grammar(self) -> str:
        """A regular expression of all calls in the forms that `format` writes."""
        tagged = [
            rf"<{name}>{_PLAIN}</{name}>"
            + (rf"(?:<query>{_PLAIN}</query>)?" if name == "question" else "")
            for name in self.box.tools
        ]
        return "|".join([*tagged, self.box.grammar()])

    def describe(self) -> str:
        """The calls, one a line, for a brief."""
        lines = []
        for tool in self.box.tools.values():
            formal = " <query>[...]</query>" if tool.name == "question" else ""
            lines.append(f"<{tool.name}>...</{tool.name}>{formal}  {tool.does}")
        return "\n".join(lines)

    def examples(self) -> tuple[str, ...]:
        """Replies that are calls."""
        return tuple(self.format(example(name)) for name in self.box.tools)


def example(name: str) -> dict[str, str]:
    """A call of a tool."""
    return {
        "search": {"tool": "search", "query": "river town"},
        "open": {"tool": "open", "document": "doc-1"},
        "question": {
            "tool": "question",
            "text": "According to the articles, who is the founder of the oldest company here?",
            "query": json.dumps(["of", "founder", ["is", "Example Mills"]]),
        },
        "answer": {"tool": "answer", "answer": "Example"},
    }[name]
