"""Which walls stand on this machine.

There are three levels. At `namespaces` a run has a file system, a network, processes and users of
its own, and beside them Landlock, a filter of system calls and limits. At `landlock`, for machines
that do not let users make namespaces, it shares the machine's, and Landlock and the filter keep it
from them. At `limits` there are only limits, on honest code's mistakes.

The stated minimum for hostile code is a wall around files, one around the network, one around
processes, and limits. The first two levels have that; the third does not.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

from arenas.sandbox.limits import Limits
from arenas.sandbox.machine import inner_command, make_plan

Level = Literal["namespaces", "landlock", "limits"]


class TooWeak(RuntimeError):
    """This machine lacks a wall that hostile code needs; the message says which."""


@dataclass(frozen=True)
class Wall:
    """One wall: what it keeps out, whether it stands, and what there is to say of it."""

    name: str
    keeps_out: str
    stands: bool
    note: str = ""


@dataclass(frozen=True)
class Report:
    """The walls of this machine.

    Attributes:
        level: The strongest level that stands.
        walls: Each wall.
    """

    level: Level
    walls: tuple[Wall, ...]

    @property
    def missing(self) -> tuple[str, ...]:
        """What the stated minimum lacks here; empty where hostile code may run."""
        return self.missing_at(self.level)

    @property
    def enough(self) -> bool:
        """Whether the minimum stands."""
        return not self.missing

    def missing_at(self, level: Level) -> tuple[str, ...]:
        """What the minimum lacks at a level.

        Raises:
            ValueError: there is no such level.
        """
        order = ("limits", "landlock", "namespaces")
        if level not in order:
            raise ValueError(f"{level!r} is none of the levels {', '.join(order)}")
        if level == "limits":
            return ("wall around files", "wall around the network", "wall around processes")
        if order.index(level) > order.index(self.level):
            notes = [wall.note for wall in self.walls if wall.name == f"level {level}"]
            return (f"level {level}: {''.join(notes)}",)
        return ()


@lru_cache(maxsize=1)
def walls() -> Report:
    """Probes this machine, once a process; takes some 0.1 s."""
    if sys.platform != "linux":
        return Report("limits", (Wall("all walls", "", False, "they are Linux's"),))
    found = _probe()
    level: Level = "limits"
    if not found["landlock"] and not found["filter"] and found["landlock abi"]:
        level = "landlock"
    if not found["namespaces"] and not found["filter"]:
        level = "namespaces"
    rows = [
        _wall("user namespace", "powers over the machine", found),
        _wall("mount namespace", "all files but Python, system libraries, its own tree", found),
        _wall("process namespace", "sight and signals of others; ends whole trees", found),
        _wall("network namespace", "all hosts, this one's loopback included", found),
        _wall("ipc namespace", "shared memory and queues of others", found),
        Wall(
            "Landlock",
            "files outside, TCP (ABI 4), signals (ABI 6)",
            bool(found["landlock abi"]),
            f"ABI {found['landlock abi']}" if found["landlock abi"] else "the kernel has none",
        ),
        Wall(
            "seccomp filter",
            "forks, sockets, ptrace, mounts, keys, 80 calls more",
            not found["filter"],
            found["filter"],
        ),
        Wall("resource limits", "memory, processor time, file sizes, descriptors", True),
        Wall(
            "user of its own",
            "files and processes of this user",
            os.geteuid() == 0 and not found["namespaces"],
            "" if os.geteuid() == 0 else "takes root; namespaces do the same here",
        ),
        Wall("level namespaces", "", not found["namespaces"], found["namespaces"]),
        Wall("level landlock", "", not found["landlock"], found["landlock"]),
        Wall("control groups", "", False, "not used: hosts mount them in too many ways"),
        Wall(
            "bubblewrap",
            "",
            False,
            "not used: the same walls are put up without it; "
            + ("it is installed" if shutil.which("bwrap") else "it is not installed"),
        ),
    ]
    return Report(level, tuple(rows))


def _wall(name: str, keeps_out: str, found: Mapping[str, Any]) -> Wall:
    return Wall(name, keeps_out, not found[name], found[name])


def _probe() -> dict[str, Any]:
    scratch = tempfile.mkdtemp(prefix="arenas-sandbox-")
    try:
        plan = make_plan("namespaces", (), ())
        plan["scratch"] = scratch
        try:
            probe = subprocess.run(
                inner_command("probe"),
                input=json.dumps([plan, vars(Limits())]).encode(),
                capture_output=True,
                check=True,
                cwd="/",
                env={"LC_ALL": "C.UTF-8"},
                timeout=300,
            )
        except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
            words = (error.stderr or b"").decode(errors="replace").strip()[-500:]
            names = ("user", "mount", "process", "network", "ipc")
            keys = ("namespaces", "landlock", "filter", *(f"{name} namespace" for name in names))
            failed = f"the probe failed: {words or error}"
            return {**dict.fromkeys(keys, failed), "landlock abi": 0}
        found: dict[str, Any] = json.loads(probe.stdout)
        return found
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
