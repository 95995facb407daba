"""Products through cuBLASLt: the calls as the library gets them, made to a mock that honours layouts, and its real names."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dlcore.errors import ConfigurationError, DeviceError
from dlcore.kernels.cuda import gemm

from . import mock_cublaslt
from .emulation import EmulatedDevice
from .mock_cublaslt import CublasLtError, Epilogue, MockCublasLt
from .products import aligned, chosen, matrix


@pytest.mark.parametrize("transpose_b", [False, True])
@pytest.mark.parametrize("transpose_a", [False, True])
@pytest.mark.parametrize("dtype", ["float64", "float32", "float16"])
@pytest.mark.parametrize(("m", "n", "k"), [(1, 1, 1), (3, 5, 7), (64, 10, 33)])
def test_products_of_every_layout(m: int, n: int, k: int, dtype: str, transpose_a: bool, transpose_b: bool) -> None:
    """out = op(a) op(b) for every shape that is not square, transposed or not.

    |fl(a b) − a b| <= k u |a| |b| in any order of summation (Higham 2002, 3.13), u = ε/2; 16 bits are summed in 32 and rounded.
    """
    a, b = matrix(*((k, m) if transpose_a else (m, k)), dtype), matrix(*((n, k) if transpose_b else (k, n)), dtype)
    out = np.full((m, n), np.nan, dtype)
    EmulatedDevice().product(a, b, out, transpose_a=transpose_a, transpose_b=transpose_b)
    a, b = (a.T if transpose_a else a).astype("float64"), (b.T if transpose_b else b).astype("float64")
    summed = np.finfo("float32" if dtype == "float16" else dtype).eps
    # ε in place of u: the float64 product beside it is rounded too
    allowed = np.finfo(dtype).eps * np.abs(a @ b) + k * summed * (np.abs(a) @ np.abs(b))
    assert (np.abs(out - a @ b) <= allowed).all()


@pytest.mark.parametrize(("m", "n", "k"), [(0, 3, 2), (3, 0, 2), (3, 2, 0)])
def test_a_product_over_nothing_is_zero(m: int, n: int, k: int) -> None:
    out = np.full((m, n), np.nan)
    EmulatedDevice().product(matrix(m, k), matrix(k, n), out)
    assert not out.any()


def test_a_product_of_a_known_shape_may_be_captured() -> None:
    """A capture forbids the search for an algorithm, which the mock refuses then: the first product of a shape has made it."""
    device, a, b, out = EmulatedDevice(), matrix(4, 6), matrix(6, 8), np.zeros((4, 8))
    device.product(a, b, out)
    out[...] = 0
    launch = device.captured(lambda: device.product(a, b, out))
    assert not out.any()
    launch()
    np.testing.assert_allclose(out, a @ b, rtol=1e-12)


def test_an_algorithm_suits_the_addresses() -> None:
    """Arrays of the same shape that begin off a boundary: the mock refuses an algorithm for better aligned ones."""
    device, b, room = EmulatedDevice(), matrix(6, 8), np.zeros(100)
    start = (-room.ctypes.data % 256) // 8
    for offset in (0, 1, 2):
        a, out = room[start + offset : start + offset + 24].reshape(4, 6), np.zeros((4, 8))
        a[...] = matrix(4, 6)
        device.product(a, b, out)
        np.testing.assert_allclose(out, a @ b, rtol=1e-12)


def test_siblings_share_no_workspace() -> None:
    """Two products at the same time on one workspace would write into each other's sums."""
    library = MockCublasLt()
    device, a, b = EmulatedDevice(library), matrix(4, 6), matrix(6, 8)
    for each in (device, device.sibling()):
        each.product(a, b, np.zeros((4, 8)))
    assert len(library.workspaces) == 2


def test_a_product_that_the_library_does_not_have_is_an_error() -> None:
    with pytest.raises(DeviceError, match="no product of"):
        EmulatedDevice(MockCublasLt((Epilogue.DEFAULT,))).product(matrix(2, 3), matrix(3, 2), np.zeros((2, 2)))


