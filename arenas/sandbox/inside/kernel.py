"""The kernel's walls by `ctypes`: namespaces, mounts, powers, Landlock; `calls` has the filter.

Constants are those of Linux's headers; the manual pages are unshare(2), mount(2), landlock(7) and
capset(2). Every function raises `OSError` where the kernel refuses.
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import struct
from collections.abc import Iterable

CLONE_NEWNS = 0x00020000
CLONE_NEWCGROUP = 0x02000000
CLONE_NEWUTS = 0x04000000
CLONE_NEWIPC = 0x08000000
CLONE_NEWUSER = 0x10000000
CLONE_NEWPID = 0x20000000
CLONE_NEWNET = 0x40000000

MS_NOSUID = 2
MS_NODEV = 4
MS_BIND = 4096
MS_REC = 16384
MS_PRIVATE = 1 << 18
MNT_DETACH = 2

_PR_SET_PDEATHSIG = 1
_PR_SET_DUMPABLE = 4
_PR_CAPBSET_DROP = 24
_PR_SET_NO_NEW_PRIVS = 38

MACHINE = platform.machine()

_libc = ctypes.CDLL(None, use_errno=True)
_libc.syscall.restype = ctypes.c_long


def _check(result: int, what: str) -> int:
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, f"{what}: {os.strerror(code)}")
    return result


def system_call(what: str, number: int, *args: object) -> int:
    """Makes a system call by number; `what` names it in errors."""
    words = [ctypes.c_long(arg) if isinstance(arg, int) else arg for arg in args]
    return _check(int(_libc.syscall(ctypes.c_long(number), *words)), what)


# Namespaces and mounts


def unshare(flags: int) -> None:
    """Moves this process into namespaces of its own."""
    _check(_libc.unshare(ctypes.c_int(flags)), "unshare")


def own_process_namespace() -> int:
    """A descriptor of this process's namespace of process ids."""
    return system_call("pidfd_open", 434, os.getpid(), 0)


def setns(descriptor: int, kind: int) -> None:
    """Moves this process (its children, for process ids) into the namespace of a descriptor."""
    _check(_libc.setns(ctypes.c_int(descriptor), ctypes.c_int(kind)), "setns")


def mount(source: str, target: str, kind: str = "", flags: int = 0, options: str = "") -> None:
    """Mounts a file system, or changes a mount."""
    result = _libc.mount(
        source.encode(), target.encode(), kind.encode(), ctypes.c_ulong(flags), options.encode()
    )
    _check(result, f"mount {source} on {target}")


def bind(source: str, target: str, *, device: bool = False) -> None:
    """Shows a file or directory at another place, read-only with all below; devices as they are."""
    mount(source, target, flags=MS_BIND | MS_REC)
    if not device:
        seal(target)


def seal(target: str, *, below: bool = True) -> None:
    """Makes a mount, and those below it, read-only, without devices and set-user-id (5.12)."""
    attributes = struct.pack("=QQQQ", 1 | 2 | 4, 0, 0, 0)
    path, size = ctypes.c_char_p(target.encode()), len(attributes)
    flags = 0x8000 if below else 0
    system_call("mount_setattr", 442, -100, path, flags, ctypes.c_char_p(attributes), size)


def pivot_root(root: str) -> None:
    """Makes `root`, a mount, the root directory; the old one is gone."""
    os.chdir(root)
    number = {"x86_64": 155, "aarch64": 41}[MACHINE]
    system_call("pivot_root", number, ctypes.c_char_p(b"."), ctypes.c_char_p(b"."))
    _check(_libc.umount2(b".", ctypes.c_int(MNT_DETACH)), "umount")
    os.chdir("/")


# Privileges


def set_dumpable(flag: bool) -> None:
    """Whether processes of this user may look into this one."""
    _check(_libc.prctl(_PR_SET_DUMPABLE, ctypes.c_ulong(flag), 0, 0, 0), "prctl dumpable")


def die_with_parent() -> None:
    """Has the kernel kill this process when its parent ends."""
    _check(_libc.prctl(_PR_SET_PDEATHSIG, ctypes.c_ulong(9), 0, 0, 0), "prctl pdeathsig")


def drop_privileges() -> None:
    """Gives up every capability, for good and for whatever is executed later."""
    for capability in range(64):
        if _libc.prctl(_PR_CAPBSET_DROP, ctypes.c_ulong(capability), 0, 0, 0) < 0:
            break
    header = struct.pack("=Ii", 0x20080522, 0)
    _check(_libc.capset(header, bytes(24)), "capset")
    no_new_privileges()


def no_new_privileges() -> None:
    """No program that is executed from here on gains anything by its mode or attributes."""
    _check(_libc.prctl(_PR_SET_NO_NEW_PRIVS, ctypes.c_ulong(1), 0, 0, 0), "prctl no_new_privs")


# Landlock

_FILE_READ = 1 << 0 | 1 << 2  # execute, read_file
_DIR_READ = 1 << 3
_ALL_FILES = 0x1FFF  # ABI 1
_ABI_FILES = {2: 1 << 13, 3: 1 << 14, 5: 1 << 15}  # refer, truncate, ioctl_dev
_ON_FILES = 1 << 0 | 1 << 1 | 1 << 2 | 1 << 14 | 1 << 15


def landlock_abi() -> int:
    """The version of Landlock that the kernel has; 0 where there is none."""
    try:
        return system_call("landlock", 444, ctypes.c_void_p(None), 0, 1)
    except OSError:
        return 0


def landlock(readable: Iterable[str], writable: Iterable[str], listed: Iterable[str] = ()) -> None:
    """Confines this process to some paths, and cuts TCP, signals and abstract sockets outside.

    Of directories that are `listed`, names are seen, also of those below, and nothing else.

    Paths that do not exist are passed over. Needs `no_new_privileges`.
    """
    abi = landlock_abi()
    if not abi:
        raise OSError(errno.ENOSYS, "landlock")
    handled = _ALL_FILES
    for version, right in _ABI_FILES.items():
        handled |= right if abi >= version else 0
    tcp = 3 if abi >= 4 else 0
    scoped = 3 if abi >= 6 else 0
    attribute = struct.pack("=QQQ", handled, tcp, scoped)
    attribute = attribute[: 24 if abi >= 6 else 16 if abi >= 4 else 8]
    ruleset = system_call(
        "landlock_create_ruleset", 444, ctypes.c_char_p(attribute), len(attribute), 0
    )
    grants = ((listed, _DIR_READ), (readable, _FILE_READ | _DIR_READ), (writable, handled))
    try:
        for paths, rights in grants:
            for path in paths:
                try:
                    descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
                except FileNotFoundError:
                    continue
                allowed = rights if os.path.isdir(path) else rights & _ON_FILES
                rule = struct.pack("=Qi", allowed & handled, descriptor)
                try:
                    system_call("landlock_add_rule", 445, ruleset, 1, ctypes.c_char_p(rule), 0)
                finally:
                    os.close(descriptor)
        system_call("landlock_restrict_self", 446, ruleset, 0)
    finally:
        os.close(ruleset)
