"""Runs a job in the tested process: pytest on the tree, or a command.

Nothing that this module says once tested code is loaded can be trusted: the code is in the same
process. What a run reports becomes a grade outside, by rules that do not trust it.
"""

from __future__ import annotations

import importlib.util
import json
import os
import sys
from importlib.abc import InspectLoader
from typing import TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:
    from arenas.sandbox.inside.house import Plan
    from arenas.sandbox.inside.reporter import Reporter

OUT_OF_MEMORY = 121
"""Exit status of a process that ran out of memory outside any test."""

_ARGUMENTS = ("-c/dev/null", "--continue-on-collection-errors", "--capture=no", "--assert=plain")
# Without what writes to a terminal or to disk, and what collects garbage around every test.
_LEFT_OUT = (
    *("cacheprovider", "faulthandler", "terminal"),
    *("threadexception", "unraisableexception"),
)
_ON_DEMAND = {
    "logging-plugin": ("caplog",),
    "capturemanager": ("capsys", "capfd", "capsysbinary", "capfdbinary"),
    "warnings": ("filterwarnings",),
}
"""Plugins that are only there for trees in which one of these words is found."""

_spec = importlib.util.find_spec("arenas.sandbox.inside.reporter")
assert _spec is not None
assert isinstance(_spec.loader, InspectLoader)
# Read now: once the walls stand, this package's files are out of sight.
_reporter_code = _spec.loader.get_code(_spec.name)

_prepared: tuple[Any, Reporter] | None = None


class Job:
    """What a run is to do, as read from its descriptor; the tree is written by then.

    The request is a line of JSON and then the contents that it gives sizes of. Its fields: `files`
    (path and size of each), `python_path`, `seed`; for tests `tests` (arguments for pytest),
    `select` (ids or null), `explain` (say why tests fail) and `given` (path and sizes of compiled
    test modules that take the place of files); for a command `command` and `stdin` (a size).
    """

    def __init__(self, head: dict[str, Any]) -> None:
        self.head = head
        self.given: list[tuple[str, list[bytes]]] = []
        self.mentions: frozenset[str] = frozenset()
        self.stdin: int | None = None


def read_job(request: int, box: str) -> Job:
    """Reads a job and writes its tree into the box."""
    with open(request, "rb", closefd=False) as file:
        file.seek(0)
        head = json.loads(file.readline())
        tree = os.path.join(box, "tree")
        job = Job(head)
        words = {word for some in _ON_DEMAND.values() for word in some}
        made = {tree}
        for path, size in head["files"]:
            target = os.path.join(tree, path)
            folder = os.path.dirname(target)
            if folder not in made:
                os.makedirs(folder, exist_ok=True)
                made.add(folder)
            data = file.read(size)
            with open(target, "wb") as written:
                written.write(data)
            job.mentions |= {word for word in words if word.encode() in data}
        for path, sizes in head["given"]:
            job.given.append((path, [file.read(size) for size in sizes]))
            job.mentions |= {word for word in words for c in job.given[-1][1] if word.encode() in c}
        if head["stdin"]:
            with open(os.path.join(box, "tmp", "stdin"), "w+b") as spool:
                spool.write(file.read(head["stdin"]))
            job.stdin = os.open(spool.name, os.O_RDONLY)
            os.unlink(spool.name)
    os.chdir(tree)
    sys.path[:0] = [os.path.normpath(os.path.join(tree, path)) for path in head["python_path"]]
    return job


def prepare(plan: Plan) -> None:
    """Imports pytest, reads its options and starts its session, once for all runs."""
    global _prepared
    import tempfile

    from _pytest.config import _prepareconfig
    from _pytest.main import Session

    assert _spec is not None
    assert _reporter_code is not None
    module = importlib.util.module_from_spec(_spec)
    exec(_reporter_code, module.__dict__)
    reporter: Reporter = module.Reporter()
    root = os.getcwd()
    places = (f"--rootdir={root}", f"--confcutdir={root}")
    left_out = (f"-pno:{name}" for name in _LEFT_OUT)
    arguments = [*_ARGUMENTS, *left_out, *places, *plan["options"]]
    config = _prepareconfig(arguments, [reporter])
    config._do_configure()
    session = Session.from_config(config)
    config.hook.pytest_sessionstart(session=session)
    _prepared = session, reporter
    # The directory is not there yet, which would have Python look for another.
    tempfile.tempdir = os.environ["TMPDIR"]
    # What nearly every suite imports.
    import collections
    import dataclasses
    import datetime
    import decimal
    import textwrap
    import unittest.mock

    del collections, dataclasses, datetime, decimal, textwrap, unittest


def do(job: Job, results: int) -> NoReturn:
    """Does a job; ends the process without giving anybody's exit handlers a turn."""
    if job.head["command"]:
        os.close(results)
        os.environ["PYTHONPATH"] = os.pathsep.join(sys.path)
        try:
            os.execvp(job.head["command"][0], job.head["command"])
        except OSError as error:
            os.write(2, f"{job.head['command'][0]}: {error.strerror}\n".encode())
            os._exit(127)
    status = 1
    try:
        assert _prepared is not None
        session, reporter = _prepared
        reporter.start(job.head, job.given, results)
        _leave_out_unused(session.config, job.mentions)
        if job.head["explain"]:
            from _pytest.assertion import install_importhook

            session.config.known_args_namespace.assertmode = "rewrite"
            install_importhook(session.config)
        session.config.args = list(job.head["tests"])
        session.config.hook.pytest_collection(session=session)
        session.config.hook.pytest_runtestloop(session=session)
        sys.stdout.flush()
        reporter.say("end", reporter.left)
        status = 0
    except MemoryError:
        status = OUT_OF_MEMORY
    except BaseException as error:
        os.write(2, f"{type(error).__name__}: {error}\n".encode())
    finally:
        os._exit(status)


def _leave_out_unused(config: Any, mentions: frozenset[str]) -> None:
    """Drops plugins whose work around every phase of every test no file of the tree asks for."""
    for name, words in _ON_DEMAND.items():
        if not mentions.intersection(words):
            config.pluginmanager.unregister(name=name)
