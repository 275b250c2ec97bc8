"""Policies that are tables from information states to probabilities."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from arenas.core.game import Game
from arenas.core.policy import StochasticPolicy, Turn
from arenas.policies.files import replacing

FORMAT = "arenas-table/1"


class TabularPolicy(StochasticPolicy):
    """Plays by a table.

    Args:
        table: information state (`Turn.info_state`) to one probability per action.
        name: stands in tables and records.

    Raises:
        ValueError: a row is not a probability distribution.
    """

    def __init__(self, table: Mapping[str, Sequence[float]], name: str = "tabular") -> None:
        for key, row in table.items():
            # Compared this way round, NaN is refused as well.
            if not (all(share >= 0 for share in row) and abs(sum(row) - 1) <= 1e-9):
                raise ValueError(f"{list(row)} at {key!r} is not a probability distribution")
        self.table = table
        self.name = name

    def distribution(self, turn: Turn) -> Sequence[float]:
        """The table's row.

        Raises:
            ValueError: the table has no such information state.
        """
        row = self.table.get(turn.info_state)
        if row is None:
            raise ValueError(f"player {self.name!r} has no row for {turn.info_state!r}")
        return row

    def save(self, path: str | Path, game: Game[Any]) -> None:
        """Writes the table as JSON, with the game and options that it is for, in one step.

        Raises:
            OSError: the file cannot be written.
        """
        body = {
            "format": FORMAT,
            "game": game.spec.name,
            "rules": game.spec.version,
            "options": game.options,
            "table": {key: list(row) for key, row in self.table.items()},
        }
        with replacing(path) as partial:
            partial.write_text(json.dumps(body, indent=1) + "\n", encoding="utf-8")

    @classmethod
    def load(cls, path: str | Path, game: Game[Any] | None = None) -> TabularPolicy:
        """Reads what `save` wrote.

        Args:
            path: the file.
            game: refuse a table that is for another game or other options.

        Raises:
            ValueError: the file cannot be read, is no such table, or is for another game.
        """
        try:
            body = json.loads(Path(path).read_text(encoding="utf-8"))
        except OSError as error:
            raise ValueError(f"cannot read the table {path}: {error.strerror}") from None
        except ValueError as error:
            raise ValueError(f"{path} is not a table: {error}") from None
        if not isinstance(body, dict) or body.get("format") != FORMAT:
            raise ValueError(f"{path} is not a table of the format {FORMAT!r}")
        if game is not None:
            written = body.get("game"), body.get("rules"), body.get("options")
            if written != (game.spec.name, game.spec.version, game.options):
                made_for = f"{written[0]} (rules {written[1]}) with {written[2]}"
                raise ValueError(f"{path} is a table for {made_for}, not for {game!r}")
        try:
            policy = cls(body["table"], f"table:{path}")
            if game is not None and any(
                len(row) != game.num_actions for row in policy.table.values()
            ):
                raise ValueError(f"a row has not one number for each of {game.num_actions} actions")
            return policy
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise ValueError(f"{path} is a damaged table: {error!r}") from None


def from_file(game: Game[Any], argument: str) -> TabularPolicy:
    """The player `table:PATH`.

    Raises:
        ValueError: no path was given; and as `TabularPolicy.load`.
    """
    if not argument:
        raise ValueError("player 'table' needs a file: table:PATH")
    return TabularPolicy.load(argument, game)
