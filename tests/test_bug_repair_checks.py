"""Every check of a bug artifact, passed and failed alone."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from tiny_project import CLAMP, DOUBLE, TINY, TREE, WORDS, changed, without

from arenas.games.bug_repair.artifact import Artifact
from arenas.games.bug_repair.checks import Demands, validate
from arenas.games.bug_repair.project import Project
from arenas.games.bug_repair.workbench import Workbench
from arenas.sandbox import Tree

NAMES = [
    *("patches", "test files", "script", "parser", "scope", "bug", "partial", "weakening"),
    *("inverse mutation", "steady"),
]


@pytest.fixture(scope="module")
def bench():
    bench = Workbench(workers=2)
    yield bench
    bench.close()


def artifact(broken, weaker=None, **parts):
    """The artifact that leads to these trees; without tests of clamp if none is given."""
    weaker = without("test_clamp", tree=broken) if weaker is None else weaker
    return Artifact(TREE.diff(broken), broken.diff(weaker), **parts)


def run(bench, artifact, project=TINY, **demands):
    checks, task, _ = validate(bench, project, artifact, Demands(**{"min_passing": 5, **demands}))
    return checks, task


def failed(bench, artifact, project=TINY, **demands):
    """Name and reason of the check that fails; those before it passed."""
    checks, task = run(bench, artifact, project, **demands)
    assert task is None
    assert [check.name for check in checks] == NAMES[: len(checks)] or checks[-1].name not in NAMES
    assert all(check.passed and not check.reason for check in checks[:-1])
    assert not checks[-1].passed
    return checks[-1].name, checks[-1].reason


GOOD = artifact(changed(*CLAMP))
_BOTH = changed(*WORDS, tree=changed(*DOUBLE))
BOTH = artifact(_BOTH, without("test_double", tree=_BOTH))


def test_a_good_artifact_passes_every_check(bench):
    checks, task = run(bench, GOOD)
    assert [check.name for check in checks] == NAMES
    assert all(check.passed for check in checks)
    assert task.buggy == changed(*CLAMP).hash
    assert task.passing == 11
    assert "tests/test_numbers.py::test_clamp[-1-0]" in task.fail_to_pass
    assert set(task.hidden) <= set(task.fail_to_pass)
    assert task.flips == (("tiny/numbers.py", task.fail_to_pass),)


def test_the_specification_gives_the_tests_back(bench):
    _, task = run(bench, GOOD)
    weakened = without("test_clamp", tree=changed(*CLAMP))
    assert weakened.apply(task.spec).hash == task.buggy
    assert "+def test_clamp" in task.spec


def test_patches(bench):
    other = replace(GOOD, bug=GOOD.bug.replace("number < low", "number <= low"))
    name, reason = failed(bench, other)
    assert name == "patches"
    assert reason.startswith("the bug: line")
    name, reason = failed(bench, replace(GOOD, weaken="no diff"))
    assert (name, reason[:14]) == ("patches", "the weakening:")


def test_empty_diffs_are_refused_for_what_they_leave_out(bench):
    assert failed(bench, replace(GOOD, bug="", weaken=""))[0] == "scope"
    assert failed(bench, replace(GOOD, weaken=""))[0] == "weakening"


@pytest.mark.parametrize(
    ("files", "reason"),
    [
        ((), "no test file"),
        (("tests/test_none.py",), "not in the project"),
        (("tiny/words.py",), "not a test file"),
        (("tests/test_words.py",), "which is not listed"),
    ],
)
def test_test_files(bench, files, reason):
    name, why = failed(bench, replace(GOOD, files=files))
    assert name == "test files"
    assert reason in why


def test_a_weakening_touches_tests_alone(bench):
    broken = changed(*CLAMP)
    weaker = changed(
        "tiny/words.py", "double(1)", "double(2)", tree=without("test_clamp", tree=broken)
    )
    name, reason = failed(bench, artifact(broken, weaker))
    assert name == "test files"
    assert "tiny/words.py" in reason


def test_listed_files_that_cover_the_weakening_are_enough(bench):
    checks, _ = run(bench, replace(GOOD, files=("tests/test_numbers.py",)))
    assert all(check.passed for check in checks)


def test_script_wants_enough_passing_tests(bench):
    name, reason = failed(bench, GOOD, min_passing=11)
    assert (name, reason) == ("script", "11 tests pass, not more than 11")
    assert run(bench, GOOD, min_passing=10)[1]


SCRIPT = "#!/bin/sh\npython -m pytest -v -p no:cacheprovider tests\n"
PARSER = """
import json, re, sys
found = {}
for line in sys.stdin:
    if match := re.match(r"(\\S+::\\S+) (PASSED|FAILED|ERROR)", line):
        found[match[1]] = "passed" if match[2] == "PASSED" else "failed"
