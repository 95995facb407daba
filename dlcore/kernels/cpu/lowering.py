"""From bound calls to the worker's table: what a call is made of, how it is cut into blocks, where threads must wait.

The cut is a function of shapes only, and threads take whole blocks, so the bits do not depend on the number of threads.
Blocks are few and wide, because each block of a product packs the operand that all blocks share once more.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from ..table import BoundCall
from . import blas
from .compiled import WIDEST, Loop, made_of
from .entry import words_of

_WIDE = 128  # least columns of a block
_QUANTUM = 16  # blocks begin at multiples of this many columns
_ROWS = 16  # least rows of a block
_RUN = 1024  # blocks of a vector begin at multiples of this; dropout needs multiples of 4
_MOST = 16  # most blocks of a matrix; vectors may have four times as many
_TINY = 8192  # fewer entries are not worth a second block
_SMALL_PRODUCT = 1 << 18  # fewer floating point operations are not worth a second block


class Cut(NamedTuple):
    """Block b begins at extent · b // blocks, rounded down to a multiple of the quantum."""

    axis: str  # "rows", "columns" or ""
    extent: int
    blocks: int
    quantum: int


WHOLE = Cut("", 0, 1, 1)
NO_BLOCKS = Cut("", 0, 0, 1)


def _power_of_two(n: int) -> int:
    """The largest power of two that is not above n; at least 1."""
    return 1 << max(n, 1).bit_length() - 1


def columns_cut(columns: int) -> Cut:
    blocks = max(min(_MOST, _power_of_two(columns // _WIDE)), -(-columns // (WIDEST - _QUANTUM)))
    return Cut("columns", columns, blocks, _QUANTUM)


def rows_cut(rows: int, entries: int) -> Cut:
    """Rows of a matrix, or runs of a vector."""
    if rows == entries:  # a vector
        return Cut("rows", rows, max(1, min(4 * _MOST, entries // _TINY)), _RUN)
    return Cut("rows", rows, 1 if entries < _TINY else min(_MOST, _power_of_two(rows // _ROWS)), _ROWS)


@dataclass(frozen=True)
class Access:
    """Memory that a row reads or writes: the whole in every block (`cut` is None), or in each block that block's part."""

    start: int
    stop: int
    shape: tuple[int, ...]
    written: bool
    cut: Cut | None

    def meets(self, other: "Access") -> bool:
        """Whether the two must not run at the same time in different blocks."""
        if not (self.written or other.written) or self.start >= other.stop or other.start >= self.stop:
            return False
        same_parts = self.cut is not None and self.cut == other.cut
        return not (same_parts and (self.start, self.shape) == (other.start, other.shape))


@dataclass(frozen=True)
class Row:
    """One row of the table: the entry at `address` is called with `words` for each block."""

    address: int
    words: list[int]
    cut: Cut
    accesses: tuple[Access, ...]
    arrays: tuple[object, ...]  # kept alive
    call: BoundCall | None = None  # a host call, which Python makes

    @property
    def blocks(self) -> int:
        return self.cut.blocks

    def waits_for(self, earlier: "Row") -> bool:
        """Whether all threads must have finished `earlier` first.  Calls of one block always run on the same thread."""
        if self.call or earlier.call:
            return True
        if self.blocks == earlier.blocks == 1:
            return False
        return any(mine.meets(other) for mine in self.accesses for other in earlier.accesses)


def _access(array: np.ndarray, written: bool, cut: Cut | None) -> Access:
    start = array.ctypes.data
    return Access(start, start + array.nbytes, array.shape, written, cut)


def _loop_row(loop: Loop, arguments: Sequence[object], call: BoundCall) -> Row:
    arrays = {i: value for i, value in enumerate(arguments) if isinstance(value, np.ndarray) and value.size}

    def among(array: np.ndarray, others: Sequence[object]) -> bool:
        return any(np.may_share_memory(array, other) for other in others if isinstance(other, np.ndarray))

    # outputs, and scratch that is neither input nor output: it passes values between the loops of one call
    written = {i for i, array in arrays.items() if among(array, call.outputs) or not among(array, call.inputs)}
    cut = WHOLE
    if loop.axis == "columns":
        cut = columns_cut(loop.extent(arguments))
    elif loop.axis:
        cut = rows_cut(loop.extent(arguments), max((arrays[i].size for i in arrays if i in written), default=0))
    parts = set(loop.windowed) if loop.axis else set()
    accesses = tuple(_access(array, i in written, cut if i in parts else None) for i, array in arrays.items())
    return Row(loop.entry(arguments), words_of(arguments), cut, accesses, tuple(arguments))


def _product_row(x: np.ndarray, y: np.ndarray, out: np.ndarray) -> Row:
    (m, n), k = out.shape, x.shape[1]
    cut = columns_cut(n)
    if cut.blocks == 1 or (m >= n and blas.base(x)[1]):  # xᵀ delta: the larger side
        cut = columns_cut(m) if blas.base(x)[1] else rows_cut(m, m * max(n, k))
        cut = cut._replace(axis="rows")
    if cut.blocks == 1 or 2 * m * n * k < _SMALL_PRODUCT:
        cut = WHOLE
    (a, a_turned), (b, b_turned) = blas.base(x), blas.base(y)
    axis, across, down = cut.axis, cut._replace(axis="columns"), cut._replace(axis="rows")
    a_cut = (across if a_turned else down) if axis == "rows" else None
    b_cut = (down if b_turned else across) if axis == "columns" else None
    accesses = _access(a, False, a_cut), _access(b, False, b_cut), _access(out, True, cut if axis else None)
    return Row(blas.entry(out.dtype.name), blas.words(x, y, out, axis), cut, accesses, (x, y, out))


def rows_of(call: BoundCall) -> list[Row]:
    """The rows of the table for one call."""
    if call.on_host:
        return [Row(0, [], NO_BLOCKS, (), (*call.inputs, *call.outputs), call)]
    return [
        _loop_row(what, arguments, call) if isinstance(what, Loop) else _product_row(*arguments)
        for what, arguments in made_of(call)
    ]


COLUMNS = 6  # of the table: address, words, extent, blocks, quantum, whether to wait first


def table(entries: Sequence[Row]) -> tuple[np.ndarray, np.ndarray]:
    """The worker's table and the words that its rows point to."""
    words = np.array([word for row in entries for word in row.words], np.int64)
    running: list[Row] = []
    rows, place = [], 0
    for i, row in enumerate(entries):
        wait = i == 0 or any(row.waits_for(earlier) for earlier in running)  # row 0 waits for the previous step to end
        running = [row] if wait else [*running, row]
        rows.append((row.address, words.ctypes.data + 8 * place, *row.cut[1:], int(wait)))
        place += len(row.words)
    return np.array(rows, np.int64).reshape(-1, COLUMNS), words
