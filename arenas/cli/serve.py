"""`arenas serve`."""

from __future__ import annotations

from pathlib import Path

import click

from arenas.cli.console import out, plain_errors


@click.command("serve")
@click.option(
    "--host",
    default="127.0.0.1",
    help="The address to listen at; any but loopback lets other machines in.  [127.0.0.1]",
)
@click.option("--port", default=8000, type=click.IntRange(0, 65535), help="0 for any.  [8000]")
@click.option(
    "--record",
    default=Path("played.jsonl"),
    type=click.Path(path_type=Path, dir_okay=False),
    help="The file that every match is added to.  [played.jsonl]",
)
def command(host: str, port: int, record: Path) -> None:
    """Play in a browser: alone, with other people, against agents.

    The link that is printed opens the lobby. Whoever has it may name any player, and so have
    files read and servers asked; give others the links of seats, which the lobby shows.

    \b
    arenas serve
    arenas serve --port 0 --record evening.jsonl
    """  # noqa: D301 - click reads the escape itself
    with plain_errors():
        from arenas.ui.server.app import Served
        from arenas.ui.server.tables import House

        house = House(record)
        try:
            served = Served(house, host, port)
            record.open("a", encoding="ascii").close()
        except OSError as error:
            raise click.ClickException(f"{error.strerror}: {error.filename or host}") from None
    out.print(f"Open {served.link(house.token)}", soft_wrap=True)
    out.print(f"Matches are added to {record}. Ctrl-C ends the server.", soft_wrap=True)
    served.run()
