"""A corpus of the user's own documents, kept on disk: `arenas corpus add NOTES`.

A corpus is a folder of generations and a file `current` that names one of them. To add documents is
to write the next generation beside the others, with all documents old and new, and then to replace
`current` in one step; whoever is killed on the way leaves the corpus as it was. A generation is a
SQLite file of documents with a fingerprint of their contents; its indices lie next to it.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import sqlite3
import threading
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

from arenas.search.documents import Document
from arenas.search.index import IndexCorrupted

MAX_FILE_BYTES = 64 << 20
PASSAGE_WORDS = 200
"""Longer documents are cut into passages of about so many words, at paragraphs where possible."""

SUFFIXES = {".txt", ".text", ".md", ".markdown", ".html", ".htm", ".jsonl"}
CURRENT, FILE = "current", "documents.sqlite"

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
_UNSEEN = frozenset(("Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp"))
"""Categories of characters that show nothing, or that break lines in some viewers only."""

_UNFIT = re.compile(r"[^A-Za-z0-9_.-]+")


def home() -> Path:
    """Where indices and corpora lie: `$ARENAS_HOME`, else `selfplay-arenas` in the user's cache."""
    chosen = os.environ.get("ARENAS_HOME")
    if chosen:
        return Path(chosen)
    cache = os.environ.get("XDG_CACHE_HOME")
    return (Path(cache) if cache else Path.home() / ".cache") / "selfplay-arenas"


def corpus_folder(name: str) -> Path:
    """The folder of a corpus by name.

    Raises:
        ValueError: it is not a name: letters, digits, `_`, `.`, `-`, at most 64.
    """
    if not _NAME.fullmatch(name):
        raise ValueError(f"corpus={name!r}: a name is of letters, digits, '_', '.' and '-'")
    return home() / "corpora" / name


