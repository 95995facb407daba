"""A CUDA device emulated on the CPU, for tests: kernels compiled by g++ against cuda_emu.h, arrays of NumPy.

Kernels are called like CuPy's RawKernel, with arguments that are arrays or NumPy scalars of exactly the declared types;
arguments that a GPU would silently misinterpret are refused.  Every launch runs the threads of its blocks in another order, so a
result that depends on this order differs from run to run.
"""

from __future__ import annotations

import ctypes
import fcntl
import hashlib
import os
import shutil
import subprocess
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from dlcore.kernels.cuda.device import Device
from dlcore.kernels.cuda.launch import NULL

from .mock_cublaslt import MockCublasLt
from .stream import STREAM

COMPILER = shutil.which("g++")
MISSING = "g++ is not installed: CUDA kernels are not executed on the CPU (apt-get install g++)"
HEADER = Path(__file__).parent / "cuda_emu.h"
COMMAND = ["g++", "-std=c++17", "-O1", "-ffp-contract=off", "-shared", "-fPIC", "-w", f"-I{HEADER.parent}", "-x", "c++"]


def cache_folder() -> Path:
    """The folder of compiled kernels, which are named by a digest of their source."""
    folder = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "dlcore" / "tests_cuda"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@cache
def _version() -> str:
    return subprocess.run(["g++", "--version"], capture_output=True, text=True, check=True).stdout


def build(source: str) -> Path:
    """The shared library of a kernel file, from the cache if it is there."""
    text = f'#include "{HEADER.name}"\n{source}'
    key = hashlib.sha256("\0".join([text, HEADER.read_text(), _version(), *COMMAND]).encode()).hexdigest()[:24]
    library = cache_folder() / f"{key}.so"
    with library.with_suffix(".lock").open("w") as lock:  # processes of pytest-xdist may need it at the same time
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not library.exists():
            unfinished = library.with_suffix(".part")
            done = subprocess.run([*COMMAND, "-", "-o", unfinished], input=text, text=True, capture_output=True)
            if done.returncode:
                raise RuntimeError(f"g++ refuses the kernels:\n{done.stderr[:4000]}")
            unfinished.rename(library)
    return library


class Function:
    """A kernel, called as a RawKernel: f(grid, block, arguments)."""

    launches = 0

    def __init__(self, library: ctypes.CDLL, name: str) -> None:
        self.name, self._launch = name, library[f"launch_{name}"]
        signature = library[f"signature_of_{name}"]
        signature.restype = ctypes.c_char_p
        self.parameters = signature().decode().split(",")

    def __call__(self, grid: tuple[int, ...], block: tuple[int, ...], arguments: tuple[Any, ...]) -> None:
        if len(arguments) != len(self.parameters):
            raise TypeError(f"{self.name} takes {len(self.parameters)} arguments, got {len(arguments)}")
        grid, block = (*grid, 1, 1)[:3], (*block, 1, 1)[:3]
        if min(*grid, *block) < 1 or max(grid[1:]) > 65535 or int(np.prod(block)) > 1024:
            raise ValueError(f"{self.name}: no GPU starts a grid of {grid} blocks of {block} threads")
        cells = [self._cell(*pair) for pair in zip(self.parameters, arguments, strict=True)]
        addresses = (ctypes.c_void_p * len(cells))(*map(ctypes.addressof, cells))
        dims = (ctypes.c_uint * 6)(*grid, *block)
        STREAM.start(lambda: self._run(dims, addresses, cells))

    def _run(self, dims: Any, addresses: Any, cells: Any) -> None:  # cells: kept alive, the addresses point to them
        Function.launches += 1
        if self._launch(dims, addresses, Function.launches % 3):
            raise RuntimeError(f"{self.name}: some threads wait at a barrier that others do not reach")

    def _cell(self, parameter: str, value: Any) -> Any:
        """The memory that holds an argument."""
        if parameter.startswith("*"):
            if isinstance(value, np.uintp) and value == NULL:
                return ctypes.c_void_p(0)
            if isinstance(value, np.ndarray) and value.flags.c_contiguous and value.dtype.name == parameter[1:]:
                return ctypes.c_void_p(value.ctypes.data)
        elif isinstance(value, np.generic) and value.dtype.name == parameter:
            return (ctypes.c_char * value.nbytes).from_buffer_copy(value.tobytes())
        kind = f"{type(value).__name__} {getattr(value, 'dtype', '')}".strip()
        raise TypeError(f"{self.name}: got {kind}, expected {parameter} (* means a C-contiguous array)")


class Module:
    def __init__(self, source: str) -> None:
        self._library = ctypes.CDLL(str(build(source)))

    def get_function(self, name: str) -> Function:
        return Function(self._library, name)


class LateUpload:
    """A copy made as late as possible, so that overwriting the staged memory, or using the target, too early shows.

    Steps that wait for the copy find it made, but the host does not know this: it must not touch the memory until `finish`.
    """

    def __init__(self, target: np.ndarray, staged: np.ndarray) -> None:
        self._target, self._staged, self._sent = target, staged, staged.tobytes()
        self.pending = True

    def before_use(self) -> None:
        if self.pending:
            self._target[...] = self._staged

    def finish(self) -> None:
        if self.pending:
            assert self._staged.tobytes() == self._sent, "staged memory was written over while it was read"
            self.before_use()
        self.pending = False


class EmulatedDevice(Device):
    """NumPy arrays, kernels by g++, products by a mock of cuBLASLt."""

    def __init__(
        self,
        cublaslt: MockCublasLt | None = None,
        precision: str = "highest",
        free: int = 2**40,
        cache: Path | None = None,
    ) -> None:
        self.free, self.uploads = free, 0
        self._staged: dict[int, LateUpload] = {}  # address of staged memory -> its last upload
        super().__init__(cublaslt or MockCublasLt(), precision, cache)

    def compiled(self, source: str) -> Module:
        STREAM.refuse("a compilation")
        return _module(source)

    def zeros(self, count: int, dtype: str) -> np.ndarray:
        STREAM.refuse("an allocation")
        return np.zeros(count, dtype)

    def asarray(self, value: np.ndarray) -> np.ndarray:
        STREAM.refuse("a copy to the device")
        return value.copy()

    def to_host(self, array: np.ndarray) -> np.ndarray:
        STREAM.refuse("a copy to the host")
        STREAM.wait()
        return array

    def fork(self, work: Callable[[], None]) -> None:
        STREAM.fork(work)

    def join(self) -> None:
        STREAM.join()

    def staging(self, shape: tuple[int, ...], dtype: str) -> np.ndarray:
        return np.zeros(shape, dtype)

    def mark(self) -> object:
        STREAM.refuse("an event")
        return STREAM

    def upload(self, target: np.ndarray, staged: np.ndarray, mark: object) -> LateUpload:
        assert mark is STREAM
        STREAM.refuse("an upload")
        before = self._staged.get(staged.ctypes.data)
        assert before is None or not before.pending, "nobody has waited for what was sent from there before"
        self.uploads += 1
        self._staged[staged.ctypes.data] = LateUpload(target, staged)
        return self._staged[staged.ctypes.data]

    def free_memory(self) -> int:
        return self.free

    def identity(self) -> str:
        return "a mock of cuBLASLt"

    def seconds(self, work: Callable[[], None]) -> float:
        STREAM.refuse("a measurement")
        work()
        return float(self._cublaslt.cost)

    def captured(self, body: Callable[[], None]) -> Callable[[], None]:
        return STREAM.captured(body)

    def address(self, array: np.ndarray) -> int:
        return array.ctypes.data

    def stream(self) -> int:
        return 0


_module = cache(Module)
