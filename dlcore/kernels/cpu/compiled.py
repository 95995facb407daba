"""How every CPU kernel is compiled: numba without the GIL, strict floating point, and a cache that notices every change.

`error_model="numpy"` is what lets LLVM vectorize a loop with a division or a root (7 to 12 times on Adam).
`parallel=True` is never used: its threads fight with those of the BLAS (8 ms a step, measured).
numba's own cache looks only at the file of the function itself, not at the functions that it calls; this one lies in a
folder named by a digest of all kernel sources, the versions of numba and NumPy, and the CPU.
"""

import hashlib
import inspect
import os
import sys
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import llvmlite.binding
import numba
import numpy as np
from numba.core.caching import CompileResultCacheImpl, FunctionCache, IndexDataCacheFile, _CacheLocator
from numba.extending import register_jitable

from ...folders import user_cache

if numba.config.DISABLE_JIT:
    raise ImportError("its compiler is switched off by NUMBA_DISABLE_JIT")

STRICT = frozenset({"contract"})  # a b + c may be fused, nothing else
REDUCE = frozenset(
    {"contract", "reassoc", "nsz"}
)  # sums may be regrouped, so that they vectorize; NaN and infinity stay


@cache
def cache_folder() -> str | None:
    """Where compiled kernels are kept; None where nothing can be written (they are then compiled in each process)."""
    digest = hashlib.sha256()
    for source in sorted(Path(__file__).parents[1].rglob("*.py")):
        if source.parent.name != "cuda":
            digest.update(source.name.encode() + source.read_bytes())
    for fact in (numba.__version__, np.__version__, llvmlite.binding.get_host_cpu_name(), sys.version):
        digest.update(fact.encode())
    try:
        folder = user_cache() / "dlcore" / "kernels" / digest.hexdigest()[:16]
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)  # numba unpickles what lies there
    except (OSError, RuntimeError):  # read-only or missing home
        return None
    return str(folder) if os.access(folder, os.W_OK) else None


class _Locator(_CacheLocator):
    """Every function's files in the one folder; the folder's name is the stamp."""

    def __init__(self, function: Any) -> None:
        self.function = function

    def get_cache_path(self) -> str:
        return cache_folder() or ""

    def get_source_stamp(self) -> str:
        return self.get_cache_path()

    def get_disambiguator(self) -> str:
        return str(self.function.__module__)

    @classmethod
    def from_function(cls, function: Any, _path: str) -> "_Locator":
        return cls(function)


class _Implementation(CompileResultCacheImpl):
    _locator_classes = (_Locator,)


class _Files(IndexDataCacheFile):
    """A file for each compiled function, named by its key: two processes that compile different ones at the same time must
    not take the same name, as they may with numba's numbers, and later load each other's code."""

    def _name(self, key: Any) -> str:
        # with the classes: numba prints the tuple of *numbers as any other, and calls with one never find code for the other
        kinds = [type(kind).__name__ for kind in getattr(key[0], "args", key[0])]
        digest = hashlib.sha256(repr((key, kinds)).encode()).hexdigest()
        return str(self._data_name_pattern).format(number=int(digest[:15], 16))

    def load(self, key: Any) -> Any:
        try:
            return self._load_data(self._name(key))
        except FileNotFoundError:
            return None

    def save(self, key: Any, data: Any) -> None:
        self._save_data(self._name(key), data)


class _Cache(FunctionCache):
    """The files are a convenience: a torn one is written anew, a full disk is no obstacle."""

    _impl_class = _Implementation

    def __init__(self, function: Any) -> None:
        super().__init__(function)
        self._cache_file = _Files(self._cache_path, self._impl.filename_base, self._impl.locator.get_source_stamp())

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        try:
            return super().load_overload(sig, target_context)
        except Exception:  # whatever a torn pickle raises
            return None

    def save_overload(self, sig: Any, data: Any) -> None:
        with suppress(OSError):
            super().save_overload(sig, data)


