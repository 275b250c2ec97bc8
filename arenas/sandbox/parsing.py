"""Syntax trees of Python sources, for callers in several threads."""

from __future__ import annotations

import ast
import threading

_ONE_AT_A_TIME = threading.Lock()
"""Before 3.11.8 all threads share one count of the depth of recursion (CPython's issue 106905)."""


def parse(source: str | bytes, filename: str = "<unknown>") -> ast.Module:
    """What `ast.parse` gives, which raises SystemError now and then if two threads are in it.

    Raises:
        SyntaxError: the source is no Python.
        ValueError: it holds null bytes.
    """
    with _ONE_AT_A_TIME:
        return ast.parse(source, filename)
