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
    *("cacheprovider", "debugging", "doctest", "faulthandler", "junitxml", "pastebin", "stepwise"),
    *("terminal", "threadexception", "unraisableexception"),
)

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

    def __init__(self, head: dict[str, Any], given: list[tuple[str, list[bytes]]]) -> None:
        self.head = head
        self.given = given
        self.stdin: int | None = None


def read_job(request: int, box: str) -> Job:
    """Reads a job and writes its tree into the box."""
    with open(request, "rb", closefd=False) as file:
        file.seek(0)
        head = json.loads(file.readline())
        tree = os.path.join(box, "tree")
        made = {tree}
        for path, size in head["files"]:
            target = os.path.join(tree, path)
            folder = os.path.dirname(target)
            if folder not in made:
                os.makedirs(folder, exist_ok=True)
                made.add(folder)
            with open(target, "wb") as written:
                written.write(file.read(size))
        given = [(path, [file.read(size) for size in sizes]) for path, sizes in head["given"]]
        job = Job(head, given)
        if head["stdin"]:
            with open(os.path.join(box, "tmp", "stdin"), "w+b") as spool:
                spool.write(file.read(head["stdin"]))
            job.stdin = os.open(spool.name, os.O_RDONLY)
            os.unlink(spool.name)
    os.chdir(tree)
    sys.path[:0] = [os.path.normpath(os.path.join(tree, path)) for path in head["python_path"]]
    return job


def prepare(plan: Plan) -> None:
    """Imports pytest and reads its options, once for all runs."""
    global _prepared
    from _pytest.config import _prepareconfig

    assert _spec is not None
    assert _reporter_code is not None
    module = importlib.util.module_from_spec(_spec)
    exec(_reporter_code, module.__dict__)
    reporter: Reporter = module.Reporter()
    root = os.getcwd()
    places = (f"--rootdir={root}", f"--confcutdir={root}")
    left_out = (f"-pno:{name}" for name in _LEFT_OUT)
    arguments = [*_ARGUMENTS, *left_out, *places, *plan["options"]]
    _prepared = _prepareconfig(arguments, [reporter]), reporter
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
    status = 3
    try:
        assert _prepared is not None
        config, reporter = _prepared
        reporter.start(job.head, job.given, results)
        if job.head["explain"]:
            from _pytest.assertion import install_importhook

            config.known_args_namespace.assertmode = "rewrite"
            install_importhook(config)
        config.args = list(job.head["tests"])
        status = int(config.hook.pytest_cmdline_main(config=config))
        sys.stdout.flush()
        reporter.say("end", status, reporter.left)
    except MemoryError:
        status = OUT_OF_MEMORY
    except BaseException as error:
        os.write(2, f"{type(error).__name__}: {error}\n".encode())
    finally:
        os._exit(status)
