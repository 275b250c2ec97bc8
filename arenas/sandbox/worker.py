"""One keeper process, and what is said to it."""

from __future__ import annotations

import json
import os
import selectors
import shutil
import socket
import subprocess
import tempfile
import time
import weakref
from dataclasses import dataclass
from typing import Any

from arenas.sandbox.inside.house import SITE, Plan
from arenas.sandbox.limits import Limits
from arenas.sandbox.machine import inner_command

_START_S = 300.0
_GRACE_S = 60.0
"""Long after anything but a hang, also where a hundred processes share a processor."""
RESULTS_MAX = 8 << 20
"""Bytes that a run may report."""


class WorkerError(RuntimeError):
    """The keeper failed; the message says how."""


@dataclass(frozen=True)
class RawRun:
    """How a run ended, before anybody makes sense of it.

    Attributes:
        results: What was written to the results.
        output: Standard output and error, the middle cut out.
        reason: Why the run was ended: "", "timeout" or "output".
        status: Wait status of the tested process.
        wall_s: Seconds on the clock.
        cpu_s: Processor seconds.
    """

    results: bytes
    output: str
    reason: str
    status: int
    wall_s: float
    cpu_s: float


class Worker:
    """A keeper, started by `__init__` and ended by `close`; runs one job at a time.

    Raises:
        WorkerError: the walls cannot be put up.
    """

    def __init__(self, plan: Plan, hash_seed: int) -> None:
        self.hash_seed = hash_seed
        self._scratch = tempfile.mkdtemp(prefix="arenas-sandbox-")
        # Also where nobody calls `close`.
        self._clean = weakref.finalize(self, shutil.rmtree, self._scratch, ignore_errors=True)
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        if plan["level"] != "namespaces":
            os.mkdir(f"{self._scratch}{SITE}")
            for name, path in plan["site"].items():
                os.symlink(path, f"{self._scratch}{SITE}/{name}")
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 - closed in `close`
        try:
            self._process = subprocess.Popen(
                inner_command("keeper", theirs.fileno()),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=self._log,
                pass_fds=(theirs.fileno(),),
                cwd="/",
                env={"PYTHONHASHSEED": str(hash_seed), "LC_ALL": "C.UTF-8"},
                start_new_session=True,
            )
        finally:
            theirs.close()
        self._control.settimeout(_START_S)
        try:
            self._control.send(json.dumps({**plan, "scratch": self._scratch}).encode())
            answer = self._hear()
        except (OSError, WorkerError) as error:
            self.close()
            raise WorkerError(f"the keeper did not start: {error}") from None
        if "error" in answer:
            self.close()
            raise WorkerError(f"the walls cannot be put up: {answer['error']}")
        if plan["level"] == "namespaces":
            self._clean()  # the keeper lives on a mount of its own, which needs no directory

    def run(self, job: bytes, limits: Limits) -> RawRun:
        """Runs a job (see `inside.suite.Job`) and collects what comes of it."""
        request = os.memfd_create("job", os.MFD_CLOEXEC)
        results, results_in = os.pipe()
        output, output_in = os.pipe()
        try:
            with open(request, "wb", closefd=False) as file:
                file.write(job)
            bounds = json.dumps(vars(limits)).encode()
            socket.send_fds(self._control, [bounds], [request, results_in, output_in])
        finally:
            for descriptor in (request, results_in, output_in):
                os.close(descriptor)
        try:
            return self._collect(results, output, limits)
        except OSError as error:
            raise WorkerError(f"the keeper ended during a run: {error}") from None
        finally:
            os.close(results)
            os.close(output)

    def _collect(self, results: int, output: int, limits: Limits) -> RawRun:
        heard = bytearray()
        kept = _Output(limits.output_bytes)
        reason = ""
        answer: dict[str, Any] | None = None
        deadline = time.monotonic() + limits.wall_s + _GRACE_S
        with selectors.DefaultSelector() as selector:
            for source in (results, output, self._control):
                selector.register(source, selectors.EVENT_READ)
            while selector.get_map():
                events = selector.select(max(deadline - time.monotonic(), 0))
                if not events:
                    raise WorkerError("the keeper does not answer")
                for key, _ in events:
                    if key.fileobj is self._control:
                        answer = self._hear()
                        selector.unregister(self._control)
                        continue
                    data = os.read(key.fd, 65536)
                    if not data:
                        selector.unregister(key.fd)
                    elif key.fd == output:
                        kept.add(data)
                    else:
                        heard += data
                    full = kept.size > limits.output_max_bytes or len(heard) > RESULTS_MAX
                    if full and not reason:
                        reason = "output"
                        self._control.send(b"stop")
        assert answer is not None
        return RawRun(
            bytes(heard),
            kept.text(),
            reason or answer["reason"],
            answer["status"],
            answer["wall_s"],
            answer["cpu_s"],
        )

    def _hear(self) -> dict[str, Any]:
        message = self._control.recv(1 << 20)
        if not message:
            self._log.seek(0)
            words = self._log.read().decode(errors="replace").strip()
            raise WorkerError(f"the keeper ended. {words[-2000:]}")
        answer: dict[str, Any] = json.loads(message)
        return answer

    def close(self) -> None:
        """Ends the keeper and deletes its directory. May be called twice."""
        self._control.close()
        try:
            self._process.wait(_GRACE_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._log.close()
        self._clean()


class _Output:
    """Keeps the beginning and the end of a long text."""

    def __init__(self, limit: int) -> None:
        self.size = 0
        self._half = max(limit // 2, 1)
        self._head = bytearray()
        self._tail = bytearray()

    def add(self, data: bytes) -> None:
        self.size += len(data)
        room = self._half - len(self._head)
        self._head += data[:room]
        self._tail += data[room:] if room < len(data) else b""
        if len(self._tail) > 4 * self._half:
            del self._tail[: -self._half]

    def text(self) -> str:
        tail = self._tail[-self._half :]
        lost = self.size - len(self._head) - len(tail)
        cut = f"\n... {lost} bytes cut out ...\n".encode() if lost else b""
        return bytes(self._head + cut + tail).decode(errors="replace")
