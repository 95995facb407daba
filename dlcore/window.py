"""Training rows that have no room on a device: they stay with the host, and a window of them moves.

The window has two halves.  While steps read one, the rows of the batches after it are gathered, in the order of their epoch,
into memory that the device reads by itself, and are on their way to the other.  A step reads the window from its start, modulo
its rows, and so knows nothing of this.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from .backend import Backend
from .rng import order

SHARE = 2  # data that take more than one part in so many of the free memory stay with the host
HALF_BYTES = 2**28  # of half a window, at most


def has_room(backend: Backend, data: Mapping[str, np.ndarray], batch: int) -> bool:
    """Whether these rows can lie on the device as a whole, and leave room for what is computed from them.

    Also where a window, which has room for two batches, would be no smaller than the data.
    """
    free = backend.free_memory()
    return free is None or 2 * batch >= len(data["X"]) or sum(array.nbytes for array in data.values()) <= free // SHARE


class Window:
    """`arrays` on the device, by name, and `guarded(run)`, which moves them on while `run(batches)` reads them."""

    def __init__(self, backend: Backend, data: Mapping[str, np.ndarray], batch: int, seed: int, shuffle: bool) -> None:
        self._device, self._data, self._seed, self._shuffle = backend.device, data, seed, shuffle
        self._n = len(data["X"])
        bytes_of_batch = max(1, sum(array.nbytes for array in data.values()) * batch // self._n)
        room = min(HALF_BYTES, (backend.free_memory() or HALF_BYTES) // (4 * SHARE))
        self._batches = max(1, min(room // bytes_of_batch, -(-self._n // (2 * batch))))  # of a half
        self._rows = self._batches * batch
        shapes = {name: ((self._rows, *array.shape[1:]), array.dtype.name) for name, array in data.items()}
        self.arrays = {name: backend.zeros((2 * rows, *rest), dtype) for name, ((rows, *rest), dtype) in shapes.items()}
        self._staged = [{name: self._device.staging(*shape) for name, shape in shapes.items()} for _ in range(2)]
        self._uploads: list[list[Any]] = [[], []]
        self._epoch = self._batch = 0

    def begin(self, epoch: int) -> None:
        """The next batch is the first of this epoch."""
        self._epoch, self._batch = epoch, 0
        self._upload(0)

    def close(self) -> None:
        """Wait for what is on its way: an interrupted epoch leaves an upload, and its memory is about to be given to others."""
        for upload in (*self._uploads[0], *self._uploads[1]):
            upload.finish()

    def guarded(self, run: Callable[[int], None]) -> Callable[[int], None]:
        """`run`, of which each call has its rows in place."""

        def guarded(batches: int) -> None:
            while batches:
                half, done = divmod(self._batch, self._batches)
                if done == 0:
                    for upload in self._uploads[half % 2]:
                        upload.before_use()
                    self._upload(half + 1)
                some = min(batches, self._batches - done)
                run(some)
                self._batch += some
                batches -= some

        return guarded

    def _upload(self, half: int) -> None:
        """Start to fill the side of the window that this half of the epoch is read from, if it has rows."""
        start, side = half * self._rows, half % 2
        stop = min(start + self._rows, self._n)
        if start >= stop:
            return
        for upload in self._uploads[side]:  # what was staged there before is on the device
            upload.finish()
        rows = order(self._seed, self._epoch, self._n, start, stop) if self._shuffle else np.arange(start, stop)
        self._uploads[side] = []
        for name, array in self._data.items():
            staged = self._staged[side][name][: len(rows)]
            np.take(array, rows, axis=0, out=staged, mode="clip")  # the default would make a copy to be sure of rows
            target = self.arrays[name][side * self._rows : side * self._rows + len(rows)]
            self._uploads[side].append(self._device.upload(target, staged))
