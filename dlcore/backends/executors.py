"""What runs a recorded list of calls: one after another from Python (replay), or as a table in compiled code (worker)."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, ExitStack, nullcontext
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np

from ..kernels.subnormals import flushed
from ..kernels.table import BoundCall, Call

Run = Callable[[int], None]  # make all calls, so many times


@dataclass(frozen=True)
class Executor:
    """`prepare(calls, flops)` gives a function that runs them; `flops` are the floating point operations of a step.

    `limits(flops)` is a context to stay in while steps of that size run, so that it need not be entered for each.
    """

    name: str
    prepare: Callable[[Sequence[BoundCall], float], Run]
    reason: str = ""  # why it is not a faster one
    limits: Callable[[float], AbstractContextManager[Any]] = lambda flops: nullcontext()


def _replay(calls: Sequence[BoundCall], flops: float) -> Run:
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


@cache
def _blas_controller() -> Any:
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()


@cache
def blas_name() -> str:
    """The library that NumPy multiplies matrices with, its version, and the kernels it chose for this processor."""
    found = sorted(_blas_controller().select(user_api="blas").info(), key=lambda pool: "numpy" not in pool["filepath"])
    if not found:  # Apple's Accelerate, for one
        return str(np.show_config(mode="dicts")["Build Dependencies"]["blas"].get("name"))
    return " ".join(str(found[0].get(name)) for name in ("internal_api", "version", "architecture"))


class _OneThread:
    """One BLAS thread while anybody is inside; the number is the process's, so the first saves it and the last restores.

    Entering gives the number of threads that the user allowed.
    """

    def __init__(self) -> None:
        self._lock, self._inside, self._limit, self._allowed = threading.Lock(), 0, ExitStack(), 1

    def __enter__(self) -> int:
        with self._lock:
            if self._inside == 0:
                libraries = _blas_controller().select(user_api="blas").lib_controllers
                numpys = [library for library in libraries if "numpy" in library.filepath] or libraries
                self._allowed = max((library.num_threads for library in numpys), default=1)
                self._limit.enter_context(_blas_controller().limit(limits=1, user_api="blas"))
            self._inside += 1
            return self._allowed

    def __exit__(self, *exception: object) -> None:
        with self._lock:
            self._inside -= 1
            if self._inside == 0:
                self._limit.close()


ONE_BLAS_THREAD = _OneThread()


def _blas_threads(flops: float) -> AbstractContextManager[Any]:
    """One BLAS thread for small steps, the user's number for others and afterwards."""
    return nullcontext() if flops >= MANY_BLAS_THREADS else ONE_BLAS_THREAD


def _replay_on_host(calls: Sequence[BoundCall], flops: float) -> Run:
    """Replay, with the loops of compiled kernels bound to their arrays once."""
    parts: list[Callable[[], None]] = []

    def bind(call: BoundCall) -> list[Callable[[], None]]:
        if call.kernel.source == "reference":
            return [call]
        from ..kernels.cpu.compiled import made_of

        return [what.bind(*arguments) for what, arguments in made_of(call)]

    def run(steps: int) -> None:
        if not parts:
            parts.extend(part for call in calls for part in bind(call))
        flushed(_repeat, parts, steps)

    return run


def _work(calls: Sequence[BoundCall], flops: float) -> Run:
    """As a table, lowered when it is first run."""
    made: list[Any] = []

    def run(steps: int) -> None:
        from ..kernels.cpu import lowering, worker

        if not made:
            made.append(worker.Worker([row for call in calls for row in lowering.rows_of(call)]))
        with ONE_BLAS_THREAD as allowed:
            made[0].run(steps, worker.threads_for(flops, steps, allowed))

    return run


HOST_REPLAY = Executor("replay", _replay_on_host, limits=_blas_threads)
WORKER = Executor("worker", _work, limits=lambda flops: ONE_BLAS_THREAD)


def host_executor(calls: Sequence[Call]) -> Executor:
    """The worker, where every call has compiled code and the BLAS can be reached."""
    try:
        from ..kernels.cpu import blas, worker  # noqa: F401  it builds on numba's inside, which other versions may change
    except (ImportError, AttributeError) as error:
        return replace(HOST_REPLAY, reason=f"the worker cannot be imported ({error})")
    slow = sorted({call.name for call in calls if call.kernel.source == "reference"})
    reason = f"no compiled kernel for {', '.join(slow)}" if slow else blas.reason()
    return replace(HOST_REPLAY, reason=reason) if reason else WORKER
