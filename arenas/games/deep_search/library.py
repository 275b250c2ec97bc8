"""What a game stands on while it is open: documents, their index, and the graph if there is one.

Libraries are opened when first needed and shared by all games of a process; indices on disk are
shared by all processes. The index of a generated world is built when it is first wanted.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache

from rich.console import Console
from rich.progress import Progress

from arenas.games.deep_search.articles import Articles
from arenas.games.deep_search.world import World
from arenas.search.corpus import Corpus, corpus_folder, home
from arenas.search.documents import Documents
from arenas.search.index import Hit, Index, build, open_index
from arenas.search.remote import RemoteIndex

WORLD = "world"
"""The name of the generated corpus."""


@dataclass(frozen=True)
class Source:
    """Which documents: a generated world, or a corpus of the user's by name."""

    corpus: str
    documents: int
    seed: int


class Library:
    """Documents and an open index of them.

    Attributes:
        documents: the articles, or the user's corpus.
        world: the graph; None for the user's documents.
        index: open.
    """

    def __init__(self, documents: Documents, world: World | None, index: Index) -> None:
        self.documents = documents
        self.world = world
        self.index = index
        self.document = lru_cache(maxsize=4_096)(documents.document)
        self._search = lru_cache(maxsize=4_096)(index.search)

    def __len__(self) -> int:
        return len(self.documents)

    def search(self, query: str, k: int) -> list[Hit]:
        """The best documents of a query; see `Index.search`."""
        return self._search(query, k)

    def number(self, document_id: str) -> int | None:
        """A document's number by its id."""
        return self.documents.number(document_id)


@lru_cache(maxsize=8)
def world_of(documents: int, seed: int) -> World:
    """A generated world, shared by all that ask for it."""
    return World(documents, seed)


def fingerprint_of(source: Source) -> str:
    """What names the contents of the documents, without opening an index.

    Raises:
        FileNotFoundError: there is no such corpus.
    """
    if source.corpus == WORLD:
        return Articles(world_of(source.documents, source.seed)).fingerprint
    return Corpus(corpus_folder(source.corpus)).fingerprint


_opening = threading.Lock()


def open_library(source: Source, engine: str) -> Library:
    """The documents with their index, which is built where there is none.

    Args:
        engine: a name of `arenas.search.index.ENGINES`, or the URL of a retriever.

    Raises:
        FileNotFoundError: there is no such corpus.
        IndexCorrupted: what is on disk is not what it was when it was written.
        ImportError: the engine's library is not installed.
    """
    with _opening:  # of the matches that run side by side, one opens it
        return _open_library(source, engine)


@lru_cache(maxsize=8)
def _open_library(source: Source, engine: str) -> Library:
    world: World | None = None
    documents: Documents
    if source.corpus == WORLD:
        world = world_of(source.documents, source.seed)
        documents = Articles(world)
        folder = home() / "worlds" / documents.fingerprint
    else:
        documents = corpus = Corpus(corpus_folder(source.corpus))
        folder = corpus.folder
    if "://" in engine:
        return Library(documents, world, RemoteIndex(engine, documents))
    path = folder / f"index-{engine}"
    try:
        index = open_index(path, documents.fingerprint)
    except FileNotFoundError:
        with progress(f"indexing {len(documents):,} documents", len(documents)) as advance:
            build(path, documents, engine, advance)
        index = open_index(path, documents.fingerprint)
    return Library(documents, world, index)


@contextmanager
def progress(what: str, total: int | None) -> Iterator[Callable[[int], None]]:
    """A progress bar on a terminal's standard error; nothing elsewhere."""
    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task(what, total=total)
        yield lambda amount: bar.advance(task, amount)
