"""Where the arrays of a batch live and its kernels run: CPU threads or a CUDA device."""

from __future__ import annotations

import warnings
from abc import ABC, abstractmethod
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from importlib.util import find_spec
from itertools import pairwise
from types import ModuleType
from typing import Any, Protocol

import numpy as np

from arenas.core.compiled import Specialiser
from arenas.core.game import whole
from arenas.core.tables import Shown


class Batch(Protocol):
    """B games as kernels take them: a named tuple of arrays."""

    @property
    def rows(self) -> np.ndarray:
        """(B, W): the state of each game."""

    @property
    def shared(self) -> int:
        """The first so many fields belong to all games; the others have one entry for each."""


def device_of(name: str, engine: ModuleType | None, rules: ModuleType, threads: int = 1) -> Device:
    """The device called `name`, for games of one rules module.

    Args:
        name: "cpu", or "cuda" for the current CUDA device.
        engine: `by_rules` or `by_tables`; None for kernels that call the rules themselves.
        rules: the rules module.
        threads: CPU threads that share the games of a batch.

    Raises:
        ValueError: there is no such device here, or `threads` is no number of threads.
        ImportError: "cuda" without torch or numba.
    """
    if name == "cpu":
        return CpuDevice(engine, rules, threads)
    if name == "cuda":
        return CudaDevice(engine, rules)
    raise ValueError(f"device={name!r}: the devices are cpu and cuda")


class Device(ABC):
    """Runs kernels on arrays of its own kind; here NumPy's, in one thread."""

    target = "python"

    def __init__(self, engine: ModuleType | None, rules: ModuleType) -> None:
        self._modules = {"rules": rules} | ({"engine": engine} if engine else {})
        self._specialiser: Specialiser | None = None
        self._compiled: dict[Callable[..., None], Any] = {}

    def kernel(self, kernel: Callable[..., None]) -> Any:
        """A kernel of games in lockstep, specialised for this device and these rules."""
        if kernel not in self._compiled:
            if self._specialiser is None:
                self._specialiser = Specialiser(self.target, self._modules)
            self._compiled[kernel] = self._specialiser.kernel(kernel)
        return self._compiled[kernel]

    @abstractmethod
    def run(self, kernel: Callable[..., None], batch: Batch, *args: Any) -> None:
        """Runs a kernel; arrays among `args` have one entry per game."""

    def inner(self, host: np.ndarray) -> Any:
        """An array that only kernels read, with what `host` holds."""
        return host

    def outer(self, host: np.ndarray) -> tuple[Any, Any]:
        """The same memory twice, with what `host` holds: as kernels take it, and as callers do."""
        return host, host

    def parts(self, words: Any, shown: Shown) -> tuple[Any, Any]:
        """The views and masks that lie in an array of words, for callers."""
        return shown.parts(words)

    def take(self, array: Any, dtype: Any) -> Any:
        """What a caller handed in, as kernels take it.

        Raises:
            TypeError: it is not an array of that kind.
        """
        given = np.asarray(array)
        if given.dtype != dtype and given.dtype.kind not in ("iu" if dtype == np.int64 else "b"):
            raise TypeError(f"expected an array of {np.dtype(dtype)}, got {given.dtype}")
        return np.require(given, dtype, ("C", "A", "W"))

    def given(self, array: Any) -> Any:
        """What `take` made, as callers get arrays: with arithmetic."""
        return array

    def stack(self, columns: list[Any]) -> Any:
        """One array of its columns, as callers get arrays."""
        return np.stack(columns, axis=1)

    def read(self, array: Any) -> np.ndarray:
        """A copy of a kernel's array in main memory."""
        return np.array(array)

    def write(self, array: Any, host: np.ndarray) -> None:
        """Overwrites a kernel's array."""
        array[...] = host

    def copy(self, array: Any) -> Any:
        """A copy of what callers get."""
        return array.copy()

    def host(self, array: Any) -> np.ndarray:
        """What callers get, in main memory."""
        return np.asarray(array)

    def close(self) -> None:
        """Releases threads; calling it again does nothing."""


