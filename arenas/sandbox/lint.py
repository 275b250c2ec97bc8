"""Finds new ways to reach the interpreter in a changed file.

Repairs of ordinary code need no frames, no garbage collector and no exit handlers. A file that had
none of them before gets none by a patch: what stands here is refused unless the file already used
it. This is a fence before the walls, not a wall: it keeps the plain attacks from costing a run, and
takes from the others the tools they are made with.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator

from arenas.sandbox.parsing import parse

_MODULES = """
__main__ _ctypes _frozen_importlib _imp _io _posixsubprocess _pytest _signal _socket _thread
_xxsubinterpreters ast asyncio atexit bdb builtins cffi code codeop concurrent conftest coverage
cProfile ctypes dis doctest ensurepip faulthandler fcntl gc http imp importlib inspect io
linecache marshal mmap modulefinder multiprocessing os pathlib pdb pickle pip pkgutil pluggy
posix posixpath profile pty pydoc pytest resource runpy sched select selectors shelve shutil
signal site sitecustomize smtplib socket socketserver ssl subprocess sys sysconfig syslog test
termios threading trace traceback tracemalloc types unittest usercustomize venv webbrowser
zipimport
"""
MODULES = frozenset(_MODULES.split())
"""Top-level modules that a file may not begin to import."""

_NAMES = """
__builtins__ __import__ __loader__ __spec__ breakpoint compile delattr eval exec exit getattr
globals input locals open quit setattr vars
"""
NAMES = frozenset(_NAMES.split())
"""Names that a file may not begin to use."""

HANDED_ON = frozenset({"builtins", "ctypes", "gc", "importlib", "inspect", "os", "posix", "sys"})
"""Modules that many others hold as attributes, with or without an underscore before them."""

_ATTRIBUTES = """
__base__ __bases__ __builtins__ __closure__ __code__ __dict__ __func__ __getattribute__
__globals__ __import__ __loader__ __mro__ __self__ __spec__ __subclasses__ __traceback__
__wrapped__ ag_frame attrgetter cr_frame f_back f_builtins f_code f_globals f_lineno f_locals
gi_frame methodcaller mro tb_frame tb_next with_traceback
"""
ATTRIBUTES = frozenset(_ATTRIBUTES.split())
"""Attributes that a file may not begin to use."""

_METHODS = """
__bool__ __call__ __class_getitem__ __cmp__ __del__ __eq__ __ge__ __getattr__ __getattribute__
__gt__ __init_subclass__ __instancecheck__ __le__ __lt__ __ne__ __prepare__ __set_name__
__setattr__ __subclasscheck__ __subclasshook__
"""
METHODS = frozenset(_METHODS.split())
"""Methods that a file may not begin to define: they change what tests see by `==`, `is` or `in`."""

_MEANS = {
    "module": "imports",
    "name": "uses",
    "attribute": "uses the attribute",
    "method": "defines",
    "except": "catches",
}


def new_means(before: Iterable[bytes], after: bytes) -> list[str]:
    """What `after` reaches that none of `before` did, in words.

    Args:
        before: Texts of the file that may be the measure: as it should be, as it was given.
        after: Its new text.

    Raises:
        SyntaxError: `after` is not Python. (That is a failure of its own, told by the tests.)
    """
    if b"\0" in after:
        return ["holds null bytes"]
    had: set[tuple[str, str]] = set()
    for source in before:
        try:
            had |= set(_means(parse(source)))
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            continue
    try:
        tree = parse(after)
        new = sorted(set(_means(tree)) - had)
    except (RecursionError, MemoryError, ValueError):
        return ["is too deeply nested"]
    return [f"{_MEANS[kind]} {name}" for kind, name in new]


def _means(tree: ast.AST) -> Iterator[tuple[str, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name.split(".")[0] in MODULES:
                    yield "module", alias.name.split(".")[0]
        elif isinstance(node, ast.ImportFrom):
            module = (node.module or "").split(".")[0]
            if not node.level and module in MODULES:
                yield "module", module
            for alias in node.names:
                yield from _named(alias.name)
        elif isinstance(node, ast.Name):
            if node.id in NAMES:
                yield "name", node.id
            elif node.id in METHODS and isinstance(node.ctx, ast.Store):
                yield "method", node.id
        elif isinstance(node, ast.Attribute):
            yield from _named(node.attr)
            if node.attr in METHODS and isinstance(node.ctx, ast.Store):
                yield "method", node.attr
        elif isinstance(node, ast.MatchClass):
            for name in node.kwd_attrs:
                yield from _named(name)
        elif isinstance(node, ast.FunctionDef):
            if node.name in METHODS:
                yield "method", node.name
        elif isinstance(node, ast.ExceptHandler):
            for part in ast.walk(node.type) if node.type else [ast.Name("BaseException")]:
                if isinstance(part, ast.Name) and part.id in ("BaseException", "AssertionError"):
                    yield "except", part.id
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            # Names in strings serve `format`, `type` and their like.
            for name in ATTRIBUTES:
                if name.startswith("_") and name in node.value:
                    yield "attribute", name
            if node.value in METHODS:
                yield "method", node.value


def _named(name: str) -> Iterator[tuple[str, str]]:
    if name in ATTRIBUTES:
        yield "attribute", name
    elif name.lstrip("_") in HANDED_ON:
        yield "module", name.lstrip("_")
