"""Which games a CUDA thread takes: every n-th, from its own number on."""

from __future__ import annotations

from numba import cuda


def first() -> int:
    """The first game of this thread."""
    return int(cuda.grid(1))


def stride() -> int:
    """Number of threads."""
    return int(cuda.gridsize(1))
