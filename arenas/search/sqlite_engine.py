"""BM25 by SQLite's FTS5: the engine that needs nothing but Python."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path

from arenas.search.documents import Document
from arenas.search.index import Hit, Index, body, query_words

FILE = "words.sqlite"


class SqliteIndex(Index):
    """A contentless FTS5 table whose row ids are the documents' numbers plus one."""

    engine = "sqlite"

    def __init__(self, path: Path, size: int) -> None:
        self.size = size
        self._uri = f"{path.absolute().as_uri()}?mode=ro&immutable=1"
        self._local = threading.local()
        self._opened: list[sqlite3.Connection] = []

    @classmethod
    def engine_version(cls) -> str:
        return sqlite3.sqlite_version

    @classmethod
    def write(cls, folder: Path, documents: Iterable[Document], size: int) -> None:
        with closing(sqlite3.connect(folder / FILE)) as connection:
            connection.execute("PRAGMA journal_mode = OFF")
            connection.execute("PRAGMA synchronous = OFF")
            connection.execute(
                "CREATE VIRTUAL TABLE docs USING fts5("
                "body, content='', tokenize='unicode61 remove_diacritics 0')"
            )
            rows = ((number + 1, body(document)) for number, document in enumerate(documents))
            connection.executemany("INSERT INTO docs(rowid, body) VALUES (?, ?)", rows)
            connection.execute("INSERT INTO docs(docs) VALUES ('optimize')")
            connection.commit()

    @classmethod
    def read(cls, folder: Path, size: int) -> SqliteIndex:
        return cls(folder / FILE, size)

    def _connection(self) -> sqlite3.Connection:
        """This thread's connection."""
        found: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if found is None:
            found = sqlite3.connect(self._uri, uri=True, check_same_thread=False)
            self._local.connection = found
            self._opened.append(found)
        return found

    def search(self, query: str, k: int) -> list[Hit]:
        terms = query_words(query)
        if not terms or k < 1:
            return []
        # Words are letters and digits alone, so quoting them leaves nothing to interpret.
        asked = " OR ".join(f'"{word}"' for word in terms)
        rows = self._connection().execute(
            "SELECT rowid, bm25(docs) FROM docs WHERE docs MATCH ? ORDER BY 2, 1 LIMIT ?",
            (asked, k),
        )
        return [Hit(row - 1, -score) for row, score in rows]

    def close(self) -> None:
        while self._opened:
            self._opened.pop().close()
        self._local = threading.local()
