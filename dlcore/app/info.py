"""Facts about the machine for reports of problems and speeds: versions, processor, BLAS, CUDA."""

from __future__ import annotations

import importlib.metadata
import os
import platform
from collections.abc import Mapping

import numpy as np

from .. import __version__
from ..backends.backend import Backend
from ..errors import DeviceError
from ..kernels.blas import numpys_blas

_CUPY = ("cupy-cuda13x", "cupy-cuda12x", "cupy")  # alternatives, of which only one may be installed


def collect() -> dict[str, dict[str, object]]:
    """Facts by section, as JSON values; None if something is not installed or not known."""
    return {
        "versions": {
            "dlcore": __version__,
            "python": platform.python_version(),
            "numpy": np.__version__,
            "numba": _version("numba"),
            "array-api-compat": _version("array-api-compat"),
            "safetensors": _version("safetensors"),
            "cupy": ", ".join(f"{name} {version}" for name in _CUPY if (version := _version(name))) or None,
        },
        "machine": {
            "system": platform.platform(),
            "processor": _processor(),
            "cores_usable": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        },
        "blas": numpys_blas()._asdict(),
        "kernels": _kernels(),
        "cuda": _cuda(),
    }


def report(facts: Mapping[str, Mapping[str, object]]) -> str:
    """The facts as lines of text."""
    lines: list[str] = []
    for section, values in facts.items():
        nothing = {"versions": "not installed", "cuda": "not found"}.get(section, "unknown")
        shown = {None: nothing, True: "yes", False: "no"}
        lines += ["", section] if lines else [section]
        for name, value in values.items():
            if value is None and name in ("reason", "advice"):
                continue
            text = shown[value] if value is None or isinstance(value, bool) else value
            lines.append(f"  {name.replace('_', ' '):<16}  {text}")
    return "\n".join(lines)


def _version(distribution: str) -> str | None:
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return None


def _processor() -> str | None:
    try:
        with open("/proc/cpuinfo", encoding="utf-8", errors="replace") as file:
            for line in file:
                if line.startswith("model name"):
                    return line.partition(":")[2].strip()
    except OSError:  # not Linux
        pass
    return platform.processor() or platform.machine() or None


def _kernels() -> dict[str, object]:
    """The kind of kernels that the CPU uses, and the folder of the compiled ones."""
    reason = Backend.for_device("cpu").reason
    if reason:
        return {"cpu": f"reference only: {reason}", "cache_folder": None}
    from ..kernels.cpu.cache import folder

    home = folder()
    return {"cpu": "compiled", "cache_folder": str(home) if home else None}


def _cuda() -> dict[str, object]:
    """Whether a GPU can be used, the components that this needs, and how to repair the first that is missing."""
    from ..kernels.cuda.diagnosis import facts

    try:
        usable, reason = True, Backend.for_device("cuda").reason or None
    except DeviceError as error:
        usable, reason = False, str(error)
    except Exception as error:  # any: this report is meant for broken installations
        usable, reason = False, f"{type(error).__name__}: {error}"
    return {"usable": usable, "reason": reason, **facts()}
