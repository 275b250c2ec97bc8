"""Hostile patches against the sandbox: each gets its documented verdict, none wins or gets out."""

from __future__ import annotations

import dataclasses
import os
import platform
import re
import socket
import subprocess
import threading

import pytest

pytest.importorskip("resource")

from hostile_patches import ESCAPES, FORGERIES, MEDDLING, MONEY
from ledger_project import BUGGY, BUGGY_TREE, GOOD_TREE, TEST_FILE, hostile

from arenas import sandbox
from arenas.sandbox import Limits, Policy
from arenas.sandbox.inside.calls import CALLS

REPORT = sandbox.walls()
pytestmark = pytest.mark.skipif(not REPORT.enough, reason=f"no walls here: {REPORT.missing}")

LEVELS = [level for level in ("namespaces", "landlock") if not REPORT.missing_at(level)]
TIGHT = Limits(wall_s=120, cpu_s=2, memory_bytes=384 << 20, disk_bytes=32 << 20)
MARK = "left by an earlier run"
BRIEF = dataclasses.replace(TIGHT, wall_s=1)
"""For what never ends."""
ENDLESS = ("sleeps", "never ends", "blocks every signal and never ends", "stops itself")
TRUSTING = Policy(lint=False)
"""Without the fence, so that what is behind it is tested."""


@pytest.fixture(scope="module")
def runners():
    """Level -> a runner and the admitted suite, made when first asked for."""
    made = {}

    def get(level):
        if level not in made:
            runner = sandbox.Runner(limits=TIGHT, workers=1, level=level)
            made[level] = runner, sandbox.admit(runner, GOOD_TREE, [TEST_FILE], runs=2)
        return made[level]

    yield get
    for runner, _ in made.values():
        runner.close()


@pytest.fixture(scope="module")
def strongest(runners):
    return runners(REPORT.level)


def grade(runner, suite, candidate, **options):
    options.setdefault("policy", TRUSTING)
    return sandbox.grade(runner, suite, base=BUGGY_TREE, candidate=candidate, **options)


@pytest.mark.parametrize("level", LEVELS)
def test_the_suite_tells_repairs_from_bugs(runners, level):
    runner, suite = runners(level)
    assert len(suite.passing) == 9
    assert suite.twins == set(suite.passing)
    assert grade(runner, suite, BUGGY_TREE).status == "failed"
    assert grade(runner, suite, GOOD_TREE, policy=Policy()).passed
    # The scaffold of the escapes is won by an attempt that succeeds, so a loss means something.
    assert grade(runner, suite, hostile("def attempt(): return True")).passed


@pytest.mark.parametrize("name", MEDDLING)
def test_meddling(strongest, name):
    runner, suite = strongest
    files, status = MEDDLING[name]
    verdict = grade(runner, suite, BUGGY_TREE.replace(files), policy=Policy())
    assert verdict.status == status, verdict


@pytest.mark.parametrize("name", FORGERIES)
def test_forgeries(strongest, name):
    runner, suite = strongest
    code, statuses, *after = FORGERIES[name]
    candidate = BUGGY_TREE.replace({MONEY: "\n".join([code, BUGGY, *after])})
    limits = BRIEF if name in ENDLESS else TIGHT
    verdict = grade(runner, suite, candidate, limits=limits)
    assert verdict.status in statuses, verdict


@pytest.mark.parametrize("name", FORGERIES)
def test_the_fence_refuses_what_forgeries_are_made_of(strongest, name):
    runner, suite = strongest
    code, _, *after = FORGERIES[name]
    candidate = BUGGY_TREE.replace({MONEY: "\n".join([code, BUGGY, *after])})
    verdict = grade(runner, suite, candidate, policy=Policy(), limits=BRIEF)
    unarmed = {
        "interrupts": "stopped",
        "never ends": "stopped",
        "sleeps": "stopped",
        "recurses": "failed",
    }
    assert verdict.status == unarmed.get(name, "refused"), verdict


