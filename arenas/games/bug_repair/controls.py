"""What a person presses and types in bug repair, for each way of acting."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from arenas.core.controls import Button, Choice, Controls, Field, Form, Text
from arenas.core.game import IllegalMove
from arenas.games.bug_repair import text
from arenas.games.bug_repair.artifact import MAX_PART, format_artifact, format_repair, split_diff
from arenas.games.bug_repair.project import load
from arenas.games.bug_repair.tools import toolbox
from arenas.kernels.propose_solve import PROPOSER, TaskState
from arenas.kernels.tool_forms import tool_controls, tool_reply
from arenas.sandbox import BadPath, Tree

if TYPE_CHECKING:
    from arenas.games.bug_repair.game import BugRepair

CHOICE, DIFF, FILE = "choice", "diff", "file"
"""Names of forms and fields; the form of a file is named by its path."""

_TEMPLATE = "--- a/{0}\n+++ b/{0}\n@@ -1,1 +1,1 @@\n"


def controls(game: BugRepair, state: TaskState, seat: int) -> Controls:
    """Mutations to choose from; files and diffs to edit; or a form for each tool."""
    if game.acting == "structured":
        return _menu(game, state, seat)
    if game.acting == "one-shot":
        return _files(game, state, seat)
    return _tools(game, state, seat)


def compose(
    game: BugRepair, state: TaskState, seat: int, form: str, values: Mapping[str, Any]
) -> str:
    """The reply of a filled form, whose values are within their fields.

    Raises:
        IllegalMove: a file was not changed, or cannot be made into a diff.
    """
    if game.acting == "structured":
        return f"[{values[CHOICE]}]"
    if game.acting == "agentic":
        return tool_reply(toolbox(seat == PROPOSER), form, values)
    base = game.base(state, seat)
    patch = _ended(values.get(DIFF, ""))
    if form != DIFF:
        patch = _diff(base, form, values[FILE])
    if seat != PROPOSER:
        return format_repair({"patch": patch})
    bug, weaken = split_diff(patch, load(state.goal.project))
    weaken += _ended(values["weaken"])
    empty = {"files": None, "script": None, "parser": None}
    return format_artifact({"bug": bug, "weaken": weaken, **empty})


def _menu(game: BugRepair, state: TaskState, seat: int) -> Controls:
    menu, legal = game.menu(state, seat), game.legal(state, seat) or ()
    shares, word = menu.suspicion, "suspicion"
    if seat == PROPOSER:
        shares, word = menu.reach, "reached by"
    options = tuple(
        (str(n), f"{n}. {menu.choices[n]} ({word} {shares[n]:.0%})")
        for n in legal
        if n < len(menu.choices)
    )
    if not options:
        return Controls(tuple(Button("Nothing to choose", f"[{n}]") for n in legal))
    field = Choice(CHOICE, "Mutation", options, options[0][0])
    return Controls(forms=(Form(CHOICE, (field,), "Choose"),))


def _files(game: BugRepair, state: TaskState, seat: int) -> Controls:
    """A form for each code file, which becomes a diff, and one for a diff that is written."""
    project, base = load(state.goal.project), game.base(state, seat)
    code, room = [], text.MAX_FILES_SHOWN
    for path in filter(project.is_code, base):
        # As many as are shown whole, and no more than a reply holds.
        room -= len(base[path])
        if room >= 0 and len(base[path]) < MAX_PART:
            code.append(path)
    more: tuple[Field, ...] = ()
    if seat == PROPOSER:
        more = (Text("weaken", "Diff of tests (may be empty)", MAX_PART, 8, "", ".diff"),)
    forms = [
        Form(path, (Text(FILE, path, MAX_PART, 12, base.text(path), ".py"), *more)) for path in code
    ]
    template = _TEMPLATE.format(code[0]) if code else ""
    written = Text(DIFF, "A unified diff", MAX_PART, 12, template, ".diff")
    return Controls(forms=(*forms, Form(DIFF, (written, *more))))


def _diff(base: Tree, path: str, content: str) -> str:
    """What became of a file, as a diff."""
    try:
        patch = base.diff(base.replace({path: content}))
    except (BadPath, UnicodeEncodeError) as error:
        raise IllegalMove(f"{path}: {error}") from None
    if not patch:
        raise IllegalMove(f"{path} is as it was: change it first")
    return patch


def _ended(patch: str) -> str:
    return patch if not patch or patch.endswith("\n") else patch + "\n"


def _tools(game: BugRepair, state: TaskState, seat: int) -> Controls:
    work = game.work(state, seat)
    paths = tuple(work)
    project = load(state.goal.project)
    code = sorted(filter(project.is_code, paths), key=lambda path: -len(work[path]))
    written = [note.path for note in state.parts[seat].notes if note.path]
    last = next((path for path in (*reversed(written), *code) if path in work), paths[0])
    choice = Choice("path", "File", tuple((path, path) for path in paths), last)
    return tool_controls(
        toolbox(seat == PROPOSER),
        {
            ("read", "path"): choice,
            ("edit", "path"): choice,
            ("write", "path"): Text("path", "File", 255, 1, last),
            ("write", "text"): Text("text", "Text", 60_000, 12, work.text(last)[:60_000], ".py"),
        },
    )
