"""What the bits of training depend on beside the seed, the dtype and the data; a warning where that has changed."""

from __future__ import annotations

import os
import warnings
from collections.abc import Mapping

from ..backends import Backend
from ..kernels.blas import numpys_blas
from ..kernels.contract import wide
from ..plan.program import Program


def run_by(backend: Backend, program: Program | None) -> dict[str, str]:
    """Device, executor and BLAS; a network that is frozen throughout has no training step."""
    return {
        "device": backend.name,
        "executor": program.executor.name if program else "none",
        "blas": backend.device.algorithms.identity if backend.device else str(numpys_blas()),
    }


def warn_of_other_bits(before: Mapping[str, str], now: Mapping[str, str]) -> None:
    """Warn where a step is not run as the steps before it were."""
    others = [f"{name} {now[name]!r}, not {before[name]!r}" for name in now if _kind(before[name]) != _kind(now[name])]
    if others:
        warnings.warn(
            f"training is resumed with {', '.join(others)}: its bits may differ from those of a run without the pause",
            stacklevel=4,
        )


def _kind(value: str) -> str:
    """A device without its number."""
    return value.partition(":")[0]


def dtype_for(backend: Backend, dtype: str, path: str | os.PathLike[str]) -> str:
    """The dtype of the file, or that of its parameters where layers cannot compute in it on this device."""
    if dtype in backend.dtypes:
        return dtype
    warnings.warn(f"{path}: {backend.name} does not compute in {dtype}; the trainer has {wide(dtype)}", stacklevel=3)
    return wide(dtype)
