"""BM25 by tantivy: the engine of the extra `search`."""

from __future__ import annotations

from collections.abc import Iterable
from importlib import metadata
from pathlib import Path

import tantivy

from arenas.search.documents import Document
from arenas.search.index import Hit, Index, body, query_words

HEAP_BYTES = 256 << 20
"""What the writer keeps before it writes a segment; bounds the memory of a build."""

MAX_FETCHED = 1_024
"""Documents looked at to settle ties at the end of a list."""


class TantivyIndex(Index):
    """An index of one segment field; the words come split, in the order of `index.words`."""

    engine = "tantivy"

    def __init__(self, index: tantivy.Index, size: int) -> None:
        self.size = size
        self._schema = index.schema
        self._searcher = index.searcher()

    @classmethod
    def engine_version(cls) -> str:
        return metadata.version("tantivy")

    @classmethod
    def write(cls, folder: Path, documents: Iterable[Document], size: int) -> None:
        schema = tantivy.SchemaBuilder()
        schema.add_text_field("body", tokenizer_name="whitespace", index_option="freq")
        schema.add_integer_field("number", fast=True)
        index = tantivy.Index(schema.build(), path=str(folder))
        # One thread, so that the same documents give the same segments.
        writer = index.writer(HEAP_BYTES, 1)
        try:
            for number, document in enumerate(documents):
                writer.add_document(tantivy.Document(body=body(document), number=number))
            writer.commit()
        finally:
            # Its threads write into the folder until they have ended.
            writer.wait_merging_threads()

    @classmethod
    def read(cls, folder: Path, size: int) -> TantivyIndex:
        return cls(tantivy.Index.open(str(folder)), size)

    def search(self, query: str, k: int) -> list[Hit]:
        terms = [
            (tantivy.Occur.Should, tantivy.Query.term_query(self._schema, "body", word, "freq"))
            for word in query_words(query)
        ]
        if not terms or k < 1:
            return []
        asked, limit = tantivy.Query.boolean_query(terms), k + 8
        while True:
            found = self._searcher.search(asked, limit, count=False).hits
            # Ties must not be cut by where segments happen to lie: fetch until the last is worse.
            tied = len(found) == limit and found[-1][0] == found[k - 1][0]
            if not tied or limit >= MAX_FETCHED:
                break
            limit *= 4
        numbers = self._searcher.fast_field_values("number", [address for _, address in found])
        hits = [Hit(int(n), float(s)) for n, (s, _) in zip(numbers, found, strict=True)]  # type: ignore[arg-type]
        return sorted(hits, key=lambda hit: (-hit.score, hit.number))[:k]
