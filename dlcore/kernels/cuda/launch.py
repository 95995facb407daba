"""The source of a CUDA kernel, and the shape of its launch.

A kernel `f(device, *inputs, out=…)` of this folder works on the arrays of its device (device.py).  A launch takes arrays and
NumPy scalars of exactly the types that the source declares: a Python float would arrive as a double.

A grid depends on shapes only, never on the hardware, and so do the order of every sum and the bits of a result.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ...errors import ConfigurationError
from ..contract import HasDtype, dtype_name

DTYPES = ("float64", "float32", "float16", "bfloat16")
# --fmad=false: without contraction a host compiler gets the same bits from the same source.  --ftz=true: float32 arithmetic puts 0
# in place of subnormal numbers, as on the CPU (kernels/subnormals.py); a GPU has no such mode for float64.  Division and square
# root stay correctly rounded.  CuPy adds an --ftz of its own, which may change; NVRTC takes the option twice.
OPTIONS = ("--std=c++17", "--fmad=false", "--ftz=true")
THREADS = 256  # per block; real.cuh has the same number
WARP = 32
NULL = np.uintp(0)  # the pointer for an absent array


class Shape(NamedTuple):
    """The shape of a launch: blocks in the grid, threads in a block."""

    grid: tuple[int, ...]
    block: tuple[int, ...]


def _between(low: int, value: int, high: int) -> int:
    return min(max(value, low), high)


def flat(size: int) -> Shape:
    """For a grid-stride loop over `size` entries."""
    return Shape((_between(1, -(-size // THREADS), 1024),), (THREADS,))


def by_rows(rows: int, columns: int, blocks: int = 1024) -> tuple[int, Shape]:
    """For rows that a warp or a block computes together: threads per row, and the shape."""
    group = WARP if columns <= 1024 else THREADS
    return group, Shape((_between(1, -(-rows * group // THREADS), blocks),), (THREADS,))


def tiles(rows: int, columns: int, rows_per_thread: int = 1, parts: int = 4096) -> Shape:
    """For a matrix cut into tiles: a thread strides down one column.  At most `parts` blocks share a column."""
    x = min(1 << max(columns - 1, 0).bit_length(), WARP)
    y = THREADS // x
    return Shape((max(1, -(-columns // x)), _between(1, -(-rows // (y * rows_per_thread)), parts)), (x, y))


def column_sums(rows: int, columns: int) -> Shape:
    """Tiles for kernels that sum columns."""
    return tiles(rows, columns, rows_per_thread=4, parts=64)


@cache
def source(file: str, dtype: str, data: str = "") -> str:
    """The text of `file`.cu for arrays of `dtype`, with its includes expanded; data.cu also for a data set of dtype `data`.

    Expanded, because the key of CuPy's cache of compiled kernels is the text, without the files that it includes.
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


def dtype_of(array: HasDtype) -> str:
    """The dtype that kernels on this array are compiled for."""
    return dtype_name(array)
