"""Seconds of short calls, repeated until a clock can measure them: wall time on a CPU, events on a GPU."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Any

Call = Callable[[], Any]


def wall(call: Call, times: int) -> float:
    """Seconds for `times` calls."""
    start = time.perf_counter()
    for _ in range(times):
        call()
    return time.perf_counter() - start


def events(call: Call, times: int) -> float:
    """Seconds for `times` calls on the current CUDA stream, by events before and after."""
    import cupy

    start, end = cupy.cuda.Event(), cupy.cuda.Event()
    start.record()
    for _ in range(times):
        call()
    end.record()
    end.synchronize()
    return cupy.cuda.get_elapsed_time(start, end) / 1e3


def repeats(clock: Callable[[Call, int], float], call: Call, seconds: float, most: int) -> int:
    """The number of calls, at most `most`, that take `seconds`; a first call, which may compile, is not timed."""
    clock(call, 1)
    times = 1
    while (taken := clock(call, times)) < seconds / 4 and 4 * times < most:
        times *= 4
    return max(1, min(most, math.ceil(times * seconds / max(taken, 1e-9))))
