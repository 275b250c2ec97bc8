"""`arenas list`."""

from __future__ import annotations

import json
from typing import Any

import click
from rich import box
from rich.table import Table
from rich.text import Text

import arenas
from arenas.cli.console import print_table
from arenas.cli.parameters import json_option


@click.command("list")
@json_option
def command(as_json: bool) -> None:
    """List the games with their options and players."""
    rows = [_describe(entry) for entry in arenas.entries()]
    if as_json:
        print(json.dumps(rows, indent=2))
        return
    table = Table(box=box.SIMPLE_HEAD)
    for column in ("game", "seats", "kind", "options", "players"):
        table.add_column(column)
    for row in rows:
        short = row["id"].removeprefix("selfplay/")
        if "missing" in row:
            table.add_row(short, "", Text(row["missing"]))
            continue
        table.add_row(
            short,
            str(row["seats"]),
            f"{row['payoff'].replace('_', '-')}\n{row['information']} information",
            "\n".join(f"{name}={value}" for name, value in row["options"].items()),
            "\n".join(row["players"]),
        )
    print_table(table)


def _describe(entry: arenas.registry.Entry) -> dict[str, Any]:
    try:
        game = arenas.make_game(entry.id)
    except ImportError as error:
        return {"id": entry.id, "summary": entry.summary, "missing": str(error)}
    spec = game.spec
    return {
        "id": entry.id,
        "summary": entry.summary,
        "seats": spec.seats,
        "roles": list(spec.roles),
        "payoff": spec.payoff,
        "information": spec.information,
        "simultaneous": spec.simultaneous,
        "rules_version": spec.version,
        "options": dict(game.options),
        "players": arenas.player_names(entry.id),
    }
