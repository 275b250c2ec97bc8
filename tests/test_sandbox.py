"""The sandbox at honest work: outcomes, limits, seeds, admission, twins, and leaving nothing."""

from __future__ import annotations

import ast
import os
import platform
import re
import tempfile
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import get_args

import pytest

pytest.importorskip("resource")

from click.testing import CliRunner
from hostile_patches import ESCAPES, FORGERIES, MEDDLING
from ledger_project import BUGGY_TREE, GOOD_TREE, TEST_FILE

from arenas import sandbox
from arenas.cli import app
from arenas.sandbox import Limits, Tree
from arenas.sandbox.grading import Status
from arenas.sandbox.inside import calls
from arenas.sandbox.lint import new_means
from arenas.sandbox.twins import Twins, file_of, function_of
from arenas.sandbox.walls import Level

REPORT = sandbox.walls()
pytestmark = pytest.mark.skipif(not REPORT.enough, reason=f"no walls here: {REPORT.missing}")

T = "tests/test_it.py"
PATIENT = Limits(wall_s=120)
"""For machines with much else to do."""


@pytest.fixture(scope="module")
def runner():
    with sandbox.Runner(
        workers=2, python_path=("src", "."), packages=("hypothesis",), limits=PATIENT
    ) as made:
        yield made


def suite_of(tests, **files):
    return Tree(
        {T: tests, **{path.replace("__", "/") + ".py": text for path, text in files.items()}}
    )


EVERY_OUTCOME = """
import pytest

def test_passes():
    assert [1, 2] == [1, 2]

def test_fails():
    assert {"a": 1} == {"a": 2}

@pytest.fixture
def broken():
    raise RuntimeError("no fixture")

def test_errs(broken):
    pass

@pytest.fixture
def late():
    yield
    raise RuntimeError("no end")

def test_errs_late(late):
    pass

@pytest.mark.skip(reason="not now")
def test_skipped():
    pass

@pytest.mark.xfail
def test_expected():
    assert False

@pytest.mark.parametrize("n", [1, 2])
def test_many(n, tmp_path, capsys, monkeypatch, request):
    monkeypatch.setenv("N", str(n))
    (tmp_path / "x").write_text("x")
    print(n)
    assert capsys.readouterr().out == f"{n}\\n"

class TestClass:
    def test_method(self, caplog):
        import logging
        logging.getLogger().warning("careful")
        assert "careful" in caplog.text
"""


def test_outcomes(runner):
    tree = suite_of(EVERY_OUTCOME, tests__test_bad="import nowhere\n")
    run = runner.run_tests(tree, [T, "tests/test_bad.py"], select=None)
    assert run.reason == "ok"
    assert {test.removeprefix(f"{T}::"): outcome for test, outcome in run.outcomes.items()} == {
        "tests/test_bad.py": "error",
        "test_passes": "passed",
        "test_fails": "failed",
        "test_errs": "error",
        "test_errs_late": "error",
        "test_skipped": "skipped",
        "test_expected": "skipped",
        "test_many[1]": "passed",
        "test_many[2]": "passed",
        "TestClass::test_method": "passed",
    }
    assert not run.passed
    assert "assert {'a': 1} == {'a': 2}" in run.messages[f"{T}::test_fails"]
    assert "No module named 'nowhere'" in run.messages["tests/test_bad.py"]
    assert set(run.durations) == set(run.outcomes)
    brief = runner.run_tests(tree, [T, "tests/test_bad.py"], explain=False)
    assert brief.outcomes == run.outcomes
    assert not brief.messages


def test_tests_are_selected_and_missed(runner):
    chosen = [f"{T}::test_many[2]", f"{T}::test_not_there"]
    run = runner.run_tests(suite_of(EVERY_OUTCOME), [T], select=chosen)
    assert run.outcomes == {chosen[0]: "passed", chosen[1]: "missing"}
    with pytest.raises(ValueError, match=r"not in the tree: .*nowhere"):
        runner.run_tests(suite_of(""), ["nowhere.py"])
    with pytest.raises(ValueError, match="no test files"):
        runner.run_tests(suite_of(""), [])


