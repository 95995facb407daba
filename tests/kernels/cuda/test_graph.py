"""Graphs: how often calls are made, and what may not happen while they are captured.  Needs neither GPU nor compiler."""

from __future__ import annotations

import gc
import weakref
from contextlib import nullcontext

import numpy as np
import pytest

from dlcore.backends.backend import Backend, cuda_backend
from dlcore.kernels import cuda
from dlcore.kernels.cuda.graph import STEPS, Graphs

from .emulation import EmulatedDevice
from .stream import STREAM


class Counter:
    """A call that starts work, as kernels do."""

    def __init__(self) -> None:
        self.made = self.worked = 0

    def __call__(self) -> None:
        self.made += 1
        STREAM.start(self.work)

    def work(self) -> None:
        self.worked += 1


@pytest.mark.parametrize("runs", [(1,), (0, 2), (1, 1, 1), (STEPS + 1,), (3 * STEPS + 7, 5), (STEPS, STEPS)])
def test_every_step_is_made_once(runs: tuple[int, ...]) -> None:
    """Any number of runs makes that number of steps; Python makes the calls of one, and those of two graphs at most."""
    counter = Counter()
    graphs, captured = Graphs(EmulatedDevice(), [counter]), STREAM.graphs
    for steps in runs:
        graphs(steps)
    assert counter.worked == sum(runs)
    assert counter.made <= 1 + STEPS + 1
    assert STREAM.graphs - captured <= 2


@pytest.mark.parametrize("what", ["zeros", "asarray", "to_host", "compiled", "plan"])
def test_what_capture_forbids_is_an_error(what: str) -> None:
    """An allocation, a copy, a compilation or a new plan; afterwards the stream is as it was."""
    device, a = EmulatedDevice(), np.ones((2, 2))
    body = {
        "zeros": lambda: device.zeros(3, "float32"),
        "asarray": lambda: device.asarray(a),
        "to_host": lambda: device.to_host(a),
        "compiled": lambda: device.compiled(""),
        "plan": lambda: device.product(a, a, np.zeros((2, 2))),
    }[what]
    with pytest.raises(RuntimeError, match="while a graph is captured"):
        device.captured(body)
    counter = Counter()
    counter()
    assert counter.worked == 1


def test_scratch_that_grows_leaves_the_old_to_its_graphs() -> None:
    """A graph keeps the addresses that it was captured with, so that memory is not given back."""
    device = EmulatedDevice()
    small, _ = device.partial_sums("float64", 10)
    memory = weakref.ref(small if small.base is None else small.base)
    large, _ = device.partial_sums("float64", 10**5)
    assert not np.shares_memory(small, large)
    del small
    gc.collect()
    assert memory() is not None


def test_a_device_without_its_products_replays() -> None:
    """Where products are CuPy's, steps are made call by call, and the reason is said."""
    device = EmulatedDevice()
    device.reason = "matrix products are CuPy's"
    backend = cuda_backend("emulated", np, device, nullcontext)
    assert isinstance(backend, Backend)
    assert (backend.kernels.executor([]).name, backend.kernels.executor([]).reason) == ("replay", device.reason)


def test_the_interface_is_there() -> None:
    """Each name in `__all__` exists; CupyDevice is found without CuPy."""
    assert [name for name in cuda.__all__ if not hasattr(cuda, name)] == []
