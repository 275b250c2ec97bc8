"""The server: who is let in, the page's files, and connections."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from time import monotonic, sleep
from urllib.parse import urlsplit

import uvicorn
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, PlainTextResponse, Response
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette.websockets import WebSocket

from arenas.ui.server.connection import REFUSED, Connection
from arenas.ui.server.tables import House

STATIC = Path(__file__).parent / "static"

MAX_FRAME = 1 << 20
"""Bytes; a longer one ends the connection unread, with the close code 1009."""

MAX_CONNECTIONS = 256

LOOPBACK = ("127.0.0.1", "localhost", "::1")
EVERYWHERE = ("0.0.0.0", "::")

_HEADERS = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; "
        "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "cache-control": "no-store",
}

_REPLAY_HEADERS = {
    "content-security-policy": (
        "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; "
        "img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
}
"""What players wrote is data in a replay page, never markup; its own script stands in it."""

NO_KEY = "This link opens nothing here: its key is wrong, or the table was closed.\n"


def make_app(house: House, hosts: tuple[str, ...] = LOOPBACK) -> ASGIApp:
    """The server as an ASGI application.

    Args:
        house: its tables.
        hosts: names that it is called by; requests to others are refused, so that a foreign
            page cannot reach it under a name of its own. Empty for any.
    """
    connections = 0

    async def page(request: Request) -> Response:
        if house.place(request.query_params.get("key", "")) is None:
            return PlainTextResponse(NO_KEY, 403)
        return FileResponse(STATIC / "index.html")

    async def replay(request: Request) -> Response:
        place = house.place(request.query_params.get("key", ""))
        if place is None or place.table is None:
            return PlainTextResponse(NO_KEY, 403)
        try:
            text = await run_in_threadpool(place.table.replay)
        except ValueError as error:
            return PlainTextResponse(f"{error}\n", 409)
        return HTMLResponse(text, headers=_REPLAY_HEADERS)

    async def connect(websocket: WebSocket) -> None:
        nonlocal connections
        await websocket.accept()
        place = house.place(websocket.query_params.get("key", ""))
        if place is None or connections >= MAX_CONNECTIONS:
            why = NO_KEY if place is None else "There are too many connections."
            await websocket.send_json({"type": "gone", "why": why.strip()})
            await websocket.close(REFUSED)
            return
        connections += 1
        try:
            await Connection(house, place, websocket).run()
        finally:
            connections -= 1

    routes = [
        Route("/", page),
        Route("/replay", replay),
        WebSocketRoute("/ws", connect),
        Mount("/static", StaticFiles(directory=STATIC)),
    ]
    return _Guard(Starlette(routes=routes), hosts)


class _Guard:
    """Refuses foreign hosts and origins, and adds headers that keep a page to itself."""

    def __init__(self, app: ASGIApp, hosts: tuple[str, ...]) -> None:
        self._app, self._hosts = app, hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        why = self._refusal(Headers(scope=scope))
        if why is None:
            await self._app(scope, receive, _with_headers(send))
            return
        refusal = PlainTextResponse(why, 403)
        if scope["type"] == "websocket":
            await WebSocket(scope, receive, send).send_denial_response(refusal)
        else:
            await refusal(scope, receive, send)

    def _refusal(self, headers: Headers) -> str | None:
        host = headers.get("host", "")
        try:
            name = urlsplit(f"//{host}").hostname or ""
            origin = urlsplit(headers["origin"]).netloc if "origin" in headers else host
        except ValueError:
            return "the request names no host that can be read\n"
        if self._hosts and name not in self._hosts:
            return f"this server is not called {name!r}; start it with --host\n"
        if origin != host:
            return "a page from elsewhere cannot connect here\n"
        return None


def _with_headers(send: Send) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in _HEADERS.items():
                headers.setdefault(name, value)
        await send(message)

    return sending


class Served:
    """A server bound to its address, ready to run.

    Args:
        house: its tables.
        host, port: where it listens; port 0 takes a free one. On anything but loopback it answers
            to any name.

    Attributes:
        address: "http://127.0.0.1:8000".

    Raises:
        OSError: the address cannot be had.
        ImportError: the extra `serve` is not installed.
    """

    def __init__(self, house: House, host: str = "127.0.0.1", port: int = 0) -> None:
        self.house = house
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._socket = socket.create_server((host, port), family=family)
        name = socket.gethostname() if host in EVERYWHERE else f"[{host}]" if ":" in host else host
        self.address = f"http://{name}:{self._socket.getsockname()[1]}"
        hosts = LOOPBACK if host in LOOPBACK else ()
        config = uvicorn.Config(
            make_app(house, hosts),
            ws="websockets-sansio",
            ws_max_size=MAX_FRAME,
            log_level="warning",
            access_log=False,
            lifespan="off",
            timeout_graceful_shutdown=1,
        )
        config.load()  # what is missing is missing now
        self._server = uvicorn.Server(config)

    def link(self, key: str) -> str:
        """The URL that a key goes into."""
        return f"{self.address}/?key={key}"

    def run(self) -> None:
        """Serves until it is interrupted, then closes every table."""
        try:
            with contextlib.suppress(KeyboardInterrupt):
                self._server.run(sockets=[self._socket])
        finally:
            self.house.close()

    @contextlib.contextmanager
    def in_thread(self) -> Iterator[Served]:
        """Serves in a thread of its own until the block ends.

        Raises:
            RuntimeError: it did not begin.
        """
        thread = threading.Thread(target=self.run, name="server", daemon=True)
        thread.start()
        deadline = monotonic() + 10
        while not self._server.started:
            if not thread.is_alive() or monotonic() > deadline:
                raise RuntimeError("the server did not begin")
            sleep(0.01)
        try:
            yield self
        finally:
            self.stop()
            thread.join()

    def stop(self) -> None:
        """Ends `run`."""
        self._server.should_exit = True
