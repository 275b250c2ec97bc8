"""A project as a value: a set of files with a content hash."""

from __future__ import annotations

import difflib
import hashlib
import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path, PurePosixPath
from types import MappingProxyType

MAX_PATH = 255
"""Characters of a path in a tree."""

_SKIPPED = frozenset({".git", "__pycache__", ".pytest_cache", ".hypothesis", ".tox", ".venv"})


class BadPath(ValueError):
    """A path that a tree does not hold; the message says why."""


def check_path(path: str) -> str:
    """Returns `path` if it names a file inside a tree.

    Paths are relative, in POSIX form and normal (`a/b.py`): no `..`, `.`, empty part, backslash,
    control character or drive.

    Raises:
        BadPath: it does not.
    """
    if not path or len(path) > MAX_PATH:
        raise BadPath(f"a path has 1 to {MAX_PATH} characters, got {path[:40]!r}...")
    if path.startswith("/") or ":" in path.split("/")[0]:
        raise BadPath(f"{path!r} is absolute; paths are relative to the tree")
    if "\\" in path or not path.isprintable():
        raise BadPath(f"{path!r} has a backslash or a control character")
    parts = path.split("/")
    if any(part in ("", ".", "..") for part in parts):
        raise BadPath(f"{path!r} is not a normal path inside the tree")
    if ".git" in parts:
        raise BadPath(f"{path!r} reaches into version control")
    return path


class Tree(Mapping[str, bytes]):
    """An immutable set of files: path -> content.

    Trees are equal where their files are, and hash alike; symbolic links, modes and empty
    directories have no place in them.

    Args:
        files: Content by path; text is encoded as UTF-8.

    Raises:
        BadPath: a path leaves the tree, or is both a file and a directory.
    """

    __slots__ = ("_files", "hash")

    hash: str
    """SHA-256 over the sorted paths and contents, each preceded by its length, in hex."""

    def __init__(self, files: Mapping[str, bytes | str]) -> None:
        content = {
            check_path(path): data.encode() if isinstance(data, str) else bytes(data)
            for path, data in sorted(files.items())
        }
        for path in content:
            for parent in PurePosixPath(path).parents:
                if str(parent) in content:
                    raise BadPath(f"{str(parent)!r} is a file and holds {path!r}")
        digest = hashlib.sha256()
        for path, data in content.items():
            name = path.encode()
            digest.update(b"%d:%s%d:" % (len(name), name, len(data)))
            digest.update(data)
        self._files = MappingProxyType(content)
        self.hash = digest.hexdigest()

    @classmethod
    def read(cls, root: str | os.PathLike[str], *, max_bytes: int = 32 << 20) -> Tree:
        """The regular files below a directory, without version control, caches and bytecode.

        Raises:
            BadPath: there is a symbolic link, or more than `max_bytes` in all.
        """
        files: dict[str, bytes] = {}
        size = 0
        for folder, folders, names in os.walk(root):
            folders[:] = sorted(name for name in folders if name not in _SKIPPED)
            for name in (*folders, *names):
                if os.path.islink(os.path.join(folder, name)):
                    raise BadPath(f"{os.path.join(folder, name)} is a symbolic link")
            for name in names:
                path = Path(folder, name)
                if name.endswith((".pyc", ".pyo")) or not path.is_file():
                    continue
                size += path.stat().st_size
                if size > max_bytes:
                    raise BadPath(f"{root} holds more than {max_bytes} bytes")
                files[path.relative_to(root).as_posix()] = path.read_bytes()
        return cls(files)

    def __getitem__(self, path: str) -> bytes:
        return self._files[path]

    def __iter__(self) -> Iterator[str]:
        return iter(self._files)

    def __len__(self) -> int:
        return len(self._files)

    def __hash__(self) -> int:
        return hash(self.hash)

    def __eq__(self, other: object) -> bool:
        return self.hash == other.hash if isinstance(other, Tree) else NotImplemented

    def __repr__(self) -> str:
        return f"Tree({len(self)} files, {self.hash[:12]})"

    def text(self, path: str) -> str:
        """A file as UTF-8 text; bytes that are not show as U+FFFD."""
        return self[path].decode(errors="replace")

    def replace(self, files: Mapping[str, bytes | str | None]) -> Tree:
        """The tree with these files written; None deletes one, whether or not it is there."""
        merged: dict[str, bytes | str] = dict(self._files)
        for path, data in files.items():
            if data is None:
                merged.pop(path, None)
            else:
                merged[path] = data
        return Tree(merged)

    def only(self, paths: Iterable[str]) -> Tree:
        """The files among `paths` that the tree has."""
        return Tree({path: self[path] for path in paths if path in self})

    def changed(self, other: Tree) -> tuple[str, ...]:
        """Paths that are different in `other`, missing there or new there, sorted."""
        return tuple(path for path in sorted({*self, *other}) if self.get(path) != other.get(path))

    def diff(self, other: Tree) -> str:
        """A unified diff that makes this tree `other`, in Git's form.

        Raises:
            ValueError: a changed file is not UTF-8 text.
        """
        pieces: list[str] = []
        for path in self.changed(other):
            before, after = (_lines(path, tree.get(path, b"")) for tree in (self, other))
            pieces.append(f"diff --git a/{path} b/{path}\n")
            if path not in self:
                pieces.append("new file mode 100644\n")
            elif path not in other:
                pieces.append("deleted file mode 100644\n")
            old = f"a/{path}" if path in self else "/dev/null"
            new = f"b/{path}" if path in other else "/dev/null"
            for line in difflib.unified_diff(before, after, old, new):
                pieces.append(
                    line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n"
                )
        return "".join(pieces)

    def apply(self, patch: str) -> Tree:
        """The tree after a unified diff, with every line of context where it says.

        Raises:
            PatchRefused: it does not apply, or does what a patch may not; see `patches`.
        """
        from arenas.sandbox.patches import apply_patch

        return apply_patch(self, patch)

    def write(self, root: str | os.PathLike[str]) -> None:
        """Writes the files below a directory, which is made where it is missing."""
        for path, data in self._files.items():
            target = Path(root, path)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(data)


def _lines(path: str, data: bytes) -> list[str]:
    try:
        text = data.decode()
    except UnicodeDecodeError:
        raise ValueError(f"{path} is not text; a diff cannot show it") from None
    lines = text.split("\n")
    return [f"{line}\n" for line in lines[:-1]] + ([lines[-1]] if lines[-1] else [])
