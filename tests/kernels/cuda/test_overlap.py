"""Two streams: whatever goes aside, every array ends as if there were one.

The emulated stream puts off work that is aside for as long as nothing waits for it, so a missing wait shows in the numbers.
"""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from dlcore.kernels.cuda.overlap import overlapped

from .emulation import EmulatedDevice
from .stream import STREAM

Work = Callable[..., None]


def mixed(*inputs: np.ndarray, out: np.ndarray) -> None:
    """A kernel: what it writes depends on all that it reads."""
    STREAM.start(lambda: np.copyto(out, sum((i + 1) * a[: len(out)] for i, a in enumerate(inputs)) % 1009))


class Call:
    """A bound call of `mixed` under some name."""

    def __init__(self, name: str, inputs: list[np.ndarray], out: np.ndarray) -> None:
        self.kernel, self.inputs, self.outputs, self.out = SimpleNamespace(name=name), inputs, (out,), out

    def __call__(self) -> None:
        mixed(*self.inputs, out=self.out)


class Device(EmulatedDevice):
    """Counts what goes aside."""

    def __init__(self, joins: bool = True) -> None:
        super().__init__()
        self.aside, self._joins = 0, joins

    def fork(self, work: Callable[[], None]) -> None:
        self.aside += 1
        super().fork(work)

    def join(self) -> None:
        if self._joins:
            super().join()


def arrays() -> list[np.ndarray]:
    """Five arrays, and both halves of another one."""
    whole = [np.arange(8.0) + 10 * i for i in range(6)]
    return [*whole, whole[5][:4], whole[5][4:]]


def program(seed: int, memory: list[np.ndarray]) -> list[Call]:
    """Ten calls at random, some of which may go aside; none writes what it reads."""
    random, calls = np.random.default_rng(seed), []
    while len(calls) < 10:
        name = str(random.choice(["weight_grad", "dense_grad", "input_grad", "prepare_update"]))
        *read, written = random.integers(0, len(memory), 3)
        inputs, out = [memory[i] for i in read], memory[written]
        if not any(np.shares_memory(a, out) or len(a) < len(out) for a in inputs):
            calls.append(Call(name, inputs, out))
    return calls


def results(seed: int, run: Callable[[list[Call]], None]) -> np.ndarray:
    memory = arrays()
    run(program(seed, memory))
    found = np.concatenate(memory)
    STREAM.join()  # what nobody has waited for is too late
    return found


def one_stream(calls: list[Call]) -> None:
    for call in calls:
        call()


def two_streams(device: Device) -> Callable[[list[Call]], None]:
    def run(calls: list[Call]) -> None:
        kernels: dict[str, Work] = {"weight_grad": mixed, "dense_grad": mixed}
        for work in overlapped(device, calls, lambda _: kernels):
            work()

    return run


def test_every_array_ends_as_with_one_stream() -> None:
    """Two hundred programs, with every kind of conflict, and without a last call that waits for the rest."""
    device = Device()
    for seed in range(200):
        assert np.array_equal(results(seed, two_streams(device)), results(seed, one_stream)), seed
    assert device.aside > 200


def test_a_wait_that_is_missing_shows() -> None:
    """The test above can fail."""
    device = Device(joins=False)
    same = [np.array_equal(results(seed, two_streams(device)), results(seed, one_stream)) for seed in range(20)]
    assert same.count(False) > 10


@pytest.mark.parametrize(("after", "aside"), [("input_grad", 1), ("prepare_update", 0), (None, 0)])
def test_a_weight_gradient_goes_aside_where_something_runs_beside_it(after: str | None, aside: int) -> None:
    """The input gradient below it does; the update that reads it does not, and where nothing follows there is nothing."""
    a, b, c, d, gradient = (np.ones(8) for _ in range(5))
    calls: list[Any] = [Call("weight_grad", [a, b], gradient[:4])]
    if after:
        calls.append(Call(after, [b, c] if aside else [gradient, c], d))
    device = Device()
    two_streams(device)(calls)
    assert device.aside == aside
