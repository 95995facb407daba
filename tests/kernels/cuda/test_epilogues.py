"""Epilogues of products: used where the library has them, and has them right."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from dlcore.kernels import cuda, reference

from . import mock_cublaslt
from .emulation import COMPILER, MISSING, EmulatedDevice
from .mock_cublaslt import Epilogue, MockCublasLt
from .products import aligned, matrix


@pytest.mark.skipif(COMPILER is None, reason=MISSING)
@pytest.mark.parametrize("refuses", [(), (Epilogue.BGRADA,)], ids=["epilogue", "kernel"])
def test_weight_and_bias_gradient(refuses: tuple[int, ...]) -> None:
    """One product sums the columns too where the library offers it, a kernel of ours does where it does not."""
    library = MockCublasLt(refuses)
    device, x, delta = EmulatedDevice(library), matrix(40, 6), matrix(40, 9)
    dW, db = np.full((6, 9), np.nan), aligned(np.full(9, np.nan))
    cuda.kernels(device)["dense_grad"](x, delta, out=(dW, db))
    np.testing.assert_allclose(dW, x.T @ delta, atol=1e-12)
    np.testing.assert_allclose(db, delta.sum(axis=0), atol=1e-12)
    assert ("BGRADA" in library.used) == (not refuses)


class ClearsNaN(MockCublasLt):
    """Whatever has an epilogue with these flags, or any at all, has no NaN in it."""

    def __init__(self, refuses: tuple[int, ...] = (), only: int = 0) -> None:
        super().__init__(refuses)
        self._only = only

    def _epilogue(self, settings: Any, left: Any, right: Any, dtype: str) -> np.ndarray:
        result = super()._epilogue(settings, left, right, dtype)
        kind = settings[mock_cublaslt.MatmulDescAttribute.EPILOGUE]
        return result if kind == Epilogue.DEFAULT or kind & self._only != self._only else np.nan_to_num(result)


class Rough(MockCublasLt):
    """The tanh of its GELU has three digits."""

    def _epilogue(self, settings: Any, left: Any, right: Any, dtype: str) -> np.ndarray:
        result = super()._epilogue(settings, left, right, dtype)
        rough = "GELU" in Epilogue(settings[mock_cublaslt.MatmulDescAttribute.EPILOGUE]).name
        return result * (1 + 1e-3) if rough else result


@pytest.mark.skipif(COMPILER is None, reason=MISSING)
@pytest.mark.parametrize(
    ("library", "epilogues"),
    [
        (MockCublasLt, ("BIAS", "RELU_BIAS", "GELU_AUX_BIAS", "DGELU_BGRAD", "BGRADA")),
        (lambda: MockCublasLt(tuple(Epilogue)[1:]), ()),
        (ClearsNaN, ()),
        (Rough, ("BIAS", "RELU_BIAS", "BGRADA")),
    ],
    ids=["all", "none", "loses NaN", "rough"],
)
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_epilogues_and_kernels_compute_the_same(library: Any, epilogues: tuple[str, ...], dtype: str) -> None:
    """Right in any case; by an epilogue where the library has it, and has it right."""
    lt = library()
    kernels = cuda.kernels(EmulatedDevice(lt))
    x, W, b, delta = (aligned(matrix(*shape, dtype)) for shape in ((40, 6), (6, 16), (1, 16), (40, 16)))
    b, V, d = b.reshape(16), aligned(matrix(16, 5, dtype)), aligned(matrix(40, 5, dtype))  # of a layer above
    for name, inputs, shapes, epilogue in (
        ("dense", (x, W, b), [(40, 16)], "BIAS"),
        ("dense_relu", (x, W, b), [(40, 16)], "RELU_BIAS"),
        ("dense_gelu_tanh", (x, W, b), [(40, 16), (40, 16)], "GELU_AUX_BIAS"),
        ("input_grad_gelu_tanh", (d, V, delta), [(40, 16), (16,)], "DGELU_BGRAD"),
        ("dense_grad", (x, delta), [(6, 16), (16,)], "BGRADA"),
    ):
        for _ in range(2):  # the first time it is tried on an example
            out = tuple(aligned(np.full(shape, np.nan, dtype)) for shape in shapes)
            lt.used.clear()
            kernels[name](*inputs, out=out if len(out) > 1 else out[0])
        assert set(lt.used) == {epilogue if epilogue in epilogues else "DEFAULT"}
        want = reference.KERNELS[name](np, *(v.astype("float64") for v in inputs))
        for found, expected in zip(out, want if len(out) > 1 else (want,), strict=True):
            np.testing.assert_allclose(found, expected, rtol=0, atol=400 * np.finfo(dtype).eps)


@pytest.mark.skipif(COMPILER is None, reason=MISSING)
@pytest.mark.parametrize("width", [6, 8])
def test_what_gelu_keeps_has_rows_of_whole_vectors(width: int) -> None:
    """The library takes rows of 8 entries and of multiples of it; for others it is not asked, as the mock asserts."""
    lt = MockCublasLt()
    dense = cuda.kernels(EmulatedDevice(lt))["dense_gelu_tanh"]
    x, W, b = aligned(matrix(40, 3)), aligned(matrix(3, width)), aligned(matrix(1, width)).reshape(width)
    out = aligned(np.empty((40, width))), aligned(np.empty((40, width)))
    for _ in range(2):  # the first time it is tried on an example
        lt.used.clear()
        dense(x, W, b, out=out)
    assert set(lt.used) == {"GELU_AUX_BIAS" if width == 8 else "DEFAULT"}


def test_an_epilogue_that_loses_nan_is_not_used() -> None:
    """The example that is tried first has a NaN in it."""
    sums, arrays = aligned(np.full(9, 5.0)), (matrix(40, 6), matrix(40, 9), np.zeros((6, 9)))
    assert not EmulatedDevice(ClearsNaN()).product_with("BGRADA", *arrays, sums, transpose_a=True)
    assert (sums == 5).all()
    assert EmulatedDevice().product_with("BGRADA", *arrays, sums, transpose_a=True)


def test_gradients_of_a_product_with_one_term_have_no_epilogue() -> None:
    """A network with one output, and a batch of one row: the mock asserts that it is not asked."""
    device, one = EmulatedDevice(), matrix(1, 6)
    assert not device.product_with(
        "BGRADA", one, matrix(1, 9), np.zeros((6, 9)), aligned(np.zeros(9)), transpose_a=True
    )
    arrays = matrix(40, 1), matrix(8, 1), np.zeros((40, 8))
    assert not device.product_with("DGELU", *arrays, None, aligned(matrix(40, 8)), transpose_b=True)
    assert device.product_with("BIAS", one.T.copy(), one, np.zeros((6, 6)), aligned(np.ones(6)))
