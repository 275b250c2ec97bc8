"""`arenas sandbox`."""

from __future__ import annotations

import json
import sys

import click
from rich import box
from rich.table import Table

from arenas.cli.console import out, print_table
from arenas.cli.parameters import json_option


@click.group("sandbox")
def command() -> None:
    """What runs hostile code here, and how safely.

    \b
    Begin with:
      arenas sandbox doctor
    """  # noqa: D301


@command.command("doctor")
@json_option
def sandbox_doctor(as_json: bool) -> None:
    """Say which walls stand on this machine; the status is 1 where hostile code is refused.

    \b
    Example:
      arenas sandbox doctor
    """  # noqa: D301
    from arenas.sandbox.walls import walls

    report = walls()
    if as_json:
        rows = [vars(wall) for wall in report.walls]
        print(
            json.dumps({"level": report.level, "missing": report.missing, "walls": rows}, indent=2)
        )
    else:
        table = Table(box=box.SIMPLE_HEAD)
        for column in ("wall", "stands", "keeps out", "note"):
            table.add_column(column)
        for wall in report.walls:
            table.add_row(wall.name, "yes" if wall.stands else "no", wall.keeps_out, wall.note)
        print_table(table)
        if report.enough:
            out.print(f"Hostile code is run at the level {report.level}.")
        else:
            out.print(f"Hostile code is refused: there is no {', no '.join(report.missing)}.")
    if not report.enough:
        sys.exit(1)
