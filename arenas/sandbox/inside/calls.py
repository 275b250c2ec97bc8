"""The filter of system calls (seccomp(2)): what tests have no need of fails with EPERM.

The table names what is refused, and everything above the highest number it knows is refused too. A
list of what is allowed would be shorter to trust, but no list of what Python's users need is ever
complete; the file system, network and processes have walls of their own beside this one.
"""

from __future__ import annotations

import ctypes
import errno
import os
import struct
from collections.abc import Sequence

from arenas.sandbox.inside.kernel import MACHINE, system_call

_CLONE_THREAD = 0x00010000
_CLONE_NEW_ANY = 0x7E020000

Numbers = tuple[int | None, int | None]
"""Of a call on x86_64 and on aarch64; None where the machine has no such call."""

CALLS: dict[str, Numbers] = {
    # Sockets. `socketpair` is left: event loops wake themselves by it.
    "socket": (41, 198),
    "connect": (42, 203),
    "accept": (43, 202),
    "accept4": (288, 242),
    "bind": (49, 200),
    "listen": (50, 201),
    # Memory that no limit of a run counts.
    "shmget": (29, 194),
    "msgget": (68, 186),
    "semget": (64, 190),
    "mq_open": (240, 180),
    "memfd_create": (319, 279),
    "memfd_secret": (447, 447),
    "mlock": (149, 228),
    "mlock2": (325, 284),
    "mlockall": (151, 230),
    "io_setup": (206, 0),
    # Other processes.
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "process_madvise": (440, 440),
    "process_mrelease": (448, 448),
    "pidfd_getfd": (438, 438),
    "pidfd_send_signal": (424, 424),
    "kcmp": (312, 272),
    "migrate_pages": (256, 238),
    "move_pages": (279, 239),
    # Namespaces, mounts, roots.
    "unshare": (272, 97),
    "setns": (308, 268),
    "mount": (165, 40),
    "umount2": (166, 39),
    "pivot_root": (155, 41),
    "chroot": (161, 51),
    "open_tree": (428, 428),
    "move_mount": (429, 429),
    "fsopen": (430, 430),
    "fsconfig": (431, 431),
    "fsmount": (432, 432),
    "fspick": (433, 433),
    "mount_setattr": (442, 442),
    "open_by_handle_at": (304, 265),
    "name_to_handle_at": (303, 264),
    # Users and groups.
    "setuid": (105, 146),
    "setgid": (106, 144),
    "setreuid": (113, 145),
    "setregid": (114, 143),
    "setresuid": (117, 147),
    "setresgid": (119, 149),
    "setfsuid": (122, 151),
    "setfsgid": (123, 152),
    "setgroups": (116, 159),
    "capset": (126, 91),
    # Parts of the kernel with a history of holes, and none of use to tests.
    "bpf": (321, 280),
    "io_uring_setup": (425, 425),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    "userfaultfd": (323, 282),
    "perf_event_open": (298, 241),
    "fanotify_init": (300, 262),
    "add_key": (248, 217),
    "request_key": (249, 218),
    "keyctl": (250, 219),
    "vmsplice": (278, 75),
    "personality": (135, 92),
    "modify_ldt": (154, None),
    "uselib": (134, None),
    "mknod": (133, None),
    "mknodat": (259, 33),
    # The machine.
    "iopl": (172, None),
    "ioperm": (173, None),
    "reboot": (169, 142),
    "kexec_load": (246, 104),
    "kexec_file_load": (320, 294),
    "init_module": (175, 105),
    "finit_module": (313, 273),
    "delete_module": (176, 106),
    "swapon": (167, 224),
    "swapoff": (168, 225),
    "acct": (163, 89),
    "quotactl": (179, 60),
    "quotactl_fd": (443, 443),
    "syslog": (103, 116),
    "settimeofday": (164, 170),
    "clock_settime": (227, 112),
    "clock_adjtime": (305, 266),
    "adjtimex": (159, 171),
    "sethostname": (170, 161),
    "setdomainname": (171, 162),
    "vhangup": (153, 58),
    "lookup_dcookie": (212, 18),
    "nfsservctl": (180, 42),
}
NO_FORK: dict[str, Numbers] = {
    "fork": (57, None),
    "vfork": (58, None),
}
NO_EXECUTE: dict[str, Numbers] = {
    "execve": (59, 221),
    "execveat": (322, 281),
}
NO_METADATA: dict[str, Numbers] = {
    # What Landlock does not cover.
    "chmod": (90, None),
    "fchmod": (91, 52),
    "fchmodat": (268, 53),
    "fchmodat2": (452, 452),
    "chown": (92, None),
    "lchown": (94, None),
    "fchown": (93, 55),
    "fchownat": (260, 54),
    "utime": (132, None),
    "utimes": (235, None),
    "futimesat": (261, None),
    "utimensat": (280, 88),
    "setxattr": (188, 5),
    "lsetxattr": (189, 6),
    "fsetxattr": (190, 7),
    "removexattr": (197, 14),
    "lremovexattr": (198, 15),
    "fremovexattr": (199, 16),
}
SIGNALS: dict[str, tuple[int, int]] = {
    "kill": (62, 129),
    "tkill": (200, 130),
    "tgkill": (234, 131),
    "rt_sigqueueinfo": (129, 138),
    "rt_tgsigqueueinfo": (297, 240),
}
_CLONE = (56, 220)
_CLONE3 = 435
_LAST_KNOWN = 462
"""Calls with a higher number are newer than this table and refused."""

