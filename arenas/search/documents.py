"""Documents: what is indexed, shown and quoted as evidence."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import NamedTuple, Protocol


class Document(NamedTuple):
    """One document.

    Attributes:
        id: names it within its collection; letters, digits, `-`, `_`, `.`.
        title: one line.
        text: clean text (see `clean`).
    """

    id: str
    title: str
    text: str

    @property
    def hash(self) -> str:
        """SHA-256 of title and text, the first 16 hexadecimal digits: names the content."""
        return hashlib.sha256(f"{self.title}\n{self.text}".encode()).hexdigest()[:16]


class Documents(Protocol):
    """A collection of documents numbered from 0, in an order that never changes.

    Attributes:
        fingerprint: names the contents; equal for equal collections.
    """

    fingerprint: str

    def __len__(self) -> int: ...

    def __iter__(self) -> Iterator[Document]:
        """Every document in the order of the numbers, one at a time."""

    def document(self, number: int) -> Document:
        """The document of a number in 0..len-1."""

    def number(self, document_id: str) -> int | None:
        """The number of a document by its id; None if there is none."""
