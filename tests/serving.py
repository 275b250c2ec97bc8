"""What tests of the server share: a server in a thread, and a page's side of a connection."""

from __future__ import annotations

import json
import time
from contextlib import contextmanager

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from arenas.ui.server.app import Served
from arenas.ui.server.tables import House

WAIT = 20.0


@contextmanager
def server(record=None):
    """A server on a free port of loopback, with a house of its own."""
    with Served(House(record)).in_thread() as served:
        yield served


def cut_all(served):
    """Cuts every connection, as a network that fails does."""
    for each in list(served._server.server_state.connections):
        each.loop.call_soon_threadsafe(each.transport.abort)


class Visitor:
    """Someone with a key: keeps every frame that the server sends.

    Attributes:
        frames: as they came: (seconds, text or PNG).
        view: the last view of a table, or of the lobby.
    """

    def __init__(self, served, key, **headers):
        url = served.address.replace("http", "ws")
        self._opened = connect(f"{url}/ws?key={key}", max_size=1 << 22, **headers)
        self.socket = self._opened.__enter__()
        self.frames = []
        self.view = {}

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self._opened.__exit__(None, None, None)

    def receive(self, timeout=WAIT):
        """The next frame; JSON where it is text."""
        frame = self.socket.recv(timeout)
        self.frames.append((time.monotonic(), frame))
        if isinstance(frame, bytes):
            return frame
        message = json.loads(frame)
        if message["type"] in ("view", "lobby"):
            self.view = message
        return message

    def until(self, seen):
        """The first message of which `seen` is true, the last view included."""
        if self.view and seen(self.view):
            return self.view
        while True:
            message = self.receive()
            if isinstance(message, dict) and seen(message):
                return message

    def answer(self, kind):
        """The next message of a kind, a fresh one."""
        while True:
            message = self.receive()
            if isinstance(message, dict) and message["type"] == kind:
                return message

    def until_closed(self):
        """Reads until the server has closed the connection, and gives how: ConnectionClosed."""
        while True:
            try:
                self.receive()
            except ConnectionClosed as closed:
                return closed

    def ask(self, **request):
        self.socket.send(json.dumps(request))

    def reply(self, text):
        self.ask(type="reply", text=text)

    def move(self, text):
        """Waits for this seat's turn, moves, and waits until the move was played."""
        step = self.my_move()["step"]
        self.reply(text)
        answer = self.until(lambda m: m["type"] == "refused" or m.get("step", 0) > step)
        assert answer["type"] == "view", answer

    def my_move(self):
        """Waits for this seat's turn, or the end."""
        return self.until(lambda m: m["type"] == "view" and (mine(m) or m["over"]))

    def after(self, step):
        """Waits until so many moves were played."""
        return self.until(lambda m: m["type"] == "view" and m["step"] >= step)


def mine(view):
    return view["seat"] in view["awaited"]
