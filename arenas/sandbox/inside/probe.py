"""Tries each wall in a process of its own and prints, as JSON, why it does not stand ("" if so)."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from functools import partial
from typing import Any

from arenas.sandbox.inside import calls, house, kernel

_NAMESPACES = {
    "user": 0,
    "mount": kernel.CLONE_NEWNS,
    "process": kernel.CLONE_NEWPID,
    "network": kernel.CLONE_NEWNET,
    "ipc": kernel.CLONE_NEWIPC,
}


def main() -> None:
    """Reads a plan and limits from standard input, as JSON, and prints what was found."""
    plan, limits = json.load(sys.stdin)
    root = os.geteuid() == 0
    found: dict[str, Any] = {
        f"{name} namespace": _try(partial(_unshare, flag, root))
        for name, flag in _NAMESPACES.items()
    }
    for level in ("namespaces", "landlock", "limits"):
        found[level] = _try(partial(_all, plan, limits, level))
    found["filter"] = _try(_filter)
    found["landlock abi"] = kernel.landlock_abi()
    print(json.dumps(found))


def _unshare(flag: int, root: bool) -> None:
    # Root needs no user namespace for the others; that it may make one is the first row.
    kernel.unshare(flag | (kernel.CLONE_NEWUSER if not root or not flag else 0))


def _filter() -> None:
    if not calls.can_filter():
        raise OSError(f"system calls of {kernel.MACHINE} are not known here")
    kernel.no_new_privileges()
    calls.filter_calls(may_fork=False, may_execute=False)


def _all(plan: house.Plan, limits: dict[str, Any], level: str) -> None:
    plan["level"] = level
    if level == "namespaces":
        house.enter(plan)
        kernel.unshare(kernel.CLONE_NEWPID)
        if child := os.fork():
            _, status = os.waitpid(child, 0)
            os._exit(os.waitstatus_to_exitcode(status) & 0xFF)
    house.open_box(plan, limits)
    house.close_doors(plan)
    house.lock(plan, limits, may_execute=False)


def _try(wall: Callable[[], None]) -> str:
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            wall()
        except BaseException as error:
            os.write(write, f"{type(error).__name__}: {error}".encode())
        os._exit(0)
    os.close(write)
    with open(read, "rb") as pipe:
        words = pipe.read().decode()
    _, status = os.waitpid(child, 0)
    return words or ("" if status == 0 else f"ended with status {status}")
