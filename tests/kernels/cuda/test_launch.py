"""Shapes of launches and texts of sources."""

from __future__ import annotations

import math
import re

import pytest

from dlcore.errors import ConfigurationError
from dlcore.kernels.cuda import launch

SIZES = [0, 1, 31, 32, 33, 256, 257, 1024, 1025, 100_003, 10**8]


def check(shape: launch.Shape) -> None:
    """As a GPU of compute capability 8 to 10 starts: at least one block, up to 1,024 threads, 65,535 blocks in y."""
    assert 1 <= math.prod(shape.block) <= 1024
    assert min(shape.grid) >= 1
    assert all(count <= 65_535 for count in shape.grid[1:])


@pytest.mark.parametrize("rows", SIZES)
def test_a_gpu_starts_every_shape(rows: int) -> None:
    check(launch.flat(rows))
    for columns in SIZES:
        check(launch.by_rows(rows, columns)[1])
        check(launch.tiles(rows, columns))
        check(launch.column_sums(rows, columns))


@pytest.mark.parametrize("columns", [1, 3, 32, 33, 1000])
def test_tiles_cover_every_column(columns: int) -> None:
    """A block takes neighbouring columns, a power of two of them up to a warp; threads stride down the rows."""
    shape = launch.tiles(10, columns)
    width = shape.block[0]
    assert width in (1, 2, 4, 8, 16, 32)
    assert (shape.grid[0] - 1) * width < columns <= shape.grid[0] * width


@pytest.mark.parametrize(("columns", "threads"), [(1, 32), (1024, 32), (1025, 256)])
def test_a_wide_row_belongs_to_a_block(columns: int, threads: int) -> None:
    group, shape = launch.by_rows(7, columns)
    assert group == threads
    assert math.prod(shape.block) % group == 0


def test_a_source_has_its_includes_once() -> None:
    """The text is the key of a cache of compiled kernels: nothing in it refers to a file, and no definition comes twice."""
    text = launch.source("adaptive", "float32")
    assert text.startswith("#define STORED_float32\n")
    assert not re.search(r'^#include "', text, flags=re.MULTILINE)
    definitions = re.findall(r"^#define (\w+)", text, flags=re.MULTILINE)
    assert len(set(definitions)) == len(definitions)


def test_a_dtype_without_kernels_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="dtype 'int8' has no CUDA kernels; expected one of float64, float32"):
        launch.source("adaptive", "int8")
