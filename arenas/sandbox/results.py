"""What came of a run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Outcome = Literal["passed", "failed", "error", "skipped", "missing"]
"""Of one test. `error` is a failure outside the test's own call: collection, set-up, tear-down.
`missing` is a test that was asked for and of which nothing was heard. An expected failure
(`xfail`) counts as skipped, and an unexpected success as it does in pytest: passed, or failed if
strict."""

ExitReason = Literal["ok", "timeout", "memory", "output", "killed", "exited", "refused"]
"""Of one run. `ok`: every test was heard of, whatever its outcome. `exited`: the process ended
before that, of its own will. `killed`: by a signal, or by a wall's system call filter. `memory`:
the first process ran out of it. `refused`: nothing was run."""


@dataclass(frozen=True)
class TestRun:
    """A test suite's run.

    Attributes:
        outcomes: Outcome by test id (`tests/test_x.py::TestY::test_z[1-2]`), in order of running.
            Files that could not be collected stand there under their paths, as `error`.
        durations: Seconds of each test's set-up, call and tear-down.
        messages: Why a test did not pass: the end of pytest's words for it, at most 2,000
            characters. They come from the tested process and prove nothing.
        reason: How the run ended.
        detail: The same in words, for people.
        output: What was written to standard output and error outside tests, its middle cut out
            where it is long.
        wall_s: Seconds on the clock.
        cpu_s: Processor seconds of the run's processes.
    """

    __test__ = False  # Not a class of tests, whatever its name.

    outcomes: Mapping[str, Outcome]
    durations: Mapping[str, float] = field(default_factory=dict)
    messages: Mapping[str, str] = field(default_factory=dict)
    reason: ExitReason = "ok"
    detail: str = ""
    output: str = ""
    wall_s: float = 0.0
    cpu_s: float = 0.0

    @property
    def passed(self) -> bool:
        """Whether the run ended well, with tests, none of which failed, erred or went missing."""
        return (
            self.reason == "ok"
            and "passed" in self.outcomes.values()
            and all(outcome in ("passed", "skipped") for outcome in self.outcomes.values())
        )

    def ids(self, *outcomes: Outcome) -> tuple[str, ...]:
        """The ids of tests with one of these outcomes, in order."""
        return tuple(test for test, outcome in self.outcomes.items() if outcome in outcomes)


@dataclass(frozen=True)
class CommandRun:
    """A command's run.

    Attributes:
        exit_code: The exit status; minus the signal's number if one ended it; None if it was cut
            short or never ran.
        output: Standard output and error together, the middle cut out where they are long.
        reason: How the run ended; `ok` whatever the exit code.
        detail: The same in words.
        wall_s: Seconds on the clock.
        cpu_s: Processor seconds.
    """

    exit_code: int | None
    output: str
    reason: ExitReason = "ok"
    detail: str = ""
    wall_s: float = 0.0
    cpu_s: float = 0.0