@pytest.mark.parametrize("status", ["NOT_SUPPORTED", "ARCH_MISMATCH", "INVALID_VALUE"])
def test_what_the_library_refuses_is_done_otherwise(status: str) -> None:
    """An epilogue, however that is said, and an algorithm that was proposed but cannot be started."""
    library = MockCublasLt((Epilogue.BGRADA,), costs=(-1, 2, -1))
    library.status = f"CUBLAS_STATUS_{status}"
    device, (x, delta) = EmulatedDevice(library), (matrix(40, 6), matrix(40, 9))
    dW = np.zeros((6, 9))
    assert not device.product_with("BGRADA", x, delta, dW, aligned(np.zeros(9)), transpose_a=True)
    device.product(x, delta, dW, transpose_a=True)
    np.testing.assert_allclose(dW, x.T @ delta)
    assert chosen(device) == [1]
    library.costs = (-1, -1)
    with pytest.raises(DeviceError, match="no product of"):
        device.product(matrix(2, 3), matrix(3, 2), np.zeros((2, 2)))


@pytest.mark.parametrize("status", ["NOT_SUPPORTED", "INTERNAL_ERROR"])
def test_other_errors_of_the_library_are_not_hidden(status: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """NOT_SUPPORTED is an answer; anything else is reported as it is."""

    def fails(*_: Any) -> None:
        raise CublasLtError(f"an error (CUBLAS_STATUS_{status})")

    library = MockCublasLt()
    monkeypatch.setattr(library, "matmul_algo_get_heuristic", fails)
    with pytest.raises(DeviceError if status == "NOT_SUPPORTED" else CublasLtError):
        EmulatedDevice(library).product(matrix(2, 3), matrix(3, 2), np.zeros((2, 2)))


def test_precision_is_one_of_two() -> None:
    with pytest.raises(ConfigurationError, match="highest, high"):
        EmulatedDevice(precision="medium")


def test_high_precision_is_tf32_for_float32_only() -> None:
    """The number of the compute type, as cublasComputeType_t has it."""
    for dtype, compute in (("float32", 77), ("float64", 70), ("float16", 68)):
        library = MockCublasLt()
        EmulatedDevice(library, "high").product(matrix(2, 3, dtype), matrix(3, 2, dtype), np.zeros((2, 2), dtype))
        described = [thing for thing in library._things.values() if isinstance(thing, dict) and "compute" in thing]
        assert [thing["compute"] for thing in described] == [compute]


# -- the real library ------------------------------------------------------------------------------------------------


def test_the_mock_has_the_names_and_numbers_of_the_library() -> None:
    """Functions, their arguments and enumerations are those of nvmath.bindings.cublasLt; no GPU is needed to look."""
    real = pytest.importorskip("nvmath.bindings.cublasLt")
    for kind in (mock_cublaslt.Epilogue, mock_cublaslt.MatmulDescAttribute, mock_cublaslt.MatmulPreferenceAttribute):
        for member in kind:
            assert int(getattr(real, kind.__name__)[member.name]) == member
    for name, function in vars(MockCublasLt).items():
        if not name.startswith("_"):
            assert callable(getattr(real, name)) == callable(function)
    for attribute, dtype in mock_cublaslt.DESCRIPTION_DTYPES.items():
        assert real.get_matmul_desc_attribute_dtype(attribute) is dtype
    for wish in mock_cublaslt.MatmulPreferenceAttribute:
        assert real.get_matmul_preference_attribute_dtype(wish) is mock_cublaslt.preference_dtype(wish)
    result = real.MatmulHeuristicResult(1)
    assert result.algo.itemsize == 64


def test_the_numbers_of_types_are_nvidias() -> None:
    nvmath = pytest.importorskip("nvmath")
    cublas = pytest.importorskip("nvmath.bindings.cublas")
    kinds = {"float64": "CUDA_R_64F", "float32": "CUDA_R_32F", "float16": "CUDA_R_16F", "bfloat16": "CUDA_R_16BF"}
    assert {name: int(nvmath.CudaDataType[kind]) for name, kind in kinds.items()} == gemm._STORED
    assert int(cublas.ComputeType.COMPUTE_32F) == gemm._COMPUTE_32F
    assert int(cublas.ComputeType.COMPUTE_32F_FAST_TF32) == gemm._COMPUTE_32F_FAST_TF32
    assert int(cublas.ComputeType.COMPUTE_64F) == gemm._COMPUTE_64F


def test_no_cuda_library_is_imported_with_the_kernels() -> None:
    """Sources that import CuPy or nvmath do so where a device is made."""
    for path in Path(gemm.__file__).parent.glob("*.py"):
        for line in path.read_text(encoding="utf-8").splitlines():
            assert not line.startswith(("import cupy", "from cupy", "import nvmath", "from nvmath")), path
