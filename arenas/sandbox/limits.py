"""What a run may use."""

from __future__ import annotations

from dataclasses import dataclass, fields

MIB = 1 << 20


@dataclass(frozen=True)
class Limits:
    """Bounds of one run; the first that is crossed ends it and names the reason.

    Attributes:
        wall_s: Seconds on the clock, from fork to the last process. Ends as `timeout`.
        cpu_s: Seconds of processor time of each process (`RLIMIT_CPU`, whole seconds, rounded
            up). Ends as `timeout`.
        memory_bytes: Address space of each process (`RLIMIT_AS`), and of all files that the run
            writes, which live in memory. Python raises `MemoryError` at the bound.
        processes: Processes at once, the first included. With 1, a system call filter refuses
            to fork, which is the surest wall against fork bombs; threads still start.
        threads: Tasks at once, threads of all processes together (`RLIMIT_NPROC`).
        file_bytes: Size of one file (`RLIMIT_FSIZE`).
        disk_bytes: Size of all files of a run together; the size of the file system that holds
            its tree.
        open_files: Descriptors of each process (`RLIMIT_NOFILE`).
        output_bytes: Standard output and error that are kept, half from the beginning and half
            from the end.
        output_max_bytes: Standard output and error that may be written before the run is ended
            as `output`.

    Raises:
        ValueError: a bound is not positive, or fewer threads than processes are allowed.
    """

    wall_s: float = 20.0
    cpu_s: float = 15.0
    memory_bytes: int = 1024 * MIB
    processes: int = 1
    threads: int = 32
    file_bytes: int = 16 * MIB
    disk_bytes: int = 64 * MIB
    open_files: int = 256
    output_bytes: int = 64 * 1024
    output_max_bytes: int = 16 * MIB

    def __post_init__(self) -> None:
        for field in fields(self):
            if not getattr(self, field.name) > 0:
                raise ValueError(f"{field.name} is positive, got {getattr(self, field.name)!r}")
        if self.threads < self.processes:
            raise ValueError(
                f"every process has a thread: threads={self.threads} < processes={self.processes}"
            )
