"""What goes over a connection: views as JSON, and checked requests of the page.

A request is one JSON object with a `type`; `REQUESTS` has the fields of each. What a view says
comes from one `Snapshot` and from who is at the table, and from nothing else.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from arenas.core.controls import Controls
from arenas.ui.snapshot import Snapshot

MAX_CHARS = 1 << 17
"""A longer request is refused; a patch of the longest kind fits."""

REQUESTS: dict[str, dict[str, type]] = {
    "reply": {"text": str},
    "fill": {"form": str, "values": dict},
    "hint": {},
    "again": {},
    "game": {"game": str, "options": list},
    "open": {"game": str, "options": list, "players": list},
    "close": {"table": str},
}
"""Names and types of the fields of each request."""


class BadRequest(ValueError):
    """A request is not one that this server reads; `str()` of it is the reason."""


def read_request(text: str | None) -> dict[str, Any]:
    """A request of the page, with exactly the fields of its type.

    Raises:
        BadRequest: it is none; the message says why.
    """
    if text is None:
        raise BadRequest("a request is text, not bytes")
    if len(text) > MAX_CHARS:
        raise BadRequest(f"{len(text)} characters, more than {MAX_CHARS}")
    try:
        body = json.loads(text)
    except (ValueError, RecursionError):
        raise BadRequest("a request is JSON") from None
    kind = body.get("type") if isinstance(body, dict) else None
    if not isinstance(kind, str) or kind not in REQUESTS:
        raise BadRequest(f"a request is an object whose type is one of {', '.join(REQUESTS)}")
    fields = REQUESTS[kind]
    if set(body) != {"type", *fields}:
        raise BadRequest(f"{kind!r} has the fields {', '.join(fields) or 'of no name'}")
    for name, of in fields.items():
        if not isinstance(body[name], of):
            raise BadRequest(f"{name} is not of the kind {of.__name__}")
    return dict(body)


def seat_view(snapshot: Snapshot, away: list[int], size: tuple[int, int] | None) -> dict[str, Any]:
    """What a seat or an onlooker is sent.

    Args:
        snapshot: of that seat, or an onlooker's.
        away: seats of people who are not connected.
        size: width and height of the picture that was sent before; None if there is none.
    """
    return {
        "type": "view",
        "seat": snapshot.seat,
        "agents": snapshot.agents,
        "names": snapshot.names,
        "away": away,
        "brief": snapshot.brief,
        "told": snapshot.told,
        "log": snapshot.log,
        "awaited": snapshot.awaited,
        "controls": _controls(snapshot.controls),
        "step": snapshot.step,
        "tick": snapshot.tick,
        "started": snapshot.started,
        "over": snapshot.over,
        "failure": snapshot.failure,
        "totals": snapshot.totals,
        "farewell": snapshot.farewell,
        "picture": size,
    }


def covered(view: dict[str, Any]) -> dict[str, Any]:
    """An onlooker's view with all left out that a person at the table may not know."""
    hidden = "What is hidden from the players is shown when the match is over."
    return {**view, "told": hidden, "log": (), "picture": None}


def _controls(controls: Controls) -> dict[str, Any]:
    forms = []
    for form in controls.forms:
        fields = [{"kind": type(each).__name__.lower(), **asdict(each)} for each in form.fields]
        forms.append({"name": form.name, "send": form.send, "fields": fields})
    buttons = [
        {"label": b.label, "reply": b.reply, "key": b.key, "area": b.area and tuple(b.area)}
        for b in controls.buttons
    ]
    return {"buttons": buttons, "forms": forms}