print(json.dumps(found))
"""


def test_an_own_script_and_parser(bench):
    checks, task = run(bench, replace(GOOD, script=SCRIPT, parser=PARSER))
    assert task, checks[-1]


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ("python -c 'raise SystemExit(3)'\n", "exit status 3"),
        ("true\nfalse\n", "one command on one line, not 2"),
        ("", "not 0"),
        ("echo 'a\n", "quotation"),
    ],
)
def test_a_script_that_does_not_run(bench, script, reason):
    name, why = failed(bench, replace(GOOD, script=script, parser=PARSER))
    assert name == "script"
    assert reason in why


@pytest.mark.parametrize(
    ("parser", "reason"),
    [
        ("raise SystemExit(1)", "does not succeed"),
        ("print('all passed')", "no JSON"),
        ("print('[]')", "no map"),
        ('print(\'{"a": "ok"}\')', "no map"),
        ("print('{}')", "does not say that"),
        ("import os, json; print(json.dumps({os.urandom(4).hex(): 'passed'}))", "two maps"),
    ],
)
def test_parser(bench, parser, reason):
    name, why = failed(bench, replace(GOOD, script=SCRIPT, parser=parser))
    assert name == "parser"
    assert reason in why


@pytest.mark.parametrize("parts", [{"script": SCRIPT}, {"parser": PARSER}])
def test_script_and_parser_come_together(bench, parts):
    assert failed(bench, replace(GOOD, **parts)) == (
        "parser",
        "a script needs a parser, and a parser a script",
    )


def test_scope_counts_files(bench):
    assert failed(bench, GOOD, min_files=2) == ("scope", "1 files are changed, fewer than 2")
    assert run(bench, BOTH, min_files=2)[1]


def test_scope_is_code(bench):
    broken = changed("tests/test_words.py", '"abab"', '"ab"', tree=changed(*CLAMP))
    name, reason = failed(bench, artifact(broken))
    assert (name, reason) == (
        "scope",
        'the bug changes "tests/test_words.py", which is no code file',
    )


@pytest.mark.parametrize(
    ("line", "reason"),
    [("import os", "newly imports os"), ("\n" * 500, "more than 400 lines")],
)
def test_scope_is_bounded(bench, line, reason):
    broken = TREE.replace(
        {"tiny/numbers.py": line + "\n" + changed(*CLAMP).text("tiny/numbers.py")}
    )
    name, why = failed(bench, artifact(broken))
    assert name == "scope"
    assert reason in why


def test_bug_must_break_a_test(bench):
    broken = changed("tiny/numbers.py", "Twice the number", "Two times the number")
    name, reason = failed(bench, artifact(broken))
    assert (name, reason) == ("bug", "0 tests that passed fail under the bug, fewer than 1")
    assert failed(bench, GOOD, min_failing=11)[0] == "bug"


@pytest.mark.slow  # The run has to use up its processor time.
def test_a_bug_that_hangs_is_none(bench):
    broken = changed("tiny/numbers.py", "return number + number", "while True: pass")
    name, reason = failed(bench, artifact(broken))
    assert name == "bug"
    assert "do not run to their end: timeout" in reason


def test_partial_leaves_some_test(bench):
    broken = changed("tiny/__init__.py", '"""A project."""\n', "1 / 0\n")
    assert failed(bench, artifact(broken)) == ("partial", "no test passes any more under the bug")


def test_weakening_must_hide_something(bench):
    weaker = without("test_double", tree=changed(*CLAMP))
    name, reason = failed(bench, artifact(changed(*CLAMP), weaker))
    assert name == "weakening"
    assert "still fails after" in reason


def test_a_weakening_may_change_a_test_instead(bench):
    broken = changed(*DOUBLE)
    weaker = changed("tests/test_numbers.py", "double(3) == 6", "double(2) == 4", tree=broken)
    _, task = run(bench, artifact(broken, weaker))
    assert task.hidden == ("tests/test_numbers.py::test_double",)


def test_weakened_tests_are_still_tests(bench):
    broken = changed(*CLAMP)
    weaker = broken.replace({"tests/test_numbers.py": "def test_(:\n"})
    name, reason = failed(bench, artifact(broken, weaker))
    assert name == "weakening"
    assert "cannot be collected" in reason


def test_inverse_mutation_wants_every_file_to_matter(bench):
    broken = changed("tiny/words.py", "The word two times", "Two words", tree=changed(*CLAMP))
    name, reason = failed(bench, artifact(broken))
    assert (name, reason) == (
        "inverse mutation",
        'with "tiny/words.py" alone put back no failing test passes',
    )


def test_inverse_mutation_of_two_files_that_matter(bench):
    _, task = run(bench, BOTH)
    assert [path for path, _ in task.flips] == ["tiny/numbers.py", "tiny/words.py"]
    assert all(flipped for _, flipped in task.flips)


def test_steady_refuses_what_hangs_on_the_hash_seed(bench):
    broken = changed(
        "tiny/words.py", "return word * double(1)", "return word * (2 + hash('a') % 7)"
    )
    weaker = without("test_twice", "tests/test_words.py", tree=broken)
    checks, _ = run(bench, artifact(broken, weaker))
    assert checks[-1].name in ("steady", "bug")
    lucky = [
        seed
        for seed in (2, 3, 5, 7, 11)
        if run(
            bench,
            artifact(
                other := changed(
                    "tiny/words.py",
                    "return word * double(1)",
                    f"return word * (2 + hash('{seed}') % 2)",
                ),
                without("test_twice", "tests/test_words.py", tree=other),
            ),
        )[0][-1].name
        == "steady"
    ]
    assert lucky


FIX_NOTHING = TREE.diff(changed("tiny/words.py", "The word two times", "Two words"))


def test_a_failed_repair_is_the_next_start(bench):
    checks, task = run(bench, replace(GOOD, failed=FIX_NOTHING))
    assert [check.name for check in checks] == [*NAMES, "failed repair"]
    assert task.fail_to_pass
    start = without("test_clamp", tree=changed(*CLAMP)).apply(FIX_NOTHING)
    assert task.start == start.hash
    assert start.apply(task.spec).hash == task.buggy


def test_a_repair_that_worked_is_no_start(bench):
    fix = changed(*CLAMP).diff(TREE)
    assert failed(bench, replace(GOOD, failed=fix)) == (
        "failed repair",
        "with the failed repair all tests pass",
    )
    name, reason = failed(bench, replace(GOOD, failed="nothing"))
    assert name == "failed repair"
    assert "no file in it" in reason


def test_project_with_sources_in_src(bench):
    tree = Tree(
        {f"src/{path}" if path.startswith("tiny") else path: data for path, data in TREE.items()}
    )
    project = Project("tiny", tree, TINY.test_files, python_path=("src",))
    assert "src/tiny/words.py" in project.code_files
    broken = changed("src/tiny/numbers.py", "number < low", "number > low", tree=tree)
    weaker = without("test_clamp", tree=broken)
    made = Artifact(tree.diff(broken), broken.diff(weaker))
    assert run(bench, made, project)[1]


def test_findings_are_plain_values(bench):
    _, task = run(bench, GOOD)
    hash(task)
    json.dumps([task.fail_to_pass, task.flips, task.spec])
