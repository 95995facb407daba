"""The part of CuPy 14 that dlcore calls, on the CPU: so that the lines that call it run in tests without a GPU.

Streams run in program order, and one of them captures; meanwhile everything that CuPy refuses is refused, and so is a second
stream that the first does not wait for.  Streams, devices and allocators are current per thread.  Kernels are those of
emulation.py.  This checks names and arguments of CuPy's functions, not that a GPU would do the same.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np

from .emulation import Module
from .stream import STREAM


class Array(np.ndarray):
    """An array that only get() converts to NumPy's."""

    @property
    def data(self) -> Any:  # type: ignore[override]
        return SimpleNamespace(ptr=self.ctypes.data)

    @property
    def __cuda_array_interface__(self) -> dict[str, Any]:
        return {"shape": self.shape, "typestr": self.dtype.str, "data": (self.ctypes.data, False), "version": 3}

    def get(self) -> np.ndarray:
        STREAM.refuse("a copy to the host")
        note("a copy to the host")
        return self.view(np.ndarray).copy()

    def set(self, arr: np.ndarray, stream: Any = None) -> None:
        STREAM.refuse("a copy from the host")
        note("a copy from the host")
        assert not isinstance(arr, Array)
        assert (arr.shape, arr.dtype, arr.flags.c_contiguous) == (self.shape, self.dtype, True)
        self.view(np.ndarray)[...] = arr

    def __setitem__(self, place: Any, value: Any) -> None:
        if _on_host(value):
            raise ValueError("non-scalar numpy.ndarray cannot be used for fill")
        super().__setitem__(place, value)

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, out: tuple[Any, ...] = (), **options: Any) -> Any:
        if any(map(_on_host, (*inputs, *out))):
            raise TypeError("Unsupported type <class 'numpy.ndarray'>")
        into = {"out": tuple(v.view(np.ndarray) for v in out)} if out else {}
        plain = (v.view(np.ndarray) if isinstance(v, Array) else v for v in inputs)
        result = getattr(ufunc, method)(*plain, **into, **options)
        return out[0] if out else _wrapped(result)


def _on_host(value: Any) -> bool:
    return isinstance(value, np.ndarray) and not isinstance(value, Array) and value.shape != ()


def _wrapped(result: Any) -> Any:
    if isinstance(result, tuple):
        return tuple(map(_wrapped, result))
    return np.asarray(result).view(Array)


class Current(threading.local):
    """A stack of the objects that `with` has made current, one per thread."""

    def __init__(self, first: Callable[[], Any] | None = None) -> None:
        self.entries = [first()] if first else []

    def __len__(self) -> int:
        return len(self.entries)

    def __getitem__(self, place: int) -> Any:
        return self.entries[place]

    def append(self, entry: Any) -> None:
        self.entries.append(entry)

    def pop(self) -> None:
        self.entries.pop()


class Event:
    def __init__(self, block: bool = False, disable_timing: bool = False, interprocess: bool = False) -> None:
        STREAM.refuse("an event")
        note("an event")
        self.timed, self.captured, self.of = not disable_timing, False, None

    def record(self, stream: Any = None) -> None:
        self.of = stream or CURRENT[-1]
        self.captured = self.of.captured

    def synchronize(self) -> None:
        STREAM.refuse("a wait")


class Stream:
    """`captured`: work launched here goes into the graph; there is one graph at a time."""

    def __init__(self, null: bool = False, non_blocking: bool = False) -> None:
        self.non_blocking, self.ptr, self.captured = non_blocking, 0 if null else next(NUMBERS), False
        if not null:
            note("a stream")

    def __enter__(self) -> Stream:
        CURRENT.append(self)
        return self

    def __exit__(self, *exception: object) -> None:
        CURRENT.pop()

    def record(self, event: Event | None = None) -> Event:
        event = event or Event()
        event.record(self)
        return event

    def wait_event(self, event: Event) -> None:
        assert isinstance(event, Event)
        assert event.of is not None, "a wait for an event that was never recorded is no wait"
        assert not self.captured or event.captured, "cudaErrorStreamCaptureIsolation"
        if event.of in FORKED:
            FORKED.remove(event.of)
        if event.captured and self is not CAPTURED[0]:
            if self not in FORKED:
                FORKED.append(self)
            CAPTURED.append(self)
            self.captured = True

    def begin_capture(self, mode: int | None = None) -> None:
        assert self.non_blocking, "the null stream cannot be captured"
        STREAM.begin()
        self.captured = True
        CAPTURED.append(self)

    def end_capture(self) -> Any:
        launch, lost = STREAM.end(), list(FORKED)
        for stream in CAPTURED:
            stream.captured = False
        CAPTURED.clear()
        FORKED.clear()
        if lost:
            raise RuntimeError("cudaErrorStreamCaptureUnjoined")

        def on(stream: Stream | None = None) -> None:
            launch()

        return SimpleNamespace(launch=on, upload=lambda stream=None: None)


