"""A list of calls as CUDA graphs: one launch for many steps.

A graph repeats what was started while it was captured, on the same addresses.  That is all a step needs: what varies from
step to step (batch, rate, counters, losses) is read from the device and written there by the step itself.

    Graphs(device, calls)(steps)    makes all calls, so many times

The first step is made call by call.  It is a step as any other, and it leaves nothing to do while the next are captured:
kernels are compiled, products have their plans, scratch has grown to its size.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

STEPS = 32  # of the longer graph: its launch costs the host some 10 µs, and capturing it about as much for each call


class Graphs:
    """A graph of one step and one of many, captured when they are first needed, on the stream that is then current."""

    def __init__(self, device: Any, calls: Sequence[Callable[[], None]]) -> None:
        self._device, self._calls, self._tried = device, calls, False
        self._graphs: dict[int, Callable[[], None]] = {}

    def __call__(self, steps: int) -> None:
        if steps and not self._tried:
            self._make_calls(1)
            self._tried, steps = True, steps - 1
        for size in (STEPS, 1):
            while steps >= size:
                if size not in self._graphs:
                    self._graphs[size] = self._device.captured(lambda size=size: self._make_calls(size))
                self._graphs[size]()
                steps -= size

    def _make_calls(self, steps: int) -> None:
        for _ in range(steps):
            for call in self._calls:
                call()
