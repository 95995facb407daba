"""Ways to run a recorded list of calls: replay, call by call from Python; the worker, a table walked by compiled code; a graph.

A call without compiled code is a host call: Python makes it between two runs of compiled ones, so it costs itself and no more.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from itertools import groupby
from typing import TYPE_CHECKING

import numpy as np

from ..kernels.blas import ONE_BLAS_THREAD
from ..kernels.subnormals import flushed
from ..kernels.table import BoundCall, Call, Run, Segment

if TYPE_CHECKING:
    from ..kernels.cpu.worker import Worker


@dataclass(frozen=True)
class Executor:
    """An executor of kernels/table.py by its functions.  `cuts`: host calls are segments of their own."""

    name: str
    prepare: Callable[[Sequence[BoundCall], float], Run]
    reason: str = ""
    limits: Callable[[float], AbstractContextManager[object]] = lambda operations: nullcontext()
    cuts: bool = False

    def segments(self, calls: Sequence[Call]) -> list[Segment]:
        if not self.cuts:
            return [Segment(self.name, calls, self.reason)]
        made = []
        for on_host, group in groupby(calls, key=lambda call: call.on_host):
            part = list(group)
            made.append(Segment("host", part, no_compiled_kernel(part)) if on_host else Segment(self.name, part))
        return made


def no_compiled_kernel(calls: Sequence[Call]) -> str:
    """Why these calls are not compiled, or nothing."""
    return ", ".join(sorted({call.name for call in calls if call.on_host}))


def in_segments(calls: Sequence[BoundCall], compiled: Callable[[Sequence[BoundCall]], Run]) -> Run:
    """A function that runs the compiled calls by `compiled(neighbours)`, and host calls between them."""
    parts: list[Run] = []
    for on_host, group in groupby(calls, key=lambda call: call.on_host):
        part = list(group)
        parts.append(REPLAY.prepare(part, 0.0) if on_host else compiled(part))
    if len(parts) == 1:
        return parts[0]

    def run(steps: int) -> None:
        for _ in range(steps):
            for part in parts:
                part(1)

    return run


def _replay(calls: Sequence[BoundCall], operations: float) -> Run:
    """The portable executor: make the calls, one after another, as many times as asked."""
    return lambda steps: flushed(_repeat, calls, steps)


def _repeat(calls: Sequence[Callable[[], None]], steps: int) -> None:
    with np.errstate(all="ignore"):  # infinities and NaN are found by the step itself
        for _ in range(steps):
            for call in calls:
                call()


REPLAY = Executor("replay", _replay)

# -- on the host -----------------------------------------------------------------------------------------------------

# Floating point operations of a replayed step below which a second BLAS thread gains at most a third on a quiet machine, and
# loses tenfold on a busy one, where the threads spin for each other.  A second thread belongs to the BLAS and keeps its own
# floating point mode: the part of a large product that it computes may contain subnormal numbers.  What reads them in the
# replaying thread takes them for 0.
MANY_BLAS_THREADS = 4e7


def _blas_threads(operations: float) -> AbstractContextManager[object]:
    """One BLAS thread for small steps, the user's number for others and afterwards."""
    return nullcontext() if operations >= MANY_BLAS_THREADS else ONE_BLAS_THREAD


def _replay_on_host(calls: Sequence[BoundCall], operations: float) -> Run:
    """Replay, with the loops of compiled kernels bound to their arrays once."""
    parts: list[Callable[[], None]] = []

    def bind(call: BoundCall) -> list[Callable[[], None]]:
        if call.on_host:
            return [call]
        from ..kernels.cpu.compiled import made_of

        return [what.bind(*arguments) for what, arguments in made_of(call)]

    def run(steps: int) -> None:
        if not parts:
            parts.extend(part for call in calls for part in bind(call))
        flushed(_repeat, parts, steps)

    return run


# Floating point operations of a step whose products OpenBLAS computes in one thread by itself, up to 2^18 multiplications each:
# to tell it so takes 10 µs, as much as the products
ONE_THREAD_ANYWAY = 2**19


def _work(calls: Sequence[BoundCall], operations: float) -> Run:
    """As a table, lowered when it is first run."""
    made: list[Worker] = []

    def run(steps: int) -> None:
        from ..kernels.cpu import lowering, worker

        if not made:
            made.append(worker.Worker([row for call in calls for row in lowering.rows_of(call)]))
        if steps == 1 and operations <= ONE_THREAD_ANYWAY:
            made[0].run(1, 1)
            return
        with ONE_BLAS_THREAD as allowed:
            made[0].run(steps, worker.threads_for(operations, steps, allowed))

    return run


HOST_REPLAY = Executor("replay", _replay_on_host, limits=_blas_threads)
WORKER = Executor("worker", _work, limits=lambda operations: ONE_BLAS_THREAD, cuts=True)


def host_executor(calls: Sequence[Call]) -> Executor:
    """The worker, where any call has compiled code and the BLAS can be reached."""
    try:
        from ..kernels.cpu import blas, worker  # noqa: F401  it builds on numba's inside, which other versions may change
    except (ImportError, AttributeError) as error:
        return replace(HOST_REPLAY, reason=f"the worker cannot be imported ({error})")
    reason = f"no compiled kernel for {no_compiled_kernel(calls)}" if all(c.on_host for c in calls) else blas.reason()
    return replace(HOST_REPLAY, reason=reason) if calls and reason else WORKER
