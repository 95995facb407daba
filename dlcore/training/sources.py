"""Where the rows of a batch come from.

`Resident`: all rows are on the device.  `Window`: rows that have no room there stay with the host, and a window of them moves.
The window has two halves.  While steps read one, a thread gathers the rows of the batches after it, in the order of their epoch,
into memory that the device reads by itself, and they are on their way to the other.  A step reads the window from its start,
modulo its rows, and so does not depend on where it stands.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Protocol

import numpy as np

from ..arrays import Array
from ..backends import Backend
from ..kernels.contract import dtype_name
from ..kernels.rng import order
from ..kernels.table import Buffer, Run, host_dtype
from ..plan.workspace import Workspace
from .position import Batching, Position

if TYPE_CHECKING:
    from ..kernels.cuda.device import Upload

SHARE = 2  # data that take more than one part in SHARE of the free memory stay with the host
HALF_BYTES = 2**28  # at most in half a window
FEW_BYTES = 2**20  # of training rows that are copied, so that the next call of fit finds its program bound to them


class Source(Protocol):
    """Rows to train on.

    arrays    X, targets and sample_weight on the device, as a step reads them
    in_order  they lie in the order of the epoch already
    stay      another source of the same shapes has the same arrays
    notes     lines for the printed step
    """

    arrays: Mapping[str, Array]
    in_order: bool
    stay: bool
    notes: tuple[str, ...]

    def seek(self, position: Position) -> None:
        """The next batch is the one at this position."""

    def feeding(self, run: Run) -> Run:
        """`run`, each call of which finds its rows in place."""

    def close(self) -> None:
        """Nothing reads the rows any more."""


class Resident:
    """All rows on the device.  Few of them are copied into arrays of the workspace, which stay for the next call of fit."""

    in_order = False
    notes: tuple[str, ...] = ()

    def __init__(self, workspace: Workspace, rows: Mapping[str, Array]) -> None:
        self.arrays: Mapping[str, Array] = {name: workspace.backend.asarray(values) for name, values in rows.items()}
        self.stay = sum(map(bytes_of, rows.values())) <= FEW_BYTES
        if self.stay:
            given = self.arrays
            self.arrays = {
                name: workspace.array(Buffer("data", name, values.shape, dtype_name(values)))
                for name, values in given.items()
            }
            for name, values in given.items():
                self.arrays[name][...] = values

    def seek(self, position: Position) -> None:
        """A step finds its rows by its counters."""

    def feeding(self, run: Run) -> Run:
        return run

    def close(self) -> None:
        """The arrays go with the source."""


def bytes_of(array: Array) -> int:
    return math.prod(array.shape) * host_dtype(dtype_name(array)).itemsize


def source_of(workspace: Workspace, rows: Mapping[str, Array], batching: Batching, seed: int) -> Source:
    """The rows on the device, or a window of them where they have no room there."""
    on_host = {name: values for name, values in rows.items() if isinstance(values, np.ndarray)}
    if len(on_host) < len(rows) or has_room(workspace.backend, on_host, batching.size):
        return Resident(workspace, rows)
    return Window(workspace.backend, on_host, batching.size, seed, batching.shuffle)


def has_room(backend: Backend, data: Mapping[str, np.ndarray], batch: int) -> bool:
    """Whether these rows can lie on the device as a whole, and leave room for what is computed from them.

    Also where a window, which has room for two batches, would be no smaller than the data.
    """
    free = backend.free_memory()
    return free is None or 2 * batch >= len(data["X"]) or sum(array.nbytes for array in data.values()) <= free // SHARE


class Window:
    """`arrays` on the device hold a part of the rows; `feeding(run)` moves them on while `run(batches)` reads them.

    A thread gathers, so that steps are started meanwhile; the caller's thread makes all requests to the device.
    """

    in_order = True
    stay = False

    def __init__(self, backend: Backend, data: Mapping[str, np.ndarray], batch: int, seed: int, shuffle: bool) -> None:
        assert backend.device is not None  # the host always has room
        self._device, self._data, self._seed, self._shuffle = backend.device, data, seed, shuffle
        self._n = len(data["X"])
        bytes_of_batch = max(1, sum(array.nbytes for array in data.values()) * batch // self._n)
        room = min(HALF_BYTES, (backend.free_memory() or HALF_BYTES) // (4 * SHARE))
        self._batches = max(1, min(room // bytes_of_batch, -(-self._n // (2 * batch))))  # of a half
        self._rows = self._batches * batch
        self.notes: tuple[str, ...] = (
            f"rows: {self._n} stay with the host, {2 * self._rows} of them are on the device at a time",
        )
        shapes = {name: ((self._rows, *array.shape[1:]), array.dtype.name) for name, array in data.items()}
        self.arrays: Mapping[str, Array] = {
            name: backend.zeros((2 * rows, *rest), dtype) for name, ((rows, *rest), dtype) in shapes.items()
        }
        self._staged = [{name: self._staging(*shape) for name, shape in shapes.items()} for _ in range(2)]
        self._uploads: list[list[Upload]] = [[], []]
        self._gathering: tuple[int, object, Future[int]] | None = None  # half, what its side waits for, and its rows
        self._epoch = self._batch = 0
        self._sought = True  # since the last batch: its half is not on the device yet
        self._gatherer = ThreadPoolExecutor(1, "dlcore gathers rows")

    def _staging(self, shape: tuple[int, ...], dtype: str) -> np.ndarray:
        try:
            return self._device.staging(shape, dtype)
        except MemoryError as error:
            why = f"uploads are not beside the steps, since they come from ordinary memory ({error})"
            self.notes += () if why in self.notes else (why,)
            return np.empty(shape, host_dtype(dtype))

    def seek(self, position: Position) -> None:
        """The next batch is the one at this position."""
        if self._gathering is not None:  # of another epoch: its staging is about to be written over
            self._gathering[2].result()
        self._epoch, self._batch, self._sought = position.order, position.batch, True
        self._gather(position.batch // self._batches)

    def close(self) -> None:
        """Wait for what is on its way: an interrupted epoch leaves an upload, and its memory is about to be reused."""
        self._gatherer.shutdown(cancel_futures=True)
        for upload in (*self._uploads[0], *self._uploads[1]):
            upload.finish()

    def feeding(self, run: Run) -> Run:
        """`run`, each call of which finds its rows in place."""

        def fed(batches: int) -> None:
            while batches:
                half, done = divmod(self._batch, self._batches)
                if done == 0 or self._sought:
                    self._sought = False
                    self._upload(wait=True)
                    for upload in self._uploads[half % 2]:
                        upload.before_use()
                    self._gather(half + 1)
                some = min(batches, self._batches - done)
                run(some)
                self._batch += some
                batches -= some
                self._upload(wait=False)

        return fed

    def _gather(self, half: int) -> None:
        """Start to gather the rows of this half of the epoch, if it has any."""
        start = half * self._rows
        stop = min(start + self._rows, self._n)
        if start < stop:
            # the side that they go to was read by what is started already, and by nothing that comes
            found = self._gatherer.submit(self._gathered, self._epoch, half % 2, start, stop)
            self._gathering = half, self._device.mark(), found

    def _gathered(self, epoch: int, side: int, start: int, stop: int) -> int:
        """In the thread: the rows of these places in the order of the epoch, staged; how many they are."""
        for upload in self._uploads[side]:  # what was staged there before is on the device
            upload.finish()
        rows = order(self._seed, epoch, self._n, start, stop) if self._shuffle else np.arange(start, stop)
        for name, array in self._data.items():
            # the default of mode would make a copy to be sure of rows
            np.take(array, rows, axis=0, out=self._staged[side][name][: len(rows)], mode="clip")
        return len(rows)

    def _upload(self, *, wait: bool) -> None:
        """Send what was gathered, or still is being gathered if that is waited for.  Raises what the thread raised."""
        if self._gathering is None or not (wait or self._gathering[2].done()):
            return
        half, mark, found = self._gathering
        count, side = found.result(), half % 2
        start, self._gathering = side * self._rows, None
        self._uploads[side] = []  # one by one: an interrupt leaves those that were started
        for name, staged in self._staged[side].items():
            target = self.arrays[name][start : start + count]
            self._uploads[side].append(self._device.upload(target, staged[:count], mark))
