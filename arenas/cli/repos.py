"""`arenas repos`."""

from __future__ import annotations

import json
from pathlib import Path

import click
from rich import box
from rich.table import Table

from arenas.cli.console import err, plain_errors, print_table
from arenas.cli.parameters import json_option


@click.group("repos")
def command() -> None:
    """The projects of BugRepair-v0: those that are here, and real ones that you add."""


@command.command("list")
@json_option
def list_repos(as_json: bool) -> None:
    """List the projects with their sizes."""
    from arenas.games.bug_repair import project

    rows = []
    with plain_errors():
        for name in (*project.shipped(), *project.added()):
            each = project.load(name)
            lines = sum(each.tree[path].count(b"\n") for path in each.code_files)
            rows.append(
                {
                    "name": name,
                    "code_files": len(each.code_files),
                    "lines": lines,
                    "test_files": len(each.test_files),
                    "commits": len(each.history),
                    "tree": each.tree.hash,
                }
            )
    if as_json:
        print(json.dumps(rows, indent=2))
        return
    table = Table(box=box.SIMPLE_HEAD)
    table.add_column("project")
    for column in ("code files", "lines", "test files", "commits"):
        table.add_column(column, justify="right")
    for row in rows:
        table.add_row(*map(str, list(row.values())[:-1]))
    print_table(table)


@command.command("add")
@click.argument("source")
@click.option("--name", default="", help="What to call it.  [the folder's or archive's name]")
@click.option(
    "--package",
    "packages",
    multiple=True,
    help="An installed distribution that its tests import; repeatable.",
)
def add_repo(source: str, name: str, packages: tuple[str, ...]) -> None:
    """Add a real project with pytest tests that pass: SOURCE is a folder, an archive or a name.

    Its tests are run in the sandbox, several times; what is not steady is left out and named. A
    name is downloaded with pip, which runs the project's own build script without walls.

    \b
    arenas repos add ../toolz
    arenas repos add toolz-1.0.0.tar.gz
    arenas repos add toolz==1.0.0
    """  # noqa: D301 - click reads the escape itself
    from arenas.games.bug_repair.adding import add

    with plain_errors(), err.status(f"running the tests of {source}"):
        added = add(source, name, packages)
    print(f"{added.project.name}: {len(added.suite.passing)} tests pass")
    for what, names in (
        ("test files left out", added.left_out),
        ("tests that are not steady", added.suite.flaky),
        ("tests that do not pass", added.suite.other),
    ):
        if names:
            print(f"{what}: {', '.join(names)}")
    print(f"play it: arenas match BugRepair-v0 -o 'projects=[\"{added.project.name}\"]' ...")


@command.command("remove")
@click.argument("name")
def remove_repo(name: str) -> None:
    """Remove a project that was added."""
    from arenas.games.bug_repair.project import forget

    with plain_errors():
        forget(name)


@command.command("export")
@click.argument("name")
@click.argument("folder", type=click.Path(path_type=Path))
def export_repo(name: str, folder: Path) -> None:
    """Write a project's files into a new FOLDER."""
    from arenas.games.bug_repair.project import load

    with plain_errors():
        if folder.exists():
            raise ValueError(f"{folder} exists already")
        load(name).tree.write(folder)
