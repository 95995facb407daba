"""A list of calls as CUDA graphs: one launch for many steps.

A graph repeats the work that was launched while it was captured, on the same addresses.  That is all a step needs: what varies
from step to step (batch, rate, counters, losses) the step itself reads from and writes to device memory.

    Graphs(device, calls)(steps)    runs all calls, `steps` times

The first step runs call by call.  It is an ordinary step, and afterwards capturing has nothing left to prepare: kernels are
compiled, products have their plans, scratch has its full size.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from .device import Device

STEPS = 32  # in the longer graph: launching it costs the host about 10 µs, and capturing it about as much per call


class Graphs:
    """A graph of one step and a graph of STEPS steps, each captured when first needed, on the stream that is current then."""

    def __init__(self, device: Device, calls: Sequence[Callable[[], None]]) -> None:
        self._device, self._calls, self._tried = device, calls, False
        self._graphs: dict[int, Callable[[], None]] = {}

    def __call__(self, steps: int) -> None:
        if steps and not self._tried:
            self._make_calls(1)
            self._tried, steps = True, steps - 1
        for size in (STEPS, 1):
            while steps >= size:
                if size not in self._graphs:
                    self._graphs[size] = self._device.captured(partial(self._make_calls, size))
                self._graphs[size]()
                steps -= size

    def _make_calls(self, steps: int) -> None:
        for _ in range(steps):
            for call in self._calls:
                call()
