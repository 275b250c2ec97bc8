"""One connection of a page: what it is shown, and what it asks for."""

from __future__ import annotations

import asyncio
import contextlib
import json
from time import monotonic
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from arenas import registry
from arenas.core.game import option_defaults
from arenas.core.picture import png
from arenas.ui.server.messages import BadRequest, covered, read_request, seat_view
from arenas.ui.server.tables import House, Place, Table
from arenas.ui.session import NotYourTurn

REFUSED = 4403
"""Close code of a connection that need not be tried again."""

RATE, BURST = 30.0, 60.0
"""Requests a second that are answered in the long run, and how many more at once."""

PATIENCE = 200
"""Refused requests after which a connection is closed; answered ones are forgiven one by one."""


class Allowance:
    """How many requests may come now: `RATE` a second, and `BURST` after a pause."""

    def __init__(self, now: float) -> None:
        self._left, self._asked_at = BURST, now

    def take(self, now: float) -> bool:
        """Whether one more may come at this time, in seconds; counts it if so."""
        self._left = min(BURST, self._left + (now - self._asked_at) * RATE)
        self._asked_at = now
        if self._left < 1:
            return False
        self._left -= 1
        return True


class Connection:
    """One page at one place, from its opening to its end."""

    def __init__(self, house: House, place: Place, socket: WebSocket) -> None:
        self._house, self._place, self._socket = house, place, socket
        self._loop = asyncio.get_running_loop()
        self._news = asyncio.Event()
        self._sending = asyncio.Lock()
        self._last: tuple[str, bytes | None] = ("", None)
        self._allowance, self._refused = Allowance(monotonic()), 0

    async def run(self) -> None:
        """Shows and answers until the page goes away or is sent away."""
        table, seat = self._place
        stop = self._house.listen(self._changed)
        if table is not None:
            await run_in_threadpool(table.sit, seat)
        self._news.set()
        tasks = {asyncio.create_task(each()) for each in (self._show, self._answer)}
        try:
            # Either ends when the page goes away; an error in one goes up to the server's log.
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        except WebSocketDisconnect:
            pass
        finally:
            stop()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            if table is not None:
                table.leave(seat)

    def _changed(self, table: Table | None) -> None:
        if self._place.table in (None, table):
            with contextlib.suppress(RuntimeError):  # the server has ended
                self._loop.call_soon_threadsafe(self._news.set)

    # -- what is shown -------------------------------------------------------------------------

    async def _show(self) -> None:
        """Sends the newest view whenever it differs; a slow page skips what is in between."""
        while True:
            await self._news.wait()
            self._news.clear()
            text, picture = await run_in_threadpool(self._look)
            try:
                async with self._sending:
                    if picture is not None and picture != self._last[1]:
                        await self._socket.send_bytes(picture)
                    if text != self._last[0]:
                        await self._socket.send_text(text)
            except (WebSocketDisconnect, RuntimeError):
                return  # the page went away
            self._last = text, picture if picture is not None else self._last[1]

    def _look(self) -> tuple[str, bytes | None]:
        table, seat = self._place
        if table is None:
            return json.dumps(_lobby(self._house)), None
        if table.id not in self._house.tables:
            return json.dumps({"type": "gone", "why": "this table was closed"}), None
        snapshot = table.session.snapshot(seat)
        if seat is None and not table.open_to_onlookers:
            view, picture = covered(seat_view(snapshot, table.away, None)), None
        else:
            try:
                array = snapshot.picture
                picture, size = png(array), (array.shape[1], array.shape[0])
            except ImportError:
                picture, size = None, None
            view = seat_view(snapshot, table.away, size)
        view["table"], view["game"] = table.id, table.game_id
        view["hints"] = seat is not None and table.session.has_hints
        return json.dumps(view, separators=(",", ":")), picture

    # -- what is asked -------------------------------------------------------------------------

    async def _answer(self) -> None:
        while self._socket.application_state == WebSocketState.CONNECTED:
            frame = await self._socket.receive()
            if frame["type"] != "websocket.receive":
                return
            try:
                if not self._allowance.take(monotonic()):
                    raise BadRequest("too many requests; wait a little")
                await self._do(read_request(frame.get("text")))
                self._refused = max(0, self._refused - 1)
            except (NotYourTurn, ValueError, ImportError, OSError) as error:
                self._refused += 1
                await self._send({"type": "refused", "why": str(error)})
            if self._refused > PATIENCE:
                await self._socket.close(REFUSED, "too many requests that are refused")
                return

    async def _do(self, request: dict[str, Any]) -> None:
        table, seat = self._place
        kind = request["type"]
        if table is None:
            lobby = {"game": self._describe, "open": self._open, "close": self._close}
            if kind not in lobby:
                raise BadRequest("sit down at a table first")
            await lobby[kind](request)
            return
        if seat is None:
            raise BadRequest("whoever looks on cannot play")
        session = table.session
        if kind == "reply":
            await run_in_threadpool(session.reply, seat, request["text"])
        elif kind == "fill":
            await run_in_threadpool(session.fill, seat, request["form"], request["values"])
        elif kind == "hint":
            hint = await run_in_threadpool(session.hint, seat)
            await self._send({"type": "hint", "hint": hint})
        elif kind == "again":
            await run_in_threadpool(table.again)
        else:
            raise BadRequest("this is done in the lobby")

    async def _describe(self, request: dict[str, Any]) -> None:
        described = await run_in_threadpool(_described, request["game"], request["options"])
        await self._send({"type": "game", **described})

    async def _open(self, request: dict[str, Any]) -> None:
        options = registry.read_options(map(str, request["options"]))
        players = [str(player) for player in request["players"]]
        table = await run_in_threadpool(self._house.open, request["game"], options, players)
        await self._send({"type": "opened", "table": table.id})

    async def _close(self, request: dict[str, Any]) -> None:
        await run_in_threadpool(self._house.close_table, request["table"])

    async def _send(self, message: dict[str, Any]) -> None:
        async with self._sending:
            await self._socket.send_text(json.dumps(message))


def _lobby(house: House) -> dict[str, Any]:
    """Games and tables, for whoever has the server's token; keys of seats until they are taken."""
    games = [{"id": entry.short, "summary": entry.summary} for entry in registry.entries()]
    tables = []
    for table in list(house.tables.values()):
        session = table.session
        state = "over" if session.over else "playing" if session.started else "waiting"
        open_seats = {seat: key for seat, key in table.keys.items() if seat not in table.taken}
        tables.append(
            {
                "id": table.id,
                "game": registry.find(table.game_id).short,
                "agents": session.game.spec.agents,
                "players": table.players,
                "away": table.away,
                "state": state,
                "seats": open_seats,
                "watch": table.watch_key,
            }
        )
    return {"type": "lobby", "games": games, "tables": tables}


def _described(game_id: str, options: list[Any]) -> dict[str, Any]:
    """Options, seats and players of a game, for a table that is to be set up."""
    game = registry.make_game(game_id, **registry.read_options(map(str, options)))
    try:
        names = registry.player_names(game_id)
        defaults = option_defaults(type(game))
        return {
            "game": registry.find(game_id).short,
            "options": {name: json.dumps(value) for name, value in defaults.items()},
            "agents": game.spec.agents,
            "roles": game.spec.roles,
            "players": names,
            "usual": next(name for name in ("scripted", "random") if name in names),
        }
    finally:
        game.close()