class CpuDevice(Device):
    """CPU threads: one by default, since games this cheap seldom gain from more."""

    def __init__(self, engine: ModuleType | None, rules: ModuleType, threads: int = 1) -> None:
        super().__init__(engine, rules)
        if (whole(threads) or 0) < 1:
            raise ValueError(f"threads={threads!r}: a number of threads, at least one")
        self.target = "cpu" if _have_numba() else "python"
        self._threads = threads
        self._pool = ThreadPoolExecutor(threads - 1) if threads > 1 else None
        self._entries: dict[Callable[..., None], Callable[..., Any]] = {}
        self._shares: tuple[Any, list[tuple[slice, Any]]] | None = None

    def run(self, kernel: Callable[..., None], batch: Batch, *args: Any) -> None:
        if self.target == "python":
            # Words are meant to wrap; NumPy warns when its scalars do.
            with np.errstate(over="ignore"):
                self.kernel(kernel)(batch, *args)
            return
        entry = self._entries.get(kernel)
        if entry is None:
            # Arguments have the same types in every call, so numba need not look at them again.
            dispatcher = self.kernel(kernel)
            types = tuple(map(_numba_type, (batch, *args)))
            entry = self._entries[kernel] = dispatcher.compile(types)
        if self._pool is None:
            entry(batch, *args)
            return
        (part, mine), *others = self._split(batch)
        jobs = [self._pool.submit(entry, b, *_cut(args, at)) for at, b in others]
        entry(mine, *_cut(args, part))
        for job in jobs:
            job.result()

    def _split(self, batch: Any) -> list[tuple[slice, Any]]:
        if self._shares is None or self._shares[0] is not batch:
            edges = np.linspace(0, len(batch.rows), self._threads + 1).astype(int)
            parts = [slice(*ends) for ends in pairwise(edges.tolist())]
            cuts = []
            for at in parts:
                own = [field[at] for field in batch[batch.shared :]]
                cuts.append((at, type(batch)(*batch[: batch.shared], *own)))
            self._shares = batch, cuts
        return self._shares[1]

    def close(self) -> None:
        if self._pool is not None:
            self._pool.shutdown()


_CUDA_EXTRA = "pip install 'selfplay-arenas[cuda]'"


class CudaDevice(Device):
    """The current CUDA device; callers get torch tensors that share memory with the kernels.

    Under numba's CUDA simulator (`NUMBA_ENABLE_CUDASIM=1`) arrays are NumPy's.
    """

    target = "cuda"
    THREADS = 128
    """Threads a block."""

    def __init__(self, engine: ModuleType | None, rules: ModuleType) -> None:
        super().__init__(engine, rules)
        try:
            from numba import config, cuda

            self._cuda = cuda
            self._simulated = bool(config.ENABLE_CUDASIM)
            if not self._simulated:
                import torch
        except ImportError as error:
            raise ImportError(f'device="cuda" needs {_CUDA_EXTRA}: {error}') from error
        if not self._simulated and not (cuda.is_available() and torch.cuda.is_available()):
            raise ValueError(
                'device="cuda": numba or torch finds no CUDA device. They need an NVIDIA driver '
                f'and {_CUDA_EXTRA}; device="cpu" always works'
            )

    def run(self, kernel: Callable[..., None], batch: Batch, *args: Any) -> None:
        games = len(batch.rows)
        compiled = self.kernel(kernel)
        if self._simulated:
            compiled[1, 4](batch, *args)
        else:
            compiled[-(-games // self.THREADS), self.THREADS, self._stream()](batch, *args)

    def _stream(self) -> Any:
        import torch

        stream = torch.cuda.current_stream().cuda_stream
        return self._cuda.external_stream(stream) if stream else self._cuda.default_stream()

    def inner(self, host: np.ndarray) -> Any:
        return host if self._simulated else self._cuda.to_device(np.ascontiguousarray(host))

    def outer(self, host: np.ndarray) -> tuple[Any, Any]:
        if self._simulated:
            return super().outer(host)
        import torch

        tensor = torch.from_numpy(host).cuda()
        return self._cuda.as_cuda_array(tensor), tensor

    def parts(self, words: Any, shown: Shown) -> tuple[Any, Any]:
        return shown.parts(words) if self._simulated else shown.tensors(words)

    def take(self, array: Any, dtype: Any) -> Any:
        if self._simulated:
            return super().take(array, dtype)
        import torch

        wanted = torch.bool if np.dtype(dtype).kind == "b" else torch.int64
        tensor = torch.as_tensor(array, device="cuda")
        if tensor.is_floating_point() or (wanted == torch.bool and tensor.dtype != torch.bool):
            raise TypeError(f"expected a tensor of {wanted}, got {tensor.dtype}")
        return self._cuda.as_cuda_array(tensor.to(wanted).contiguous())

    def given(self, array: Any) -> Any:
        if self._simulated:
            return array
        import torch

        return torch.as_tensor(array, device="cuda")

    def stack(self, columns: list[Any]) -> Any:
        if self._simulated:
            return super().stack(columns)
        import torch

        return torch.stack(columns, dim=1)

    def read(self, array: Any) -> np.ndarray:
        return np.array(array if self._simulated else array.copy_to_host())

    def write(self, array: Any, host: np.ndarray) -> None:
        if self._simulated:
            array[...] = host
        else:
            array.copy_to_device(np.ascontiguousarray(host))

    def copy(self, array: Any) -> Any:
        return array.copy() if self._simulated else array.clone()

    def host(self, array: Any) -> np.ndarray:
        return np.asarray(array if self._simulated else array.cpu())


def _numba_type(value: Any) -> Any:
    from numba import typeof

    return typeof(value)


def _cut(args: tuple[Any, ...], part: slice) -> list[Any]:
    return [arg[part] if isinstance(arg, np.ndarray) else arg for arg in args]


@cache
def _have_numba() -> bool:
    if find_spec("numba") is not None:
        return True
    warnings.warn(
        "numba is not installed, so games in lockstep run uncompiled, hundreds of times slower: "
        "pip install 'selfplay-arenas[fast]'",
        stacklevel=4,
    )
    return False
