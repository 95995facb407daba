"""What kernels run on: `Device`, the interface that they use, and `CupyDevice`, an NVIDIA GPU.

Kernels call

    launch(file, kernel, dtype, shape, *arguments)       launch a kernel of `file`.cu, compiled for arrays of `dtype`, and with
                                                         data=… for a data set of that dtype
    partial_sums(dtype, count, tickets)                  scratch for a sum over several blocks: numbers, and tickets at 0
    product(a, b, out, transpose_a=…, transpose_b=…)     out = a b, either factor transposed
    product_with(epilogue, a, b, out, vector, kept, …)   the same with an epilogue (epilogues.py); False if it is not available
    has_epilogue(epilogue, dtype, dtype_out)             whether there is one for factors and results of these dtypes

A device implements: `compiled(source)`, a module whose `get_function(name)` is called as `f(grid, block, arguments)`;
`zeros(count, dtype)`, a vector; `asarray` and `to_host`, which copy values; `address(array)` and `stream()`, as libraries need
them.  `captured(body)` records the work that body launches, and returns a function that repeats it (graph.py).
`staging(shape, dtype)` is host memory from which `upload(target, staged, mark)` copies in parallel with the stream, after the
work launched before `mark()`; it returns an Upload.  `free_memory()` is in bytes; `seconds(work)` is the duration of work;
`algorithms` remembers the fastest ones.  `fork(work)` launches work on a second stream, after the work launched before, and
`join()` makes the first stream wait for it.

The calls that kernels make, and `fork` and `join`, neither allocate nor wait for the device after the first call with arrays
of the same shapes.

Work launched on one device runs in order, because its scratch and its workspace are shared.  `sibling()` is the same device
for a second stream: it shares compiled kernels, but has its own scratch and its own plans of products.
"""

from __future__ import annotations

import gc
from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Protocol

import numpy as np

from ...arrays import Array
from .algorithms import Algorithms
from .gemm import Products
from .launch import OPTIONS, Shape, source
from .memory import DeviceArray, Library

LONG = 2e-3  # seconds; work that takes longer is timed once


class Module(Protocol):
    """Compiled kernels."""

    def get_function(self, name: str, /) -> Callable[..., None]: ...


class Upload(Protocol):
    """A copy on its way to the device."""

    def before_use(self) -> None:
        """Make work that is launched from now on wait for the copy."""

    def finish(self) -> None:
        """Wait until the staged memory may be overwritten."""