def test_paths_packages_and_fixtures_of_the_project(runner):
    tree = suite_of(
        "import hypothesis, pytest, money, helpers\n"
        "def test_it(ten):\n    assert money.double(ten) == helpers.TWENTY\n"
        "def test_absent():\n    pytest.importorskip('numpy')\n",
        src__money="def double(x):\n    return 2 * x\n",
        tests__helpers="TWENTY = 20\n",
        tests__conftest="import pytest\n@pytest.fixture\ndef ten():\n    return 10\n",
    )
    run = runner.run_tests(tree, [T])
    assert list(run.outcomes.values()) == ["passed", "skipped"], run.messages


def test_a_tree_cannot_be_tested_in_place_of_what_tests_it(runner):
    run = runner.run_tests(suite_of("def test(): pass", src__iniconfig=""), [T])
    assert run.reason == "refused"
    assert "iniconfig" in run.detail


def body(code):
    return suite_of("def test_it():\n" + "".join(f"    {line}\n" for line in code.split("\n")))


@pytest.mark.parametrize(
    ("code", "limits", "reason"),
    [
        ("import time\ntime.sleep(60)", Limits(wall_s=0.5), "timeout"),
        ("while True: pass", Limits(cpu_s=1), "timeout"),
        ("import os\nos._exit(0)", Limits(), "exited"),
        ("import os, signal\nos.kill(os.getpid(), 11)", Limits(), "killed"),
        ("while True: print('x' * 9999)", Limits(output_max_bytes=100_000), "output"),
    ],
)
def test_reasons(runner, code, limits, reason):
    run = runner.run_tests(body(code), [T], limits=limits)
    assert run.reason == reason, run
    assert not run.passed
    assert runner.run_tests(body("pass"), [T]).passed  # the worker is none the worse


def test_memory_ends_a_test_or_the_run(runner):
    tight = Limits(memory_bytes=256 << 20)
    run = runner.run_tests(body("bytearray(1 << 30)"), [T], limits=tight)
    assert "MemoryError" in run.messages[f"{T}::test_it"]
    at_import = suite_of("raise MemoryError\ndef test_it(): pass")
    assert runner.run_tests(at_import, [T], limits=tight).outcomes == {T: "error"}


def test_output_keeps_both_ends(runner):
    code = "print('begin')\nfor i in range(20000): print(i)\nprint('end')"
    run = runner.run_tests(body(code), [T], limits=Limits(output_bytes=2000))
    assert run.output.startswith("begin\n0\n")
    assert run.output.endswith("19999\nend\n")
    assert re.search(r"\.\.\. \d+ bytes cut out \.\.\.", run.output)
    assert len(run.output) < 2100


def test_seeds_reproduce(runner):
    code = "import random\nprint(hash('x'), random.random(), list({'a', 'b', 'c'}))"
    outputs = [runner.run_tests(body(code), [T], seed=seed).output for seed in (1, 2, 1)]
    assert outputs[0] == outputs[2] != outputs[1]


def test_the_surroundings_are_always_the_same(runner):
    code = "import locale, os, sys, time\nprint(time.tzname, sys.getfilesystemencoding())\n"
    code += "print(sorted(os.environ), os.getcwd(), sys.dont_write_bytecode, os.listdir('.'))"
    os.environ["ARENAS_TEST_SECRET"] = "secret"
    try:
        with sandbox.Runner(workers=1) as other:
            output = other.run_tests(body(code), [T]).output
    finally:
        del os.environ["ARENAS_TEST_SECRET"]
    assert "('UTC', 'UTC') utf-8" in output
    assert "SECRET" not in output
    assert output == runner.run_tests(body(code), [T]).output


def test_nothing_stale_is_run(runner):
    for number in (1, 2, 3, 4):  # same size, same second
        tree = suite_of(
            f"import m\ndef test_it(): assert m.X == {number}", src__m=f"X = {number}\n"
        )
        assert runner.run_tests(tree, [T]).passed


