"""From a device string to a backend: namespace, kernel table, executor and transfers.  The only place that reads one."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from ..arrays import Array, Namespace
from ..errors import ConfigurationError, DeviceError
from ..kernels import reference
from ..kernels.contract import WIDER
from ..kernels.table import BoundCall, Call, KernelTable, Run, host_dtype
from .executors import HOST_REPLAY, REPLAY, Executor, host_executor, in_segments, no_compiled_kernel

if TYPE_CHECKING:
    from pathlib import Path

    from ..kernels.cuda.device import Device

CUPY_COMMAND = 'pip install "cupy-cuda13x[ctk]"'
# kernels/cpu is built on parts of numba that are not public, so other versions may lack them: the bounds of pyproject.toml
NUMBA_TESTED, NUMBA_COMMAND = "0.61 to 0.68", 'pip install --upgrade "numba>=0.61,<0.69"'
PRECISIONS = ("highest", "high")  # of float32 matrix products: all bits, or the 10 of TF32, where a device has it


@dataclass(frozen=True)
class Backend:
    """Where arrays live and which kernels work on them."""

    name: str
    xp: Namespace
    kernels: KernelTable
    dtypes: tuple[str, ...] = ("float32", "float64")
    replay: Executor = REPLAY  # runs any calls, one by one
    device: Device | None = None  # with memory of its own
    context: Callable[[], AbstractContextManager[object]] = nullcontext

    @property
    def reason(self) -> str:
        """Why fast kernels are missing, if they are."""
        return self.kernels.reason

    def zeros(self, shape: tuple[int, ...], dtype: str) -> Array:
        """Zeros, on 64-byte boundaries where the memory is the host's.  Raises DeviceError where there is no room."""
        itemsize, count = host_dtype(dtype).itemsize, math.prod(shape)
        with self._room_for(count * itemsize):
            if self.xp is not np:
                made: Array = self.xp.zeros(shape, dtype=getattr(self.xp, dtype, None) or host_dtype(dtype))
                return made
            raw = np.zeros(count * itemsize + 64, np.uint8)
        start = -raw.ctypes.data % 64
        return raw[start : start + count * itemsize].view(host_dtype(dtype)).reshape(shape)

    def asarray(self, value: object) -> Array:
        """The array on this device; no copy where it is there already.  Raises DeviceError where there is no room."""
        with self._room_for(getattr(value, "nbytes", 0)):
            array: Array = self.xp.asarray(value)
            return array

    def free_memory(self) -> int | None:
        """Bytes that are free on a device with memory of its own, or None."""
        return None if self.device is None else self.device.free_memory()

    @contextmanager
    def _room_for(self, count: int) -> Iterator[None]:
        try:
            yield
        except MemoryError as error:  # CuPy's is one
            free = self.free_memory()
            left = "" if free is None else f", {_size(free)} are free"
            raise DeviceError(
                f"device={self.name!r} is out of memory: {_size(count)} more were needed{left}; use a smaller batch_size or network"
                + ("" if free is None else ", dtype='bfloat16', or end what else uses the GPU (see nvidia-smi)")
            ) from error

    def check_dtype(self, dtype: str) -> None:
        """Raise ConfigurationError unless this backend computes in `dtype`."""
        if dtype not in self.dtypes:
            hint = "; 16 bits need a GPU, device='cuda'" if dtype in WIDER else ""
            raise ConfigurationError(
                f"dtype={dtype!r} on device {self.name!r}: expected one of {', '.join(self.dtypes)}{hint}"
            )
        try:
            host_dtype(dtype)
        except ImportError as error:
            raise ConfigurationError(f"dtype={dtype!r}: {error}; pip install ml_dtypes") from None

    def eager(self) -> Backend:
        """This backend, on which the calls of a step are made one by one."""
        return replace(self, kernels=self.kernels.run_by(lambda calls: replace(self.replay, reason="graph=False")))

    @staticmethod
    def for_device(device: str | Backend, matmul_precision: str = "highest") -> Backend:
        """The backend of "cpu", "cuda", "cuda:1" or "auto"; a Backend is returned as it is.

        Raises DeviceError for an unknown device, or one that cannot be used here, naming what mends it, ConfigurationError for
        a precision that does not exist.
        """
        if matmul_precision not in PRECISIONS:
            raise ConfigurationError(f"matmul_precision={matmul_precision!r}: expected one of {', '.join(PRECISIONS)}")
        if isinstance(device, Backend):
            return device
        kind, colon, number = str(device).partition(":")
        if kind == "cuda" and (number.isdecimal() if colon else True):
            return _cuda(int(number or 0), matmul_precision)
        if device == "cpu":
            return _cpu()
        if device == "auto":
            try:
                return _cuda(0, matmul_precision)
            except DeviceError as error:
                _say("device='auto': using the CPU (%s)", str(error).removeprefix("device='cuda:0': "))
                return _cpu()
        raise DeviceError(f"device={device!r} is unknown; expected 'cpu', 'cuda', 'cuda:1' or 'auto'")


def _size(count: int) -> str:
    """Bytes, as people say them."""
    for power, unit in ((3, "GiB"), (2, "MiB"), (1, "KiB")):
        if count >= 1024**power:
            return f"{count / 1024**power:.1f} {unit}"
    return f"{count} bytes"


def _say(message: str, *values: object) -> None:
    """One line to the user, through logging (which is imported only when there is something to say)."""
    import logging

    logging.getLogger("dlcore").warning(message, *values)


