"""Diagnosis of a GPU set-up: its components, the command that repairs the first problem, and a trial kernel.

This needs neither a GPU nor CuPy: a fact that cannot be found out is None.
"""

from __future__ import annotations

import ctypes
import importlib.metadata
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from .launch import flat

if TYPE_CHECKING:
    from .device import Device

T = TypeVar("T")

NO_DRIVER = "there is no NVIDIA driver (libcuda.so.1); see nvidia-smi, or use device='cpu'"
NO_GPU = "CuPy finds no GPU; see nvidia-smi, or use device='cpu'"
WHEELS = {
    "cupy-cuda13x": 13,
    "cupy-cuda12x": 12,
    "cupy-cuda11x": 11,
    "cupy": None,
}  # alternatives, with their CUDA version


def wheels() -> dict[str, str]:
    """The installed distributions of CuPy, with their versions."""
    found = {}
    for name in WHEELS:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def driver() -> int | None:
    """The CUDA version that the driver supports, as 13000 for 13.0; None without a driver."""
    for library in ("libcuda.so.1", "nvcuda.dll"):
        try:
            version = ctypes.c_int()
            if ctypes.CDLL(library).cuDriverGetVersion(ctypes.byref(version)) == 0:
                return version.value
        except (OSError, AttributeError):
            continue
    return None


def facts() -> dict[str, str | None]:
    """Versions as text, the GPU and its memory, and `advice`: None if nothing is wrong."""
    installed, number = wheels(), driver()
    found: dict[str, str | None] = {
        "driver": _dotted(number),
        "runtime": _dotted(_known(_runtime)),
        "nvrtc": _known(_nvrtc),
        "headers": _known(_headers),
        "nvmath": _known(lambda: importlib.metadata.version("nvmath-python")),
        "cublaslt": _known(_cublaslt) if number else "cannot be asked without a driver",
        "gpu": _known(_gpu),
        "memory": _known(_memory),
    }
    return found | {"advice": advice(found, installed)}


def advice(found: Mapping[str, str | None], installed: dict[str, str]) -> str | None:
    """The first problem, and the command that repairs it."""
    if found["driver"] is None:
        return NO_DRIVER
    major = int(found["driver"].partition(".")[0])
    cuda = min(max(major, 12), 13)  # nvmath-python takes any cuda-bindings, and works with those of this CUDA
    command = f'pip install "cupy-cuda{cuda}x[ctk]" nvmath-python "cuda-bindings=={cuda}.*"'
    if not installed:
        return f"CuPy is not installed; {command}"
    if len(installed) > 1:
        return f"{' and '.join(installed)} are installed at once; pip uninstall {' '.join(installed)}, then {command}"
    (name,) = installed
    if (WHEELS[name] or 0) > major:
        return f"{name} needs a driver for CUDA {WHEELS[name]}, this one is for {major}; pip uninstall {name}, then {command}"
    for piece, missing in (("nvrtc", "NVRTC, which compiles kernels,"), ("headers", "the headers of CUDA")):
        if found[piece] is None:
            return f"{missing} cannot be found; {command}"
    if found["nvmath"] is None or found["cublaslt"] is None:
        piece = "nvmath-python is not installed" if found["nvmath"] is None else "cuBLASLt cannot be loaded"
        return f"{piece}, so steps are no CUDA graphs; {command}"
    return NO_GPU if found["gpu"] is None else None


def advice_here() -> str | None:
    """The advice for this machine; without a driver nothing else is examined."""
    return NO_DRIVER if driver() is None else facts()["advice"]


def trial(device: Device) -> None:
    """Compile a kernel, launch it and wait for it.  A broken set-up may raise any exception here."""
    x = device.zeros(1, "float32")
    device.launch("dense", "add", "float32", flat(1), x, x, x, np.int64(1))
    device.to_host(x)


def _known(question: Callable[[], T]) -> T | None:
    """The answer, or None after any exception, because these facts are meant for broken installations."""
    try:
        return question()
    except Exception:
        return None


def _dotted(version: int | None) -> str | None:
    return None if version is None else f"{version // 1000}.{version % 1000 // 10}"


def _runtime() -> int:
    import cupy

    return int(cupy.cuda.runtime.runtimeGetVersion())


def _nvrtc() -> str:
    from cupy_backends.cuda.libs import nvrtc

    return ".".join(map(str, nvrtc.getVersion()))


def _headers() -> str | None:
    from cuda.pathfinder import find_nvidia_header_directory

    found = find_nvidia_header_directory("cudart")
    return None if found is None else str(found)


def _cublaslt() -> str:
    from nvmath.bindings import cublasLt

    return str(cublasLt.get_version())


def _gpu() -> str:
    import cupy

    names = [
        cupy.cuda.runtime.getDeviceProperties(i)["name"].decode() for i in range(cupy.cuda.runtime.getDeviceCount())
    ]
    return ", ".join(names)


def _memory() -> str:
    import cupy

    free, total = cupy.cuda.runtime.memGetInfo()
    return f"{free / 2**30:.1f} of {total / 2**30:.1f} GiB free"
