"""ReLU's gradient by a mask that the forward product has written: which calls share one, and that nothing changes by it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import numpy as np
import pytest

import dlcore as dl
from dlcore.backends.backend import cuda_backend
from dlcore.kernels import cuda, reference
from dlcore.kernels.cuda.activations import relu_with_mask
from dlcore.kernels.cuda.epilogues import mask_bytes
from dlcore.kernels.table import BoundCall, Kernel

from .emulation import COMPILER, MISSING, EmulatedDevice
from .mock_cublaslt import Epilogue, MockCublasLt
from .products import aligned, matrix
from .test_epilogues import ClearsNaN
from .test_training import DIGITS, TABLE, assert_equal_steps

pytestmark = pytest.mark.skipif(COMPILER is None, reason=MISSING)


def network() -> tuple[dl.Sequential, dl.Loss, dl.Optimizer]:
    """Two ReLUs of one width, whose masks could be taken for one another."""
    layers = dl.Dense(12, 24), dl.ReLU(), dl.Dense(24, 24), dl.ReLU(), dl.Dense(24, 8), dl.GELU("tanh"), dl.Dense(8, 3)
    return dl.Sequential(*layers), dl.SoftmaxCrossEntropy(), dl.Adam(1e-2)


ALL = {"RELU_AUX_BIAS", "DRELU_BGRAD", "GELU_AUX_BIAS", "DGELU_BGRAD", "BGRADA", "DEFAULT"}


@pytest.mark.parametrize(
    ("library", "used"),
    [
        (MockCublasLt, ALL),
        (lambda: MockCublasLt((Epilogue.DRELU_BGRAD, Epilogue.DGELU_BGRAD)), {"DRELU", "DGELU"}),
        (lambda: MockCublasLt((Epilogue.RELU_AUX_BIAS,)), ALL - {"RELU_AUX_BIAS"}),
        (lambda: MockCublasLt((Epilogue.DRELU, Epilogue.DRELU_BGRAD)), {"RELU_BIAS"}),
        (lambda: MockCublasLt((Epilogue.DRELU,)), {"RELU_BIAS"}),  # no mask is written, so that with sums is of no use
        (ClearsNaN, {"DEFAULT"}),
        (lambda: ClearsNaN(only=Epilogue.RELU_BIAS), ALL - {"RELU_AUX_BIAS"}),
    ],
    ids=["all", "without sums", "without masks", "without gradients", "only with sums", "loses NaN", "ReLU loses NaN"],
)
def test_steps_are_those_of_the_cpu(library: Callable[[], MockCublasLt], used: set[str]) -> None:
    """Five steps, the last one ragged, and a prediction, whatever the library offers; and that is used."""
    lt = library()
    backend = cuda_backend("emulated", np, EmulatedDevice(lt), nullcontext)
    assert_equal_steps(backend, network, TABLE[:100], DIGITS[:100] % 3, epochs=1, batch_size=24)
    lt.used.clear()
    run = dl.Trainer(*network(), device=backend, dtype="float64")
    run.fit(TABLE[:48], DIGITS[:48] % 3, epochs=1, batch_size=24)
    assert used <= set(lt.used)
    assert lt.used["RELU_AUX_BIAS"] in (0, lt.used["DRELU"] + lt.used["DRELU_BGRAD"])  # each mask is read once
    if {"DEFAULT"} <= used:
        assert set(lt.used) == used


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_call_by_call_gives_the_bits_of_the_graph(dtype: str) -> None:
    """Both use the same epilogues; in 16 bits sums are not left to them."""
    pytest.importorskip("ml_dtypes")
    weights = []
    for graph in (True, False):
        lt = MockCublasLt()
        backend = cuda_backend("emulated", np, EmulatedDevice(lt), nullcontext)
        run = dl.Trainer(*network(), device=backend, dtype=dtype, graph=graph)
        run.fit(TABLE[:96], DIGITS[:96] % 3, epochs=1, batch_size=24)
        assert lt.used["DRELU_BGRAD" if dtype == "float32" else "DRELU"] > 4
        weights.append(b"".join(w.tobytes() for w in run.get_weights()))
    assert weights[0] == weights[1]


@pytest.mark.parametrize("columns", [3, 130])
def test_the_mask_of_our_own_pass(columns: int) -> None:
    """A bit for each entry that is above 0, the lowest bit first: not for 0 itself, whose derivative is 0, nor for NaN."""
    values = np.array([-1.0, 0.0, -0.0, np.nan, 2.0, 1e-300])
    z, b = np.resize(values, (5, columns)), np.zeros(columns)
    mask = np.full((5, mask_bytes(columns)), 255, "uint8")
    positive = z > 0
    relu_with_mask(EmulatedDevice(), z, b, mask)
    assert np.array_equal(np.unpackbits(mask, axis=1, bitorder="little")[:, :columns], positive)
    np.testing.assert_array_equal(z, np.where(positive | np.isnan(z), z, 0))


def calls(device: EmulatedDevice, *names: str) -> tuple[list[BoundCall], np.ndarray, np.ndarray]:
    """Of a product that writes a, a gradient that reads a into dz, and others; then a and dz."""
    x, W, a, delta, dz, other = (aligned(matrix(16, 16)) for _ in range(6))
    b, db = aligned(np.linspace(-1, 1, 16)), aligned(np.zeros(16))
    arguments: dict[str, tuple[tuple[Any, ...], tuple[Any, ...]]] = {
        "dense_relu": ((x, W, b), (a,)),
        "input_grad_relu": ((delta, W, a), (dz, db)),
        "identity": ((delta,), (other,)),
        "negated": ((a,), (a,)),
    }

    def call(name: str) -> BoundCall:
        run = negated if name == "negated" else cuda.kernels(device)[name]
        contract = reference.KERNELS["identity" if name == "negated" else name].contract
        return BoundCall(Kernel(name, contract, run, "cuda"), *arguments[name])

    return [call(name) for name in names], a, dz


def negated(z: np.ndarray, *, out: np.ndarray) -> None:
    """1 where z is 0, else 0: what was dead is alive."""
    out[...] = z == 0


@pytest.mark.parametrize(
    ("names", "shared"),
    [
        (("dense_relu", "identity", "input_grad_relu"), True),
        (("dense_relu", "negated", "input_grad_relu"), False),  # the mask would be that of another a
        (("dense_relu", "identity"), False),
        (("input_grad_relu", "dense_relu"), False),  # of the step before
        (("dense_relu", "input_grad_relu", "negated", "dense_relu", "input_grad_relu"), True),
    ],
)
def test_a_mask_is_of_one_output(names: tuple[str, ...], shared: bool) -> None:
    """It goes from the product to the next gradient that reads what it wrote; the results are those without masks."""
    lt = MockCublasLt()
    device = EmulatedDevice(lt)
    before, a, dz = calls(device, *names)
    start = a.copy(), dz.copy()
    for call in before:
        call()
    want = a.copy(), dz.copy()
    after = cuda.masked(device, before)
    for _ in range(2):  # the first time epilogues are tried on examples
        lt.used.clear()
        a[...], dz[...] = start
        for call in after:
            call()
    np.testing.assert_array_equal(a, want[0])
    np.testing.assert_array_equal(dz, want[1])
    assert ("RELU_AUX_BIAS" in lt.used) == shared
