"""How every CPU kernel is compiled: by numba, with strict floating point.

`error_model="numpy"` is what lets LLVM vectorize a loop with a division or a root (7 to 12 times on Adam).
`parallel=True` is never used: its threads fight with those of the BLAS (8 ms a step, measured).
"""

import ctypes
import hashlib
import inspect
import threading
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Protocol

import numba
import numpy as np
from numba.extending import register_jitable

from .entry import Entry, kind_of, words_of

if numba.config.DISABLE_JIT:
    raise ImportError("its compiler is switched off by NUMBA_DISABLE_JIT")

STRICT = frozenset({"contract"})  # a b + c may be fused, nothing else
REDUCE = frozenset(
    {"contract", "reassoc", "nsz"}
)  # sums may be regrouped, so that they vectorize; NaN and infinity stay

# numba does not pass the error model of a loop on to the functions that it calls: without it there, one division in a formula
# would keep the whole loop from vectorizing.  _nrt: nothing is allocated, so there are no references to count.
OPTIONS = {"error_model": "numpy", "boundscheck": False, "fastmath": set(STRICT), "_nrt": False, "no_rewrites": True}

WIDEST = 1024  # most columns of a window, so that its partial sums fit on the stack

_C_FUNCTION = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_int64, ctypes.c_int64)  # called without the GIL


class Bindable(Protocol):
    """A Loop, or a Product (products.py)."""

    @property
    def bind(self) -> Callable[..., Callable[[], None]]:
        """bind(*arguments): the call as a function without arguments."""


class Noted(NamedTuple):
    """A call of a loop or a product."""

    what: Bindable
    arguments: Sequence[Any]


class Trace(threading.local):
    """While `noted` is a list, calls of loops and products in this thread are appended to it and not run."""

    noted: list[Noted] | None = None


trace = Trace()


class Loop:
    """A loop, compiled for the types it is called with.  Called from Python it runs on whole arrays.

    A loop with a window takes `lo, hi` as its first arguments, and works on these rows (`axis` "rows": of the first axis) or
    columns (of the last axis) of the arrays named in `parts`.  It reads and writes no other part of these arrays; it may read
    other arrays whole, or write disjoint parts of them.  So windows may run in any order, or at the same time.  A window has at
    most WIDEST columns.
    """

    def __init__(self, function, fastmath: frozenset[str], axis: str, parts: tuple[str, ...]) -> None:
        # loops from one factory are distinguished by the functions they close over
        made_for = [getattr(cell.cell_contents, "__name__", "") for cell in function.__closure__ or ()]
        self.function, self.axis = function, axis
        self.name = "_".join([f"{function.__module__}.{function.__qualname__}", *sorted(made_for)])
        self.options = OPTIONS | {"fastmath": set(fastmath)}
        names = list(inspect.signature(function).parameters)[2 if axis else 0 :]
        self.windowed = tuple(names.index(name) for name in parts)
        self._entries: dict[tuple[object, ...], Entry] = {}

    def entry(self, arguments: Sequence[object]) -> int:
        """The address of the code for arguments of these types, which the first call compiles or loads from disk."""
        types = tuple(
            (v.dtype, v.ndim, v.flags.c_contiguous) if isinstance(v, np.ndarray) else type(v) for v in arguments
        )
        found = self._entries.get(types)
        if found is None:
            kinds = tuple(kind_of(value) for value in arguments)
            name = f"{self.name} {kinds} {hashlib.sha256(self.function.__code__.co_code).hexdigest()}"
            made = Entry(self.function, kinds, self.options, bool(self.axis), name)
            found = self._entries.setdefault(
                types, made
            )  # if another thread was first, its code may be running already
        return found.address

    def extent(self, arguments) -> int:
        """The number of rows or columns to cut into windows."""
        return int(arguments[self.windowed[0]].shape[0 if self.axis == "rows" else -1])

    def bind(self, *arguments: object) -> Callable[[], None]:
        """The call on whole arrays, as a function without arguments that does not inspect the arrays again."""
        run, words = _C_FUNCTION(self.entry(arguments)), np.array(words_of(arguments), np.int64)
        extent = self.extent(arguments) if self.axis else 0
        width = WIDEST if self.axis == "columns" else max(extent, 1)
        windows = [(lo, min(lo + width, extent)) for lo in range(0, extent, width)] if self.axis else [(0, 0)]

        address = words.ctypes.data

        def call(keep: object = (words, arguments)) -> None:
            for lo, hi in windows:
                run(address, lo, hi)

        return call

    def __call__(self, *arguments):
        if trace.noted is not None:
            trace.noted.append(Noted(self, arguments))
        else:
            self.bind(*arguments)()


def made_of(call: Callable[[], None]) -> list[Noted]:
    """The loops and products that a kernel call consists of, with their arguments; none of them is run."""
    noted: list[Noted] = []
    trace.noted = noted
    try:
        call()
    finally:
        trace.noted = None
    return noted


def compiled(
    fastmath: frozenset[str] = STRICT, *, rows: str = "", columns: str = ""
) -> Callable[[Callable[..., None]], Loop]:
    """Decorator: a Loop.  `rows` or `columns` names the arrays that are cut into windows."""
    axis, parts = ("rows", rows) if rows else ("columns", columns) if columns else ("", "")
    return lambda function: Loop(function, fastmath, axis, tuple(parts.split()))


# Building blocks of compiled loops: compiled into their callers, never called from Python.
INLINED = OPTIONS | {"no_cfunc_wrapper": True}


def inlined(function):
    """A scalar formula or a piece of a loop."""
    return register_jitable(**INLINED)(function)


def inlined_sum(function):
    """As inlined, for pieces whose sums may be regrouped."""
    return register_jitable(**INLINED | {"fastmath": set(REDUCE)})(function)
