"""Builds the file system that a run sees, and puts the walls around a process in the right order.

A `Plan` comes from outside and names what may be seen. With namespaces, a new root is put together
from read-only binds of the system's libraries, the interpreter and chosen packages; nothing else of
the machine is there, and each run gets an empty `/box` in memory for its tree. Without them,
Landlock allows the same places where they are, and each run gets a directory.
"""

from __future__ import annotations

import os
import shutil
import sys
from typing import Any, TypedDict

from arenas.sandbox.inside import calls, kernel

BOX = "/box"
"""Where a run's files are: `tree`, `tmp` and `home`."""
SITE = "/site"
"""Where the chosen packages are."""
INNER_ID = 1000
"""User and group, as seen inside."""

_OUTER_ID = 1_900_000_000
"""With root's powers, keepers run as this user plus their process id, which nobody else has."""

_DEVICES = ("null", "zero", "full", "random", "urandom")
_LINKS = {"/tmp": "/box/tmp", "/dev/shm": "/box/tmp"}
_PASSWD = f"sandbox:x:{INNER_ID}:{INNER_ID}:sandbox:{BOX}/home:/bin/sh\n"


class Plan(TypedDict):
    """What a keeper is told when it starts.

    Attributes:
        level: `namespaces`, `landlock` or `limits`.
        readable: Paths of the machine that are seen at their own places.
        listed: Directories of which only names are seen.
        hidden: Directories below `readable` that are not seen.
        site: Packages: where each is, by its name below `SITE`.
        scratch: A directory of the machine, to build in; a run's `/box` where nothing is mounted.
        options: Arguments for pytest.
    """

    level: str
    readable: list[str]
    listed: list[str]
    hidden: list[str]
    site: dict[str, str]
    scratch: str
    options: list[str]


def enter(plan: Plan) -> None:
    """Moves this process into a house of its own: no other files, network, users or hosts.

    Afterwards it has all powers inside, and none outside.
    """
    was_root = os.geteuid() == 0
    home = os.open("/proc/self", os.O_PATH | os.O_DIRECTORY)
    inner = kernel.CLONE_NEWNET | kernel.CLONE_NEWIPC | kernel.CLONE_NEWUTS | kernel.CLONE_NEWCGROUP
    if was_root:
        kernel.unshare(kernel.CLONE_NEWNS)
    else:
        _own_users(home, inner)
    kernel.mount("none", "/", flags=kernel.MS_REC | kernel.MS_PRIVATE)
    _build(plan)
    kernel.pivot_root(plan["scratch"])
    if was_root:
        _leave_root()
        _own_users(home, inner)
    os.close(home)
    kernel.seal("/", below=False)
    # Process 1 of a namespace that belongs to these powers may make more of them. The process
    # outside only waits: it ends with this one, and this one with it.
    kernel.unshare(kernel.CLONE_NEWPID)
    keeper = os.fork()
    if keeper:
        _, status = os.waitpid(keeper, 0)
        os._exit(os.waitstatus_to_exitcode(status) & 0xFF)
    kernel.die_with_parent()


def _own_users(home: int, more: int) -> None:
    user, group = os.geteuid(), os.getegid()
    kernel.unshare(kernel.CLONE_NEWUSER | kernel.CLONE_NEWNS | more)
    for name, text in (
        ("setgroups", "deny"),
        ("uid_map", f"{INNER_ID} {user} 1"),
        ("gid_map", f"{INNER_ID} {group} 1"),
    ):
        descriptor = os.open(name, os.O_WRONLY, dir_fd=home)
        try:
            os.write(descriptor, text.encode())
        finally:
            os.close(descriptor)


def _leave_root() -> None:
    user = _OUTER_ID + os.getpid()
    try:
        os.setgroups([])
        os.setresgid(user, user, user)
        os.setresuid(user, user, user)
    except OSError:
        # Root of a container that has no such user: its own user namespace is wall enough.
        return
    kernel.set_dumpable(True)  # else /proc/self belongs to root


def _build(plan: Plan) -> None:
    root = plan["scratch"]
    kernel.mount("tmpfs", root, "tmpfs", kernel.MS_NOSUID | kernel.MS_NODEV, "mode=755,size=4m")
    for path in (BOX, f"{BOX}/tree", SITE, "/dev", "/etc", "/proc"):
        os.makedirs(root + path, exist_ok=True)
    for path in plan["readable"]:
        if os.path.islink(path):
            os.makedirs(os.path.dirname(root + path), exist_ok=True)
            os.symlink(os.readlink(path), root + path)
        else:
            _show(path, root + path)
    for path in plan["hidden"]:
        kernel.mount("tmpfs", root + path, "tmpfs", kernel.MS_NOSUID, "mode=755,size=4k")
        kernel.seal(root + path)
    for name, path in plan["site"].items():
        _show(path, f"{root}{SITE}/{name}")
    for name in _DEVICES:
        target = f"{root}/dev/{name}"
        os.close(os.open(target, os.O_CREAT))
        kernel.bind(f"/dev/{name}", target, device=True)
    for link, target in _LINKS.items():
        os.symlink(target, root + link)
    with open(f"{root}/etc/passwd", "w") as file:
        file.write(_PASSWD)


