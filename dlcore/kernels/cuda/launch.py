"""How a CUDA kernel is started: its source, its grid, its typed arguments, and what a device must offer for that.

A kernel `f(device, *inputs, out=…)` of this folder works on whatever arrays its `Device` works on.  A device offers

    launch(file, kernel, dtype, shape, *arguments)   start a kernel of `file`.cu, compiled for arrays of `dtype`; with
                                                     data=…, for a data set of that dtype
    partial_sums(dtype, count, tickets)              scratch for a sum over several blocks: (partial sums, tickets, all 0)
    product(a, b, out, transpose_a=…, transpose_b=…) out = a b, either factor transposed (gemm.py)

and implements two things: `compiled(source)`, a module whose `get_function(name)` is called as `f(grid, block, arguments)`,
and `zeros(count, dtype)`, a vector.  Kernels started on one device run one after another: its scratch is shared.  For a
second stream, `sibling()` is a device with the same compiled kernels and scratch of its own.

A grid depends on shapes only, never on the hardware, and so do the order of every sum and the bits of a result.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ...contract import dtype_name
from ...errors import ConfigurationError

DTYPES = ("float64", "float32", "float16", "bfloat16")
OPTIONS = ("--std=c++17", "--fmad=false")  # without contraction a host compiler gets the same bits from the same source
THREADS = 256  # of a block; real.cuh has the same number
WARP = 32
NULL = np.uintp(0)  # the pointer to an array that is not there


class Shape(NamedTuple):
    """Of a launch: blocks of the grid, threads of a block."""

    grid: tuple[int, ...]
    block: tuple[int, ...]


def _between(low: int, value: int, high: int) -> int:
    return min(max(value, low), high)


def flat(size: int) -> Shape:
    """For a loop over `size` entries: a thread takes every so-manieth."""
    return Shape((_between(1, -(-size // THREADS), 1024),), (THREADS,))


def by_rows(rows: int, columns: int, blocks: int = 1024) -> tuple[int, Shape]:
    """For rows that a group of threads computes together: threads of a group, a warp or a block, and the shape."""
    group = WARP if columns <= 1024 else THREADS
    return group, Shape((_between(1, -(-rows * group // THREADS), blocks),), (THREADS,))


def tiles(rows: int, columns: int, rows_per_thread: int = 1, parts: int = 4096) -> Shape:
    """For a matrix cut into tiles: a thread stays in its column.  At most `parts` blocks share a column."""
    x = min(1 << max(columns - 1, 0).bit_length(), WARP)
    y = THREADS // x
    return Shape((max(1, -(-columns // x)), _between(1, -(-rows // (y * rows_per_thread)), parts)), (x, y))


def column_sums(rows: int, columns: int) -> Shape:
    """As tiles, for kernels that sum columns."""
    return tiles(rows, columns, rows_per_thread=4, parts=64)


@cache
def source(file: str, dtype: str, data: str = "") -> str:
    """The text of `file`.cu for arrays of `dtype`, with what it includes in place; data.cu also for a data set of `data`.

    In place, since CuPy's cache of compiled kernels looks at the text and not at the files that it includes.
    """
    if dtype not in DTYPES:
        raise ConfigurationError(f"dtype {dtype!r} has no CUDA kernels; expected one of {', '.join(DTYPES)}")
    seen: set[str] = set()

    def text(name: str) -> str:
        if name in seen:
            return ""
        seen.add(name)
        here = (Path(__file__).parent / name).read_text(encoding="utf-8").replace("#pragma once\n", "")
        return re.sub(r'^#include "(.*)"$', lambda match: text(match[1]), here, flags=re.MULTILINE)

    return f"#define STORED_{dtype}\n" + (f"#define DATA {data}\n" if data else "") + text(f"{file}.cu")


class Device:
    """Starts kernels on arrays of one library; see the module's docstring."""

    def __init__(self) -> None:
        self._functions: dict[Any, Any] = {}
        self._modules: dict[tuple[str, str, str], Any] = {}
        self._scratch: dict[str, Any] = {}
        self._outgrown: list[Any] = []  # a captured graph may still write there

    def compiled(self, source: str) -> Any:
        raise NotImplementedError

    def zeros(self, count: int, dtype: str) -> Any:
        raise NotImplementedError

    def product(self, a: Any, b: Any, out: Any, *, transpose_a: bool = False, transpose_b: bool = False) -> None:
        raise NotImplementedError

    def sibling(self) -> Device:
        """The same device for another stream: kernels shared, scratch not."""
        other = object.__new__(type(self))
        other.__dict__.update(self.__dict__, _scratch={}, _outgrown=[])
        return other

    def launch(self, file: str, kernel: str, dtype: str, shape: Shape, *arguments: Any, data: str = "") -> None:
        module = file, dtype, data
        if (module, kernel) not in self._functions:
            if module not in self._modules:
                self._modules[module] = self.compiled(source(*module))
            self._functions[module, kernel] = self._modules[module].get_function(kernel)
        self._functions[module, kernel](*shape, arguments)

    def partial_sums(self, dtype: str, count: int, tickets: int = 1) -> tuple[Any, Any]:
        """`count` numbers of the dtype of arithmetic, and `tickets` words that are 0 between kernels."""
        real = np.dtype("float64" if dtype == "float64" else "float32")
        numbers = self._grown("parts", count * real.itemsize // 8 + 1, "float64")
        return numbers.view(real)[:count], self._grown("tickets", tickets, "int32")[:tickets]

    def _grown(self, name: str, count: int, dtype: str) -> Any:
        """A vector of at least that many entries, kept for the next kernel."""
        old = self._scratch.get(name)
        if old is None or old.size < count:
            if old is not None:
                self._outgrown.append(old)
            self._scratch[name] = self.zeros(max(count, 1024, 0 if old is None else 2 * old.size), dtype)
        return self._scratch[name]


class CupyDevice(Device):
    """The present CUDA device, through CuPy."""

    def __init__(self) -> None:
        super().__init__()
        import cupy

        self._cupy = cupy

    def compiled(self, source: str) -> Any:
        return self._cupy.RawModule(code=source, options=OPTIONS)

    def zeros(self, count: int, dtype: str) -> Any:
        return self._cupy.zeros(count, dtype)

    def product(self, a: Any, b: Any, out: Any, *, transpose_a: bool = False, transpose_b: bool = False) -> None:
        self._cupy.matmul(a.T if transpose_a else a, b.T if transpose_b else b, out=out)


def dtype_of(array: Any) -> str:
    """The dtype that kernels on this array are compiled for."""
    return dtype_name(array)
