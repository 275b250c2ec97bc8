"""An index on disk: built aside and moved into place whole, checked when opened, shared by readers.

A folder holds the engine's files and `manifest.json`, which names the engine, the documents (by
fingerprint and number) and every file with its length and SHA-256. It is written last, and the
folder gets its name last, so whatever has the name is whole; what a killed builder leaves behind is
beside it and is removed by the next. Readers share the files through the page cache.

All engines rank by BM25 over the same words (`words`), and break ties by the documents' numbers, so
the same query on the same index gives the same list, whoever asks.
"""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import json
import os
import shutil
import sys
import tempfile
import unicodedata
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

from arenas.search.documents import Document, Documents

FORMAT = "arenas-index/1"
MANIFEST = "manifest.json"
TITLE_WEIGHT = 3
"""A title counts as if it stood so often in its document."""

MAX_QUERY_WORDS = 32
"""Further words of a query are not looked up."""

ENGINES = {
    "tantivy": "arenas.search.tantivy_engine:TantivyIndex",
    "sqlite": "arenas.search.sqlite_engine:SqliteIndex",
    "dense": "arenas.search.dense_engine:DenseIndex",
    "hybrid": "arenas.search.dense_engine:HybridIndex",
}
"""Engine by name; `sqlite` needs nothing, the others an extra each."""

_COMMON = frozenset(
    "a an and are as at be by for from had has have he her his in is it its of on or she that the "
    "their they this to was were what when where which who whom whose will with".split()
)


class IndexCorrupted(RuntimeError):
    """An index on disk is not what its manifest says; the message names the file."""


class Hit(NamedTuple):
    """One result: the document's number and its score, higher for better."""

    number: int
    score: float


def words(text: str) -> list[str]:
    """The words of a text as they are indexed and looked up.

    Unicode NFKC without case; runs of letters and digits; a number loses its grouping commas, so
    that "12,450" is one word.
    """
    folded = unicodedata.normalize("NFKC", text).casefold()
    if folded.isascii():
        cleaned = folded.translate(_ASCII)
    else:
        cleaned = "".join(c if c.isalnum() or c == "," else " " for c in folded)
    if "," in cleaned:
        cleaned = _ungrouped(cleaned)
    return cleaned.split()


_ASCII = {i: " " for i in range(128) if not chr(i).isalnum() and chr(i) != ","}


def _ungrouped(text: str) -> str:
    pieces = text.split(",")
    joined = [pieces[0]]
    for before, piece in pairwise(pieces):
        grouped = before[-1:].isdigit() and piece[:3].isdigit() and len(piece[:3]) == 3
        joined.append(("" if grouped and not piece[3:4].isdigit() else " ") + piece)
    return "".join(joined)


def query_words(query: str) -> list[str]:
    """The words of a query that are looked up: each once, in order, without the commonest.

    A query of nothing but the commonest words keeps them.
    """
    unique = list(dict.fromkeys(words(query)))
    rare = [word for word in unique if word not in _COMMON]
    return (rare or unique)[:MAX_QUERY_WORDS]


def body(document: Document) -> str:
    """What is indexed of a document: its words, the title's repeated."""
    title = words(document.title)
    return " ".join([*title * TITLE_WEIGHT, *words(document.text)])


class Index(ABC):
    """An open index; `search` may be called from many threads at once.

    Attributes:
        engine: its name in `ENGINES`.
        size: number of documents.
    """

    engine: str
    size: int

    @abstractmethod
    def search(self, query: str, k: int) -> list[Hit]:
        """The at most `k` best documents, best first, ties in the order of the numbers.

        Documents that share no word with the query are no results.
        """

    @classmethod
    @abstractmethod
    def write(cls, folder: Path, documents: Iterable[Document], size: int) -> None:
        """Writes the engine's files of a new index into an empty folder.

        `documents` may be gone through more than once.
        """

    @classmethod
    @abstractmethod
    def read(cls, folder: Path, size: int) -> Index:
        """Opens the engine's files."""

    @classmethod
    @abstractmethod
    def engine_version(cls) -> str:
        """The version of the library, which stands in the manifest.

        Raises:
            ImportError: it is not installed.
        """

    def close(self) -> None:
        """Releases the files; calling it again does nothing."""


def engine_named(name: str) -> type[Index]:
    """The class of an engine.

    Raises:
        ValueError: there is no such engine.
    """
    if name not in ENGINES:
        raise ValueError(f"engine={name!r}: the engines are {', '.join(ENGINES)}")
    module, _, attribute = ENGINES[name].partition(":")
    return getattr(importlib.import_module(module), attribute)  # type: ignore[no-any-return]


def default_engine() -> str:
    """`tantivy` where it is installed, else `sqlite`."""
    return "tantivy" if importlib.util.find_spec("tantivy") else "sqlite"