class _NamedCache(_Cache):
    """For functions made by one definition with other closures each: the name says what the closure holds."""

    def __init__(self, function: Any, name: str) -> None:
        super().__init__(function)
        self._name = name

    def _index_key(self, sig: Any, codegen: Any) -> Any:
        return sig, codegen.magic_tuple(), self._name


def keep_on_disk(compiled: Any, function: Any, name: str) -> None:
    """Let a compiled function use the cache, under this name."""
    if cache_folder():
        compiled._cache = _NamedCache(function, name)


class Trace(threading.local):
    """What kernels are made of: while `operations` is a list, loops and products of this thread note themselves there
    instead of working.  The worker's table is made from it (lowering.py)."""

    operations: list[Any] | None = None


trace = Trace()


class Loop:
    """A compiled loop.  Called from Python it runs on whole arrays.

    A loop with a window works on part of its arrays, and takes the part as its first arguments `lo, hi`; `axis` and `parts`
    say of which arrays: rows are entries of the first axis, columns of the last one.  Of these it reads and writes its part
    only; other arrays it may read whole, or write in parts that do not meet.  So windows may be worked on in any order, or
    at once.
    """

    def __init__(self, function: Any, fastmath: frozenset[str], axis: str, parts: tuple[str, ...]) -> None:
        # members of a family are told apart by what they are made for: machine code is found by its name
        made_for = [getattr(cell.cell_contents, "__name__", "") for cell in function.__closure__ or ()]
        function.__qualname__ = "_".join([function.__qualname__, *sorted(made_for)])
        self.axis, self.name = axis, f"{function.__module__}.{function.__qualname__}"
        self.dispatcher = numba.njit(nogil=True, error_model="numpy", boundscheck=False, fastmath=set(fastmath))(
            function
        )
        if cache_folder():
            self.dispatcher._cache = _Cache(function)
        names = list(inspect.signature(function).parameters)[2 if axis else 0 :]
        self.windowed = tuple(names.index(name) for name in parts)

    @cached_property
    def identity(self) -> str:
        """Name and digest of code and closure: members of a family share the name."""
        if not cache_folder():
            return self.name
        return f"{self.name} {self.dispatcher._cache._index_key('', self.dispatcher.targetctx.codegen())[2]}"

    def extent(self, arguments: Sequence[Any]) -> int:
        """What there is to cut: rows, or columns."""
        return int(arguments[self.windowed[0]].shape[0 if self.axis == "rows" else -1])

    def __call__(self, *arguments: Any) -> None:
        if trace.operations is not None:
            trace.operations.append((self, arguments))
        elif self.axis:
            self.dispatcher(0, self.extent(arguments), *arguments)
        else:
            self.dispatcher(*arguments)


def compiled(fastmath: frozenset[str] = STRICT, *, rows: str = "", columns: str = "") -> Callable[[Any], Loop]:
    """Compile a loop for the types it is first called with, and keep the machine code on disk.

    `rows` or `columns` name the arrays that are cut: the loop has a window.
    """
    axis, parts = ("rows", rows) if rows else ("columns", columns) if columns else ("", "")
    return lambda function: Loop(function, fastmath, axis, tuple(parts.split()))


# What compiled loops are built from.  numba does not hand the error model of a loop down to the functions in it: without
# it here, one division in a formula would keep the whole loop from vectorizing.
OPTIONS = {"error_model": "numpy", "boundscheck": False, "fastmath": set(STRICT)}


def inlined(function: Any) -> Any:
    """A scalar formula or a piece of a loop, compiled into whatever calls it."""
    return register_jitable(**OPTIONS)(function)


def inlined_sum(function: Any) -> Any:
    """As inlined, for pieces whose sums may be regrouped."""
    return register_jitable(**OPTIONS | {"fastmath": set(REDUCE)})(function)
