"""The machine of a measurement: a clean environment for BLAS libraries, a description, the load by other processes."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from pathlib import Path
from typing import Any

REMOVED = ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")  # these override OpenBLAS's choice of kernels
# other variables that may change a figure; they are kept, and recorded
_MATTERS = ("OPENBLAS_", "OMP_", "GOMP_", "MKL_", "KMP_", "BLIS_", "XLA_", "JAX_", "TORCH", "NUMBA_", "CUDA_", "CUPY_")
_PATHS = ("CACHE", "DIR", "PATH", "HOME")


def clean_environment() -> None:
    """Start this program again without the variables in REMOVED, if they are set; libraries read them when they are loaded."""
    if any(name in os.environ for name in REMOVED):
        environment = {name: value for name, value in os.environ.items() if name not in REMOVED}
        os.execve(sys.executable, [sys.executable, *sys.orig_argv[1:]], environment)


def describe(device: str) -> dict[str, Any]:
    """Versions, processor, BLAS kernels, device and commit, as JSON values; no paths and no names of hosts or users."""
    environment = dict(os.environ)  # a copy from before libraries are loaded, because some set variables
    from dlcore.app import info

    facts = info.collect()
    system = {"system": f"{platform.system()} {platform.machine()}"}
    return {
        "versions": facts["versions"],
        "machine": facts["machine"] | system | {"memory_gib": _memory()},
        "blas": facts["blas"],
        "gpu": _gpu(device),
        "environment": {
            name: value
            for name, value in sorted(environment.items())
            if name.startswith(_MATTERS) and not any(word in name for word in _PATHS)
        },
        "commit": _commit(),
    }


def pools() -> list[str]:
    """The BLAS and thread pools loaded in this process: "openblas 0.3.31 SkylakeX, 2 threads"."""
    from threadpoolctl import threadpool_info

    found = []
    for pool in threadpool_info():
        words = (pool["internal_api"], pool["version"], pool.get("architecture"))
        found.append(f"{' '.join(word for word in words if word)}, {pool['num_threads']} threads")
    return found


def _memory() -> int | None:
    try:
        return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30)
    except (AttributeError, ValueError, OSError):  # not POSIX
        return None


def _gpu(device: str) -> dict[str, Any] | None:
    if "cuda" not in device:
        return None
    from dlcore.backends.backend import Backend
    from dlcore.errors import DeviceError

    try:
        backend = Backend.for_device(device if device.startswith("cuda") else "cuda")
    except DeviceError:
        return None
    import cupy

    with backend.context():
        properties = cupy.cuda.runtime.getDeviceProperties(cupy.cuda.Device().id)
    return {
        "name": properties["name"].decode(),
        "memory_gib": round(properties["totalGlobalMem"] / 2**30),
        "driver": cupy.cuda.runtime.driverGetVersion(),
        "runtime": cupy.cuda.runtime.runtimeGetVersion(),
    }


def _commit() -> str | None:
    """The commit of the dlcore that is measured, with "+changes" if its files differ; None outside a git checkout."""
    import dlcore

    root = Path(dlcore.__file__).parents[1]

    def git(*words: str) -> str:
        return subprocess.run(["git", "-C", str(root), *words], capture_output=True, text=True, check=True).stdout

    try:
        changed = git("status", "--porcelain", "--", "dlcore", "benchmarks/*.py")
        return git("rev-parse", "--short=12", "HEAD").strip() + ("+changes" if changed else "")
    except (OSError, subprocess.CalledProcessError):
        return None


class Neighbours:
    """The share of the machine that other processes used since this was made; None where it cannot be known (not Linux)."""

    def __init__(self) -> None:
        self._start = self._ticks()

    def share(self) -> float | None:
        """0 on a quiet machine, 1 if other processes took all of it.  From clock ticks of 10 ms: coarse below a second."""
        if self._start is None:
            return None
        everything, busy, own = (now - then for now, then in zip(self._ticks() or (), self._start, strict=True))
        return min(1.0, max(0.0, (busy - own) / everything)) if everything > 0 else None

    @staticmethod
    def _ticks() -> tuple[float, float, float] | None:
        """(all, not idle, of this process)"""
        try:
            with open("/proc/stat") as file:
                user, nice, system, idle, waiting, interrupts, soft, stolen = map(int, file.readline().split()[1:9])
        except (OSError, ValueError):
            return None
        busy = user + nice + system + interrupts + soft + stolen
        times = os.times()
        return busy + idle + waiting, busy, (times.user + times.system) * os.sysconf("SC_CLK_TCK")
