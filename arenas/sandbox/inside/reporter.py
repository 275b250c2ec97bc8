"""A pytest plugin: reports every test as it ends, and runs test modules that are given to it."""

from __future__ import annotations

import importlib
import json
import marshal
import os
import random
import sys
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from _pytest.pathlib import resolve_package_path
from _pytest.runner import runtestprotocol

MESSAGE = 2000
"""Characters of a failure that are kept."""

_WORSE = ("passed", "skipped", "failed", "error")


class Reporter:
    """The plugin; one object serves the run that a process is forked for."""

    def start(
        self, head: dict[str, Any], given: list[tuple[str, list[bytes]]], results: int
    ) -> None:
        """Readies the plugin for a job."""
        self.results = results
        self.left = 0
        self.seed = head["seed"]
        self.select = None if head["select"] is None else frozenset(head["select"])
        self.explain = head["explain"]
        self.given = {Path(os.path.abspath(path)): codes for path, codes in given}

    def say(self, *words: object) -> None:
        """Writes a line of JSON to the results."""
        line = json.dumps(words).encode() + b"\n"
        while line:
            line = line[os.write(self.results, line) :]

    def pytest_pycollect_makemodule(
        self, module_path: Path, parent: pytest.Collector
    ) -> pytest.Collector | None:
        """Takes a given file's modules in place of what is on disk."""
        if module_path not in self.given:
            return None
        pair: Pair = Pair.from_parent(parent, path=module_path)
        pair.codes = self.given[module_path]
        return pair

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Drops what is not selected."""
        if self.select is not None:
            items[:] = [item for item in items if item.nodeid in self.select]
        self.left = len(items)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Reports files that cannot be collected, or skip themselves."""
        if not report.passed:
            outcome = "error" if report.failed else "skipped"
            message = report.longreprtext[-MESSAGE:] if self.explain else ""
            self.say("test", 0, report.nodeid, outcome, 0.0, message)

    def pytest_runtest_protocol(self, item: pytest.Item, nextitem: pytest.Item | None) -> bool:
        """Runs one test and reports the worst of its phases."""
        module = item.getparent(pytest.Module)
        variant = module.variant if isinstance(module, Given) else 0
        if isinstance(module, Given):
            sys.modules[module.obj.__name__] = module.obj
        random.seed(self.seed)
        outcome, seconds, message = "passed", 0.0, ""
        for report in runtestprotocol(item, log=False, nextitem=nextitem):
            seconds += report.duration
            result = "error" if report.failed and report.when != "call" else report.outcome
            if _WORSE.index(result) > _WORSE.index(outcome):
                outcome = result
                message = report.longreprtext[-MESSAGE:] if self.explain else ""
        self.left -= 1
        self.say("test", variant, item.nodeid, outcome, round(seconds, 6), message)
        return True

    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> pytest.TestReport | None:
        """Leaves out the words for failures, which cost more than most tests, unless asked for."""
        phase, raised = call.when, call.excinfo
        if self.explain or phase == "collect" or raised is None:
            return None
        if raised.errisinstance(pytest.skip.Exception):
            return None
        return pytest.TestReport(
            item.nodeid, item.location, {}, "failed", None, phase, (), call.duration
        )


class Pair(pytest.File):
    """A test file of which several versions are given."""

    codes: list[bytes]

    def collect(self) -> Iterator[pytest.Collector]:
        """The versions, as modules of the same path."""
        for variant, code in enumerate(self.codes):
            module: Given = Given.from_parent(self, path=self.path)
            module.variant, module.code = variant, code
            yield module


class Given(pytest.Module):
    """A test module whose code came with the job."""

    variant: int
    code: bytes

    def _getobj(self) -> types.ModuleType:
        package = resolve_package_path(self.path)
        root = (package or self.path).parent
        if str(root) not in sys.path:
            sys.path.insert(0, str(root))
        name = ".".join(self.path.relative_to(root).with_suffix("").parts)
        if package is not None:
            importlib.import_module(name.rpartition(".")[0])
        module = types.ModuleType(name)
        module.__file__ = str(self.path)
        module.__package__ = name.rpartition(".")[0]
        sys.modules[name] = module
        exec(marshal.loads(self.code), module.__dict__)
        return module
