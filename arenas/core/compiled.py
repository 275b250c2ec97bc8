"""Compiles rules that are written as plain scalar functions: for the CPU, for CUDA, or not at all.

`specialise` takes a function that reads the global name `rules` (a kernel over many games) and one
game's rules module, and returns the kernel for that game: every function that it reaches is
compiled with it, and the draws of `core/rng.py` are replaced by their twins in machine words below.
Numba keeps the machine code of CPU kernels on disk beside the kernel's source; a digest of all the
sources that went into it is part of its name there, so an edited rule is never played from an old
file.
"""

from __future__ import annotations

import dis
import hashlib
import inspect
import sys
import warnings
from collections.abc import Callable
from functools import cache
from types import FunctionType, ModuleType, SimpleNamespace
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
    return np.int64(((word >> _32) * U64(n)) >> _32)


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


def specialise(kernel: Callable[..., Any], rules: Any, target: str = "cpu") -> Callable[..., Any]:
    """A kernel for one game.

    Args:
        kernel: a function whose module says `rules: FlatRules` and reads `rules.play(...)`.
        rules: the rules module.
        target: "cpu" compiles with numba, "cuda" for a CUDA device (the first argument of the
            result is the number of games), "python" leaves the functions as they are.
    """
    return _Specialiser(rules.__name__, target).top(kernel)


class _Specialiser:
    """Copies functions so that they call each other's compiled copies."""

    def __init__(self, rules: str, target: str) -> None:
        self.target = target
        self._done: dict[Any, Callable[..., Any]] = {}
        self._modules = {rules, __name__, rng.__name__}
        module = sys.modules[rules]
        self._rules = ModuleType(rules) if target != "python" else SimpleNamespace()
        for name, value in vars(module).items():
            if isinstance(value, FunctionType) and value.__module__ == rules:
                setattr(self._rules, name, self._part(value))

    def top(self, kernel: Any) -> Callable[..., Any]:
        copy = self._copy(kernel)
        if self.target == "python":
            return copy
        copy.__qualname__ = f"{kernel.__name__}-{self._digest()}"
        if self.target == "cuda":
            return _cuda().jit(copy)
        return _numba().njit(cache=True, nogil=True, error_model="numpy", _nrt=False)(copy)

    def _part(self, function: Any) -> Callable[..., Any]:
        if function not in self._done:
            copy = self._copy(TWINS.get(function, function))
            if self.target == "cpu":
                copy = _numba().njit(error_model="numpy", _nrt=False, forceinline=True)(copy)
            elif self.target == "cuda":
                copy = _cuda().jit(device=True)(copy)
            self._done[function] = copy
        return self._done[function]

    def _copy(self, function: Any) -> Any:
        """The function with what it calls replaced by compiled copies."""
        self._modules.add(function.__module__)
        reads = {}
        loads = (i for i in dis.get_instructions(function) if i.opname == "LOAD_GLOBAL")
        for name in {instruction.argval for instruction in loads}:
            value = function.__globals__.get(name)
            if name == "rules":
                reads[name] = self._rules
            elif isinstance(value, FunctionType):
                reads[name] = self._part(value)
            elif value is not None:
                reads[name] = value
        copy = FunctionType(function.__code__, reads, function.__name__, function.__defaults__)
        copy.__module__ = function.__module__
        return copy

    def _digest(self) -> str:
        digest = hashlib.sha256()
        for name in sorted(self._modules):
            digest.update(inspect.getsource(sys.modules[name]).encode())
        return digest.hexdigest()[:16]


@cache
def _numba() -> Any:
    import numba

    return numba


@cache
def _cuda() -> Any:
    from numba import cuda

    return cuda
