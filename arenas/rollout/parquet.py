"""Tables in Parquet files, which `datasets` and Arrow read."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any


def write(
    rows: Iterable[dict[str, Any]],
    columns: Callable[[Any], dict[str, Any]],
    path: str | Path,
    group: int = 1_024,
) -> None:
    """Writes a file.

    Args:
        rows: read as they come; at most `group` are held in memory.
        columns: called with the package `pyarrow`: the type of each column.
        path: of the file; replaced if it exists.
        group: rows in a row group.

    Raises:
        ImportError: `pyarrow` is not installed.
    """
    import pyarrow as pa
    from pyarrow import parquet

    schema, rows = pa.schema(columns(pa)), iter(rows)
    with parquet.ParquetWriter(path, schema) as writer:
        held = list(islice(rows, group))
        writer.write_table(pa.Table.from_pylist(held, schema))
        while held := list(islice(rows, group)):
            writer.write_table(pa.Table.from_pylist(held, schema))


def read(path: str | Path) -> Iterator[dict[str, Any]]:
    """The rows of a file.

    Raises:
        ImportError: `pyarrow` is not installed.
        OSError: the file cannot be read.
    """
    from pyarrow import parquet

    with parquet.ParquetFile(path) as file:
        for batch in file.iter_batches():
            yield from batch.to_pylist()


def unicode(text: str | None) -> str | None:
    """Text as UTF-8 can hold it: lone surrogates become question marks."""
    return text if text is None else text.encode("utf-8", "replace").decode()
