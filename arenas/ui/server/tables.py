"""Tables at which matches are played, and the keys that let people in."""

from __future__ import annotations

import secrets
import threading
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from arenas.registry import find
from arenas.ui.session import Session
from arenas.ui.watch.page import page
from arenas.ui.watch.replay import Replay

MAX_TABLES = 64
"""More tables are not kept; one at which nobody is makes room for a new one."""

PERSON = "human"
"""The player of a seat that a person takes."""

AGENTS_PACE = 0.5
"""Seconds that agents take for a move at least, so that people can follow."""


class Table:
    """One game with its players, and the match that is played on it now.

    Args:
        game_id, options, players: as of `Session`; "human" sits in people's seats.
        seed: of the first match; later ones have others.
        tick, pace, record: as of `Session`.
        changed: called after each change, from any thread.

    Attributes:
        keys: the secret of each person's seat.
        watch_key: the secret of onlookers.
        taken: seats that someone has sat down in.
        here: how many connections each seat has now; None counts onlookers.

    Raises:
        ValueError, ImportError, OSError: the match cannot be set up.
    """

    def __init__(
        self,
        game_id: str,
        options: Mapping[str, Any],
        players: Sequence[str],
        changed: Callable[[Table], None],
        *,
        seed: int | None = None,
        tick: float | None = None,
        pace: float = AGENTS_PACE,
        record: Path | None = None,
    ) -> None:
        self.id = secrets.token_urlsafe(6)
        self.game_id = find(game_id).id
        self.players = list(players)
        self.people = [s for s, player in enumerate(players) if player == PERSON]
        self._settings: dict[str, Any] = {
            "options": dict(options),
            "tick": tick,
            "pace": pace,
            "record": record,
        }
        self._changed = changed
        self._lock = threading.Lock()
        self.session = self._deal(seed)
        self.keys = {seat: secrets.token_urlsafe(16) for seat in self.people}
        self.watch_key = secrets.token_urlsafe(16)
        self.taken: set[int] = set()
        self.here: Counter[int | None] = Counter()
        if not self.people:
            self.session.start()

    def sit(self, seat: int | None) -> None:
        """Someone connects; the match begins when all people have. None looks on."""
        self.here[seat] += 1
        if seat is not None:
            self.taken.add(seat)
        if self.taken == set(self.people):
            self.session.start()
        self._changed(self)

    def leave(self, seat: int | None) -> None:
        """A connection ends; the match goes on."""
        self.here[seat] -= 1
        self._changed(self)

    def again(self) -> None:
        """Deals another match with the same players, if the last one is over."""
        with self._lock:
            if not self.session.over:
                return
            self.session.close()
            self.session = self._deal(None)
            self.session.start()
        self._changed(self)

    def replay(self) -> str:
        """The finished match as a page of its own, as `arenas watch --html` writes it.

        Raises:
            ValueError: it is not finished.
        """
        if not self.session.over:
            raise ValueError("the match is not over; then it can be watched again")
        line = self.session.match_record().to_json()
        return page(Replay.of_line(f"{line}\n".encode()))

    @property
    def away(self) -> list[int]:
        """Seats of people who are not connected."""
        return [seat for seat in self.people if not self.here[seat]]

    @property
    def open_to_onlookers(self) -> bool:
        """Whether an onlooker may see everything: nobody at the table could profit from it."""
        perfect = self.session.game.spec.information == "perfect"
        return perfect or not self.people or self.session.over

    def close(self) -> None:
        """Ends the match; one that is left is kept as unfinished."""
        self.session.close()

    def _deal(self, seed: int | None) -> Session:
        session = Session(self.game_id, self.players, self.people, seed, **self._settings)
        session.listen(lambda: self._changed(self))
        return session


class Place(NamedTuple):
    """What a key opens: a seat, a look at a table (`seat` None), or all (`table` None)."""

    table: Table | None
    seat: int | None


class House:
    """All tables of a server, and the keys to them.

    Args:
        record: file that every match is added to; see `Session`.

    Attributes:
        token: the key of whoever runs the server.
        tables: by id, oldest first.
    """

    def __init__(self, record: Path | None = None) -> None:
        self.token = secrets.token_urlsafe(16)
        self.tables: dict[str, Table] = {}
        self._record = record
        self._listeners: set[Callable[[Table | None], None]] = set()
        self._lock = threading.Lock()

    def open(
        self, game_id: str, options: Mapping[str, Any], players: Sequence[str], **settings: Any
    ) -> Table:
        """Sets up a table; `settings` are keyword arguments of `Table`.

        Raises:
            ValueError, ImportError, OSError: the match cannot be set up, or all tables are taken.
        """
        with self._lock:
            if len(self.tables) >= MAX_TABLES and not self._make_room():
                raise ValueError(f"{MAX_TABLES} tables are taken; close one first")
            settings.setdefault("record", self._record)
            table = Table(game_id, options, players, self.tell, **settings)
            self.tables[table.id] = table
        self.tell(None)
        return table

    def close_table(self, id: str) -> None:
        """Takes a table away; a match that is not over is kept as unfinished.

        Raises:
            ValueError: there is none.
        """
        with self._lock:
            table = self.tables.pop(id, None)
        if table is None:
            raise ValueError("there is no such table any more")
        table.close()
        self.tell(table)
        self.tell(None)

    def place(self, key: str) -> Place | None:
        """What a key opens; None for a key that opens nothing."""
        if secrets.compare_digest(key.encode(), self.token.encode()):
            return Place(None, None)
        for table in list(self.tables.values()):
            if secrets.compare_digest(key.encode(), table.watch_key.encode()):
                return Place(table, None)
            for seat, own in table.keys.items():
                if secrets.compare_digest(key.encode(), own.encode()):
                    return Place(table, seat)
        return None

    def listen(self, changed: Callable[[Table | None], None]) -> Callable[[], None]:
        """Has `changed` called with each table that changes, from any thread; None is the list.

        Returns:
            What ends it.
        """
        self._listeners.add(changed)
        return lambda: self._listeners.discard(changed)

    def tell(self, table: Table | None) -> None:
        """Announces a change."""
        for changed in list(self._listeners):
            changed(table)

    def close(self) -> None:
        """Closes every table."""
        for table in list(self.tables.values()):
            table.close()

    def _make_room(self) -> bool:
        """Closes a table at which nobody is, one that is over first."""
        empty = [table for table in self.tables.values() if not any(table.here.values())]
        empty.sort(key=lambda table: not table.session.over)
        if empty:
            self.tables.pop(empty[0].id).close()
        return bool(empty)
