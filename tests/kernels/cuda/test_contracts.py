"""Every CUDA kernel, executed on the CPU, against its contract and the float64 reference.

The test is the one of the CPU's kernels; what is executed is the source that NVRTC compiles for a GPU.
"""

from __future__ import annotations

import numpy as np
import pytest

from dlcore.kernels import cuda, reference

from ... import kernel_contracts
from ...kernel_contracts import ROOT_OF_SQUARES, SAMPLED, UNDERFLOW, check_at_all_sizes, check_kernel, often
from .emulation import COMPILER, MISSING, EmulatedDevice
from .mock_cublaslt import MockCublasLt

pytestmark = pytest.mark.skipif(COMPILER is None, reason=MISSING)

LIBRARY = MockCublasLt()
DEVICE = EmulatedDevice(LIBRARY)
KERNELS = cuda.kernels(DEVICE)
MOST = [name for name in KERNELS if name not in reference.mixed.KERNELS or name in SAMPLED]  # in 16 bits: all


def test_every_reference_kernel_has_a_cuda_twin() -> None:
    """No kernel of a GPU's table is the slow reference, and none is without a reference."""
    assert set(KERNELS) == set(reference.KERNELS)


@pytest.mark.parametrize(
    "stored", ["uint8", *(pytest.param(t, marks=pytest.mark.slow) for t in ("int16", "bool", "float64"))]
)
@pytest.mark.parametrize("name", ["gather", "gather_labels"])
def test_cuda_gather_casts(name: str, stored: str) -> None:
    """Data arrive as the same numbers in the dtype of computation, whatever they are stored in."""
    contract = reference.KERNELS[name].contract
    check_at_all_sizes(KERNELS[name], contract, reference.KERNELS[name], "float32", stored=stored)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", MOST)
def test_cuda_kernel_keeps_its_contract(name: str, dtype: str) -> None:
    """A kernel gives what the float64 reference gives, and touches nothing else; in any order of its threads."""
    check_at_all_sizes(KERNELS[name], reference.KERNELS[name].contract, reference.KERNELS[name], dtype)


@pytest.mark.parametrize("name", often(name for name in MOST if name not in ROOT_OF_SQUARES))
def test_cuda_kernel_where_products_underflow(name: str) -> None:
    """Compiled to flush float32, within the tolerance in units of the smallest normal number; no result is subnormal."""
    contract = reference.KERNELS[name].contract
    sizes = dict(zip(contract.letters, (5, 7, 3, 6, 4), strict=False))
    check_kernel(KERNELS[name], contract, reference.KERNELS[name], sizes, dtype="float32", scale=UNDERFLOW)


@pytest.mark.parametrize("columns", [3, 300])  # a row of a warp, and of a block
def test_what_counts_as_right_where_outputs_are_equal(columns: int) -> None:
    """z = 0 is yes, and of equal entries the first is the largest, of targets too: worth 1, 2, 4 and 8 here."""
    z, w, first = np.zeros((4, columns)), 2.0 ** np.arange(4), np.arange(columns) == 0
    last = first[::-1]
    for name, y, right in (
        ("binary_cross_entropy_counted", np.stack([first, last | True, last, last | True]), 2 + 8),
        ("softmax_cross_entropy_counted", np.array([0, 1, columns - 1, 0]), 1 + 8),
        ("softmax_cross_entropy_dense_counted", np.stack([first, last, first | last, first & last]), 1 + 4 + 8),
    ):
        y = y if y.ndim == 1 else y.astype("float64")
        loss, delta = np.empty(3), np.empty_like(z)
        KERNELS[name](z, y, w, *((0.0,) if "softmax" in name else ()), out=(loss, delta))
        assert loss[2] == right, name


def check_sixteen_bits(name: str, dtype: str) -> None:
    contract = reference.KERNELS[name].contract
    for numbers in ((5, 7, 3, 6, 4), (40, 33, 12, 6, 4)):
        sizes = dict(zip(contract.letters, numbers, strict=False))
        check_kernel(KERNELS[name], contract, reference.KERNELS[name], sizes, dtype=dtype)


@pytest.mark.parametrize("name", KERNELS)
def test_cuda_kernel_in_float16(name: str) -> None:
    """Storage of 16 bits and arithmetic of 32: within the contract's tolerance in units of the last place of the storage."""
    check_sixteen_bits(name, "float16")


# the casts are all that distinguishes the two, so a few kernels do; the others are among the slow tests
@pytest.mark.parametrize(
    "name", [n if n in ("add", "bias_grad") else pytest.param(n, marks=pytest.mark.slow) for n in KERNELS]
)
def test_cuda_kernel_in_bfloat16(name: str) -> None:
    """As in float16."""
    pytest.importorskip("ml_dtypes")
    check_sixteen_bits(name, "bfloat16")


@pytest.mark.parametrize("dtype", ["float32", "float16"])
@pytest.mark.parametrize("name", ["dense", "dense_relu", "dense_gelu_tanh", "input_grad_gelu_tanh", "dense_grad"])
def test_cuda_kernel_by_epilogues(name: str, dtype: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """On boundaries, as the arrays of a step: then the work is done by epilogues of the library."""
    monkeypatch.setattr(kernel_contracts, "GUARD", 64)
    f = reference.KERNELS[name]
    LIBRARY.used.clear()
    check_kernel(KERNELS[name], f.contract, f, {"n": 40, "i": 48, "o": 32}, dtype=dtype)
    assert LIBRARY.used
    assert "DEFAULT" not in LIBRARY.used


@pytest.mark.parametrize("name", often(MOST))
def test_cuda_kernel_on_wide_rows(name: str) -> None:
    """Rows too wide for a warp belong to a block."""
    contract = reference.KERNELS[name].contract
    sizes = dict(zip(contract.letters, (3, 1500, 4, 2, 5), strict=False))
    check_kernel(KERNELS[name], contract, reference.KERNELS[name], sizes)
