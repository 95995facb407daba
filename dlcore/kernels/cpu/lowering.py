"""From bound calls to the worker's table: what a call is made of, how it is cut into blocks, where threads must wait.

The cut is a function of shapes only, and threads take whole blocks, so the bits do not depend on the number of threads.
Few and wide blocks: each block of a product packs the operand that all share again.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..table import BoundCall
from . import blas
from .compiled import Loop, trace
from .entry import entry, words_of
from .products import product

Cut = tuple[
    str, int, int, int
]  # axis, extent, blocks, quantum: block b begins at extent · b // blocks, down to a quantum

_WIDE = 128  # columns of a block, at least
_ROWS = 16  # rows of a block, at least
_RUN = 1024  # a block of a vector begins at a multiple; dropout wants one of 4
_MOST = 16  # blocks of a matrix; vectors may have four times as many
_TINY = 8192  # entries that are not worth a second block
_SMALL_PRODUCT = 1 << 20  # floating point operations that are not worth a second block
WHOLE: Cut = ("", 0, 1, 1)


def _power_of_two(n: int) -> int:
    """The largest that is not above n; at least 1."""
    return 1 << max(n, 1).bit_length() - 1


def columns_cut(columns: int) -> Cut:
    return "columns", columns, min(_MOST, _power_of_two(columns // _WIDE)), 16


def rows_cut(rows: int, entries: int) -> Cut:
    """Rows of a matrix, or runs of a vector."""
    if rows == entries:  # a vector
        return "rows", rows, max(1, min(4 * _MOST, entries // _TINY)), _RUN
    return "rows", rows, 1 if entries < _TINY else min(_MOST, _power_of_two(rows // _ROWS)), _ROWS


@dataclass(frozen=True)
class Access:
    """Memory that an operation reads or writes: all of it in every block, or in each block the block's own part."""

    start: int
    stop: int
    shape: tuple[int, ...]
    written: bool
    cut: Cut | None

    def meets(self, other: "Access") -> bool:
        """Whether the two may not happen at once in different blocks."""
        if not (self.written or other.written) or self.start >= other.stop or other.start >= self.stop:
            return False
        same_parts = self.cut is not None and self.cut == other.cut
        return not (same_parts and (self.start, self.shape) == (other.start, other.shape))


@dataclass(frozen=True)
class Operation:
    """One row of the table: the entry at `address` is called with `words` for each block."""

    address: int
    words: list[int]
    cut: Cut
    accesses: tuple[Access, ...]
    arrays: tuple[Any, ...]  # kept alive

    @property
    def blocks(self) -> int:
        return self.cut[2]

    def waits_for(self, earlier: "Operation") -> bool:
        """Whether all threads must have finished `earlier` first.  A call of one block falls to the same thread always."""
        if self.blocks == earlier.blocks == 1:
            return False
        return any(mine.meets(other) for mine in self.accesses for other in earlier.accesses)


def _access(array: np.ndarray, written: bool, cut: Cut | None) -> Access:
    start = array.ctypes.data
    return Access(start, start + array.nbytes, array.shape, written, cut)


def _loop_operation(loop: Loop, arguments: Sequence[Any], outputs: Sequence[np.ndarray]) -> Operation:
    arrays = {i: value for i, value in enumerate(arguments) if isinstance(value, np.ndarray) and value.size}
    written = {i for i, array in arrays.items() if any(np.may_share_memory(array, out) for out in outputs)}
    cut = WHOLE
    if loop.axis == "columns":
        cut = columns_cut(loop.extent(arguments))
    elif loop.axis:
        cut = rows_cut(loop.extent(arguments), max((arrays[i].size for i in arrays if i in written), default=0))
    parts = set(loop.windowed) if loop.axis else set()
    accesses = tuple(_access(array, i in written, cut if i in parts else None) for i, array in arrays.items())
    return Operation(entry(loop, arguments), words_of(arguments), cut, accesses, tuple(arguments))


def _product_operation(x: np.ndarray, y: np.ndarray, out: np.ndarray) -> Operation:
    (m, n), k = out.shape, x.shape[1]
    cut = columns_cut(n)
    if cut[2] == 1 or (m >= n and blas.base(x)[1]):  # xᵀ delta: the larger side
        cut = columns_cut(m) if blas.base(x)[1] else rows_cut(m, m * max(n, k))
        cut = ("rows", *cut[1:])
    if cut[2] == 1 or 2 * m * n * k < _SMALL_PRODUCT:
        cut = WHOLE
    (a, a_turned), (b, b_turned) = blas.base(x), blas.base(y)
    axis, parts = cut[0], cut[1:]
    a_cut = (("columns" if a_turned else "rows"), *parts) if axis == "rows" else None
    b_cut = (("rows" if b_turned else "columns"), *parts) if axis == "columns" else None
    accesses = _access(a, False, a_cut), _access(b, False, b_cut), _access(out, True, cut if axis else None)
    return Operation(blas.entry(out.dtype.name), blas.words(x, y, out, axis), cut, accesses, (x, y, out))


def operations(call: BoundCall) -> list[Operation]:
    """What a call is made of: its loops and products are asked to note themselves, and do no work."""
    noted: list[Any] = []
    trace.operations = noted
    try:
        call()
    finally:
        trace.operations = None
    return [
        _product_operation(*arguments) if what is product else _loop_operation(what, arguments, call.outputs)
        for what, arguments in noted
    ]


COLUMNS = 6  # of the table: address, words, extent, blocks, quantum, whether to wait first


def table(steps: Sequence[Operation]) -> tuple[np.ndarray, np.ndarray]:
    """The worker's table and the words that its rows point to."""
    words = np.array([word for operation in steps for word in operation.words], np.int64)
    running: list[Operation] = []
    rows, place = [], 0
    for i, operation in enumerate(steps):
        wait = i == 0 or any(operation.waits_for(earlier) for earlier in running)  # i = 0: for the end of the last step
        running = [operation] if wait else [*running, operation]
        rows.append((operation.address, words.ctypes.data + 8 * place, *operation.cut[1:], int(wait)))
        place += len(operation.words)
    return np.array(rows, np.int64).reshape(-1, COLUMNS), words