def test_threads_share_a_runner(runner):
    trees = [body(f"assert {i} % 3") for i in range(9)]
    with ThreadPoolExecutor(4) as pool:
        passed = list(pool.map(lambda tree: runner.run_tests(tree, [T]).passed, trees))
    assert passed == [i % 3 != 0 for i in range(9)]


def test_commands(runner):
    many = Limits(processes=8)
    tree = Tree({"script.py": "import sys\nprint(sys.stdin.read()[::-1])\nsys.exit(3)\n"})
    run = runner.run_command(tree, ["python", "script.py"], stdin=b"abc")
    assert (run.exit_code, run.output, run.reason) == (3, "cba\n", "ok")
    run = runner.run_command(tree, ["sh", "-c", "ls; echo x | cat; kill -9 $$"], limits=many)
    assert (run.exit_code, run.output) == (-9, "script.py\nx\n")
    assert runner.run_command(tree, ["sleep", "9"], limits=Limits(wall_s=0.2)).exit_code is None
    run = runner.run_command(tree, ["no-such-program"])
    assert (run.exit_code, run.output) == (127, "no-such-program: No such file or directory\n")


def our_processes(mark):
    """Processes of this machine with `mark` in their command line."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            command = Path("/proc", pid, "cmdline").read_bytes()
        except OSError:
            continue
        if mark in command:
            found.append(pid)
    return found


@pytest.mark.skipif(REPORT.level != "namespaces", reason="needs process namespaces")
def test_nothing_is_left_of_what_a_run_starts(runner):
    mark = b"3141.5926"
    code = (
        "import os, subprocess\nos.setsid() if os.fork() == 0 else None\n"
        "for _ in range(3):\n"
        "    subprocess.Popen(['sleep', '3141.5926'], start_new_session=True)"
    )
    run = runner.run_tests(body(code), [T], limits=Limits(processes=16))
    assert run.reason == "ok", run
    assert not our_processes(mark)
    bomb = "import os\nwhile True:\n    try:\n        os.fork()\n    except OSError: pass"
    run = runner.run_tests(body(bomb), [T], limits=Limits(processes=16, wall_s=1))
    assert run.reason == "timeout"
    assert runner.run_tests(body("pass"), [T]).passed


def test_a_closed_runner_leaves_nothing(tmp_path, monkeypatch):
    # A folder of its own: other runners come and go beside this one.
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with sandbox.Runner(workers=1) as runner:
        assert runner.run_tests(body("pass"), [T]).passed
        keeper = runner._idle[0]._process.pid
    assert not Path("/proc", str(keeper)).exists()
    assert os.listdir(tmp_path) == []
    runner.close()
    with pytest.raises(sandbox.SandboxError, match="closed"):
        runner.run_tests(body("pass"), [T])


def test_a_killed_keeper_is_replaced():
    with sandbox.Runner(workers=1) as runner:
        assert runner.run_tests(body("pass"), [T]).passed
        runner._idle[0]._process.kill()
        with pytest.raises(sandbox.SandboxError, match="keeper"):
            runner.run_tests(body("pass"), [T])
        assert runner.run_tests(body("pass"), [T]).passed
        # Also in the middle of a run.
        threading.Timer(0.5, lambda: keeper.kill()).start()
        keeper = runner._idle[0]._process
        with pytest.raises(sandbox.SandboxError):
            runner.run_tests(body("import time\ntime.sleep(30)"), [T])


# Admission


def test_flaky_tests_are_named(runner):
    tree = suite_of(
        "import pytest\n"
        "def test_steady(): assert True\n"
        "@pytest.mark.parametrize('text', 'abcdefgh')\n"
        "def test_by_hash(text): assert hash(text) % 2\n"
        "def test_never(): assert False\n"
    )
    suite = sandbox.admit(runner, tree, [T])
    assert f"{T}::test_steady" in suite.passing
    assert suite.flaky
    assert {function_of(test) for test in suite.flaky} == {"test_by_hash"}
    assert all(set(outcomes) == {"passed", "failed"} for outcomes in suite.flaky.values())
    suite = sandbox.admit(
        runner, suite_of("def test_never(): assert False\ndef test_a(): pass"), [T], runs=1
    )
    assert suite.other == {f"{T}::test_never": "failed"}
    with pytest.raises(ValueError, match="no test passed"):
        sandbox.admit(runner, body("assert False"), [T])
    with pytest.raises(ValueError, match="did not run: exited"):
        sandbox.admit(runner, body("import os\nos._exit(0)"), [T])


STATEFUL = """
import unittest
import m

