"""NumPy's BLAS is found among the libraries of the process, and its products are what their addresses point to."""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

import dlcore as dl
from dlcore.kernels import blas
from dlcore.kernels.blas import ONE_BLAS_THREAD, Blas, gemm_addresses, numpys_blas


def test_it_is_what_threadpoolctl_tells_of_numpys_library() -> None:
    """NumPy's wheels bring it in numpy.libs, or on macOS in a folder of NumPy."""
    own = [pool for pool in threadpool_info() if pool["user_api"] == "blas" and "numpy" in pool["filepath"]]
    if not own:
        pytest.skip("this NumPy shares a BLAS with the system")
    (pool,) = own
    expected = Blas(pool["internal_api"], pool["version"], pool["architecture"], pool["num_threads"])
    assert numpys_blas() == expected
    assert str(numpys_blas()) == f"{pool['internal_api']} {pool['version']} {pool['architecture']}"


def test_the_library_of_scipy_is_not_taken_for_it() -> None:
    """Whichever was loaded first."""
    pytest.importorskip("scipy")
    if not gemm_addresses():
        pytest.skip("this NumPy shares a BLAS with the system")
    program = "import scipy.linalg\nfrom dlcore.kernels import blas\nprint(len(blas._libraries().lib_controllers), blas.numpys_blas())"
    environment = os.environ | {"PYTHONPATH": str(Path(dl.__file__).parents[1])}
    result = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True
    )
    number, _, name = result.stdout.strip().partition(" ")
    assert int(number) > 1
    assert name == str(numpys_blas())


def test_the_number_of_threads_is_the_present_one() -> None:
    blas._libraries.cache_clear()  # another test may have loaded one more BLAS since
    before = numpys_blas().threads
    if before is None:
        pytest.skip("threadpoolctl does not know this BLAS")
    with threadpool_limits(2, user_api="blas"):
        allowed = numpys_blas().threads
        with ONE_BLAS_THREAD as told:
            assert (numpys_blas().threads, told) == (1, allowed)
        assert numpys_blas().threads == allowed
    assert numpys_blas().threads == before


def test_one_that_threadpoolctl_does_not_know_is_named_by_numpy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Apple's Accelerate, for one: NumPy says what it was built with, and nothing is called by address."""
    built_with = np.show_config(mode="dicts")["Build Dependencies"]["blas"]
    monkeypatch.setattr(blas, "_libraries", lambda: SimpleNamespace(lib_controllers=[]))
    assert numpys_blas() == Blas(built_with["name"], built_with["version"], None, None)
    assert str(numpys_blas()) == built_with["name"]
    assert gemm_addresses.__wrapped__() == {}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_an_address_is_that_of_the_product(dtype: str) -> None:
    """C = A B by cblas_?gemm with 64-bit integers, beside NumPy's product of the same integers, which has no rounding."""
    if not gemm_addresses():
        pytest.skip("this NumPy has another BLAS")
    real = {"float32": ctypes.c_float, "float64": ctypes.c_double}[dtype]
    integer, pointer = ctypes.c_int64, ctypes.POINTER(real)
    order = [ctypes.c_int] * 3 + [integer] * 3 + [real, pointer, integer, pointer, integer, real, pointer, integer]
    gemm = ctypes.CFUNCTYPE(None, *order)(gemm_addresses()[dtype])
    random = np.random.default_rng(0)
    a, b = (random.integers(-9, 9, shape).astype(dtype) for shape in ((3, 5), (5, 4)))
    c = np.full((3, 4), np.nan, dtype)
    where = [x.ctypes.data_as(pointer) for x in (a, b, c)]
    gemm(101, 111, 111, 3, 4, 5, 1.0, where[0], 5, where[1], 4, 0.0, where[2], 4)
    np.testing.assert_array_equal(c, a @ b)
