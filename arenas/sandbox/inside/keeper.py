"""A keeper: the process that stands behind the walls, warm, and forks for every run.

It runs nothing that is tested, and never reads what a run is given: the run's first process reads
that from a descriptor which the keeper passes on, so later runs find nothing of it in memory. Its
one channel is a socket; when that closes, it ends.

With namespaces a run is two processes. The first builds the box, gives up its powers, forks the
second and waits for it; the second is tested. The first is process 1 of its namespace, so whatever
the second leaves behind ends with the first.
"""

from __future__ import annotations

import contextlib
import gc
import json
import os
import select
import signal
import socket
import sys
import time
from typing import Any, NoReturn

from arenas.sandbox.inside import house, kernel, suite

FAILED = 120
"""Exit status of a run whose walls could not be put up."""


def main(descriptor: int) -> None:
    """Serves runs until the control socket, on this descriptor, closes."""
    control = socket.socket(fileno=descriptor)
    plan: house.Plan = json.loads(control.recv(1 << 20))
    try:
        if plan["level"] == "namespaces":
            house.enter(plan)
        os.makedirs(f"{house.box(plan)}/tree", exist_ok=True)
        os.chdir(f"{house.box(plan)}/tree")
        house.forget_the_machine(plan)
        # The standard library, without the directory that `-c` puts first.
        sys.path[:] = [*filter(None, sys.path), house.site(plan)]
        suite.prepare(plan)
        for module in [name for name in sys.modules if name.split(".")[0] == "arenas"]:
            del sys.modules[module]
        gc.collect()
        gc.freeze()
    except Exception as error:
        control.send(json.dumps({"error": f"{type(error).__name__}: {error}"}).encode())
        return
    own = -1
    if plan["level"] == "namespaces":
        own = kernel.own_process_namespace()
    control.send(b"{}")
    while True:
        message, descriptors, _, _ = socket.recv_fds(control, 1 << 20, 3)
        if not message:
            return
        if descriptors:  # else a word to stop a run that had already ended
            report = _serve(plan, control, own, json.loads(message), list(descriptors))
            control.send(json.dumps(report).encode())


def _serve(
    plan: house.Plan, control: socket.socket, own: int, limits: dict[str, Any], given: list[int]
) -> dict[str, Any]:
    """One run: forks it, watches the clock and the socket, and returns how it ended."""
    began = time.monotonic()
    status_read, status_write = os.pipe()
    if own >= 0:
        kernel.unshare(kernel.CLONE_NEWPID)
    try:
        first = os.fork()
        if first == 0:
            control.close()
            os.close(status_read)
            _first(plan, limits, given, status_write, own)
    finally:
        if own >= 0:
            kernel.setns(own, kernel.CLONE_NEWPID)
    for descriptor in (*given, status_write):
        os.close(descriptor)
    watched = os.pidfd_open(first)
    poll = select.poll()
    poll.register(watched, select.POLLIN)
    poll.register(control, select.POLLIN)
    left = began + limits["wall_s"] - time.monotonic()
    ready = {descriptor for descriptor, _ in poll.poll(max(left, 0) * 1000)}
    reason = ""
    if watched not in ready:
        reason = "stopped" if ready else "timeout"
        os.kill(first, signal.SIGKILL)
    _, ended, usage = os.wait4(first, 0)
    if own < 0:
        with contextlib.suppress(OSError):
            os.killpg(first, signal.SIGKILL)
    status = os.read(status_read, 64)
    for descriptor in (status_read, watched):
        os.close(descriptor)
    house.empty_box(plan)
    return {
        "reason": reason,
        "status": int(status) if status else ended,
        "cpu_s": usage.ru_utime + usage.ru_stime,
        "wall_s": time.monotonic() - began,
    }


def _first(
    plan: house.Plan, limits: dict[str, Any], given: list[int], status_write: int, own: int
) -> NoReturn:
    request, results, output = given
    try:
        if own >= 0:
            os.close(own)
            kernel.die_with_parent()
        os.setsid()
        house.open_box(plan, limits)
        job = suite.read_job(request, house.box(plan))
        house.close_doors(plan)
        if own >= 0:
            second = os.fork()
            if second:
                for descriptor in (request, results, output):
                    os.close(descriptor)
                kernel.set_dumpable(False)
                while True:
                    ended, status = os.wait()
                    if ended == second:
                        os.write(status_write, b"%d" % status)
                        os._exit(0)
        os.close(status_write)
        os.close(request)
        null = os.open("/dev/null", os.O_RDONLY)
        os.dup2(job.stdin if job.stdin is not None else null, 0)
        os.dup2(output, 1)
        os.dup2(output, 2)
        for descriptor in {null, output, job.stdin or null}:
            os.close(descriptor)
        house.lock(plan, limits, may_execute=bool(job.head["command"]))
    except BaseException as error:
        os.write(results, json.dumps(["wall", f"{type(error).__name__}: {error}"]).encode())
        os._exit(FAILED)
    suite.do(job, results)
