"""Products by the address of NumPy's BLAS."""

from __future__ import annotations

import ctypes
from typing import Any

import numpy as np
import pytest

import dlcore as dl
from dlcore.errors import ContractError

pytest.importorskip("numba")
blas = pytest.importorskip("dlcore.kernels.cpu.blas")
if blas.reason():
    pytest.skip(blas.reason(), allow_module_level=True)

ENTRY = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_int64, ctypes.c_int64)  # (words, lo, hi)


@pytest.mark.parametrize("axis", ["", "rows", "columns"])
@pytest.mark.parametrize("transpose_y", [False, True])
@pytest.mark.parametrize("transpose_x", [False, True])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_product_by_address_is_that_of_its_parts(dtype: str, transpose_x: bool, transpose_y: bool, axis: str) -> None:
    """out = x y, whole or in two parts along an axis; |fl(x y) − x y| <= k u |x| |y| (Higham 2002, 3.13), here with ε for u."""
    random, (m, k, n) = np.random.default_rng(0), (6, 5, 7)
    x = random.standard_normal((k, m)).astype(dtype).T if transpose_x else random.standard_normal((m, k)).astype(dtype)
    y = random.standard_normal((n, k)).astype(dtype).T if transpose_y else random.standard_normal((k, n)).astype(dtype)
    out = np.full((m, n), np.nan, dtype)
    words = np.array(blas.words(x, y, out, axis), np.int64)
    extent = {"": 0, "rows": m, "columns": n}[axis]
    for lo, hi in ((0, extent // 2), (extent // 2, extent)) if axis else ((0, 0),):
        ENTRY(blas.entry(dtype))(words.ctypes.data, lo, hi)
    exact, size = x.astype("float64") @ y.astype("float64"), np.abs(x).astype("float64") @ np.abs(y)
    assert (np.abs(out - exact) <= k * np.finfo(dtype).eps * size).all()


def test_a_factor_with_gaps_is_refused() -> None:
    """It is neither a matrix as it lies in memory nor the transpose of one."""
    gaps: Any = np.zeros((4, 6))[:, ::2]
    with pytest.raises(ContractError, match="neither contiguous nor the transpose"):
        blas.words(gaps, np.zeros((3, 2)), np.zeros((4, 2)), "")


def test_without_a_blas_by_address_steps_are_replayed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Other builds of NumPy train through np.matmul."""
    monkeypatch.setattr(blas, "gemm_addresses", dict)
    step = dl.Trainer(dl.Sequential(dl.Dense(4, 4)), dl.SquaredError(), dl.SGD(0.1)).step
    assert step.executor.name == "replay"
    assert "BLAS cannot be called by address" in str(step)
