"""Rows that have no room on a device: gathered by a thread beside the steps, which no error and no interrupt leaves behind."""

from __future__ import annotations

import threading
from contextlib import nullcontext
from typing import Any

import numpy as np
import pytest

import dlcore as dl
from dlcore.backends.backend import Backend, cuda_backend
from dlcore.kernels.rng import order
from dlcore.training import sources
from dlcore.training.position import Position

from ..kernels.cuda.emulation import COMPILER, MISSING, EmulatedDevice

ROWS = 90
X = np.random.default_rng(0).standard_normal((ROWS, 12)).astype("float32")


def backend(device: EmulatedDevice | None = None) -> Backend:
    return cuda_backend("emulated", np, device or EmulatedDevice(free=8_000), nullcontext)


def gatherers() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if "gathers rows" in thread.name]


def epoch(rows: sources.Window, run: Any) -> None:
    rows.seek(Position(order=3))
    rows.feeding(run)(-(-ROWS // 8))


def test_steps_are_started_while_rows_are_gathered(monkeypatch: pytest.MonkeyPatch) -> None:
    """The rows of the next batches are looked up only when the present ones have been started, and all rows come, in order."""
    rows = sources.Window(backend(), {"X": X}, 8, 5, shuffle=True)
    started, seen = threading.Semaphore(0), []

    def late(*arguments: int) -> np.ndarray:
        assert arguments[3] == 0 or started.acquire(timeout=20), "the gathering of rows keeps steps from being started"
        return order(*arguments)

    def run(batches: int) -> None:
        started.release()
        first = len(seen) * 8
        for i in range(batches):
            place = (first + 8 * i) % len(rows.arrays["X"])
            seen.append(rows.arrays["X"][place : place + 8].copy())

    monkeypatch.setattr(sources, "order", late)
    epoch(rows, run)
    rows.close()
    assert np.array_equal(np.concatenate(seen)[:ROWS], X[order(5, 3, ROWS)])
    assert not gatherers()


def test_an_error_of_the_thread_is_that_of_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    """As where a file behind the rows is gone; the thread ends, and the trainer can be used further."""
    if COMPILER is None:
        pytest.skip(MISSING)

    def gone(*arguments: int) -> np.ndarray:
        if arguments[3]:
            raise OSError("the disk is gone")
        return order(*arguments)

    run = dl.Trainer(dl.Sequential(dl.Dense(12, 2)), dl.SquaredError(), dl.Adam(1e-2), device=backend())
    with monkeypatch.context() as patched:
        patched.setattr(sources, "order", gone)
        with pytest.raises(OSError, match="the disk is gone"):
            run.fit(X, X[:, :2], epochs=1, batch_size=8)
    assert not gatherers()
    assert run.fit(X, X[:, :2], epochs=1, batch_size=8)["loss"][0] > 0


def test_an_interrupt_ends_the_thread() -> None:
    """Whatever it is doing; nothing is on its way afterwards."""
    device = EmulatedDevice(free=8_000)
    rows = sources.Window(backend(device), {"X": X}, 8, 5, shuffle=True)

    def run(batches: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        epoch(rows, run)
    rows.close()
    assert not gatherers()
    assert not any(upload.pending for side in rows._uploads for upload in side)


@pytest.mark.skipif(COMPILER is None, reason=MISSING)
def test_ordinary_memory_does_where_there_is_no_other() -> None:
    """The same rows; the printed step says what is lost."""

    class Locked(EmulatedDevice):
        def staging(self, shape: tuple[int, ...], dtype: str) -> np.ndarray:
            raise MemoryError("cudaErrorMemoryAllocation")

    weights = []
    for device in (EmulatedDevice(free=8_000), Locked(free=8_000)):
        run = dl.Trainer(dl.Sequential(dl.Dense(12, 2)), dl.SquaredError(), dl.Adam(1e-2), device=backend(device))
        run.fit(X, X[:, :2], epochs=1, batch_size=8)
        weights.append(run.get_weights()[0].tobytes())
        assert "rows: 90 stay with the host, " in str(run.step)
    assert weights[0] == weights[1]
    assert "ordinary memory (cudaErrorMemoryAllocation)" in str(run.step)
