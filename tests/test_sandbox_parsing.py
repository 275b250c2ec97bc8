"""Parsing in several threads, which CPython before 3.11.8 gets wrong."""

from __future__ import annotations

import ast
import gc
import sys
import threading
import time

import pytest

from arenas.sandbox.parsing import parse

SOURCE = ("x = " + "(" * 30 + "1" + "+1)" * 30 + "\n") * 20


class Yields:
    """Lets another thread run when the collector frees it, so in the middle of a parse."""

    def __init__(self):
        self.itself = self

    def __del__(self):
        time.sleep(0)


def test_threads_may_parse_at_once():
    failed = []

    def work():
        try:
            for _ in range(20):
                Yields()
                parse(SOURCE)
        except SystemError as error:
            failed.append(error)

    threshold, interval = gc.get_threshold(), sys.getswitchinterval()
    gc.set_threshold(1)
    sys.setswitchinterval(1e-6)
    try:
        threads = [threading.Thread(target=work) for _ in range(4)]
        for each in threads:
            each.start()
        for each in threads:
            each.join()
    finally:
        gc.set_threshold(*threshold)
        sys.setswitchinterval(interval)
    assert failed == []


def test_it_is_ast_parse():
    assert ast.dump(parse(b"# coding: latin-1\nx = '\xe9'\n")) == ast.dump(ast.parse("x = 'é'"))
    with pytest.raises(SyntaxError, match=r"here\.py"):
        parse("x =", "here.py")
