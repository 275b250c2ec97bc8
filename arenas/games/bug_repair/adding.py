"""Brings projects in: a folder, a source archive, or the name of one on the package index.

A project is read as files, without running anything of it, then its tests are run in the sandbox
as in play: several times, with what is not steady left out. Only `from_index` runs foreign code
outside of it, because pip asks a project's own build script for its metadata.
"""

from __future__ import annotations

import io
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from arenas.games.bug_repair.checks import Demands
from arenas.games.bug_repair.project import Project, ProjectError, find_test_files, keep
from arenas.games.bug_repair.workbench import Workbench
from arenas.sandbox import BadPath, Suite, Tree

MAX_FILE = 512 * 1024
"""A longer file is left out, in bytes."""

MAX_TREE = 8 << 20
"""All files together, in bytes."""

_LEFT_OUT = (".git/", ".github/", "doc/", "docs/", "build/", "dist/", ".tox/", "venv/", ".venv/")


@dataclass(frozen=True)
class Added:
    """A project that was admitted.

    Attributes:
        project: as it is kept.
        suite: its tests as admitted.
        left_out: test files that could not be collected or in which nothing passes.
    """

    project: Project
    suite: Suite
    left_out: tuple[str, ...]


def add(source: str, name: str = "", packages: tuple[str, ...] = ()) -> Added:
    """Reads, tries out and keeps a project.

    Args:
        source: a folder, a `.tar.gz` or `.zip` archive, or a name on the package index
            (`toolz` or `toolz==1.0.0`).
        name: what to call it; by default the name of the folder or archive.
        packages: installed distributions that its tests import.

    Raises:
        ProjectError: it cannot be read, or too few of its tests pass.
    """
    path = Path(source)
    if path.is_dir():
        return admit_tree(_from_folder(path), name or path.resolve().name, packages)
    if path.is_file():
        found, stem = _from_archive(path)
        return admit_tree(found, name or stem, packages)
    if "/" in source or source.startswith("."):
        raise ProjectError(f"there is no folder or archive {source}")
    with tempfile.TemporaryDirectory(prefix="arenas-add-") as folder:
        found, stem = _from_archive(from_index(source, Path(folder)))
    return admit_tree(found, name or stem, packages)


def from_index(requirement: str, folder: Path) -> Path:
    """The source archive of a requirement, downloaded into a folder with pip.

    pip runs the project's build script to learn its metadata, with no walls around it.

    Raises:
        ProjectError: pip finds no source archive, or the index is out of reach.
    """
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--no-binary", ":all:"]
    quiet = ["--disable-pip-version-check", "--quiet", "--dest", str(folder), requirement]
    done = subprocess.run([*command, *quiet], capture_output=True, text=True, check=False)
    files = [path for path in folder.iterdir() if path.is_file()]
    if done.returncode or len(files) != 1:
        lines = done.stderr.strip().splitlines() or ["there is no source archive"]
        raise ProjectError(f"pip cannot download {requirement}: {lines[-1]}")
    return files[0]


def admit_tree(tree: Tree, name: str, packages: tuple[str, ...] = ()) -> Added:
    """Tries out a tree's tests in the sandbox and keeps it as a project.

    Raises:
        ProjectError: too few of its tests pass.
    """
    src = any(path.startswith("src/") and path.endswith(".py") for path in tree)
    files = find_test_files(tree)
    if not files:
        raise ProjectError(f"{name} has no test files: test_*.py or *_test.py")
    python_path = ("src", ".") if src else (".",)
    project = Project(name, tree, files, python_path, packages)
    bench = Workbench()
    try:
        good, left_out = _collectable(bench, project)
        project = replace(project, test_files=good)
        suite = bench.suite(project)
    except ValueError as error:
        raise ProjectError(f"the tests of {name} do not run: {error}") from None
    finally:
        bench.close()
    most = Demands().min_passing
    if len(suite.passing) <= most:
        raise ProjectError(
            f"{len(suite.passing)} tests of {name} pass, and more than {most} must: "
            f"{_why(suite, left_out)}"
        )
    kept = keep(replace(project, name=name))
    return Added(kept, suite, left_out)


def _collectable(bench: Workbench, project: Project) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The test files in which something passes, and the others."""
    good = []
    for path in project.test_files:
        run = bench.run(project, project.tree, (path,))
        if run.reason == "ok" and "passed" in run.outcomes.values() and path not in run.outcomes:
            good.append(path)
    if not good:
        run = bench.run(project, project.tree, project.test_files[:1])
        raise ValueError(f"{run.reason} {run.detail} {dict(run.messages)}"[:1_000])
    return tuple(good), tuple(path for path in project.test_files if path not in good)


def _why(suite: Suite, left_out: tuple[str, ...]) -> str:
    parts = []
    if left_out:
        parts.append(f"left out {', '.join(left_out)}")
    if suite.flaky:
        parts.append(f"not steady {', '.join(suite.flaky)}")
    return "; ".join(parts) or "there are no more"


def _from_folder(path: Path) -> Tree:
    try:
        tree = Tree.read(path)
    except BadPath as error:
        raise ProjectError(f"{path}: {error}") from None
    return _pruned(tree)


def _from_archive(path: Path) -> tuple[Tree, str]:
    """The files below the archive's one folder, and that folder's name."""
    try:
        files = dict(_members(path))
    except (tarfile.TarError, zipfile.BadZipFile, EOFError, OSError) as error:
        raise ProjectError(f"{path.name} cannot be read: {error}") from None
    tops = {name.partition("/")[0] for name in files}
    stem = tops.pop() if len(tops) == 1 else path.name.partition(".tar")[0]
    inner = {
        name.partition("/")[2] if name.startswith(f"{stem}/") else name: data
        for name, data in files.items()
    }
    return _pruned(inner), stem


def _members(path: Path) -> Iterator[tuple[str, bytes]]:
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            for info in archive.infolist():
                if not info.is_dir() and info.file_size <= MAX_FILE:
                    yield info.filename, archive.read(info)
        return
    with tarfile.open(path) as tar:
        for member in tar:
            if member.isreg() and member.size <= MAX_FILE:
                file = tar.extractfile(member)
                yield member.name, (file or io.BytesIO()).read()


def _pruned(files: Mapping[str, bytes]) -> Tree:
    """The files that are text, of bounded size, and no documentation or by-products."""
    kept = {}
    for path, data in files.items():
        aside = path.startswith(_LEFT_OUT) or ".egg-info/" in path or "__pycache__/" in path
        if aside or len(data) > MAX_FILE:
            continue
        try:
            data.decode()
        except UnicodeDecodeError:
            continue
        kept[path] = data
    try:
        tree = Tree(kept)
    except BadPath as error:
        raise ProjectError(str(error)) from None
    size = sum(map(len, tree.values()))
    if size > MAX_TREE:
        raise ProjectError(f"{size} bytes of text, more than {MAX_TREE}")
    return tree
