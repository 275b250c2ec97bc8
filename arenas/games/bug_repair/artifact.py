"""What an injector hands in: the five parts of SSR's bug artifact, as a value and as text.

As text each part stands between tags of its own on lines of their own:

    <bug_inject.diff>
    --- a/spanset/span.py
    ...
    </bug_inject.diff>
    <test_weaken.diff>
    ...
    </test_weaken.diff>

`<test_files.txt>`, `<test_script.sh>` and `<test_parser.py>` may be left out: then they are all
test files of the project, and the engine's own runner, whose results need no parser. A reply with
none of the tags is one diff, whose files are told apart by whether they are tests.
"""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from typing import Any

from arenas.core.game import IllegalMove
from arenas.core.language import strip_reasoning
from arenas.games.bug_repair.project import Project
from arenas.sandbox import PatchRefused, parse_patch

PARTS = {
    "bug": "bug_inject.diff",
    "weaken": "test_weaken.diff",
    "files": "test_files.txt",
    "script": "test_script.sh",
    "parser": "test_parser.py",
}
"""The parts of an artifact: key in a move, and the file of the paper whose place it has."""

MAX_PART = 65_536
"""Longest part in characters."""

_FENCE = re.compile(r"^```(?:diff|patch)?[ \t]*\n(.*?)^```[ \t]*$", re.DOTALL | re.MULTILINE)


@dataclass(frozen=True)
class Artifact:
    """A bug and how it is hidden.

    Attributes:
        bug: the diff that breaks code files.
        weaken: the diff that makes tests miss it; its reverse is the solvers' specification.
        files: the test files that decide; None for all of the project's.
        script: the command that runs them; None for the engine's own.
        parser: a Python program that turns the script's output into JSON; None with no script.
        failed: a repair that failed, which makes the bug one of second order; "" for none.
    """

    bug: str
    weaken: str
    files: tuple[str, ...] | None = None
    script: str | None = None
    parser: str | None = None
    failed: str = ""

    @property
    def argv(self) -> list[str]:
        """The script as a command: one line without a shell.

        Raises:
            ValueError: it is no such line.
        """
        lines = [line.strip() for line in (self.script or "").splitlines()]
        lines = [line for line in lines if line and not line.startswith("#")]
        lines = [line for line in lines if line not in ("set -e", "set -ex")]
        if len(lines) != 1:
            raise ValueError(f"the script is one command on one line, not {len(lines)}")
        return shlex.split(lines[0])

    def to_move(self) -> dict[str, Any]:
        """The artifact as a move: parts that are left out are None."""
        files = None if self.files is None else list(self.files)
        return {
            "bug": self.bug,
            "weaken": self.weaken,
            "files": files,
            "script": self.script,
            "parser": self.parser,
        }

    @classmethod
    def of_move(cls, move: dict[str, Any], failed: str = "") -> Artifact:
        """The artifact of a move that `check_move` accepts."""
        files = None if move["files"] is None else tuple(move["files"])
        return cls(move["bug"], move["weaken"], files, move["script"], move["parser"], failed)


def check_move(move: Any) -> None:
    """Accepts a move that is an artifact, whatever its parts say, silently.

    Raises:
        IllegalMove: a part is missing, of another type, or too long.
    """
    if not isinstance(move, dict) or set(move) != set(PARTS):
        raise IllegalMove(f"an artifact has the parts {', '.join(PARTS.values())}")
    for key, name in PARTS.items():
        value = move[key]
        if key == "files":
            if value is None:
                continue
            if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
                raise IllegalMove(f"{name} is a list of paths")
            if not all(value) or any("\n" in path or path != path.strip() for path in value):
                raise IllegalMove(f"{name} has one path a line")
            value = "\n".join(value)
        elif value is None and key in ("script", "parser"):
            continue
        elif not isinstance(value, str):
            raise IllegalMove(f"{name} is text")
        if len(value) > MAX_PART:
            raise IllegalMove(f"{name} has {len(value)} characters, more than {MAX_PART}")
        if f"<{name}>" in value or f"</{name}>" in value:
            raise IllegalMove(f"{name} has its own tag within")
        if value and not value.endswith("\n") and key != "files":
            raise IllegalMove(f"{name} ends with a newline")


def read_artifact(text: str, project: Project, max_chars: int) -> dict[str, Any]:
    """The move that a reply makes.

    Raises:
        IllegalMove: the reply is too long, or neither tagged parts nor a diff.
    """
    shown = _shown(text, max_chars)
    move: dict[str, Any] = dict.fromkeys(PARTS)
    for key, name in PARTS.items():
        opened, closed = shown.count(f"<{name}>"), shown.count(f"</{name}>")
        if opened != closed or opened > 1:
            raise IllegalMove(f"<{name}> and </{name}> stand once each, or not at all")
        if opened:
            move[key] = _lines(shown.partition(f"<{name}>")[2].partition(f"</{name}>")[0])
    if move["bug"] is None and move["weaken"] is None:
        move["bug"], move["weaken"] = split_diff(_diff(shown), project)
    move["bug"], move["weaken"] = move["bug"] or "", move["weaken"] or ""
    if move["files"] is not None:
        move["files"] = [line.strip() for line in move["files"].splitlines() if line.strip()]
    return move