@cache
def _cpu() -> Backend:
    try:
        from ..kernels import cpu
        from ..kernels.cpu import worker

        worker.compile_walk()
    except Exception as error:  # what a numba raises whose private parts were renamed, or take other arguments
        reason = _why_not_numba(error)
        _say("dlcore uses its slower reference kernels: %s", reason)
        table = KernelTable.of(np, reference.KERNELS, {}, "cpu", lambda calls: HOST_REPLAY, reason=reason)
        return Backend("cpu", np, table, replay=HOST_REPLAY)
    return Backend(
        "cpu", np, KernelTable.of(np, reference.KERNELS, cpu.KERNELS, "cpu", host_executor), replay=HOST_REPLAY
    )


def _why_not_numba(error: Exception) -> str:
    """In one line: what is missing, the version found, the versions tested, and the command that mends it."""
    import sys

    what = " ".join(str(error).split()) or type(error).__name__
    if isinstance(error, ModuleNotFoundError) and error.name in ("numba", "llvmlite"):
        return f"numba cannot be imported ({what}); {NUMBA_COMMAND}"
    if not isinstance(error, ImportError):
        what = f"{type(error).__name__}: {what}"
    version = getattr(sys.modules.get("numba"), "__version__", "of an unknown version")
    return f"numba {version} cannot be used ({what}); dlcore was tested with numba {NUMBA_TESTED}; {NUMBA_COMMAND}"


@cache
def _cuda(number: int, matmul_precision: str) -> Backend:
    where = f"device='cuda:{number}'"
    try:
        import cupy
    except ImportError as error:
        why = (
            "CuPy is not installed" if isinstance(error, ModuleNotFoundError) else f"CuPy cannot be imported ({error})"
        )
        raise DeviceError(f"{where}: {why}; {CUPY_COMMAND} (cupy-cuda12x for a CUDA 12 driver)") from None
    from ..kernels.cuda import diagnosis

    if not cupy.cuda.is_available():
        raise DeviceError(f"{where}: {diagnosis.advice_here() or diagnosis.NO_GPU}")
    count = cupy.cuda.runtime.getDeviceCount()
    if number >= count:
        raise DeviceError(f"{where}: this machine has {count} CUDA device(s), numbered from 0")
    import array_api_compat.cupy as xp

    from ..kernels import cuda

    try:
        with cupy.cuda.Device(number):
            device, stream = cuda.CupyDevice(matmul_precision, _algorithm_file()), cupy.cuda.Stream(non_blocking=True)
            diagnosis.trial(device)
    except Exception as error:  # whatever a broken installation raises
        mend = diagnosis.advice_here() or "`dlcore info` lists what a GPU set-up consists of"
        raise DeviceError(f"{where} cannot be used: {type(error).__name__}: {error}; {mend}") from error

    @contextmanager
    def context() -> Iterator[None]:
        """On this device, on a stream of our own: the null stream cannot be captured."""
        with cupy.cuda.Device(number):
            callers = cupy.cuda.get_current_stream()
            stream.wait_event(callers.record())  # arrays that come in are finished before, those that go out afterwards
            try:
                with stream:
                    yield
            except cupy.cuda.memory.OutOfMemoryError as error:  # of scratch or of a graph
                raise DeviceError(
                    f"device='cuda:{number}' is out of memory: {error}; use a smaller batch_size"
                ) from error
            finally:
                callers.wait_event(stream.record())

    return cuda_backend(f"cuda:{number}", xp, device, context)


def _algorithm_file() -> Path | None:
    """Where the algorithms of matrix products are remembered, so that a run has the bits of the last one."""
    from ..files import user_cache

    try:
        return user_cache() / "dlcore" / "matrix_products.json"
    except RuntimeError:  # no home directory
        return None


def cuda_backend(
    name: str, xp: Namespace, device: Device, context: Callable[[], AbstractContextManager[object]]
) -> Backend:
    """The CUDA kernels on a device, whole steps as graphs; also for a device that only behaves as one, in tests."""
    from ..kernels import cuda

    def replay_calls(bound: Sequence[BoundCall], operations: float) -> Run:
        return REPLAY.prepare(cuda.masked(device, bound), operations)

    def graph_calls(bound: Sequence[BoundCall], operations: float) -> Run:
        return in_segments(cuda.masked(device, bound), lambda calls: cuda.graphs(device, calls))

    # call by call too with the epilogues of a graph, or the bits would be others
    replay = Executor("replay", replay_calls, device.reason)
    graph = Executor("graph", graph_calls, cuts=True)

    def executor(calls: Sequence[Call]) -> Executor:
        if device.reason:
            return replay
        slow = no_compiled_kernel(calls) if all(call.on_host for call in calls) else ""
        return replace(replay, reason=f"no CUDA kernel for {slow}") if slow else graph

    table = KernelTable.of(
        xp, reference.KERNELS, cuda.kernels(device), "cuda", executor, device=name, reason=device.reason
    )
    dtypes = "float32", "float64", "bfloat16", "float16"
    return Backend(name, xp, table, dtypes, replay, device, context)


def from_namespace(xp: Namespace, name: str) -> Backend:
    """The reference kernels on any Array API namespace, for tests and for array libraries without kernels of their own."""
    reason = f"{name} has the reference kernels only"
    return Backend(name, xp, KernelTable.of(xp, reference.KERNELS, {}, name, lambda calls: REPLAY, reason=reason))
