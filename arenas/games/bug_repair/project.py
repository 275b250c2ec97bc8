"""Projects to break and repair: those shipped here, and those that were added.

A shipped project is one file of `projects/`, its commits in the form of `git format-patch`: it can
be read as it is, and `git am` makes a repository of it. The last commit's tree is the project.
"""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from pathlib import Path
from typing import Any

from arenas.sandbox import Tree

_COMMIT = re.compile(r"^From [0-9a-f]{40} .*\n", re.MULTILINE)
_SUBJECT = re.compile(r"^Subject: (?:\[PATCH\] )?(.*(?:\n .*)*)\n", re.MULTILINE)
_DATE = re.compile(r"^Date: (.*)\n", re.MULTILINE)
_TEST_FILE = re.compile(r"(?:.*/)?(?:test_[^/]*|[^/]*_test)\.py")
_NAME = re.compile(r"[A-Za-z0-9][\w.-]*")


class ProjectError(ValueError):
    """There is no such project, or it is not what it should be; the message says what to do."""


@dataclass(frozen=True)
class Commit:
    """One commit of a history: its title, the text below it, its date and its unified diff."""

    title: str
    body: str
    date: str
    patch: str


@dataclass(frozen=True)
class Project:
    """A Python project with tests that pass.

    Attributes:
        name: what options and records call it; that of an added one ends with `@` and the first
            12 digits of its hash.
        tree: its files.
        test_files: paths of its test files.
        python_path: folders of the tree that tests import from.
        packages: installed distributions that its tests may import.
        history: its commits, oldest first; empty where none is known.
    """

    name: str
    tree: Tree
    test_files: tuple[str, ...]
    python_path: tuple[str, ...] = (".",)
    packages: tuple[str, ...] = ()
    history: tuple[Commit, ...] = ()

    def is_code(self, path: str) -> bool:
        """Whether a file may be broken and repaired: Python, and no test."""
        parts = path.split("/")
        aside = any(part in ("test", "tests", "testing", "docs", "examples") for part in parts)
        return path.endswith(".py") and not aside and path not in self.test_files

    @property
    def code_files(self) -> tuple[str, ...]:
        """The files that may be broken and repaired, sorted."""
        return tuple(path for path in self.tree if self.is_code(path))


def find_test_files(tree: Tree) -> tuple[str, ...]:
    """The files that pytest collects by their names, sorted."""
    return tuple(path for path in tree if _TEST_FILE.fullmatch(path))


def read_history(mbox: str) -> tuple[Commit, ...]:
    """The commits of a file in the form of `git format-patch --stdout`, oldest first.

    Raises:
        ProjectError: a commit has no subject or no diff.
    """
    commits = []
    for text in _COMMIT.split(mbox)[1:]:
        head, gap, rest = text.partition("\n\n")
        subject, date = _SUBJECT.search(head + "\n"), _DATE.search(head + "\n")
        body, mark, patch = f"\n{rest}".partition("\ndiff --git ")
        if not (gap and subject and mark):
            raise ProjectError(f"a commit without subject or diff: {text[:80]!r}")
        body = body.strip().removesuffix("---").strip()
        title = subject[1].replace("\n ", " ")
        commits.append(Commit(title, body, date[1] if date else "", f"diff --git {patch}"))
    return tuple(commits)


def shipped() -> tuple[str, ...]:
    """Names of the projects in this package, sorted."""
    folder = resources.files(__package__) / "projects"
    return tuple(
        sorted(
            entry.name.removesuffix(".mbox")
            for entry in folder.iterdir()
            if entry.name.endswith(".mbox")
        )
    )


@lru_cache(maxsize=64)
def load(name: str) -> Project:
    """A project by name: a shipped one, or an added one as `name` or `name@hash`.

    Raises:
        ProjectError: there is none; the message lists what there is.
    """
    if name in shipped():
        return _shipped(name)
    return _added(name)


def _shipped(name: str) -> Project:
    text = (resources.files(__package__) / "projects" / f"{name}.mbox").read_text("utf-8")
    history, tree = read_history(text), Tree({})
    for commit in history:
        tree = tree.apply(commit.patch)
    return Project(name, tree, find_test_files(tree), history=history)


# -- projects that were added ----------------------------------------------------------------------


def home() -> Path:
    """Where added projects are kept: `$ARENAS_HOME/projects`, else in the user's cache folder."""
    if own := os.environ.get("ARENAS_HOME"):
        return Path(own) / "projects"
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache) / "arenas" / "projects"


def added() -> tuple[str, ...]:
    """Names of the added projects with their hashes, sorted."""
    return tuple(sorted(path.stem for path in home().glob("*@*.json")))


def keep(project: Project) -> Project:
    """Keeps a project under its name and hash; returns it as `load` will.

    Raises:
        ProjectError: the name cannot be kept, or a file is no text.
    """
    if not _NAME.fullmatch(project.name) or project.name in shipped():
        raise ProjectError(f"{project.name!r} cannot be the name of an added project")
    name = f"{project.name}@{project.tree.hash[:12]}"
    try:
        files = {path: data.decode() for path, data in project.tree.items()}
    except UnicodeDecodeError as error:
        raise ProjectError(f"{project.name}: a file is not UTF-8 text: {error}") from None
    body = {
        "hash": project.tree.hash,
        "test_files": project.test_files,
        "python_path": project.python_path,
        "packages": project.packages,
        "files": files,
    }
    home().mkdir(parents=True, exist_ok=True)
    partial = home() / f".{name}.{os.getpid()}"
    partial.write_text(json.dumps(body), encoding="utf-8")
    partial.replace(home() / f"{name}.json")
    load.cache_clear()
    return load(name)


def forget(name: str) -> None:
    """Removes an added project.

    Raises:
        ProjectError: there is none of that name.
    """
    (home() / f"{_full(name)}.json").unlink()
    load.cache_clear()


def _full(name: str) -> str:
    found = [each for each in added() if name in (each, each.partition("@")[0])]
    if len(found) == 1:
        return found[0]
    there = ", ".join((*shipped(), *added()))
    if found:
        raise ProjectError(f"{name!r} is one of {', '.join(found)}: say which")
    raise ProjectError(
        f"there is no project {name!r}; there are {there}; `arenas repos add` brings others"
    )


def _added(name: str) -> Project:
    full = _full(name)
    body: dict[str, Any] = json.loads((home() / f"{full}.json").read_text("utf-8"))
    tree = Tree(body["files"])
    if tree.hash != body["hash"] or not full.endswith(f"@{tree.hash[:12]}"):
        raise ProjectError(f"the files of {full} were changed; remove it and add it again")
    return Project(
        full,
        tree,
        tuple(body["test_files"]),
        tuple(body["python_path"]),
        tuple(body["packages"]),
    )
