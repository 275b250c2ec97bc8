"""Unified diffs, read strictly.

A patch decides rewards here, so nothing is guessed: no fuzz, no offsets, no renames, no modes. What
`diff -u` and `git diff` write for text is read; each refusal says which line of the patch is at
fault and what was expected.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from arenas.sandbox.tree import BadPath, check_path

if TYPE_CHECKING:
    from arenas.sandbox.tree import Tree

NOWHERE = "/dev/null"

_HUNK = re.compile(r"@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@")
_GIT_HEAD = re.compile(r"diff --git a/(.+) b/\1")
_COMES_OR_GOES = ("new file mode 100644", "deleted file mode 100644")
_QUIET = ("diff ", "index ", *_COMES_OR_GOES)
_REFUSED = {
    "GIT binary patch": "binary patches are not read",
    "Binary files": "binary patches are not read",
    "rename ": "renames are not read; delete the one file and add the other",
    "copy ": "copies are not read; add the file",
    "old mode": "modes cannot be changed",
    "new mode": "modes cannot be changed",
    "similarity": "renames are not read; delete the one file and add the other",
    "new file mode": "only regular files (mode 100644) can be added, no links, no executables",
    "deleted file mode": "only regular files (mode 100644) can be deleted",
}


class PatchRefused(ValueError):
    """A patch that is not applied; the message says which line and why."""


@dataclass(frozen=True)
class Hunk:
    """Lines that take the place of others.

    Attributes:
        start: Line of the old file, from 1, where `old` begins.
        old: Lines as they must be, with their ends.
        new: Lines as they become.
        line: Line of the patch, from 1, that the hunk begins at.
    """

    start: int
    old: tuple[str, ...]
    new: tuple[str, ...]
    line: int


@dataclass(frozen=True)
class FilePatch:
    """What a patch does to one file: `old` or `new` is None where it is added or deleted."""

    old: str | None
    new: str | None
    hunks: tuple[Hunk, ...]
    line: int

    @property
    def path(self) -> str:
        """The file's path."""
        path = self.new if self.new is not None else self.old
        assert path is not None
        return path


def parse_patch(patch: str) -> tuple[FilePatch, ...]:
    """Reads a unified diff.

    Text before the first file, as in a mail or a commit, is passed over.

    Raises:
        PatchRefused: it is not one, or does what patches may not do here.
    """
    lines = patch.split("\n")
    if lines and lines[-1] == "":
        lines.pop()
    files: list[FilePatch] = []
    bare: FilePatch | None = None  # an empty file that comes or goes has a head and no hunk
    at = 0
    while at < len(lines):
        line = lines[at]
        for start, reason in _REFUSED.items():
            if line.startswith(start) and not line.startswith(_QUIET):
                raise PatchRefused(f"line {at + 1}: {reason}: {line[:80]!r}")
        if line.startswith("--- ") and at + 1 < len(lines) and lines[at + 1].startswith("+++ "):
            bare = None
            file, at = _read_file(lines, at)
            files.append(file)
            continue
        if line.startswith("@@ "):
            raise PatchRefused(f"line {at + 1}: a hunk before any `--- a/FILE`, `+++ b/FILE`")
        if line.startswith("diff ") or at + 1 == len(lines):
            files += [bare] if bare else []
            bare = None
        if line.startswith(_COMES_OR_GOES):
            bare = _read_bare(lines, at)
            if at + 1 == len(lines):
                files.append(bare)
        elif files and line and not line.startswith(_QUIET):
            raise PatchRefused(f"line {at + 1}: neither a file nor a hunk begins: {line[:80]!r}")
        at += 1
    if not files:
        raise PatchRefused(
            "no file in it: a patch has lines `--- a/FILE`, `+++ b/FILE`, `@@ ... @@`"
        )
    paths = [file.path for file in files]
    for path in paths:
        if paths.count(path) > 1:
            raise PatchRefused(f"{path} is patched twice")
    return tuple(files)


def apply_patch(tree: Tree, patch: str) -> Tree:
    """The tree after a patch.

    Raises:
        PatchRefused: it does not parse, or a line is not what the patch says.
    """
    written: dict[str, str | None] = {}
    for file in parse_patch(patch):
        if file.old is None:
            if file.path in tree:
                raise PatchRefused(f"line {file.line}: {file.path} is added but is there already")
            before: list[str] = []
        elif file.path not in tree:
            raise PatchRefused(f"line {file.line}: there is no {file.path} in the tree")
        else:
            try:
                before = _split(tree[file.path].decode())
            except UnicodeDecodeError:
                raise PatchRefused(f"line {file.line}: {file.path} is not text") from None
        after = _apply_hunks(file, before)
        if file.new is None and after:
            raise PatchRefused(f"line {file.line}: {file.path} is deleted but lines are left")
        written[file.path] = None if file.new is None else "".join(after)
    try:
        return tree.replace(written)
    except BadPath as error:
        raise PatchRefused(str(error)) from None


