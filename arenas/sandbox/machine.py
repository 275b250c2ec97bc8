"""What of this machine is seen behind the walls: the system's libraries, Python, a few packages."""

from __future__ import annotations

import glob
import os
import re
import sys
from collections.abc import Iterable, Sequence
from importlib import metadata
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from arenas.sandbox.inside.house import Plan

_SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32")
_LOADER = ("/etc/ld.so.cache", "/etc/alternatives")

_BOOT = """
import importlib, sys, types
for name in ("arenas", "arenas.sandbox"):
    sys.modules[name] = types.ModuleType(name)
    sys.modules[name].__path__ = [sys.argv[1] + name.replace("arenas", "", 1).replace(".", "/")]
importlib.import_module("arenas.sandbox.inside." + sys.argv[2]).main(*map(int, sys.argv[3:]))
"""


def interpreter() -> str:
    """The interpreter that runs behind the walls: this one, without its virtual environment."""
    return os.path.realpath(getattr(sys, "_base_executable", None) or sys.executable)


def inner_command(module: str, *arguments: object) -> list[str]:
    """A command that calls `main` of a module of `inside`, without importing the rest of us."""
    package = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    words = map(str, arguments)
    return [interpreter(), "-s", "-S", "-B", "-c", _BOOT, package, module, *words]


def make_plan(level: str, packages: Sequence[str], options: Sequence[str]) -> Plan:
    """What a keeper is told; see `house.Plan`.

    Raises:
        ValueError: a package is not installed.
    """
    readable = [path for path in (*_SYSTEM, *_LOADER) if os.path.lexists(path)]
    prefix = sys.base_prefix
    if not prefix.startswith("/usr"):
        readable += [
            path for name in ("bin", "lib", "lib64") if os.path.isdir(path := f"{prefix}/{name}")
        ]
    hidden = sorted(
        {
            os.path.realpath(path)
            for root in {prefix, "/usr", "/usr/local"}
            for path in glob.glob(f"{root}/lib*/python3*/*-packages")
            if os.path.isdir(path)
        }
    )
    site = {name: path for package in ("pytest", *packages) for name, path in _files_of(package)}
    listed: list[str] = []
    if level == "landlock":
        # Landlock's rules only ever allow, so what is hidden is left out of what is shown.
        # Python looks into the directories of its library before it opens a file in them.
        readable = _without(readable, hidden)
        listed = [os.path.dirname(path) for path in hidden]
    return {
        "level": level,
        "readable": readable,
        "listed": listed,
        "hidden": hidden,
        "site": site,
        "scratch": "",
        "options": list(options),
    }


def _without(paths: Iterable[str], hidden: Sequence[str]) -> list[str]:
    kept: list[str] = []
    for path in paths:
        real = os.path.realpath(path)
        if real in hidden:
            continue
        if any(other.startswith(f"{real}/") for other in hidden):
            kept += _without((f"{real}/{name}" for name in os.listdir(real)), hidden)
        else:
            kept.append(path)
    return kept


def _files_of(package: str) -> list[tuple[str, str]]:
    """Files and directories at the top of a distribution and of all that it requires."""
    found: dict[str, str] = {}
    seen: set[str] = set()
    wanted = [package]
    while wanted:
        name = wanted.pop()
        if name in seen:
            continue
        seen.add(name)
        try:
            distribution = metadata.distribution(name)
        except metadata.PackageNotFoundError:
            if name == package:
                raise ValueError(f"{package} is not installed; pip install {package}") from None
            continue  # a requirement of another platform or version
        for file in distribution.files or ():
            top = file.parts[0]
            if top not in ("..", "__pycache__") and not top.endswith(".pth"):
                found[top] = os.path.realpath(str(distribution.locate_file(top)))
        for requirement in distribution.requires or ():
            if "extra ==" not in requirement:
                match = re.match(r"[A-Za-z0-9._-]+", requirement)
                assert match is not None
                wanted.append(match[0])
    return sorted(found.items())