def _show(path: str, target: str) -> None:
    if os.path.isdir(path):
        os.makedirs(target, exist_ok=True)
    else:
        os.makedirs(os.path.dirname(target), exist_ok=True)
        os.close(os.open(target, os.O_CREAT))
    kernel.bind(path, target)


def box(plan: Plan) -> str:
    """Where a run's files are; the same for all runs of a keeper."""
    return BOX if plan["level"] == "namespaces" else f"{plan['scratch']}{BOX}"


def site(plan: Plan) -> str:
    """Where the chosen packages are."""
    return SITE if plan["level"] == "namespaces" else f"{plan['scratch']}{SITE}"


def open_box(plan: Plan, limits: dict[str, Any]) -> None:
    """Makes the empty box of a run."""
    place = box(plan)
    if plan["level"] == "namespaces":
        kernel.unshare(kernel.CLONE_NEWNS)
        options = f"mode=755,size={limits['disk_bytes']},nr_inodes=16384"
        options += f",uid={INNER_ID},gid={INNER_ID}"
        kernel.mount("tmpfs", place, "tmpfs", kernel.MS_NOSUID | kernel.MS_NODEV, options)
    else:
        empty_box(plan)
    for name in ("tree", "tmp", "home"):
        os.makedirs(os.path.join(place, name), exist_ok=True)


def empty_box(plan: Plan) -> None:
    """Deletes what a run left where boxes are directories."""
    if plan["level"] != "namespaces":
        shutil.rmtree(box(plan), ignore_errors=True)


def close_doors(plan: Plan) -> None:
    """Gives up every power, and every file outside the box that need not be read."""
    if plan["level"] == "namespaces":
        kernel.drop_privileges()
        if kernel.landlock_abi():
            kernel.landlock(["/"], [BOX, "/dev"])
    elif plan["level"] == "landlock":
        kernel.drop_privileges()
        devices = [f"/dev/{name}" for name in _DEVICES]
        readable = [*plan["readable"], *plan["site"].values(), site(plan)]
        kernel.landlock(readable, [box(plan), *devices], plan["listed"])


def lock(plan: Plan, limits: dict[str, Any], *, may_execute: bool) -> None:
    """Sets limits and the filter of system calls: the last step, in the process to be tested."""
    import resource  # not on Windows, where this module is imported for its names

    cpu = int(-(-limits["cpu_s"] // 1))
    bounds = {
        resource.RLIMIT_AS: limits["memory_bytes"],
        resource.RLIMIT_FSIZE: limits["file_bytes"],
        resource.RLIMIT_NOFILE: limits["open_files"],
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_MEMLOCK: 0,
        resource.RLIMIT_MSGQUEUE: 0,
        resource.RLIMIT_RTPRIO: 0,
    }
    if plan["level"] == "namespaces":
        # The keeper and the first process of the namespace are this user's, too.
        bounds[resource.RLIMIT_NPROC] = limits["threads"] + 2
    for kind, bound in bounds.items():
        resource.setrlimit(kind, (bound, bound))
    resource.setrlimit(resource.RLIMIT_CPU, (cpu, cpu + 1))
    if plan["level"] != "limits" and calls.can_filter():
        may_fork = limits["processes"] > 1 and plan["level"] == "namespaces"
        calls.filter_calls(
            may_fork=may_fork,
            may_execute=may_execute or may_fork,
            only_landlock=plan["level"] == "landlock",
        )


def forget_the_machine(plan: Plan) -> None:
    """Leaves nothing of the environment but what tests need and what makes them repeatable."""
    keep = os.environ.get("PYTHONHASHSEED", "0")
    os.environ.clear()
    os.environ.update(
        HOME=f"{box(plan)}/home",
        LC_ALL="C.UTF-8",
        LANG="C.UTF-8",
        PATH="/usr/bin:/bin",
        PYTHONDONTWRITEBYTECODE="1",
        PYTHONHASHSEED=keep,
        PYTEST_DISABLE_PLUGIN_AUTOLOAD="1",
        TMPDIR=f"{box(plan)}/tmp",
        TZ="UTC",
        USER="sandbox",
    )
    sys.dont_write_bytecode = True