def _read_file(lines: Sequence[str], at: int) -> tuple[FilePatch, int]:
    first = at + 1
    old, new = (_read_path(lines[at + i], at + i) for i in (0, 1))
    if old is None and new is None:
        raise PatchRefused(f"line {first}: both sides are {NOWHERE}")
    if old is not None and new is not None and old != new:
        raise PatchRefused(
            f"line {first}: renames are not read ({old} to {new}); delete the one, add the other"
        )
    at += 2
    hunks: list[Hunk] = []
    while at < len(lines) and lines[at].startswith("@@ "):
        hunk, at = _read_hunk(lines, at)
        hunks.append(hunk)
    if not hunks:
        raise PatchRefused(f"line {first}: {new or old} has no hunk (`@@ -1,3 +1,4 @@`)")
    return FilePatch(old, new, tuple(hunks), first), at


def _read_bare(lines: Sequence[str], at: int) -> FilePatch:
    """An empty file, from the head that Git writes: a `diff --git` line and one on its mode."""
    head = _GIT_HEAD.fullmatch(lines[at - 1]) if at else None
    if not head:
        raise PatchRefused(f"line {at + 1}: a mode without a line `diff --git a/FILE b/FILE`")
    path = _read_path(f"+++ {head[1]}", at - 1)
    new = lines[at].startswith("new")
    return FilePatch(None if new else path, path if new else None, (), at)


def _read_path(line: str, at: int) -> str | None:
    path = line[4:].split("\t")[0].rstrip("\r ")
    if path == NOWHERE:
        return None
    if path.startswith('"'):
        raise PatchRefused(f"line {at + 1}: quoted paths are not read: {path[:80]}")
    if path.startswith(("a/", "b/")):
        path = path[2:]
    try:
        return check_path(path)
    except BadPath as error:
        raise PatchRefused(f"line {at + 1}: {error}") from None


def _read_hunk(lines: Sequence[str], at: int) -> tuple[Hunk, int]:
    first = at + 1
    match = _HUNK.match(lines[at])
    if not match:
        raise PatchRefused(f"line {first}: not a hunk's head: {lines[at][:80]!r}")
    start, old_count, new_count = (
        int(match[1]),
        int(match[2] or 1),
        int(match[4] or 1),
    )
    old: list[str] = []
    new: list[str] = []
    at += 1
    while len(old) < old_count or len(new) < new_count:
        # Editors and models strip the blank of an empty line of context.
        line = (lines[at] or " ") if at < len(lines) else ""
        sign = line[:1]
        if sign not in (" ", "-", "+"):
            raise PatchRefused(
                f"line {first}: the hunk promises {old_count} old and {new_count} new lines, "
                f"and has {len(old)} and {len(new)}"
            )
        if sign in " -":
            old.append(line[1:] + "\n")
        if sign in " +":
            new.append(line[1:] + "\n")
        at += 1
        if at < len(lines) and lines[at].startswith("\\"):
            for side, signs in ((old, " -"), (new, " +")):
                if sign in signs:
                    side[-1] = side[-1][:-1]
            at += 1
    if len(old) > old_count or len(new) > new_count:
        raise PatchRefused(f"line {first}: the hunk has more lines than it promises")
    if at < len(lines) and lines[at][:1] in ("+", "-", " ") and not lines[at].startswith("--- "):
        raise PatchRefused(f"line {at + 1}: the hunk has more lines than it promises")
    return Hunk(start if old else start + 1, tuple(old), tuple(new), first), at


def _apply_hunks(file: FilePatch, before: Sequence[str]) -> list[str]:
    after: list[str] = []
    done = 0
    for hunk in file.hunks:
        begin = hunk.start - 1
        if begin < done:
            raise PatchRefused(f"line {hunk.line}: hunks of {file.path} overlap or go backwards")
        for offset, expected in enumerate(hunk.old):
            found = before[begin + offset] if begin + offset < len(before) else "(end of file)"
            if found != expected:
                raise PatchRefused(
                    f"line {hunk.line}: line {begin + offset + 1} of {file.path} is {found!r}, "
                    f"and the patch has {expected!r}"
                )
        if begin > len(before):
            raise PatchRefused(f"line {hunk.line}: {file.path} has only {len(before)} lines")
        after += before[done:begin]
        after += hunk.new
        done = begin + len(hunk.old)
    return after + list(before[done:])


def _split(text: str) -> list[str]:
    lines = text.split("\n")
    return [f"{line}\n" for line in lines[:-1]] + ([lines[-1]] if lines[-1] else [])