NUMBERS = count(1)
CAPTURED: list[Stream] = []  # the stream that began the capture, then those that joined it
FORKED: list[Stream] = []  # streams of these that the first one has not waited for yet
NULL = Stream(null=True)
CURRENT = Current(lambda: NULL)
DEVICES = Current(lambda: 0)
USED: set[tuple[int, str]] = set()  # (device, operation) for all operations so far


def note(what: str) -> None:
    USED.add((DEVICES[-1], what))


ALLOCATORS = Current()


def _allocated(array: np.ndarray) -> Array:
    note("an allocation")
    if ALLOCATORS:
        ALLOCATORS[-1](array.nbytes)
    return array.view(Array)


@contextmanager
def _using_allocator(allocator: Callable[[int], Any]) -> Iterator[None]:
    ALLOCATORS.append(allocator)
    try:
        yield
    finally:
        ALLOCATORS.pop()


@contextmanager
def _device(number: int) -> Iterator[None]:
    DEVICES.append(number)
    try:
        yield
    finally:
        DEVICES.pop()


class RawModule:
    def __init__(self, *, code: str, options: tuple[str, ...]) -> None:
        STREAM.refuse("a compilation")
        note("a compilation")
        assert (type(code), type(options)) == (str, tuple), "Cython takes no subclass"
        self._module = Module(code)

    def get_function(self, name: str) -> Any:
        function = self._module.get_function(name)

        def started(grid: Any, block: Any, arguments: Any) -> None:
            note("a kernel")
            assert type(grid) is type(block) is tuple, "Cython takes no subclass"
            assert CURRENT[-1].captured == bool(CAPTURED), "on a stream that has no part in the graph"
            function(grid, block, arguments)

        return started


class Namespace(ModuleType):
    """NumPy's functions on arrays of ours."""

    def __getattr__(self, name: str) -> Any:
        if name in ("bfloat16", "__path__", "__file__"):  # CuPy has no bfloat16
            raise AttributeError(name)
        return getattr(np, name)

    zeros = staticmethod(lambda shape, dtype=float: _allocated(np.zeros(shape, dtype)))
    empty = staticmethod(lambda shape, dtype=float: _allocated(np.empty(shape, dtype)))
    asarray = staticmethod(lambda value: value if isinstance(value, Array) else _allocated(np.array(value)))
    asnumpy = staticmethod(lambda array: array.get())


class CUDARuntimeError(RuntimeError):
    """Like CuPy's, which is not a MemoryError."""


def stand_in(free: int = 2**40, devices: int = 1, pinned: bool = True) -> dict[str, ModuleType]:
    """Modules by name, for sys.modules; `pinned`: whether page-locked memory can be allocated."""

    def empty_pinned(shape: Any, dtype: Any) -> np.ndarray:
        if not pinned:
            raise CUDARuntimeError("cudaErrorMemoryAllocation: out of memory")
        return np.empty(shape, dtype)

    def free_and_total() -> tuple[int, int]:
        note("a look at free memory")
        return free, 2**40

    cupy, cupyx, xp = Namespace("cupy"), ModuleType("cupyx"), Namespace("array_api_compat.cupy")
    runtime = SimpleNamespace(
        getDeviceCount=lambda: devices,
        getDevice=lambda: DEVICES[-1],
        getDeviceProperties=lambda number: {"name": b"a stand-in, no. %d" % number},
        memGetInfo=free_and_total,
        CUDARuntimeError=CUDARuntimeError,
    )
    cupy.cuda = SimpleNamespace(  # type: ignore[attr-defined]
        Device=_device, Event=Event, Stream=Stream, get_current_stream=lambda: CURRENT[-1], is_available=lambda: True,
        get_elapsed_time=lambda start, end: 1.0 if start.timed and end.timed else 1 / 0, using_allocator=_using_allocator,
        runtime=runtime, memory=SimpleNamespace(OutOfMemoryError=MemoryError),
    )  # fmt: skip
    cupy.RawModule, cupy.__version__ = RawModule, "14.2.0"  # type: ignore[attr-defined]
    cupy.get_default_memory_pool = lambda: SimpleNamespace(free_bytes=lambda: 0)  # type: ignore[attr-defined]
    cupyx.empty_pinned = empty_pinned  # type: ignore[attr-defined]
    return {"cupy": cupy, "cupyx": cupyx, "array_api_compat.cupy": xp}
