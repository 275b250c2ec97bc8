r"""The same index over HTTP: a small server of an index, and a client of it.

The protocol is the one that search agents already speak (Search-R1 and its relatives):

- `POST /retrieve` `{"queries": [...], "topk": 3, "return_scores": true}` gives
  `{"result": [[{"document": {"id": ..., "contents": "TITLE\nTEXT"}, "score": ...}, ...], ...]}`;
- `GET /about` gives `{"fingerprint": ..., "documents": ..., "engine": ...}`.

The client fetches hits alone; documents are read here, so evidence does not depend on the server.
"""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

from arenas.search.documents import Documents
from arenas.search.index import Hit, Index

MAX_REQUEST_BYTES = 1 << 20
MAX_QUERIES, MAX_TOP = 256, 100


class RemoteError(RuntimeError):
    """The server is away, answers nonsense, or serves other documents."""


def make_server(
    index: Index, documents: Documents, host: str = "127.0.0.1", port: int = 0
) -> ThreadingHTTPServer:
    """A server of an index; `serve_forever()` runs it, `shutdown()` ends it.

    Args:
        port: 0 for any that is free; `server_address` tells which.
    """

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path != "/about":
                self._send(404, {"error": "GET /about or POST /retrieve"})
                return
            about = {
                "fingerprint": documents.fingerprint,
                "documents": len(documents),
                "engine": index.engine,
            }
            self._send(200, about)

        def do_POST(self) -> None:
            try:
                length = int(self.headers.get("Content-Length", ""))
                if self.path != "/retrieve" or not 0 < length <= MAX_REQUEST_BYTES:
                    raise ValueError("POST /retrieve with at most 1 MiB of JSON")
                asked = json.loads(self.rfile.read(length))
                queries, top = asked["queries"], asked.get("topk", 3)
                if not isinstance(queries, list) or not 0 < len(queries) <= MAX_QUERIES:
                    raise ValueError(f"queries: a list of 1 to {MAX_QUERIES} strings")
                if not all(isinstance(query, str) for query in queries):
                    raise ValueError("queries: strings")
                if type(top) is not int or not 0 < top <= MAX_TOP:
                    raise ValueError(f"topk: 1 to {MAX_TOP}")
            except (ValueError, KeyError, TypeError, RecursionError) as error:
                self._send(400, {"error": str(error)})
                return
            self._send(200, {"result": [self._hits(query, top) for query in queries]})

        def _hits(self, query: str, top: int) -> list[dict[str, Any]]:
            found = []
            for hit in index.search(query, top):
                document = documents.document(hit.number)
                contents = f"{document.title}\n{document.text}"
                row = {"document": {"id": document.id, "contents": contents}, "score": hit.score}
                found.append(row)
            return found

        def _send(self, status: int, value: Any) -> None:
            payload = json.dumps(value).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(payload)))
            self.end_headers()
            self.wfile.write(payload)

        def log_message(self, format: str, *args: Any) -> None:
            """Says nothing."""

    return ThreadingHTTPServer((host, port), Handler)


class RemoteIndex(Index):
    """The index of a server, checked to be of the same documents.

    Raises:
        ValueError: the URL is not http:// or https://.
        RemoteError: see there.
    """

    engine = "remote"

    def __init__(self, url: str, documents: Documents, timeout: float = 30.0) -> None:
        if urlsplit(url).scheme not in ("http", "https"):
            raise ValueError(f"{url!r} is no http:// or https:// URL")
        self.url, self.timeout = url.rstrip("/"), timeout
        self._documents = documents
        about = self._ask("/about", None)
        served = about.get("fingerprint") if isinstance(about, dict) else None
        if served != documents.fingerprint:
            raise RemoteError(f"{url} serves {served!r}, not {documents.fingerprint!r}")
        self.size = len(documents)

    def _ask(self, path: str, value: Any) -> Any:
        payload = None if value is None else json.dumps(value).encode()
        headers = {"Content-Type": "application/json"}
        request = urllib.request.Request(self.url + path, payload, headers)
        try:
            with urllib.request.urlopen(request, timeout=self.timeout) as answer:
                return json.loads(answer.read())
        except (urllib.error.URLError, OSError, ValueError) as error:
            raise RemoteError(f"{self.url}{path}: {error}") from None

    def search(self, query: str, k: int) -> list[Hit]:
        asked = {"queries": [query], "topk": min(k, MAX_TOP), "return_scores": True}
        answer = self._ask("/retrieve", asked)
        try:
            hits = []
            for row in answer["result"][0]:
                number = self._documents.number(str(row["document"]["id"]))
                if number is not None:
                    hits.append(Hit(number, float(row["score"])))
        except (KeyError, IndexError, TypeError, ValueError) as error:
            raise RemoteError(f"{self.url}/retrieve answers nonsense: {error}") from None
        return sorted(hits, key=lambda hit: (-hit.score, hit.number))[:k]

    @classmethod
    def write(cls, folder: Any, documents: Any, size: int) -> None:
        raise TypeError("a remote index is built by its server")

    @classmethod
    def read(cls, folder: Any, size: int) -> Index:
        raise TypeError("a remote index is opened by its URL")

    @classmethod
    def engine_version(cls) -> str:
        return "1"