_LOAD, _JEQ, _JGE, _JSET, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_ALLOW = 0x7FFF0000
_ERRNO = 0x00050000
_KILL_PROCESS = 0x80000000
_AUDIT_ARCH = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}


def can_filter() -> bool:
    """Whether this machine's system calls are known here."""
    return MACHINE in _AUDIT_ARCH


def refused_calls(*, may_fork: bool, may_execute: bool, only_landlock: bool) -> dict[str, int]:
    """Numbers, on this machine, of the calls that the filter refuses outright, by name."""
    tables = [CALLS]
    tables += [NO_FORK] * (not may_fork) + [NO_EXECUTE] * (not may_execute)
    tables += [NO_METADATA] * only_landlock
    column = 0 if MACHINE == "x86_64" else 1
    return {
        name: number
        for table in tables
        for name, numbers in table.items()
        if (number := numbers[column]) is not None
    }


def filter_calls(*, may_fork: bool, may_execute: bool, only_landlock: bool = False) -> None:
    """Installs the filter of system calls in this process, for good; needs `no_new_privileges`.

    Refused calls fail with EPERM, and those newer than the table with ENOSYS.

    Args:
        may_fork: Processes may be started; else only threads start.
        may_execute: Programs may be executed.
        only_landlock: No mount or process namespace stands: signals reach this process alone, and
            modes, owners and times of files cannot be changed.
    """
    column = 0 if MACHINE == "x86_64" else 1
    refuse = (_RETURN, 0, 0, _ERRNO | errno.EPERM)
    program = [
        (_LOAD, 0, 0, 4),  # seccomp_data.arch
        (_JEQ, 1, 0, _AUDIT_ARCH[MACHINE]),
        (_RETURN, 0, 0, _KILL_PROCESS),
        (_LOAD, 0, 0, 0),  # seccomp_data.nr
        (_JGE, 0, 1, _LAST_KNOWN + 1),  # also x86's second table, from 0x40000000
        (_RETURN, 0, 0, _ERRNO | errno.ENOSYS),
        # The C library falls back to `clone`, whose flags a filter can read.
        (_JEQ, 0, 1, _CLONE3),
        (_RETURN, 0, 0, _ERRNO | errno.ENOSYS),
    ]
    calls = refused_calls(may_fork=may_fork, may_execute=may_execute, only_landlock=only_landlock)
    for number in sorted(calls.values()):
        program += [(_JEQ, 0, 1, number), refuse]
    if only_landlock:
        for numbers in SIGNALS.values():
            program += [
                (_JEQ, 0, 4, numbers[column]),
                (_LOAD, 0, 0, 16),  # first argument, low word
                (_JEQ, 1, 0, os.getpid()),
                refuse,
                (_LOAD, 0, 0, 0),
            ]
    flags = _CLONE_NEW_ANY if may_fork else _CLONE_THREAD
    program += [
        (_JEQ, 0, 3, _CLONE[column]),
        (_LOAD, 0, 0, 16),
        (_JSET, *((0, 1) if may_fork else (1, 0)), flags),
        refuse,
        (_RETURN, 0, 0, _ALLOW),
    ]
    _install(program)


def _install(program: Sequence[tuple[int, int, int, int]]) -> None:
    code = b"".join(struct.pack("=HBBI", *step) for step in program)
    buffer = ctypes.create_string_buffer(code, len(code))
    header = struct.pack("@HP", len(program), ctypes.addressof(buffer))
    number = {"x86_64": 317, "aarch64": 277}[MACHINE]
    system_call("seccomp", number, 1, 0, ctypes.c_char_p(header))
