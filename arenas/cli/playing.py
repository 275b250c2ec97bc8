"""Plays the matches of a command into a file and a table, and says what stopped them."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import click

from arenas.cli.console import INTERRUPTED, err, plain_errors, progress, uninterrupted
from arenas.core.policy import PolicyError
from arenas.core.record import MatchRecord, write_records
from arenas.policies.human import Quit


@dataclass(frozen=True, slots=True)
class Ending:
    """What stopped matches before their time, if anything did.

    Attributes:
        interrupted: Ctrl-C, or a person who left.
        failure: a player that cannot answer any more.
    """

    interrupted: bool = False
    failure: PolicyError | None = None

    def tell(self, matches: int, total: int, record: Path | None) -> None:
        """Says where the records are and what stopped the matches; leaves with its exit status.

        Args:
            matches: that were played.
            total: that were to be played.
            record: the file of the records, if there is one.

        Raises:
            click.ClickException: a player failed.
            SystemExit: they were interrupted.
        """
        if record is not None:
            err.print(f"{matches} records in {record}; check them: arenas verify {record}")
        if self.interrupted or self.failure:
            err.print(f"stopped after {matches} of {total} matches")
        if self.failure:
            raise click.ClickException(str(self.failure))
        if self.interrupted:
            sys.exit(INTERRUPTED)


def play_out(
    played: Iterable[tuple[MatchRecord, Sequence[int]]],
    add: Callable[[MatchRecord, Sequence[int]], None],
    total: int,
    file: IO[str] | None,
    quiet: bool,
) -> Ending:
    """Takes each match as it comes, until all are over or something stops them.

    Args:
        played: matches, and who sat in each seat.
        add: counts a match.
        total: how many there will be.
        file: takes the records, and is closed at the end.
        quiet: show no progress.

    Raises:
        click.ClickException: what the user asked for is wrong.
    """
    try:
        with plain_errors(), progress("matches", total, quiet) as advance:
            for record, sitting in played:
                with uninterrupted():
                    if file is not None:
                        write_records([record], file)
                    add(record, sitting)
                advance(1)
    except (KeyboardInterrupt, Quit):
        return Ending(interrupted=True)
    except PolicyError as error:
        return Ending(failure=error)
    finally:
        if file is not None:
            file.close()
    return Ending()
