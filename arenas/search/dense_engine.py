"""Dense and hybrid retrieval without weights to fetch: latent semantic analysis by scikit-learn.

Documents and queries are hashed TF-IDF vectors projected on their leading singular vectors
(Deerwester et al., 1990) and compared by cosine, exactly. `hybrid` merges the ranking with that of
SQLite's BM25 by reciprocal ranks. The extra is `dense`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from importlib import metadata
from itertools import islice
from pathlib import Path

import numpy as np
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import HashingVectorizer, TfidfTransformer

from arenas.search.documents import Document
from arenas.search.index import Hit, Index, body, merged, query_words
from arenas.search.sqlite_engine import SqliteIndex

FEATURES, DIMENSIONS, SAMPLE, BATCH = 1 << 15, 128, 20_000, 4_096


def _hashed(texts: list[str]):  # type: ignore[no-untyped-def]
    return HashingVectorizer(
        n_features=FEATURES, analyzer=str.split, alternate_sign=False, norm=None
    ).transform(texts)


class DenseIndex(Index):
    """Unit vectors of all documents in one file, mapped into memory; every query sees them all."""

    engine = "dense"

    def __init__(self, folder: Path, size: int) -> None:
        self.size = size
        with np.load(folder / "projection.npz") as kept:
            self._idf, self._components = kept["idf"], kept["components"]
        self._vectors = np.load(folder / "vectors.npy", mmap_mode="r")

    @classmethod
    def engine_version(cls) -> str:
        return metadata.version("scikit-learn")

    @classmethod
    def write(cls, folder: Path, documents: Iterable[Document], size: int) -> None:
        # The projection is fitted to the first documents, which are kept until it is.
        rest = iter(documents)
        first = [body(document) for document in islice(rest, SAMPLE)]
        counts = _hashed(first)
        idf = TfidfTransformer().fit(counts)
        dimensions = min(DIMENSIONS, max(2, min(counts.shape) - 1))
        svd = TruncatedSVD(dimensions, random_state=0).fit(idf.transform(counts))
        components = svd.components_.T.astype(np.float32)
        weights = idf.idf_.astype(np.float32)
        np.savez(folder / "projection.npz", idf=weights, components=components)
        vectors = np.lib.format.open_memmap(
            folder / "vectors.npy", "w+", np.float32, (size, dimensions)
        )
        at = 0
        for texts in _batches(first, rest):
            vectors[at : at + len(texts)] = _project(texts, weights, components)
            at += len(texts)
        vectors.flush()

    @classmethod
    def read(cls, folder: Path, size: int) -> DenseIndex:
        return cls(folder, size)

    def search(self, query: str, k: int) -> list[Hit]:
        terms = query_words(query)
        if not terms or k < 1:
            return []
        (vector,) = _project([" ".join(terms)], self._idf, self._components)
        scores = np.round(self._vectors @ vector, 6)
        k = min(k, len(scores))
        least = np.partition(scores, len(scores) - k)[len(scores) - k]
        found = np.flatnonzero(scores >= max(least, 1e-6))
        best = found[np.lexsort((found, -scores[found]))][:k]
        return [Hit(int(number), float(scores[number])) for number in best]


def _batches(first: list[str], rest: Iterator[Document]) -> Iterator[list[str]]:
    for start in range(0, len(first), BATCH):
        yield first[start : start + BATCH]
    texts: list[str] = []
    for document in rest:
        texts.append(body(document))
        if len(texts) == BATCH:
            yield texts
            texts = []
    if texts:
        yield texts


def _project(texts: list[str], idf: np.ndarray, components: np.ndarray) -> np.ndarray:
    """Unit vectors of texts; zero where no word is known."""
    weighted = _hashed(texts).multiply(idf).tocsr()
    vectors = np.asarray(weighted @ components, np.float32)
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.maximum(norms, 1e-12))


class HybridIndex(Index):
    """`dense` and `sqlite` over the same documents, merged by reciprocal ranks."""

    engine = "hybrid"
    DEPTH = 50

    def __init__(self, folder: Path, size: int) -> None:
        self.size = size
        self._parts: tuple[Index, Index] = (
            SqliteIndex.read(folder / "sparse", size),
            DenseIndex.read(folder / "dense", size),
        )

    @classmethod
    def engine_version(cls) -> str:
        return DenseIndex.engine_version()

    @classmethod
    def write(cls, folder: Path, documents: Iterable[Document], size: int) -> None:
        for name, kind in (("sparse", SqliteIndex), ("dense", DenseIndex)):
            (folder / name).mkdir()
            kind.write(folder / name, documents, size)

    @classmethod
    def read(cls, folder: Path, size: int) -> HybridIndex:
        return cls(folder, size)

    def search(self, query: str, k: int) -> list[Hit]:
        depth = max(k, self.DEPTH)
        return merged([part.search(query, depth) for part in self._parts], k)

    def close(self) -> None:
        for part in self._parts:
            part.close()
