"""Long-context mode over a run: documents and questions grow with what was solved (SPELL)."""

from __future__ import annotations

from typing import Any

from arenas.core.record import MatchRecord

KEPT = 50
"""Questions that are kept apart from new ones; older ones may come again."""


def grown(record: MatchRecord) -> dict[str, Any]:
    """The options of the next matches on the documents of a finished one.

    If some attempt solved the question, one more document goes into every prompt and the question
    joins `recent`, so that the next one is about something else. Otherwise nothing changes.
    """
    options = dict(record.options)
    if any(record.evidence.get("solved", ())):
        options["solved"] = min(1_000, options["solved"] + 1)
        options["recent"] = [*options["recent"], record.evidence["question"]][-KEPT:]
    return options