def format_artifact(move: dict[str, Any]) -> str:
    """An artifact as the text that `read_artifact` reads back."""
    pieces = []
    for key, name in PARTS.items():
        value = move[key]
        if key == "files" and value is not None:
            value = "".join(f"{path}\n" for path in value)
        if value is not None:
            pieces.append(f"<{name}>\n{value}</{name}>\n")
    return "".join(pieces)


def artifact_grammar() -> str:
    """A regular expression of what `format_artifact` writes."""
    inside = r"[^<]*(?:<[^<]*)*"
    wanted = [
        rf"<{re.escape(PARTS[key])}>\n{inside}</{re.escape(PARTS[key])}>\n"
        for key in ("bug", "weaken")
    ]
    free = [
        rf"(?:<{re.escape(PARTS[key])}>\n{inside}</{re.escape(PARTS[key])}>\n)?"
        for key in ("files", "script", "parser")
    ]
    return "".join((*wanted, *free))


def read_repair(text: str, max_chars: int) -> dict[str, Any]:
    """The move of a solver's reply: the one diff in it, fenced or bare.

    Raises:
        IllegalMove: the reply is too long, or there is no diff.
    """
    return {"patch": _diff(_shown(text, max_chars))}


def check_repair(move: Any) -> None:
    """Accepts a move that is a diff, whether or not it applies, silently.

    Raises:
        IllegalMove: it is not text with a line `--- `, or too long.
    """
    if not isinstance(move, dict) or set(move) != {"patch"} or not isinstance(move["patch"], str):
        raise IllegalMove("a repair is one unified diff")
    patch = move["patch"]
    if len(patch) > MAX_PART:
        raise IllegalMove(f"the diff has {len(patch)} characters, more than {MAX_PART}")
    if not re.search(r"^--- ", patch, re.MULTILINE) or not patch.endswith("\n"):
        raise IllegalMove("a repair is a unified diff: `--- a/FILE`, `+++ b/FILE`, `@@ ... @@`")
    if re.search(r"^```", patch, re.MULTILINE):
        raise IllegalMove("a line of the diff begins with a fence")


def format_repair(move: dict[str, Any]) -> str:
    """A repair as the text that `read_repair` reads back."""
    return f"```diff\n{move['patch']}```"


def repair_grammar() -> str:
    """A regular expression of what `format_repair` writes."""
    return r"```diff\n(?:[^\n]*\n)*--- (?:[^\n]*\n)+```"


def split_diff(patch: str, project: Project) -> tuple[str, str]:
    """A diff in two: what it does to code, and what it does to everything else.

    A diff that cannot be read is all taken for the first, which the checks then refuse.
    """
    try:
        files = parse_patch(patch)
    except PatchRefused:
        return patch, ""
    lines = patch.splitlines(keepends=True)
    starts = [file.line - 1 for file in files]
    for number, start in enumerate(starts):
        # The lines `diff --git`, `index` and the like above belong to the file.
        while start > 0 and lines[start - 1].startswith(("diff ", "index ", "new ", "deleted ")):
            start -= 1
        starts[number] = start
    ends = [*starts[1:], len(lines)]
    pieces = ["".join(lines[a:b]) for a, b in zip(starts, ends, strict=True)]
    code: list[str] = []
    rest: list[str] = []
    for file, piece in zip(files, pieces, strict=True):
        (code if project.is_code(file.path) else rest).append(piece)
    return "".join(code), "".join(rest)


def _shown(text: str, max_chars: int) -> str:
    if len(text) > max_chars:
        raise IllegalMove(f"the reply is longer than {max_chars} characters")
    shown = strip_reasoning(text)
    if not shown.strip():
        raise IllegalMove("the reply is empty apart from private reasoning")
    # A diff may end with an empty line of context, which is no space to strip.
    return f"{shown}{text[len(text.rstrip()) :]}\n"


def _diff(shown: str) -> str:
    fences = _FENCE.findall(shown)
    if len(fences) > 1:
        raise IllegalMove("there are several fenced blocks; give one diff")
    patch = fences[0] if fences else shown
    start = re.search(r"^(?:diff --git |--- )", patch, re.MULTILINE)
    if start is None:
        raise IllegalMove("there is no unified diff in the reply: `--- a/FILE`, `+++ b/FILE`, ...")
    patch = patch[start.start() :]
    return patch if fences else patch.rstrip("\n") + "\n"


def _lines(text: str) -> str:
    text = text.removeprefix("\r").removeprefix("\n")
    return text if not text or text.endswith("\n") else text + "\n"