def clean(text: str) -> str:
    """Text as it is kept: NFC, no control characters but line breaks, no lone surrogates."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    text = unicodedata.normalize("NFC", text.encode("utf-8", "replace").decode("utf-8"))
    kept = "".join(c if c == "\n" or unicodedata.category(c) not in _UNSEEN else " " for c in text)
    lines = (" ".join(line.split()) for line in kept.split("\n"))
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()


# -- reading files ---------------------------------------------------------------------------------


class _Html(HTMLParser):
    """The visible text of a page, and its title."""

    HIDDEN = frozenset(("script", "style", "noscript", "template", "head"))
    BLOCKS = frozenset(
        "p div li br tr h1 h2 h3 h4 h5 h6 section article table ul ol pre blockquote".split()
    )

    def __init__(self) -> None:
        super().__init__()
        self.parts: list[str] = []
        self.title = ""
        self._hidden = 0
        self._in_title = False

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self._hidden += tag in self.HIDDEN
        self._in_title |= tag == "title"
        if tag in self.BLOCKS:
            self.parts.append("\n")

    def handle_endtag(self, tag: str) -> None:
        if tag in self.HIDDEN and self._hidden:
            self._hidden -= 1
        if tag == "title":
            self._in_title = False
        if tag in self.BLOCKS:
            self.parts.append("\n")

    def handle_data(self, data: str) -> None:
        if self._in_title:
            self.title += data
        elif not self._hidden:
            self.parts.append(data)


def _read_html(text: str) -> tuple[str, str]:
    page = _Html()
    page.feed(text)
    page.close()
    return page.title, "".join(page.parts)


def _read_markdown(text: str) -> tuple[str, str]:
    from markdown_it import MarkdownIt

    tokens = MarkdownIt().parse(text)
    blocks, title = [], ""
    for before, token in zip([None, *tokens], tokens, strict=False):
        if token.type == "inline":
            shown = "".join(
                " " if child.type.endswith("break") else child.content
                for child in token.children or ()
            )
            if not title and before is not None and before.type == "heading_open":
                title = shown
            blocks.append(shown)
        elif token.type in ("fence", "code_block"):
            blocks.append(token.content)
    return title, "\n\n".join(blocks)


def read_source(path: str | os.PathLike[str]) -> Iterator[Document]:
    """The documents of a folder (all text, Markdown, HTML and JSONL files in it) or of one file.

    A line of JSONL is `{"id": ..., "title": ..., "text": ...}`, or has `contents` whose first line
    is the title. Long documents come as passages.

    Raises:
        OSError: a file cannot be read.
        ValueError: a file is too large, is not UTF-8, or a line is no document; it names them.
    """
    source = Path(path)
    if source.is_dir():
        files = sorted(f for f in source.rglob("*") if f.suffix.lower() in SUFFIXES and f.is_file())
        if not files:
            raise ValueError(f"{source} has no files that end in {', '.join(sorted(SUFFIXES))}")
    else:
        files = [source]
    for file in files:
        label = file.relative_to(source).as_posix() if source.is_dir() else file.name
        yield from _read_file(file, label)


def _read_file(file: Path, label: str) -> Iterator[Document]:
    suffix = file.suffix.lower()
    if suffix == ".jsonl":
        with file.open(encoding="utf-8") as lines:
            for number, line in enumerate(lines, 1):
                if line.strip():
                    yield from _read_line(line, f"{file}:{number}", f"{label}.{number}")
        return
    if file.stat().st_size > MAX_FILE_BYTES:
        raise ValueError(f"{file} is larger than {MAX_FILE_BYTES >> 20} MiB")
    try:
        text = file.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise ValueError(f"{file} is not UTF-8: {error}") from None
    title, read = "", text
    if suffix in (".html", ".htm"):
        title, read = _read_html(text)
    elif suffix in (".md", ".markdown"):
        title, read = _read_markdown(text)
    yield from passages(label, title or file.stem, read)


def _read_line(line: str, where: str, default_id: str) -> Iterator[Document]:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{where} is no JSON: {error}") from None
    if not isinstance(row, dict):
        raise ValueError(f"{where} is no JSON object")
    text, title = row.get("text"), row.get("title", "")
    if text is None and isinstance(row.get("contents"), str):
        first, _, rest = row["contents"].partition("\n")
        title, text = title or first.strip('"'), rest or first
    if not isinstance(text, str) or not isinstance(title, str):
        raise ValueError(f"{where} has no strings 'title' and 'text' (or 'contents')")
    name = row.get("id", default_id)
    if not isinstance(name, (str, int)):
        raise ValueError(f"{where}: the id is a string or a number")
    yield from passages(str(name), title or str(name), text)


def passages(name: str, title: str, text: str) -> Iterator[Document]:
    """A document, cleaned, in passages of about `PASSAGE_WORDS` words: ids NAME, or NAME.1, ..."""
    base = _UNFIT.sub("-", clean(name)).strip("-.") or "document"
    heading = " ".join(clean(title).split())[:200]
    pieces: list[list[str]] = [[]]
    count = 0
    for paragraph in clean(text).split("\n\n"):
        words = paragraph.split(" ")
        for start in range(0, len(words), PASSAGE_WORDS):
            chunk = words[start : start + PASSAGE_WORDS]
            if count and count + len(chunk) > PASSAGE_WORDS:
                pieces.append([])
                count = 0
            pieces[-1].append(" ".join(chunk))
            count += len(chunk)
    texts = [joined for joined in ("\n\n".join(piece).strip() for piece in pieces) if joined]
    for number, each in enumerate(texts, 1):
        yield Document(base if len(texts) == 1 else f"{base}.{number}", heading, each)


# -- on disk ---------------------------------------------------------------------------------------


class Corpus:
    """The documents of the current generation of a corpus, open for reading.

    Raises:
        FileNotFoundError: there is no such corpus.
        IndexCorrupted: its documents are not those that its fingerprint names.
    """

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        root = Path(folder)
        try:
            generation = (root / CURRENT).read_text(encoding="ascii").strip()
        except FileNotFoundError:
            raise FileNotFoundError(
                f"there is no corpus in {root}: make one with `arenas corpus add`"
            ) from None
        self.folder = root / generation
        file = self.folder / FILE
        if not file.is_file():
            raise IndexCorrupted(f"{root / CURRENT} names {generation!r}, and {file} is missing")
        self._uri = f"{file.absolute().as_uri()}?mode=ro&immutable=1"
        self._local = threading.local()
        try:
            rows = dict(self._query("SELECT key, value FROM about"))
            self.fingerprint = str(rows["fingerprint"])
            self._size = int(rows["documents"])
            if _fingerprint(self) != self.fingerprint:
                raise IndexCorrupted(f"{file} is damaged: its documents have changed")
        except (sqlite3.DatabaseError, KeyError, ValueError) as error:
            raise IndexCorrupted(f"{file} is damaged: {error}") from None

    def _query(self, sql: str, *values: Any) -> list[Any]:
        connection: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if connection is None:
            connection = sqlite3.connect(self._uri, uri=True, check_same_thread=False)
            self._local.connection = connection
        return connection.execute(sql, values).fetchall()

    def __len__(self) -> int:
        return self._size

    def __iter__(self) -> Iterator[Document]:
        for start in range(0, self._size, 1_000):
            for row in self._query(
                "SELECT id, title, text FROM documents WHERE number >= ? AND number < ? "
                "ORDER BY number",
                start,
                start + 1_000,
            ):
                yield Document(*row)

    def document(self, number: int) -> Document:
        """The document of a number in 0..len-1."""
        rows = self._query("SELECT id, title, text FROM documents WHERE number = ?", number)
        return Document(*rows[0])

    def number(self, document_id: str) -> int | None:
        """The number of a document by its id; None if there is none."""
        rows = self._query("SELECT number FROM documents WHERE id = ?", document_id)
        return int(rows[0][0]) if rows else None


def _fingerprint(documents: Iterable[Document]) -> str:
    digest = hashlib.sha256()
    for document in documents:
        digest.update(f"{document.id}\0{document.hash}\n".encode())
    return f"corpus-{digest.hexdigest()[:32]}"


def add(
    folder: str | os.PathLike[str],
    documents: Iterable[Document],
    advance: Callable[[int], None] | None = None,
) -> Corpus:
    """Adds documents to a corpus, or makes it; one with a known id takes the old one's place.

    Args:
        folder: of the corpus.
        documents: as `read_source` gives them.
        advance: called with 1 for each document that was read.

    Raises:
        ValueError: there is nothing to add; or what reading the documents raises. The corpus is as
            before then.
    """
    root = Path(folder)
    root.mkdir(parents=True, exist_ok=True)
    old = Corpus(root) if (root / CURRENT).is_file() else None
    for left in root.glob(".adding-*"):
        shutil.rmtree(left, ignore_errors=True)
    aside = root / f".adding-{os.getpid()}"
    aside.mkdir()
    try:
        with closing(sqlite3.connect(aside / FILE)) as connection:
            connection.execute(
                "CREATE TABLE documents(number INTEGER PRIMARY KEY, id TEXT UNIQUE, title, text)"
            )
            connection.execute("CREATE TABLE about(key TEXT PRIMARY KEY, value)")
            insert = (
                "INSERT INTO documents(id, title, text) VALUES (?, ?, ?) ON CONFLICT(id) "
                "DO UPDATE SET title = excluded.title, text = excluded.text"
            )
            if old is not None:
                connection.executemany(insert, old)
            added = 0
            for document in documents:
                connection.execute(insert, document)
                added += 1
                if advance is not None:
                    advance(1)
            if not added:
                raise ValueError("there are no documents to add")
            connection.execute("UPDATE documents SET number = number - 1")
            rows = connection.execute("SELECT id, title, text FROM documents ORDER BY number")
            fingerprint = _fingerprint(Document(*row) for row in rows)
            (size,) = connection.execute("SELECT count(*) FROM documents").fetchone()
            about = {"fingerprint": fingerprint, "documents": size}
            connection.executemany("INSERT INTO about VALUES (?, ?)", about.items())
            connection.commit()
        generation = f"generation-{fingerprint.removeprefix('corpus-')}"
        if not (root / generation).exists():
            aside.rename(root / generation)
        pointer = root / f".{CURRENT}.{os.getpid()}"
        with pointer.open("w", encoding="ascii") as file:
            file.write(generation)
            file.flush()
            os.fsync(file.fileno())
        pointer.replace(root / CURRENT)
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    for other in root.glob("generation-*"):
        if other.name != generation:
            shutil.rmtree(other, ignore_errors=True)
    return Corpus(root)