@pytest.fixture(scope="module")
def outside(tmp_path_factory):
    """What the escapes look for, and whether they found it."""
    folder = tmp_path_factory.mktemp("outside")
    folder.chmod(0o755)
    names = {
        "secret": folder / "secret",
        "original": folder / "original.py",
        "witness": folder / "witness",
        "folder": folder,
        "socket": folder / "socket",
        "abstract": f"arenas-{os.getpid()}",
        "token": "0b5e55ed-70cen",
        "shifted": "".join(chr(ord(letter) + 1) for letter in MARK),
    }
    names["secret"].write_text("secret")
    names["original"].write_text(GOOD_TREE.text(MONEY))
    names["witness"].write_text("untouched")
    names["witness"].chmod(0o666)
    heard = []
    listeners = [
        socket.socket(),
        socket.socket(socket.AF_UNIX),
        socket.socket(socket.AF_UNIX),
    ]
    listeners[0].bind(("127.0.0.1", 0))
    names["port"] = listeners[0].getsockname()[1]
    listeners[1].bind(str(names["socket"]))
    listeners[2].bind("\0" + names["abstract"])
    datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    datagrams.bind(("127.0.0.1", names["port"]))

    def listen(listener):
        while True:
            try:
                heard.append(listener.accept())
            except OSError:
                return

    for listener in listeners:
        listener.listen()
        threading.Thread(target=listen, args=(listener,), daemon=True).start()
    victim = subprocess.Popen(["sleep", "1000"], env={"TOKEN": names["token"]})
    names["victim"] = victim.pid
    os.environ["SECRET_TOKEN"] = names["token"]
    yield names, heard, victim
    del os.environ["SECRET_TOKEN"]
    victim.kill()
    victim.wait()
    for listener in (*listeners, datagrams):
        listener.close()


def filled(code, names, runner):
    """An escape with what it looks for, and the numbers of system calls on this machine."""
    column = 0 if platform.machine() == "x86_64" else 1
    numbers = {name.upper(): values[column] for name, values in CALLS.items()}
    numbers |= {
        "OPEN_BY_HANDLE": numbers["OPEN_BY_HANDLE_AT"],
        "PIDFD_OPEN": 434,
        "CLONE": (56, 220)[column],
    }
    box = "/box" if runner.level == "namespaces" else "/tmp"
    for name, value in {**names, **numbers, "box": box}.items():
        code = code.replace(f"{{{name}}}", str(value))
    return code


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("name", ESCAPES)
def test_escapes(runners, outside, level, name):
    runner, suite = runners(level)
    names, heard, victim = outside
    witness = names["witness"]
    before = witness.stat()
    listed = sorted(os.listdir(names["folder"]))
    candidate = hostile(filled(ESCAPES[name], names, runner))
    if (level, name) in BELOW_THE_LANDLOCK:
        pytest.skip(BELOW_THE_LANDLOCK[level, name])
    if name.endswith("an earlier run"):
        marked = BUGGY_TREE.replace({"mark": MARK * 500, "left-behind": ""})
        assert runner.run_tests(marked, [TEST_FILE]).reason == "ok"
    verdict = grade(runner, suite, candidate)
    assert verdict.status in ("failed", "stopped"), verdict
    # It was stopped by a wall, not by a slip of its own.
    slips = "NameError|SyntaxError|TypeError|AttributeError|ImportError|ModuleNotFoundError"
    assert not re.search(slips, verdict.run.output), verdict.run.output
    assert witness.read_text() == "untouched"
    assert (witness.stat().st_mode, witness.stat().st_mtime) == (before.st_mode, before.st_mtime)
    assert sorted(os.listdir(names["folder"])) == listed
    assert not heard
    assert victim.poll() is None


BELOW_THE_LANDLOCK = {
    ("landlock", name): "a stated weakness of this level: directories hold any number of bytes"
    for name in ("fills the disk", "makes files without end")
}
