"""Compiled kernels on disk, for later processes: object files, each named by function, argument types and a digest.

They lie in a folder named by a digest of all kernel sources, the versions of numba and NumPy, and the processor, so that
every change is noticed.  Nothing depends on the files: a torn one is compiled again, and a full disk is ignored.
"""

import hashlib
import os
import sys
from contextlib import suppress
from functools import cache
from pathlib import Path

import llvmlite.binding as llvm
import numba
import numpy as np

from ...files import user_cache, write


@cache
def folder() -> Path | None:
    """Where compiled kernels are kept; None where nothing can be written (they are then compiled in each process)."""
    digest = hashlib.sha256()
    for source in sorted(Path(__file__).parents[1].rglob("*.py")):
        if source.parent.name != "cuda":
            digest.update(source.name.encode() + source.read_bytes())
    processor = llvm.get_host_cpu_name(), sorted(llvm.get_host_cpu_features().items())
    settings = numba.config.CPU_NAME, numba.config.CPU_FEATURES, numba.config.OPT, numba.config.USING_SVML
    digest.update(repr((numba.__version__, np.__version__, sys.version, processor, settings)).encode())
    try:
        path = user_cache() / "dlcore" / "kernels" / digest.hexdigest()[:16]
        path.mkdir(parents=True, exist_ok=True, mode=0o700)  # its files are executed
        mine = not hasattr(os, "geteuid") or path.stat().st_uid == os.geteuid()
    except (OSError, RuntimeError):  # read-only or missing home
        return None
    return path if mine and os.access(path, os.W_OK) else None


def _path(home: Path, name: str) -> Path:
    function, _, _ = name.partition(" ")
    return home / f"{function.rpartition('.')[2]}-{hashlib.sha256(name.encode()).hexdigest()[:24]}.o"


def _seal(code: bytes) -> bytes:
    """The digest at the end of a file, by which a truncated file is noticed: LLVM would crash on it."""
    return hashlib.sha256(code).digest()


def load(name: str) -> bytes | None:
    """The object code kept under this name, if there is any."""
    home = folder()
    if home is None:
        return None
    try:
        data = _path(home, name).read_bytes()
    except OSError:
        return None
    code, seal = data[:-32], data[-32:]
    return code if _seal(code) == seal else None


def save(name: str, code: bytes) -> None:
    """Keep object code for later processes; atomic: a reader sees all of it or nothing."""
    home = folder()
    if home is None:
        return
    with suppress(OSError):  # not durable: compiling waits for no disk, and the seal shows a damaged file
        write(_path(home, name), code + _seal(code), durable=False)
