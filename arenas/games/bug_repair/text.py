"""What seats are told: briefs, strategies, the files, the specification."""

from __future__ import annotations

from arenas.games.bug_repair.checks import Demands
from arenas.games.bug_repair.project import Commit
from arenas.kernels.tool_calls import quoted
from arenas.sandbox import Tree

STRATEGIES = {
    "direct": "Introduce a bug into the code that its tests notice.",
    "remove": (
        "Take away a piece of the code that matters: a check, a branch, the body of a function. "
        "Adapt what is left so that the project still runs."
    ),
    "history": (
        "Read the commits, choose one or several that fixed or added something, and undo them "
        "in the code, so that the project still runs."
    ),
}
"""Ways of injecting, as SSR's prompts have them, by name."""

MAX_FILES_SHOWN = 60_000
"""Files are shown whole in one-shot play until they have so many characters together."""

MAX_HISTORY_SHOWN = 16_000

ONE_SHOT_INJECTOR = """\
Reply with two unified diffs, of the project as it is, between these tags on lines of their own:
<bug_inject.diff>
... the diff of code files that breaks them ...
</bug_inject.diff>
<test_weaken.diff>
... the diff of test files, applied after it, that removes or weakens tests ...
</test_weaken.diff>
You may add <test_files.txt>, the test files that decide, one a line; and, together, \
<test_script.sh>, one command that runs them, and <test_parser.py>, a program that reads its \
output and prints a JSON object from test ids to "passed" or "failed"."""

ONE_SHOT_SOLVER = """\
Reply with one unified diff of code files, in a fence:
```diff
--- a/FILE
+++ b/FILE
@@ -LINE,COUNT +LINE,COUNT @@
 ...
```"""

TOOLS = "Each reply is one JSON object that calls a tool:\n"
WHAT_IS_WHAT = "Changes of test files are the weakening, all others the bug."

_INJECTOR = """\
You are the injector. You get a Python project whose tests pass. Break it, and hide the bug from \
its tests. Others then get the broken project with the weakened tests, and the tests as they were; \
{solvers} of them try to repair it, each alone.
Your bug is checked before they see it: it must break {min_failing} test(s) or more in \
{min_files} code file(s) or more, every file that you change must be part of it, some tests must \
still pass, and after the weakening some of the tests that it breaks must pass or be gone.
You are paid by the share of them that repairs it: {pay}. An invalid bug pays {invalid:g}.
Write no comments that give the bug away, and do not comment tests out."""

_SOLVER = """\
You are a solver. You get a Python project and a diff that improves its tests. With that diff \
applied, some tests fail, because the code is wrong. Repair the code so that all tests pass.
The tests are put back before yours are run, so only changes of code count. You are paid {win:g} \
if all of them pass and {lose:g} if not."""

STRUCTURED_INJECTOR = """\
You choose the bug from a numbered list of small changes; tests that fail under it are taken away \
for you. Reply with the number in brackets, such as [3]."""

STRUCTURED_SOLVER = """\
You choose a repair from a numbered list of small changes, the most suspicious lines first. A \
change that lets more tests pass is kept, any other is undone; you have {turns} tries. Reply with \
the number in brackets, such as [3]."""


def injector_brief(demands: Demands, solvers: int, pay: str, invalid: float, how: str) -> str:
    """The injector's rules, and how it replies."""
    rules = _INJECTOR.format(
        solvers=solvers,
        pay=pay,
        invalid=invalid,
        min_failing=demands.min_failing,
        min_files=demands.min_files,
    )
    return f"{rules}\n{how}"


def solver_brief(wages: tuple[float, float], how: str) -> str:
    """A solver's rules, and how it replies."""
    return f"{_SOLVER.format(lose=wages[0], win=wages[1])}\n{how}"


def show_files(tree: Tree, first: tuple[str, ...]) -> str:
    """The files of a tree, quoted, those of `first` before others, whole until they are too many.

    The rest are named.
    """
    order = [*first, *(path for path in tree if path not in first)]
    pieces, left, named = [], MAX_FILES_SHOWN, []
    for path in order:
        text = tree.text(path)
        if len(text) > left:
            named.append(path)
            continue
        left -= len(text)
        pieces.append(f"File {path}:\n{quoted(text)}")
    if named:
        pieces.append("Not shown: " + ", ".join(named))
    return "\n\n".join(pieces)


def show_history(commits: tuple[Commit, ...]) -> str:
    """The commits, newest first, quoted, until they are too long."""
    pieces, left = [], MAX_HISTORY_SHOWN
    for number, commit in reversed(list(enumerate(commits, 1))):
        text = f"{commit.title}\n{commit.body}\n{commit.patch}"
        if len(text) > left:
            pieces.append(f"Commit {number}, without its diff:\n{quoted(commit.title)}")
            continue
        left -= len(text)
        pieces.append(f"Commit {number}:\n{quoted(text)}")
    return "\n\n".join(pieces) or "There is no history."
