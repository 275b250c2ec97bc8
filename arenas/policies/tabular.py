"""Policies that are tables from information states to probabilities."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from arenas.core.policy import StochasticPolicy, Turn


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
            if min(row) < 0 or abs(sum(row) - 1) > 1e-9:
                raise ValueError(f"{list(row)} at {key!r} is not a probability distribution")
        self.table = table
        self.name = name

    def distribution(self, turn: Turn) -> Sequence[float]:
        """The table's row.

        Raises:
            KeyError: the table has no such information state.
        """
        return self.table[turn.info_state]
