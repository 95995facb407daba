"""The compiled worker: one function that walks a table of calls many times over, on several threads, without Python.

A row of the table is a call by address, cut into blocks; thread t of T takes the t-th share of the blocks, and rows before
which threads must wait for each other are marked (lowering.py).  One compilation serves every network.
"""

import ctypes
import os
import sys
import threading
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import numpy as np

from .compiled import compiled, inlined
from .intrinsics import atomic_add, atomic_load, call_entry, call_yield, flush_subnormals, pause, restore_mode
from .lowering import Row, table

PAUSES = 1000  # before a waiting thread yields: with a busy neighbour a longer wait costs up to three times as much
SMALL_STEP = 5e6  # floating point operations below which a second thread costs more than it brings
SHARE = 2.5e6  # that are worth a thread
SMALL_RUN = 4e7  # of all steps together, below which to start a thread costs more than it brings: 0.1 to 0.3 ms
_NEVER = -(1 << 62)  # in the counter of a meeting: give up


@inlined
def _walk_rows(thread, threads, steps, table, meeting, yield_address):
    met = 0
    for _ in range(steps):
        for row in range(len(table)):
            blocks = table[row, 3]
            if table[row, 5] and threads > 1:
                met += threads
                atomic_add(meeting, 1)
                waited = 0
                while True:
                    here = atomic_load(meeting)
                    if here >= met:
                        break
                    if here < 0:  # somebody will never come
                        return
                    waited += 1
                    if waited < PAUSES:
                        pause()
                    else:
                        call_yield(yield_address)
            # a call of one block falls to the last thread
            extent, quantum = table[row, 2], table[row, 4]
            for block in range(blocks * thread // threads, blocks * (thread + 1) // threads):
                lo = extent * block // blocks // quantum * quantum
                hi = extent if block + 1 == blocks else extent * (block + 1) // blocks // quantum * quantum
                call_entry(table[row, 0], table[row, 1], lo, hi)


@compiled()
def _work(thread, threads, steps, table, meeting, yield_address):
    """One thread's part of all steps.  Entries and products run in this thread, so they flush subnormal numbers as it does."""
    before = flush_subnormals()
    _walk_rows(thread, threads, steps, table, meeting, yield_address)
    restore_mode(before)


def compile_walk() -> None:
    """Compile the worker's function, or find it on disk; every step needs it.

    It is the first that a process compiles, so where numba differs from the versions that dlcore was tested with, this raises
    whatever numba raises then.
    """
    _work.entry((0, 0, 0, table([])[0], 0, 0))


@cache
def _yield_address() -> int:
    library = ctypes.CDLL("kernel32" if sys.platform == "win32" else None)
    function = getattr(library, "SwitchToThread" if sys.platform == "win32" else "sched_yield")
    return int(ctypes.cast(function, ctypes.c_void_p).value or 0)


@cache
def processors() -> int:
    """Processors that this process may use."""
    count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:  # a container's share
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text(encoding="ascii").split()
        count = min(count, max(1, int(quota) // int(period)))
    except (OSError, ValueError):
        pass
    return count


def threads_for(flops: float, steps: int, limit: int) -> int:
    """Threads for so many steps of so many floating point operations; `limit` is the user's."""
    if flops < SMALL_STEP or steps * flops < SMALL_RUN:
        return 1
    return int(max(1, min(processors(), limit, flops // SHARE)))


class Worker:
    """Runs a table.  The arrays that the rows point to stay alive as long as it does."""

    def __init__(self, rows: Sequence[Row]) -> None:
        self.rows = list(rows)
        self.table, self._words = table(self.rows)
        self.most = max((row.blocks for row in self.rows), default=1)

    def run(self, steps: int, threads: int) -> None:
        """Walk the table `steps` times; the bits are the same for any number of threads."""
        threads = min(threads, self.most)
        line = np.zeros(16, np.int64)  # a cache line of its own for the counter
        meeting = line[-line.ctypes.data // 8 % 8 :]
        others = [
            threading.Thread(target=self._walk, args=(i, threads, steps, meeting), daemon=True)
            for i in range(1, threads)
        ]
        try:
            for thread in others:
                thread.start()
            self._walk(0, threads, steps, meeting)
        except BaseException:  # no thread to be had, or Ctrl-C: who waits at a meeting must not wait forever
            meeting[0] = _NEVER
            raise
        finally:
            for thread in others:
                if thread.ident is not None:  # it was started
                    thread.join()

    def _walk(self, thread: int, threads: int, steps: int, meeting: np.ndarray) -> None:
        """One thread's part.  Its arguments keep alive what it reads, even if the caller is interrupted."""
        _work(thread, threads, steps, self.table, meeting.ctypes.data, _yield_address())
