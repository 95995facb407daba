"""Kernels by name, and calls of kernels on named buffers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from dlcore.backends.backend import from_namespace
from dlcore.errors import ContractError
from dlcore.kernels import reference
from dlcore.kernels.contract import contract, parse
from dlcore.kernels.table import BoundCall, Buffer, Call, Kernel, KernelTable, host_dtype, writing

TABLE = from_namespace(np, "numpy").kernels
X, W, B, Z = (
    Buffer("scratch", "x", (5, 3), "float64"),
    Buffer("theta", "0.W", (3, 2), "float64"),
    Buffer("theta", "0.b", (2,), "float64"),
    Buffer("scratch", "z", (5, 2), "float64"),
)
DENSE = Call(TABLE.dense, (X, W, B), (Z,))


# -- kernels -----------------------------------------------------------------------------------------------------------


def test_a_kernel_is_checked_before_it_runs() -> None:
    """A call against the contract never reaches the kernel."""

    def run(*inputs: Any, out: Any) -> None:
        raise AssertionError("reached")

    kernel = Kernel("dense", parse("x[n,i] W[i,o] b[o] -> z[n,o]"), run, "test")
    with pytest.raises(ContractError):
        kernel(np.zeros((5, 3)), np.zeros((3, 2)), np.zeros(7), out=np.zeros((5, 2)))


def test_a_table_shows_where_it_falls_back() -> None:
    """A kernel without a fast twin is the reference, and says so."""
    table = KernelTable.of(np, reference.KERNELS, {"relu": TABLE["relu"].run}, "cpu", TABLE.executor)
    assert (table.relu.source, table.tanh.source) == ("cpu", "reference")
    assert (table.device, set(table)) == ("cpu", set(reference.KERNELS))


def test_an_unknown_kernel_is_named() -> None:
    with pytest.raises(AttributeError, match="no kernel 'rleu'"):
        _ = TABLE.rleu
    with pytest.raises(KeyError):
        TABLE["rleu"]


def test_a_reference_writes_its_results() -> None:
    out = np.full((5, 2), np.nan)
    TABLE.dense(np.ones((5, 3)), np.ones((3, 2)), np.ones(2), out=out)
    assert (out == 4).all()


def test_a_result_that_is_an_input_is_read_before_it_is_overwritten() -> None:
    """(a, b) ← (b, a)."""

    @contract("a[n] b[n] -> a[n] b[n]")
    def exchange(xp: Any, a: Any, b: Any) -> Any:
        return b, a

    a, b = np.array([1.0]), np.array([2.0])
    writing(exchange, np)(a, b, out=(a, b))
    assert (a.item(), b.item()) == (2, 1)


def test_the_dtype_of_a_name() -> None:
    """NumPy has no bfloat16: two bytes, with the exponents of float32."""
    assert host_dtype("float32") == np.float32
    pytest.importorskip("ml_dtypes")
    bfloat16 = host_dtype("bfloat16")
    assert bfloat16.itemsize == 2
    assert float(np.asarray(1e38).astype(bfloat16)) == pytest.approx(1e38, rel=2**-8)


# -- calls -------------------------------------------------------------------------------------------------------------


def test_two_buffers_are_equal_only_if_they_are_one() -> None:
    """Two steps may name their buffers alike."""
    assert Buffer("scratch", "x", (5, 3), "float64") != X


def test_a_call_shows_shapes_and_numbers_and_what_is_updated() -> None:
    assert str(DENSE) == "x[5,3] 0.W[3,2] 0.b[2] -> z[5,2]"
    assert str(Call(TABLE.leaky_relu, (Z, 0.01), (Z,))) == "z[5,2] alpha=0.01 -> z[5,2]"
    theta, gradient, control = (
        Buffer("theta", "", (8,), "float64"),
        Buffer("grad", "", (8,), "float64"),
        Buffer("scratch", "control", (4,), "float64"),
    )
    text = str(Call(TABLE.sgd, (theta, gradient, control, 6), (theta,)))
    assert text == "theta[8]* grad[8] control[4] decayed=6"


def test_a_product_has_operations() -> None:
    """2 n i o; everything else is nothing beside it."""
    assert DENSE.operations == 2 * 5 * 3 * 2
    assert Call(TABLE.relu, (Z,), (Z,)).operations == 0


def test_a_call_is_bound_to_arrays() -> None:
    """And then takes no arguments; numbers stay."""
    arrays = {X: np.ones((5, 3)), W: np.ones((3, 2)), B: np.zeros(2), Z: np.zeros((5, 2))}
    assert list(DENSE.buffers()) == [X, W, B, Z]
    calls = [DENSE.bind(arrays.__getitem__), Call(TABLE.leaky_relu, (Z, -1.0), (Z,)).bind(arrays.__getitem__)]
    assert all(isinstance(call, BoundCall) and call.on_host for call in calls)
    for call in calls:
        call()
    assert (arrays[Z] == 3).all()
    arrays[W][...] = -1
    for call in calls:
        call()
    assert (arrays[Z] == 3).all()  # |−3|
