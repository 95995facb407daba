"""As much of CuPy 14 as dlcore calls, on the CPU: so that the lines that call it are run by somebody before a GPU runs them.

Streams run in the order of the program, and one of them captures; what CuPy refuses meanwhile is refused.  Kernels are those of
emulation.py.  Nothing here says that a GPU would do the same; it says that names and arguments are CuPy's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np

from .emulation import Module
from .stream import STREAM


class Array(np.ndarray):
    """An array that becomes NumPy's by get() only."""

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
        self[...] = arr


class Event:
    def __init__(self, block: bool = False, disable_timing: bool = False, interprocess: bool = False) -> None:
        STREAM.refuse("an event")
        note("an event")
        self.timed = not disable_timing

    def record(self, stream: Any = None) -> None: ...

    def synchronize(self) -> None:
        STREAM.refuse("a wait")


class Stream:
    """The stand-in for cuBLASLt knows stream 0 only."""

    ptr = 0

    def __init__(self, null: bool = False, non_blocking: bool = False) -> None:
        self.non_blocking = non_blocking
        if not null:
            note("a stream")

    def __enter__(self) -> Stream:
        CURRENT.append(self)
        return self

    def __exit__(self, *exception: object) -> None:
        CURRENT.pop()

    def record(self, event: Event | None = None) -> Event:
        return event or Event()

    def wait_event(self, event: Event) -> None:
        assert isinstance(event, Event)

    def begin_capture(self, mode: int | None = None) -> None:
        assert self.non_blocking, "the null stream cannot be captured"
        STREAM.begin()

    def end_capture(self) -> Any:
        launch = STREAM.end()

        def on(stream: Stream | None = None) -> None:
            launch()

        return SimpleNamespace(launch=on, upload=lambda stream=None: None)


CURRENT = [Stream(null=True)]
DEVICES = [0]  # the current one is the last
USED: set[tuple[int, str]] = set()  # on which device what was done


def note(what: str) -> None:
    USED.add((DEVICES[-1], what))


ALLOCATORS: list[Callable[[int], Any]] = []


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
        self._module = Module(code)

    def get_function(self, name: str) -> Any:
        function = self._module.get_function(name)

        def started(*arguments: Any) -> None:
            note("a kernel")
            function(*arguments)

        return started


class Namespace(ModuleType):
    """NumPy's functions on arrays of ours."""

    def __getattr__(self, name: str) -> Any:
        if name in ("bfloat16", "__path__", "__file__"):  # CuPy has no name for the first
            raise AttributeError(name)
        return getattr(np, name)

    zeros = staticmethod(lambda shape, dtype=float: _allocated(np.zeros(shape, dtype)))
    empty = staticmethod(lambda shape, dtype=float: _allocated(np.empty(shape, dtype)))
    asarray = staticmethod(lambda value: value if isinstance(value, Array) else _allocated(np.array(value)))
    asnumpy = staticmethod(lambda array: array.get())


class CUDARuntimeError(RuntimeError):
    """As CuPy's, which is no MemoryError."""


def stand_in(free: int = 2**40, devices: int = 1, pinned: bool = True) -> dict[str, ModuleType]:
    """Modules by name, for sys.modules; `pinned`: whether there is page-locked memory."""

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
