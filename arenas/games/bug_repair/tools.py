"""The tools of agentic play: list, read, search, edit, write, run, log, show, submit.

Every result is bounded, and what comes out of files or test runs is quoted (`tool_calls.quoted`),
so that nothing that a player wrote into a file can pass for a message of the game.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from arenas.games.bug_repair.project import Commit
from arenas.kernels.tool_calls import Argument, Tool, Toolbox, named, quoted
from arenas.sandbox import BadPath, TestRun, Tree

MAX_RESULT = 6_000
"""Longest result in characters."""

LINES = 200
"""Most lines that `read` shows at once."""

HITS = 40
"""Most lines that `search` finds."""

_PATH = Argument("path", limit=255, sample="tests/test_text.py")

COMMON = (
    Tool("list", "the files and their sizes"),
    Tool(
        "read",
        f"up to {LINES} lines of a file from a line on",
        (_PATH, Argument("line", "number", 1_000_000, 1)),
    ),
    Tool(
        "search",
        f"up to {HITS} lines that contain a text, in all files",
        (Argument("text", limit=200, sample="def "),),
    ),
    Tool(
        "edit",
        "replaces a piece of a file, which stands there exactly once",
        (_PATH, Argument("old", limit=20_000, sample="a"), Argument("new", limit=20_000)),
    ),
    Tool("write", "writes a whole file", (_PATH, Argument("text", limit=60_000))),
    Tool("run", "runs the tests on your tree and names those that fail"),
)
HISTORY = (
    Tool("log", "the titles of all commits, oldest first"),
    Tool("show", "one commit", (Argument("commit", "number", 10_000, 1),)),
)
SUBMIT = (Tool("submit", "hands in your tree as it is; this ends your part"),)


def toolbox(history: bool) -> Toolbox:
    """The tools of a seat, with those that read a history or without."""
    return Toolbox((*COMMON, *(HISTORY if history else ()), *SUBMIT))


@dataclass(frozen=True)
class Use:
    """What a call led to: the result in words, and the file it wrote, if any.

    Attributes:
        result: for the seat that called.
        path: the file written; "" for none.
        text: its new content.
    """

    result: str
    path: str = ""
    text: str = ""


def look(tree: Tree, call: Mapping[str, Any]) -> Use | None:
    """The result of a tool that reads or writes files; None for the other tools."""
    tool = call["tool"]
    if tool == "list":
        lines = (f"{path} ({len(tree[path])} bytes)" for path in tree)
        return Use(_cut("\n".join(map(quoted, lines))))
    if tool == "read":
        return _read(tree, call["path"], call["line"])
    if tool == "search":
        return _search(tree, call["text"])
    if tool == "edit":
        return _edit(tree, call["path"], call["old"], call["new"])
    if tool == "write":
        return _write(tree, call["path"], call["text"])
    return None


def history(commits: tuple[Commit, ...], call: Mapping[str, Any]) -> Use | None:
    """The result of a tool that reads the history; None for the other tools."""
    if call["tool"] == "log":
        titles = (f"{number}: {commit.title}" for number, commit in enumerate(commits, 1))
        return Use(_cut("\n".join(map(quoted, titles))) or "There is no history.")
    if call["tool"] == "show":
        number = call["commit"]
        if not 1 <= number <= len(commits):
            return Use(f"There are commits 1 to {len(commits)}.")
        commit = commits[number - 1]
        return Use(_cut(quoted("\n".join([commit.title, commit.body, commit.patch]))))
    return None


def report(run: TestRun) -> str:
    """A test run in words: how many passed, and each that did not, with the reason it gave."""
    bad = run.ids("failed", "error", "missing")
    passed = len(run.ids("passed"))
    lines = [f"{passed} tests passed, {len(bad)} did not."]
    if run.reason != "ok":
        lines.append(f"The run ended early: {run.reason}.")
    for test in bad[:20]:
        lines.append(f"{run.outcomes[test]}: {named(test)}")
        if message := run.messages.get(test, ""):
            lines.append(quoted(message[-300:]))
    if len(bad) > 20:
        lines.append(f"... and {len(bad) - 20} more.")
    return _cut("\n".join(lines))


def _read(tree: Tree, path: str, line: int) -> Use:
    if path not in tree:
        return Use(f"There is no file {named(path)}.")
    lines = tree.text(path).split("\n")
    first = max(1, line)
    shown = lines[first - 1 : first - 1 + LINES]
    if not shown:
        return Use(f"{named(path)} has {len(lines)} lines.")
    head = f"Lines {first} to {first + len(shown) - 1} of {len(lines)}:"
    return Use(_cut(f"{head}\n{quoted(chr(10).join(shown))}"))


def _search(tree: Tree, text: str) -> Use:
    if not text:
        return Use("There is nothing to search for.")
    hits = [
        f"{path}:{number}: {line}"
        for path in tree
        for number, line in enumerate(tree.text(path).split("\n"), 1)
        if text in line
    ]
    more = f"\n... and {len(hits) - HITS} more." if len(hits) > HITS else ""
    return Use(_cut("\n".join(map(quoted, hits[:HITS]))) + more or "Nothing was found.")


def _edit(tree: Tree, path: str, old: str, new: str) -> Use:
    if path not in tree:
        return Use(f"There is no file {named(path)}; nothing was changed.")
    text = tree.text(path)
    count = text.count(old) if old else 0
    if count != 1:
        return Use(f"The old text stands there {count} times; nothing was changed.")
    return _write(tree, path, text.replace(old, new))


def _write(tree: Tree, path: str, text: str) -> Use:
    try:
        data = text.encode()
        tree.replace({path: data})
    except (BadPath, UnicodeEncodeError) as error:
        return Use(f"Nothing was changed: {named(str(error))}")
    return Use(f"{named(path)} has {len(data)} bytes now.", path, text)


def _cut(text: str) -> str:
    if len(text) <= MAX_RESULT:
        return text
    return text[:MAX_RESULT].rpartition("\n")[0] + "\n... (cut)"