class Device(ABC):
    """Launches kernels on arrays of one library, and products by cuBLASLt.  `reason` says why it cannot capture graphs, if so."""

    reason = ""

    def __init__(self, cublaslt: Library | None, precision: str = "highest", cache: Path | None = None) -> None:
        """`precision` of float32 products is "highest", or "high" for TF32; `cache` is a file to remember algorithms in."""
        self._cublaslt, self._precision = cublaslt, precision
        self.algorithms = Algorithms(self.identity(), cache)
        self._functions: dict[tuple[tuple[str, str, str], str], Callable[..., None]] = {}
        self._modules: dict[tuple[str, str, str], Module] = {}
        self._begin()

    def _begin(self) -> None:
        self._scratch: dict[str, DeviceArray] = {}
        self._second: Device | None = None
        self._outgrown: list[DeviceArray] = []  # kept: a captured graph may still write there
        self._products = Products(self._cublaslt, self, self._precision) if self._cublaslt else None

    @property
    def second(self) -> Device:
        """The sibling for the second stream."""
        if self._second is None:
            self._second = self.sibling()
        return self._second

    def sibling(self) -> Device:
        other = object.__new__(type(self))
        other.__dict__.update(self.__dict__)
        other._begin()
        return other

    @abstractmethod
    def compiled(self, source: str) -> Module: ...

    @abstractmethod
    def zeros(self, count: int, dtype: str) -> DeviceArray: ...

    @abstractmethod
    def asarray(self, value: np.ndarray) -> DeviceArray: ...

    @abstractmethod
    def to_host(self, array: DeviceArray) -> np.ndarray: ...

    @abstractmethod
    def address(self, array: DeviceArray) -> int: ...

    @abstractmethod
    def stream(self) -> int: ...

    @abstractmethod
    def captured(self, body: Callable[[], None]) -> Callable[[], None]: ...

    @abstractmethod
    def fork(self, work: Callable[[], None]) -> None: ...

    @abstractmethod
    def join(self) -> None: ...

    @abstractmethod
    def staging(self, shape: tuple[int, ...], dtype: str) -> np.ndarray: ...

    @abstractmethod
    def mark(self) -> object: ...

    @abstractmethod
    def upload(self, target: Array, staged: np.ndarray, mark: object) -> Upload: ...

    @abstractmethod
    def free_memory(self) -> int: ...

    @abstractmethod
    def identity(self) -> str:
        """The library of products and the kind of GPU."""

    @abstractmethod
    def seconds(self, work: Callable[[], None]) -> float: ...

    def launch(self, file: str, kernel: str, dtype: str, shape: Shape, *arguments: object, data: str = "") -> None:
        module = file, dtype, data
        if (module, kernel) not in self._functions:
            if module not in self._modules:
                self._modules[module] = self.compiled(source(*module))
            self._functions[module, kernel] = self._modules[module].get_function(kernel)
        self._functions[module, kernel](*shape, arguments)

    def partial_sums(self, dtype: str, count: int, tickets: int = 1) -> tuple[DeviceArray, DeviceArray]:
        """`count` numbers in the dtype of arithmetic (float64 or float32), and `tickets` words that are 0 between kernels."""
        real = np.dtype("float64" if dtype == "float64" else "float32")
        numbers = self._grown("parts", count * real.itemsize // 8 + 1, "float64")
        return numbers.view(real)[:count], self._grown("tickets", tickets, "int32")[:tickets]

    def _grown(self, name: str, count: int, dtype: str) -> DeviceArray:
        """A scratch vector of at least `count` entries, kept for the next kernel."""
        old = self._scratch.get(name)
        if old is None or old.size < count:
            if old is not None:
                self._outgrown.append(old)
            self._scratch[name] = self.zeros(max(count, 1024, 0 if old is None else 2 * old.size), dtype)
        return self._scratch[name]

    def product(
        self, a: DeviceArray, b: DeviceArray, out: DeviceArray, *, transpose_a: bool = False, transpose_b: bool = False
    ) -> None:
        assert self._products
        self._products(a, b, out, transpose_a=transpose_a, transpose_b=transpose_b)

    def has_epilogue(self, epilogue: str, dtype: str, dtype_out: str) -> bool:
        return self._products is not None and self._products.is_right(epilogue, dtype, dtype_out)

    def product_with(
        self, epilogue: str, a: DeviceArray, b: DeviceArray, out: DeviceArray, vector: DeviceArray | None,
        kept: DeviceArray | None = None, *, transpose_a: bool = False, transpose_b: bool = False,
    ) -> bool:  # fmt: skip
        return self._products is not None and self._products.with_epilogue(
            epilogue, a, b, out, vector, kept, transpose_a=transpose_a, transpose_b=transpose_b
        )


class _CupyUpload:
    def __init__(self, cuda, event):
        self._cuda, self._event = cuda, event

    def before_use(self) -> None:
        self._cuda.get_current_stream().wait_event(self._event)

    def finish(self) -> None:
        self._event.synchronize()


class CupyDevice(Device):
    """The current CUDA device, through CuPy, which has no types: what takes or gives its objects is annotated in Device."""

    def __init__(self, precision: str = "highest", cache: Path | None = None) -> None:
        import cupy

        self._cupy, library = cupy, None
        self._copies, self._aside = (cupy.cuda.Stream(non_blocking=True) for _ in range(2))
        # made once: nothing is made or destroyed while a graph is captured
        self._forks, self._joins = (cupy.cuda.Event(disable_timing=True) for _ in range(2))
        try:
            from nvmath.bindings import cublasLt

            cublasLt.get_version()  # loads the library itself
            library = cublasLt
        except ImportError as error:
            self.reason = f"matrix products are CuPy's: nvmath cannot be imported ({error}); pip install nvmath-python"
        except Exception as error:  # it finds the library by itself, and raises what it likes
            self.reason = f"matrix products are CuPy's: cuBLASLt cannot be loaded ({error})"
        super().__init__(library, precision, cache)

    def compiled(self, source):
        return self._cupy.RawModule(code=source, options=OPTIONS)

    def zeros(self, count, dtype):
        return self._cupy.zeros(count, dtype)

    def asarray(self, value):
        return self._cupy.asarray(value)

    def to_host(self, array):
        return self._cupy.asnumpy(array)

    def address(self, array):
        return int(array.data.ptr)

    def stream(self) -> int:
        return int(self._cupy.cuda.get_current_stream().ptr)

    def captured(self, body: Callable[[], None]) -> Callable[[], None]:
        """Capture a CUDA graph on the current stream, which must not be the null stream."""
        stream, collects = self._cupy.cuda.get_current_stream(), gc.isenabled()

        def refuse(size: int) -> None:  # CuPy would reuse the memory later, while the graph still writes to it
            raise RuntimeError(f"{size} bytes were asked for while a CUDA graph was captured")

        gc.disable()  # a finalizer that calls the driver would end the capture
        try:
            with self._cupy.cuda.using_allocator(refuse):
                stream.begin_capture()
                try:
                    body()
                except BaseException:
                    with suppress(Exception):
                        stream.end_capture()  # the stream must leave capture; if this fails too, the first error is raised
                    raise
                graph = stream.end_capture()
        finally:
            if collects:
                gc.enable()
        graph.upload(stream)
        return lambda: graph.launch(stream)

    def fork(self, work: Callable[[], None]) -> None:
        self._aside.wait_event(self._cupy.cuda.get_current_stream().record(self._forks))
        with self._aside:
            work()

    def join(self) -> None:
        self._cupy.cuda.get_current_stream().wait_event(self._aside.record(self._joins))

    def staging(self, shape: tuple[int, ...], dtype: str) -> np.ndarray:
        """Page-locked memory: copies from pageable memory are not asynchronous.  Raises MemoryError if there is no more."""
        import cupyx

        try:
            memory: np.ndarray = cupyx.empty_pinned(shape, dtype)
            return memory
        except self._cupy.cuda.runtime.CUDARuntimeError as error:
            raise MemoryError(f"page-locked memory: {error}") from error

    def mark(self):
        return self._cupy.cuda.get_current_stream().record(self._cupy.cuda.Event(disable_timing=True))

    def upload(self, target, staged, mark):
        self._copies.wait_event(mark)
        target.set(staged, stream=self._copies)
        return _CupyUpload(self._cupy.cuda, self._copies.record())

    def identity(self) -> str:
        name = self._cupy.cuda.runtime.getDeviceProperties(self._cupy.cuda.runtime.getDevice())["name"].decode()
        return f"cuBLASLt {self._cublaslt.get_version() if self._cublaslt else None}, {name}"

    def seconds(self, work: Callable[[], None]) -> float:
        """Timed by events: long work once, other work as the least of three means over ten runs."""
        start, end = self._cupy.cuda.Event(), self._cupy.cuda.Event()

        def once(pieces: int) -> float:
            start.record()
            for _ in range(pieces):
                work()
            end.record()
            end.synchronize()
            return float(self._cupy.cuda.get_elapsed_time(start, end)) / 1e3 / pieces

        once(1)  # the first run loads code
        first = once(1)
        return first if first > LONG else min(once(10) for _ in range(3))

    def free_memory(self) -> int:
        return int(self._cupy.cuda.runtime.memGetInfo()[0]) + int(self._cupy.get_default_memory_pool().free_bytes())

    def product(self, a, b, out, *, transpose_a=False, transpose_b=False):
        if self._products is None:
            self._cupy.matmul(a.T if transpose_a else a, b.T if transpose_b else b, out=out)
        else:
            super().product(a, b, out, transpose_a=transpose_a, transpose_b=transpose_b)
