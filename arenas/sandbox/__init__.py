"""Runs hostile Python test suites safely and fast; usable alone, knows no game.

```python
from arenas import sandbox

tree = sandbox.Tree.read("path/to/project")
with sandbox.Runner(python_path=("src",)) as runner:
    run = runner.run_tests(tree, ["tests/test_money.py"])
    suite = sandbox.admit(runner, tree, ["tests/test_money.py"])   # names flaky tests
    buggy = tree.apply(bug_diff)
    verdict = sandbox.grade(runner, suite, base=buggy, candidate=buggy.apply(repair_diff))
```

- `Tree` is a project as a value, with a content hash and strict unified diffs.
- `Runner` owns warm workers: pytest is imported once and forked for every run, behind walls.
- `run_tests` and `run_command` say what a run *reported*. The code that is tested shares the
  process that reports, so this is for reading, not for rewards.
- `grade` decides whether a candidate passes the tests of an admitted suite, against an author who
  wants to be paid for less: see `grading`.
- `walls` says which walls stand on this machine; `arenas sandbox doctor` prints it.
"""

from __future__ import annotations

from arenas.sandbox.admission import Suite, admit
from arenas.sandbox.grading import Policy, Verdict, grade
from arenas.sandbox.limits import Limits
from arenas.sandbox.patches import FilePatch, PatchRefused, parse_patch
from arenas.sandbox.results import CommandRun, Outcome, TestRun
from arenas.sandbox.runner import Runner, SandboxError
from arenas.sandbox.tree import BadPath, Tree
from arenas.sandbox.walls import Report, TooWeak, Wall, walls

__all__ = [
    "BadPath",
    "CommandRun",
    "FilePatch",
    "Limits",
    "Outcome",
    "PatchRefused",
    "Policy",
    "Report",
    "Runner",
    "SandboxError",
    "Suite",
    "TestRun",
    "TooWeak",
    "Tree",
    "Verdict",
    "Wall",
    "admit",
    "grade",
    "parse_patch",
    "walls",
]
