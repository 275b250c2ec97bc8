"""Compiles rules that are written as plain scalar functions: for the CPU, for CUDA, or not at all.

A `Specialiser` takes a kernel over many games that reads the global name `rules`, and one game's
rules module, and returns the kernel of that game: every function that it reaches is compiled with
it, and the draws of `core/rng.py` are replaced by their twins in machine words below.
Numba keeps the machine code of CPU kernels on disk beside the kernel's source; a digest of all the
code and constants that went into it is part of its name there, so an edited rule is never played
from an old file.
"""

from __future__ import annotations

import dis
import hashlib
from collections.abc import Callable
from functools import cache
from types import FunctionType, ModuleType
from typing import Any

import numpy as np

from arenas.core import rng

U64 = np.uint64
_GAMMA = U64(rng.GAMMA)
_M1, _M2 = U64(0xBF58476D1CE4E5B9), U64(0x94D049BB133111EB)
_30, _27, _31, _32 = U64(30), U64(27), U64(31), U64(32)


def mix64(word: Any) -> Any:
    """`rng.mix64` in 64-bit words, which wrap by themselves; a word or an array of words."""
    word = (word ^ (word >> _30)) * _M1
    word = (word ^ (word >> _27)) * _M2
    return word ^ (word >> _31)


def draw(seed: Any, index: int) -> Any:
    """`rng.draw` in 64-bit words."""
    return mix64(U64(seed) + U64(index + 1) * _GAMMA)


def scale(word: Any, n: int) -> int:
    """`rng.scale` in 64-bit words."""
    return np.int64(((word >> _32) * U64(n)) >> _32)  # type: ignore[return-value]


def following(word: Any) -> Any:
    """The next state of a stream, of which `mix64` makes the number that is drawn."""
    return word + _GAMMA


def fork(word: Any, label: int) -> Any:
    """The word of `rng.Rng(word).fork(label)`."""
    return mix64(word ^ mix64(U64(label) + _GAMMA))


def first() -> int:
    """The first game that this run of a kernel takes."""
    return 0


def stride() -> int:
    """The distance to the next one."""
    return 1


TWINS: dict[Any, Callable[..., Any]] = {rng.mix64: mix64, rng.draw: draw, rng.scale: scale}
"""Functions on Python integers, and the same on machine words; held together by a test."""


_ALL = {"error_model": "numpy", "_nrt": False}
"""Nothing is allocated, so views of a batch need no counting of references: three times as fast."""

_PARTS = {"forceinline": True, "no_cpython_wrapper": True, "no_cfunc_wrapper": True}
"""What a kernel calls is part of it, and nobody else calls it."""


_kernels: dict[tuple[str, str, str], Any] = {}
"""Kernels of this process, by the digest of what they are made of."""


class Specialiser:
    """Compiles kernels with names of their modules bound to other modules.

    It copies functions so that they call each other's compiled copies. Kernels of one specialiser
    share what they call, which is compiled once.

    Args:
        target: "cpu" compiles with numba, "cuda" for a CUDA device, "python" not at all.
        modules: what global names such as `rules` stand for, of which a kernel's module only says
            the type: `{"rules": arenas.games.tictactoe.rules}`. A module may call those before it.
    """

    def __init__(self, target: str, modules: dict[str, ModuleType]) -> None:
        self.target = target
        self._done: dict[Any, Any] = {}
        # What each copy is made of, itself and all that it calls.
        self._contents: dict[Any, set[str]] = {}
        self._bound: dict[str, Any] = {}
        for name, module in modules.items():
            parts = {
                each: self._part(value)
                for each, value in vars(module).items()
                if isinstance(value, FunctionType) and value.__module__ == module.__name__
            }
            self._bound[name] = ModuleType(module.__name__)
            vars(self._bound[name]).update(parts)

    def kernel(self, kernel: Any) -> Any:
        """A function that reads such names, compiled together with all that it calls."""
        copy, contents = self._copy(kernel)
        if self.target == "python":
            return copy
        name = copy.__qualname__ = f"{kernel.__name__}-{_digest(contents)}"
        place = self.target, kernel.__module__, name
        if place not in _kernels:
            if self.target == "cuda":
                _kernels[place] = _cuda().jit(copy)
            else:
                options = {"cache": True, "nogil": True, "no_cfunc_wrapper": True, **_ALL}
                _kernels[place] = _numba().njit(**options)(copy)
        return _kernels[place]

    def _part(self, function: Any) -> Any:
        if function not in self._done:
            copy, contents = self._copy(self._twin(function))
            if self.target == "cpu":
                copy = _numba().njit(**_ALL, **_PARTS)(copy)
            elif self.target == "cuda":
                copy = _cuda().jit(device=True)(copy)
            self._done[function] = copy
            self._contents[copy] = contents
        return self._done[function]

    def _twin(self, function: Any) -> Any:
        """What stands in for a function: draws in machine words, the share of a CUDA thread."""
        if self.target == "cuda" and function in (first, stride):
            from arenas.core import on_cuda

            return getattr(on_cuda, function.__name__)
        return TWINS.get(function, function)

    def _copy(self, function: Any) -> tuple[Any, set[str]]:
        """The function with what it calls replaced by compiled copies; and what it is made of."""
        reads = {}
        contents: set[str] = set()
        loads = (i for i in dis.get_instructions(function) if i.opname == "LOAD_GLOBAL")
        for name in {instruction.argval for instruction in loads}:
            value = function.__globals__.get(name)
            if name in self._bound:
                reads[name] = self._bound[name]
                for part in vars(reads[name]).values():
                    contents |= self._of(part)
            elif isinstance(value, FunctionType):
                reads[name] = self._part(value)
                contents |= self._of(reads[name])
            elif value is not None:
                reads[name] = value
        code = function.__code__
        constants = sorted((name, _described(value)) for name, value in reads.items())
        does = code.co_code, code.co_consts, code.co_names, code.co_varnames, function.__defaults__
        contents.add(repr((function.__module__, function.__name__, does, constants)))
        copy = FunctionType(code, reads, function.__name__, function.__defaults__)
        copy.__module__ = function.__module__
        return copy, contents

    def _of(self, part: Any) -> set[str]:
        """What a compiled copy is made of; nothing if it is none."""
        return self._contents.get(part, set()) if callable(part) else set()


def _digest(contents: set[str]) -> str:
    # Of what is loaded, not of the files: those may have been edited since.
    return hashlib.sha256("".join(sorted(contents)).encode()).hexdigest()[:16]


def _described(value: Any) -> str:
    """What machine code takes from a global: a number, an array, or a module's numbers."""
    if isinstance(value, np.ndarray):
        return f"{value.dtype} {value.shape} {value.tobytes().hex()}"
    if isinstance(value, ModuleType):
        numbers = {k: v for k, v in vars(value).items() if isinstance(v, (int, float, tuple))}
        return f"{value.__name__} {sorted(numbers.items())}"
    plain = isinstance(value, (int, float, tuple, np.generic))
    return repr(value) if plain else type(value).__name__


@cache
def _numba() -> Any:
    import numba

    return numba


@cache
def _cuda() -> Any:
    from numba import cuda

    return cuda
