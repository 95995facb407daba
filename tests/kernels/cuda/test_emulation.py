"""The instrument itself: planted faults in kernels and in calls are noticed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dlcore.kernels.cuda import launch
from dlcore.kernels.cuda.launch import NULL, THREADS, Shape, source
from dlcore.kernels.subnormals import flushed

from ...kernel_contracts import FLUSHES
from .emulation import COMPILER, MISSING, EmulatedDevice, Module

pytestmark = pytest.mark.skipif(COMPILER is None, reason=MISSING)

FAULTS = """
KERNEL(scale, const Stored *x, Stored *y, i64 n, double factor) {
  for (EACH(i, n)) store(y, i, load(x, i) * (Real)factor);
}
KERNEL(turn_around, const Stored *x, Stored *y) {
  __shared__ Scratch s;
  s.lanes[threadIdx.x] = load(x, threadIdx.x);
  __syncthreads();
  store(y, threadIdx.x, s.lanes[THREADS - 1 - threadIdx.x]);
}
KERNEL(no_barrier, const Stored *x, Stored *y) {
  __shared__ Scratch s;
  s.lanes[threadIdx.x] = load(x, threadIdx.x);
  store(y, threadIdx.x, s.lanes[THREADS - 1 - threadIdx.x]);
}
KERNEL(unwritten, const Stored *x, Stored *y) {
  __shared__ Scratch s;
  store(y, threadIdx.x, s.lanes[threadIdx.x]);
}
KERNEL(divergent, const Stored *x, Stored *y) {
  if (threadIdx.x < 100) __syncthreads();
  else __syncwarp();
  if (threadIdx.x >= 100) __syncthreads();
  if (threadIdx.x == 0) __syncthreads();
  else if (threadIdx.x < 64) __syncwarp();
}
KERNEL(sums, const Stored *x, Stored *y) {
  __shared__ Scratch s;
  Real warps = warp_sum(load(x, threadIdx.x)), block = block_sum(load(x, threadIdx.x), s);
  store(y, threadIdx.x, threadIdx.x < 32 ? warps : block);
}
"""
BLOCK = Shape((1,), (THREADS,))


@pytest.fixture(scope="module")
def module() -> Module:
    return EmulatedDevice().compiled(source("activations", "float32") + FAULTS)


def results(module: Module, name: str) -> list[np.ndarray]:
    """Of as many runs as there are orders of threads."""
    x = np.random.default_rng(0).standard_normal(THREADS).astype("float32")
    kernel, ys = module.get_function(name), [np.zeros_like(x) for _ in range(3)]
    for y in ys:
        kernel(*BLOCK, (x, y))
    return [x, *ys]


@pytest.mark.parametrize("file", sorted(path.stem for path in Path(launch.__file__).parent.glob("*.cu")))
def test_sources_are_ascii(file: str) -> None:
    """CuPy writes a source to a file in the encoding of the user's locale."""
    assert source(file, "float32", "uint8").isascii()


def test_threads_meet_at_barriers(module: Module) -> None:
    """Every thread reads what another has written before the barrier."""
    x, *ys = results(module, "turn_around")
    for y in ys:
        np.testing.assert_array_equal(y, x[::-1])


def test_a_missing_barrier_shows(module: Module) -> None:
    """Without the barrier the results differ from run to run, or are NaN."""
    x, *ys = results(module, "no_barrier")
    assert any(not np.array_equal(y, x[::-1]) for y in ys)
    assert not all(np.array_equal(y, ys[0]) for y in ys)


def test_shared_memory_is_not_zero(module: Module) -> None:
    """What nobody wrote is NaN."""
    assert all(np.isnan(y).all() for y in results(module, "unwritten")[1:])


def test_a_divergent_barrier_is_an_error(module: Module) -> None:
    """Where a part of the threads waits for ever, a launch ends; and the next one works."""
    with pytest.raises(RuntimeError, match="divergent: some threads wait"):
        results(module, "divergent")
    test_threads_meet_at_barriers(module)


def test_sums_of_warps_and_blocks(module: Module) -> None:
    x, *ys = results(module, "sums")
    for y in ys:
        np.testing.assert_allclose(y[:32], x[:32].sum(), rtol=1e-5)
        np.testing.assert_allclose(y[32:], x.sum(), rtol=1e-5)


@pytest.mark.parametrize(("dtype", "flushes"), [("float32", True), ("float64", False)])
def test_float32_is_flushed_as_on_a_gpu(dtype: str, flushes: bool) -> None:
    """And float64 is not, whatever the caller's mode is; the caller's mode stays."""
    kernel = EmulatedDevice().compiled(source("activations", dtype) + FAULTS).get_function("scale")
    x, y = np.full(4, np.finfo(dtype).smallest_normal), np.empty(4, dtype)

    def run() -> bool:
        kernel(*BLOCK, (x, y, np.int64(4), np.float64(0.5)))
        return bool((x * x.dtype.type(0.5) == 0).all())

    for callers, call in ((False, run), (FLUSHES, lambda: flushed(run))):
        assert call() == callers
        assert y.any() != flushes


X = np.ones(8, "float32")


@pytest.mark.parametrize(
    ("arguments", "got"),
    [
        ((X, X.copy(), 8, np.float64(2)), "int, expected int64"),
        ((X, X.copy(), np.int32(8), np.float64(2)), "int32, expected int64"),
        ((X, X.copy(), np.int64(8), 2.0), "float, expected float64"),
        ((X, X.copy(), np.int64(8), np.float32(2)), "float32, expected float64"),
        ((X.astype("float64"), X.copy(), np.int64(8), np.float64(2)), r"float64, expected \*float32"),
        ((X[::2], X.copy(), np.int64(4), np.float64(2)), "C-contiguous"),
        ((X, np.int64(0), np.int64(8), np.float64(2)), r"int64, expected \*float32"),
        ((X, NULL, np.int64(8)), "takes 4 arguments, got 3"),
    ],
)
def test_arguments_of_another_type_are_refused(module: Module, arguments: tuple[Any, ...], got: str) -> None:
    """A GPU would read an integer's bits as a number, or the gaps of a view as its entries."""
    with pytest.raises(TypeError, match=got):
        module.get_function("scale")(*BLOCK, arguments)


@pytest.mark.parametrize(
    "shape", [((0,), (256,)), ((1, 70000), (32, 8)), ((1,), (2048,))], ids=["no block", "grid", "block"]
)
def test_a_grid_that_no_gpu_starts_is_refused(module: Module, shape: Any) -> None:
    with pytest.raises(ValueError, match="no GPU starts"):
        module.get_function("scale")(*shape, (X, X.copy(), np.int64(8), np.float64(2)))


def test_compilation_errors_are_shown() -> None:
    with pytest.raises(RuntimeError, match="undeclared_word"):
        EmulatedDevice().compiled(source("activations", "float32") + "KERNEL(f, int n) { undeclared_word; }")
