"""Test runs a second of the sandbox: warm, cold behind the same walls, and cold without any.

The project is made up by this file: five modules and 43 tests. Costs are processor seconds of all
processes together, taken as a difference: what a runner costs with many runs, less what it costs
with one. README.md in this folder says more.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import datetime, timezone
from importlib import metadata
from pathlib import Path
from typing import Any

import arenas
from arenas import sandbox

MODULES = 5
TESTS = (9, 9, 9, 8, 8)
SOLVERS = 8


def make_project() -> sandbox.Tree:
    """Five modules of number puzzles with 43 tests in five files."""
    files: dict[str, str] = {"puzzles/__init__.py": ""}
    for m in range(MODULES):
        functions, tests = [], [f"import pytest\n\nfrom puzzles import part{m}\n"]
        for t in range(TESTS[m]):
            functions.append(
                f"def solve_{t}(numbers, start={t + m}):\n"
                f'    """Number {t} of part {m}."""\n'
                "    result = start\n"
                "    for number in numbers:\n"
                f"        if number % {t + 2} == 0:\n"
                "            result += number\n"
                "        else:\n"
                "            result -= 1\n"
                "    return result\n"
            )
            numbers = list(range(m, m + 10))
            value = t + m + sum(n if n % (t + 2) == 0 else -1 for n in numbers)
            tests.append(
                f"def test_{t}():\n"
                f"    assert part{m}.solve_{t}({numbers}) == {value}\n"
                f"    assert part{m}.solve_{t}([]) == {t + m}\n"
                "    with pytest.raises(TypeError):\n"
                f"        part{m}.solve_{t}(None)\n"
            )
        files[f"puzzles/part{m}.py"] = "\n\n".join(functions)
        files[f"tests/test_part{m}.py"] = "\n\n".join(tests)
    return sandbox.Tree(files)


TREE = make_project()
FILES = [path for path in TREE if path.startswith("tests/")]
BUG = TREE.replace(
    {
        f"puzzles/part{m}.py": TREE.text(f"puzzles/part{m}.py").replace("result += number", change)
        for m, change in ((0, "result -= number"), (1, "result += 1"))
    }
)
"""A bug in two files, which most of their 18 tests see."""


def spent() -> float:
    """Processor seconds of this process and of all that it has waited for."""
    kinds = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    uses = [resource.getrusage(kind) for kind in kinds]
    return sum(use.ru_utime + use.ru_stime for use in uses)


def price(row: Callable[[int], None], runs: int) -> tuple[float, float]:
    """Processor and clock seconds of one run: of `runs` + 1, less those of 1, divided."""
    costs = []
    for count in (1, runs + 1):
        cpu, wall = spent(), time.perf_counter()
        row(count)
        costs.append((spent() - cpu, time.perf_counter() - wall))
    (cpu1, wall1), (cpu, wall) = costs
    return (cpu - cpu1) / runs, (wall - wall1) / runs


def warm(count: int) -> None:
    """Test runs by a warm worker."""
    with sandbox.Runner(workers=1) as runner:
        for _ in range(count):
            assert runner.run_tests(TREE, FILES, explain=False).passed


def warm_words(count: int) -> None:
    """The same, ready to say why tests fail."""
    with sandbox.Runner(workers=1) as runner:
        for _ in range(count):
            assert runner.run_tests(TREE, FILES).passed


def warm_blind(count: int) -> None:
    """Grades by warm workers, each one blind run."""
    with sandbox.Runner(workers=1) as runner:
        for _ in range(count):
            assert sandbox.grade(runner, SUITE, base=BUG, candidate=TREE, confirm=0).passed


def cold_walled(count: int) -> None:
    """`python -m pytest` behind the same walls."""
    with sandbox.Runner(workers=1) as runner:
        for _ in range(count):
            command = ["python", "-m", "pytest", "-q", "-p", "no:cacheprovider", *FILES]
            assert runner.run_command(TREE, command).exit_code == 0


def cold_keeper(count: int) -> None:
    """A runner for every run: walls, interpreter and pytest anew."""
    for _ in range(count):
        with sandbox.Runner(workers=1) as runner:
            assert runner.run_tests(TREE, FILES).passed


def cold(count: int) -> None:
    """`python -m pytest` on a directory, without walls: our own code only."""
    environment = {**os.environ, "PYTHONPATH": ".", "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    for _ in range(count):
        with tempfile.TemporaryDirectory() as folder:
            TREE.write(folder)
            command = [sys.executable, "-B", "-m", "pytest", "-q", "-p", "no:cacheprovider"]
            subprocess.run(
                [*command, *FILES], cwd=folder, env=environment, check=True, capture_output=True
            )


def validation(runner: sandbox.Runner, suite: sandbox.Suite) -> None:
    """What a proposed bug and eight repairs take, half of which are right."""
    assert runner.run_tests(TREE, FILES, explain=False).passed
    buggy = runner.run_tests(BUG, FILES, explain=False)
    failing = set(buggy.ids("failed"))
    assert len(failing) > 10
    hidden = BUG.replace({FILES[0]: "def test_nothing():\n    pass\n"})
    assert set(runner.run_tests(hidden, FILES, explain=False).ids("failed")) < failing
    for path in BUG.changed(TREE):
        restored = BUG.replace({path: TREE[path]})
        assert set(runner.run_tests(restored, FILES, explain=False).ids("failed")) < failing
    for solver in range(SOLVERS):
        verdict = sandbox.grade(
            runner, suite, base=BUG, candidate=TREE if solver % 2 else restored, seed=0
        )
        assert verdict.passed == bool(solver % 2)


def validations(count: int) -> None:
    """Full validations: five plain runs and eight grades."""
    with sandbox.Runner(workers=1) as runner:
        runner.run_tests(TREE, FILES)
        for _ in range(count):
            validation(runner, SUITE)


ROWS: dict[str, tuple[Callable[[int], None], int]] = {
    "warm worker": (warm, 10),
    "warm worker, words for failures": (warm_words, 10),
    "warm worker, one blind run of a grade": (warm_blind, 10),
    "cold pytest behind the same walls": (cold_walled, 4),
    "a new worker for every run": (cold_keeper, 2),
    "cold pytest without walls": (cold, 4),
    "validation with 8 solver checks": (validations, 1),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--passes", type=int, default=5, help="passes over all rows")
    parser.add_argument("--quick", action="store_true", help="one pass of few runs")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every figure")
    options = parser.parse_args()
    global SUITE
    with sandbox.Runner() as runner:
        SUITE = sandbox.admit(runner, TREE, FILES, runs=2)
    assert len(SUITE.twins) == sum(TESTS)
    sandbox.walls()
    figures: dict[str, list[tuple[float, float]]] = {name: [] for name in ROWS}
    for _ in range(1 if options.quick else options.passes):
        for name, (row, runs) in ROWS.items():
            figures[name].append(price(row, 1 if options.quick else runs))
    print(_report(figures))
    if options.json:
        options.json.write_text(json.dumps(figures, indent=1))


def _report(figures: dict[str, list[tuple[float, float]]]) -> str:
    now = datetime.now(timezone.utc).strftime("%Y-%m-%d %H:%M UTC")
    passes = len(figures["cold pytest without walls"])
    lines = [
        f"{now}; {os.cpu_count()} CPUs, load {os.getloadavg()[0]:.1f} at the end",
        f"CPython {platform.python_version()} on {platform.platform()}",
        f"arenas {arenas.__version__}, pytest {metadata.version('pytest')}, "
        f"level {sandbox.walls().level}",
        "",
        f"{sum(TESTS)} tests in {MODULES} files; milliseconds a run, medians of {passes} passes.",
        "",
        f"{'':40}{'CPU':>8}{'wall':>8}{'runs a CPU second':>20}{'ratio':>8}",
    ]
    base = statistics.median(cpu for cpu, _ in figures["cold pytest behind the same walls"])
    for name, prices in figures.items():
        cpu, wall = (statistics.median(column) for column in zip(*prices, strict=True))
        ratio = f"{base / cpu:8.1f}" if "validation" not in name else ""
        lines.append(f"{name:40}{cpu * 1e3:8.0f}{wall * 1e3:8.0f}{1 / cpu:20.1f}{ratio}")
    return "\n".join(lines)


SUITE: Any = None

if __name__ == "__main__":
    main()