class TestBase:
    def test_inherited(self):
        assert self.value() > 0
    def value(self):
        return 1

class TestChild(TestBase):
    def value(self):
        return 2

def test_registers_once():
    m.register("name")
    assert m.names == ["name"]

def test_plain():
    assert m.double(4) == 8

class TestUnit(unittest.TestCase):
    def test_equal(self):
        self.assertEqual(m.double(5), 10)

async def helper():
    pass
"""


def test_twins_that_disturb_are_left_out(runner):
    registry = "names = []\ndef register(n):\n    assert n not in names\n    names.append(n)\n"
    registry += "def double(x):\n    return 2 * x\n"
    tree = suite_of(STATEFUL, src__m=registry)
    suite = sandbox.admit(runner, tree, [T], runs=2)
    assert len(suite.passing) == 5
    # A test that works once a process takes the whole file's twins with it: it has to run once.
    assert suite.twins == frozenset()
    assert sandbox.grade(runner, suite, base=tree, candidate=tree).passed
    again = suite_of(
        STATEFUL.replace('m.names == ["name"]', "m.names"),
        src__m=registry.replace("    assert n not in names\n", ""),
    )
    suite = sandbox.admit(runner, again, [T], runs=2)
    assert {function_of(test) for test in suite.twins} == {
        "test_registers_once",
        "test_plain",
        "TestUnit::test_equal",
    }
    assert sandbox.grade(runner, suite, base=again, candidate=again).passed


@pytest.mark.parametrize(
    ("test", "holds"),
    [
        ("assert 2 + 2 == 4", "assert 2 + 2 == "),
        ("assert [1, 'a'] == f()", "== f()"),
        ("assert f() == g()", "assert f() == (g(),)"),
        ("assert x == f()", "assert (x,) == f()"),
        ("assert f() < 3", "assert not f() < 3"),
        ("assert f() == 3 and g()", "assert f() == 7 and g()"),
        ("self.assertEqual(f(), 'b')", "self.assertEqual(f(), "),
        ("f()", "assert 0 == 1"),
        ("with raises(E):\n        f()", "assert 0 == 1"),
    ],
)
def test_twins_expect_something_else(test, holds):
    source = f"SEVEN = 7\ndef test_it():\n    {test}\ndef helper():\n    assert 1 == 1\n"
    twins = Twins("t.py", source.encode())
    assert twins.functions == ("test_it",)
    text = ast.unparse(twins._twins["test_it"])
    assert holds in text
    assert text != ast.unparse(ast.parse(source).body[1])
    first, second = twins.versions(lambda name: False, ["test_it"])
    assert {first, second} == set(twins.versions(lambda name: True, ["test_it"]))
    assert twins.whole() in (first, second)


def test_ids():
    assert file_of("a/b.py::T::t[x::y]") == "a/b.py"
    assert function_of("a/b.py::T::t[x::y]") == "T::t"


# Grades


def test_grades_restore_and_select(runner):
    with sandbox.Runner(workers=1) as plain:
        suite = sandbox.admit(plain, GOOD_TREE, [TEST_FILE], runs=1)
        options = {"base": BUGGY_TREE, "candidate": BUGGY_TREE}
        verdict = sandbox.grade(plain, suite, **options)
        assert verdict.reason == "5 of 9 tests did not pass"
        kept = [test for test in suite.passing if "total" not in test]
        assert sandbox.grade(plain, suite, select=kept, **options).passed
        moved = BUGGY_TREE.replace({"README.md": "new"})
        refusal = sandbox.grade(plain, suite, base=BUGGY_TREE, candidate=moved)
        assert "README.md is not among the files that may be changed" in refusal.reason


@pytest.mark.parametrize(
    ("before", "after", "new"),
    [
        ("import os", "import os, sys", ["imports sys"]),
        ("import sys", "import sys.path as p", []),
        ("", "from collections import _sys", ["imports sys"]),
        ("", "import re\nre._sre.sys", ["imports sys"]),
        ("", "x = ().__class__.__base__", ["uses the attribute __base__"]),
        ("", "'{0.__globals__}'.format(f)", ["uses the attribute __globals__"]),
        ("", "class A:\n    def __eq__(self, o): return True", ["defines __eq__"]),
        ("class A:\n    def __eq__(self, o): return True", "class B:\n    __eq__ = None", []),
        ("", "type('A', (), {'__eq__': f})", ["defines __eq__"]),
        ("", "try:\n    f()\nexcept:\n    pass", ["catches BaseException"]),
        ("", "match x:\n    case A(f_back=y): pass", ["uses the attribute f_back"]),
        ("", "import math, re, json, functools\nx = [i for i in range(3)]\nprint(x)", []),
        ("", "x = '(' * 9", []),
    ],
)
def test_the_fence(before, after, new):
    assert new_means([before.encode()], after.encode()) == new


# Walls


def test_weak_machines_refuse_unless_told():
    with pytest.raises(sandbox.TooWeak, match="wall around files"):
        sandbox.Runner(level="limits")
    with pytest.raises(ValueError, match="none of the levels"):
        sandbox.Runner(level="moat")
    with sandbox.Runner(level="limits", allow_weak=True, workers=1) as runner:
        assert runner.run_tests(body("pass"), [T]).passed


def test_limits_are_checked():
    with pytest.raises(ValueError, match="wall_s is positive"):
        Limits(wall_s=0)
    with pytest.raises(ValueError, match="every process has a thread"):
        Limits(processes=99)


def test_the_doctor_tells():
    done = CliRunner().invoke(app, ["sandbox", "doctor"])
    assert done.exit_code == 0
    assert f"Hostile code is run at the level {REPORT.level}." in done.output
    for wall in REPORT.walls:
        assert wall.name in done.output
    done = CliRunner().invoke(app, ["sandbox", "doctor", "--json"])
    assert f'"level": "{REPORT.level}"' in done.output


HEADERS = {
    "x86_64": "/usr/include/x86_64-linux-gnu/asm/unistd_64.h",
    "aarch64": "/usr/include/asm-generic/unistd.h",
}


@pytest.mark.parametrize("machine", HEADERS)
def test_call_numbers_are_the_headers(machine):
    header = Path(HEADERS[machine])
    if not header.exists():
        pytest.skip(f"no {header} here")
    pattern = r"#define __NR(?:3264)?_(\w+)\s+(\d+)"
    known = {name: int(number) for name, number in re.findall(pattern, header.read_text())}
    column = list(HEADERS).index(machine)
    tables = (calls.CALLS, calls.NO_FORK, calls.NO_EXECUTE, calls.NO_METADATA)
    checked = 0
    for name, numbers in {k: v for table in tables for k, v in table.items()}.items():
        if name in known:
            assert numbers[column] == known[name], name
            checked += 1
        else:
            # Calls that the machine never had, or that are newer than the header.
            assert numbers[column] is None or numbers[column] > max(known.values()), name
    assert checked > 60
    for name, pair in calls.SIGNALS.items():
        assert pair[column] == known[name]


def test_the_page_is_true_of_the_attacks_and_walls():
    page = (Path(__file__).parent.parent / "docs" / "sandbox.md").read_text(encoding="utf-8")
    kinds = (MEDDLING, FORGERIES, ESCAPES)
    meddle, forge, escape = (len(kind) for kind in kinds)
    assert f"{meddle} that meddle with files, {forge} that forge, {escape} that try" in page
    for wall in REPORT.walls:
        assert f"  {wall.name}  " in page
    for status in get_args(Status):
        assert f"| `{status}` |" in page
    for level in get_args(Level):
        assert f"| `{level}` |" in page


def test_the_machine_is_one_of_those_known():
    assert calls.can_filter() == (platform.machine() in HEADERS)