def build(
    path: str | os.PathLike[str],
    documents: Documents,
    engine: str,
    advance: Callable[[int], None] | None = None,
) -> None:
    """Builds an index of all documents and moves it to `path`, which must not exist.

    If another process was faster, its index stays and this one is dropped.

    Args:
        advance: called with a number of documents whenever so many more are indexed.

    Raises:
        ValueError: there is no such engine.
        ImportError: its library is not installed.
        OSError: the folder cannot be written.
    """
    kind, final = engine_named(engine), Path(path)
    version = kind.engine_version()
    final.parent.mkdir(parents=True, exist_ok=True)
    _sweep(final)
    prefix = f".{final.name}.building-{os.getpid()}-"
    aside = Path(tempfile.mkdtemp(prefix=prefix, dir=final.parent))
    aside.chmod(0o755)  # mkdtemp shuts others out
    try:
        kind.write(aside, _Counted(documents, advance), len(documents))
        manifest = {
            "format": FORMAT,
            "engine": engine,
            "engine_version": version,
            "documents": len(documents),
            "fingerprint": documents.fingerprint,
            "files": {name: _entry(aside / name) for name in _files(aside)},
        }
        with (aside / MANIFEST).open("w", encoding="ascii") as file:
            json.dump(manifest, file, indent=1, sort_keys=True)
            file.flush()
            os.fsync(file.fileno())
        try:
            aside.rename(final)
        except OSError:
            if not (final / MANIFEST).is_file():
                raise
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def _sweep(final: Path) -> None:
    """Removes what builders of this index that are no longer alive left behind."""
    for left in final.parent.glob(f".{final.name}.building-*"):
        pid = left.name.split(".building-")[-1].partition("-")[0]
        if pid.isdigit() and not _alive(int(pid)):
            shutil.rmtree(left, ignore_errors=True)


def _alive(pid: int) -> bool:
    if sys.platform == "win32":
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


class _Counted:
    """Documents that tell how many were read."""

    STEP = 512

    def __init__(self, documents: Documents, advance: Callable[[int], None] | None) -> None:
        self.documents, self.advance = documents, advance

    def __iter__(self) -> Iterator[Document]:
        count = 0
        for document in self.documents:
            yield document
            count += 1
            if count == self.STEP and self.advance is not None:
                self.advance(count)
                count = 0
        if self.advance is not None:
            self.advance(count)


def _files(folder: Path) -> list[str]:
    """The files of an index, without locks, which come and go."""
    found = (file for file in folder.rglob("*") if file.is_file())
    names = sorted(file.relative_to(folder).as_posix() for file in found)
    return [name for name in names if not name.endswith(".lock") and name != MANIFEST]


def _entry(file: Path) -> dict[str, Any]:
    with file.open("rb") as opened:
        digest = hashlib.file_digest(opened, "sha256") if sys.version_info >= (3, 11) else None
        if digest is None:
            digest = hashlib.sha256()
            while block := opened.read(1 << 20):
                digest.update(block)
    return {"bytes": file.stat().st_size, "sha256": digest.hexdigest()}


def read_manifest(path: str | os.PathLike[str]) -> dict[str, Any]:
    """The manifest of an index.

    Raises:
        FileNotFoundError: there is no index.
        IndexCorrupted: it is damaged.
    """
    file = Path(path) / MANIFEST
    try:
        manifest = json.loads(file.read_text(encoding="ascii"))
        if manifest["format"] != FORMAT or not isinstance(manifest["files"], dict):
            raise IndexCorrupted(f"{file} is of format {manifest['format']}, not {FORMAT}")
    except (ValueError, KeyError, TypeError) as error:
        raise IndexCorrupted(f"{file} is damaged ({error}); {_REMEDY}") from None
    return dict(manifest)


_REMEDY = "delete the folder, and it is built again when it is next needed"


def open_index(path: str | os.PathLike[str], fingerprint: str | None = None) -> Index:
    """Opens an index for reading, after all its files are compared with the manifest.

    Args:
        fingerprint: of the documents that the index must be of; None for any.

    Raises:
        FileNotFoundError: there is no index.
        IndexCorrupted: a file is missing or changed, or it is an index of other documents.
        ImportError: the engine's library is not installed.
    """
    folder = Path(path)
    manifest = read_manifest(folder)
    if fingerprint is not None and manifest["fingerprint"] != fingerprint:
        raise IndexCorrupted(
            f"{folder} indexes {manifest['fingerprint']}, not {fingerprint}; {_REMEDY}"
        )
    for name, entry in manifest["files"].items():
        file = folder / name
        if not file.is_file():
            raise IndexCorrupted(f"{file} is missing; {_REMEDY}")
        if _entry(file) != entry:
            raise IndexCorrupted(f"{file} is damaged: its SHA-256 has changed; {_REMEDY}")
    return engine_named(manifest["engine"]).read(folder, int(manifest["documents"]))


def merged(rankings: Sequence[Sequence[Hit]], k: int, constant: int = 60) -> list[Hit]:
    """Several rankings as one by reciprocal ranks (Cormack, Clarke and Buettcher, SIGIR 2009)."""
    scores: dict[int, float] = {}
    for ranking in rankings:
        for place, hit in enumerate(ranking, 1):
            scores[hit.number] = scores.get(hit.number, 0.0) + 1.0 / (constant + place)
    best = sorted(scores.items(), key=lambda pair: (-pair[1], pair[0]))
    return [Hit(number, score) for number, score in best[:k]]
