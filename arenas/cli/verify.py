"""`arenas verify`."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click

from arenas.cli.console import progress
from arenas.cli.parameters import json_option
from arenas.rollout.verify import verify_file


@click.command("verify")
@click.argument(
    "files", metavar="FILE...", nargs=-1, required=True, type=click.Path(path_type=Path)
)
@json_option
def command(files: tuple[Path, ...], as_json: bool) -> None:
    """Play every recorded match again and say whether its rewards are true.

    Names the line of each record that is refused, and why. The exit status is 1 if there is one.
    """
    refused = 0
    for path in files:
        good, bad = 0, []
        try:
            with progress("records", path.stat().st_size, as_json) as advance:
                for verdict in verify_file(path):
                    advance(verdict.bytes_read)
                    good += not verdict.problems
                    if verdict.problems:
                        bad.append({"line": verdict.line, "problems": verdict.problems})
                        if not as_json:
                            print(f"{path}:{verdict.line}: {'; '.join(verdict.problems)}")
        except OSError as error:
            raise click.ClickException(f"cannot read {path}: {error.strerror}") from None
        refused += len(bad)
        if as_json:
            print(json.dumps({"file": str(path), "verified": good, "refused": bad}))
        else:
            print(f"{path}: {good} verified, {len(bad)} refused")
    if refused:
        sys.exit(1)
