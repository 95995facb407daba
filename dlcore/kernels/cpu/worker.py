"""The compiled worker: one function that walks a table of calls many times over, on several threads, without Python.

A row of the table is a call by address, cut into blocks; thread t of T takes the t-th share of the blocks, and rows that need
a barrier before them are marked (lowering.py).  A row of no blocks is a host call: the first thread returns to Python for it,
and then walks on.  One compilation serves every network.
"""

import ctypes
import os
import sys
import threading
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path

import numpy as np

from ..subnormals import flushed
from .compiled import compiled, inlined
from .intrinsics import atomic_add, atomic_load, call_entry, call_yield, flush_subnormals, pause, restore_mode
from .lowering import Row, table

PAUSES = 1000  # spins before a waiting thread yields: with a busy neighbour more spins cost up to three times as much
SMALL_STEP = 5e6  # floating point operations per step below which a second thread costs more than it saves
SHARE = 2.5e6  # floating point operations per step for each thread, at least
SMALL_RUN = 4e7  # floating point operations of all steps below which starting a thread, 0.1 to 0.3 ms, is not worth it
_NEVER = -(1 << 62)  # value of the barrier's counter that makes waiting threads give up


@inlined
def _walk_rows(thread, threads, steps, table, place, barrier, yield_address):
    """Walk the table from `place` = (step, row, value of the barrier) to the end of the last step.

    At a host call the first thread returns, with `place` behind it; the others wait for it before the next row.
    """
    row, expected = place[1], place[2]
    for step in range(place[0], steps):
        while row < len(table):
            blocks = table[row, 3]
            if table[row, 5] and threads > 1:
                expected += threads
                atomic_add(barrier, 1)
                waited = 0
                while True:
                    here = atomic_load(barrier)
                    if here >= expected:
                        break
                    if here < 0:  # another thread has failed
                        place[0] = steps
                        return
                    waited += 1
                    if waited < PAUSES:
                        pause()
                    else:
                        call_yield(yield_address)
            row += 1
            if blocks == 0:
                if thread == 0:
                    place[0], place[1], place[2] = step, row, expected
                    return
                continue
            # a call of one block runs on the last thread
            address, words, extent, quantum = table[row - 1, 0], table[row - 1, 1], table[row - 1, 2], table[row - 1, 4]
            for block in range(blocks * thread // threads, blocks * (thread + 1) // threads):
                lo = extent * block // blocks // quantum * quantum
                hi = extent if block + 1 == blocks else extent * (block + 1) // blocks // quantum * quantum
                call_entry(address, words, lo, hi)
        row = 0
    place[0] = steps


@compiled()
def _work(thread, threads, steps, table, place, barrier, yield_address):
    """One thread's share of all steps.  Entries and products run in this thread, so they flush subnormal numbers as it does."""
    before = flush_subnormals()
    _walk_rows(thread, threads, steps, table, place, barrier, yield_address)
    restore_mode(before)


def compile_walk() -> None:
    """Compile the worker's function, or find it on disk; every step needs it.

    It is the first that a process compiles, so where numba differs from the versions that dlcore was tested with, this raises
    whatever numba raises then.
    """
    _work.entry((0, 0, 0, table([])[0], np.zeros(3, np.int64), 0, 0))


@cache
def _yield_address() -> int:
    library = ctypes.CDLL("kernel32" if sys.platform == "win32" else None)
    function = getattr(library, "SwitchToThread" if sys.platform == "win32" else "sched_yield")
    return int(ctypes.cast(function, ctypes.c_void_p).value or 0)


@cache
def processors() -> int:
    """The number of processors that this process may use."""
    count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:  # the CPU quota of a container (cgroup v2)
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text(encoding="ascii").split()
        count = min(count, max(1, int(quota) // int(period)))
    except (OSError, ValueError):
        pass
    return count


def threads_for(flops: float, steps: int, limit: int) -> int:
    """The number of threads for `steps` steps of `flops` floating point operations; `limit` is set by the user."""
    if flops < SMALL_STEP or steps * flops < SMALL_RUN:
        return 1
    return int(max(1, min(processors(), limit, flops // SHARE)))


class Worker:
    """Runs a table.  The arrays that the rows point to stay alive as long as it does."""

    def __init__(self, rows: Sequence[Row]) -> None:
        self.rows = list(rows)
        self.table, self._words = table(self.rows)
        self._host = {i: row.call for i, row in enumerate(self.rows) if row.call is not None}
        self.most = max((1, *(row.blocks for row in self.rows)))
        self._single: tuple[Callable[[], None], np.ndarray, np.ndarray] | None = None

    def run(self, steps: int, threads: int) -> None:
        """Walk the table `steps` times; the bits are the same for any number of threads."""
        threads = min(threads, self.most)
        if steps == threads == 1 and not self._host:
            self._run_once()
            return
        line = np.zeros(16, np.int64)  # a cache line of its own for the counter
        barrier = line[-line.ctypes.data // 8 % 8 :]
        others = [
            threading.Thread(target=self._walk, args=(i, threads, steps, barrier), daemon=True)
            for i in range(1, threads)
        ]
        try:
            for thread in others:
                thread.start()
            self._walk(0, threads, steps, barrier)
        except BaseException:  # a thread could not be started, or Ctrl-C: no thread must wait at the barrier forever
            barrier[0] = _NEVER
            raise
        finally:
            for thread in others:
                if thread.ident is not None:  # it was started
                    thread.join()

    def _run_once(self) -> None:
        """One step on this thread, such as a prediction: its call is bound once, since that takes as long as a small network."""
        single, self._single = self._single, None  # another thread binds one of its own
        if single is None:
            place, barrier = np.zeros(3, np.int64), np.zeros(1, np.int64)
            single = _work.bind(0, 1, 1, self.table, place, barrier.ctypes.data, _yield_address()), place, barrier
        walk, place, _ = single
        place[:] = 0
        walk()
        self._single = single

    def _walk(self, thread: int, threads: int, steps: int, barrier: np.ndarray) -> None:
        """One thread's share of the work.  Its arguments keep alive what it reads, even if the caller is interrupted."""
        place = np.zeros(3, np.int64)
        walk = _work.bind(thread, threads, steps, self.table, place, barrier.ctypes.data, _yield_address())
        walk()
        if place[0] < steps:
            flushed(self._walk_on, walk, place, steps)

    def _walk_on(self, walk: Callable[[], None], place: np.ndarray, steps: int) -> None:
        """Make the host calls, on the first thread, and walk on after each."""
        with np.errstate(all="ignore"):  # as in replay: infinities and NaN are found by the step itself
            while place[0] < steps:
                self._host[int(place[1]) - 1]()
                walk()
