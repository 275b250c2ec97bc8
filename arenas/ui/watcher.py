"""Looks at a live match in a thread of its own, so that whoever shows it never waits."""

from __future__ import annotations

import threading

from arenas.ui.session import Session
from arenas.ui.snapshot import Snapshot

_PATIENCE = 0.2
"""Seconds after which it looks whether it is still wanted."""


class Watcher:
    """Takes a look whenever a match has changed, its picture included.

    Args:
        session: the match.
        seat: whose view it is.

    Attributes:
        latest: the last look; None before the first.
        hints: whether there is an exact player to ask.
        failure: why the match cannot be looked at; "" while it can.
    """

    def __init__(self, session: Session, seat: int) -> None:
        self.latest: Snapshot | None = None
        self.hints = False
        self.failure = ""
        self._stopped = threading.Event()
        thread = threading.Thread(
            target=self._watch, args=(session, seat), name="watcher", daemon=True
        )
        thread.start()

    def stop(self) -> None:
        """Takes no further looks; does not wait."""
        self._stopped.set()

    def _watch(self, session: Session, seat: int) -> None:
        version = -1
        try:
            self.hints = session.has_hints
            while not self._stopped.is_set():
                if session.wait(version, timeout=_PATIENCE) == version:
                    continue
                snapshot = session.snapshot(seat)
                _ = snapshot.picture  # drawn here and kept
                version = snapshot.version
                self.latest = snapshot
        except Exception as error:
            # Of a game; whoever watches says so rather than stand still.
            self.failure = f"the match cannot be shown: {error!r}"
