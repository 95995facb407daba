"""The BLAS that NumPy multiplies matrices with: what it is, how many threads it takes, and its products by address."""

from __future__ import annotations

import os
import threading
from contextlib import ExitStack
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    import ctypes

    from threadpoolctl import LibController, ThreadpoolController

_LETTERS = {"float32": "s", "float64": "d"}


class Blas(NamedTuple):
    """A BLAS library, the kernels that it chose for this processor, and its present number of threads; None: not known."""

    library: str | None
    version: str | None
    kernel: str | None
    threads: int | None

    def __str__(self) -> str:
        """All but the threads, which do not change its bits where products are cut by dlcore."""
        if self.threads is None:  # one that threadpoolctl does not know
            return str(self.library)
        return f"{self.library} {self.version} {self.kernel}"


@cache
def _libraries() -> ThreadpoolController:
    """The BLAS libraries that are loaded when it is first asked for."""
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController().select(user_api="blas")


def _numpys() -> LibController | None:
    """NumPy's library as threadpoolctl knows it: SciPy may bring another; builds without their own share the first one."""
    libraries = _libraries().lib_controllers
    return next(filter(_in_wheel, libraries), libraries[0] if libraries else None)


def _in_wheel(library: LibController) -> bool:
    """In wheels NumPy's BLAS lies in NumPy's folder or beside it."""
    return str(library.filepath).startswith(_folders())


@cache
def _folders() -> tuple[str, str]:
    folder = os.path.dirname(os.path.realpath(np.__file__))
    return folder + os.sep, os.path.join(os.path.dirname(folder), "numpy.libs") + os.sep


def numpys_blas() -> Blas:
    """NumPy's BLAS at this moment."""
    found = _numpys()
    if found is None:  # Apple's Accelerate, for one
        built_with = np.show_config(mode="dicts")["Build Dependencies"]["blas"]
        return Blas(built_with.get("name"), built_with.get("version"), None, None)
    return Blas(found.internal_api, found.version, getattr(found, "architecture", None), found.num_threads)


@cache
def gemm_addresses() -> dict[str, int]:
    """Addresses of cblas_sgemm and cblas_dgemm by dtype; empty unless NumPy has OpenBLAS with 64-bit integers, as in its wheels."""
    import ctypes

    library = _numpys()
    if library is None or not _in_wheel(library):
        return {}
    try:
        functions = ctypes.CDLL(library.filepath)
        return {dtype: _address(functions, f"scipy_cblas_{letter}gemm64_") for dtype, letter in _LETTERS.items()}
    except (OSError, AttributeError):
        return {}


def _address(functions: ctypes.CDLL, name: str) -> int:
    import ctypes

    return int(ctypes.cast(getattr(functions, name), ctypes.c_void_p).value or 0)


class _OneThread:
    """One BLAS thread while any thread is inside; the number is the process's, so the first saves it and the last restores.

    Entering gives the number of threads that the user allowed.
    """

    def __init__(self) -> None:
        self._lock, self._inside, self._limit, self._allowed = threading.Lock(), 0, ExitStack(), 1

    def __enter__(self) -> int:
        with self._lock:
            if self._inside == 0:
                numpys = _numpys()
                self._allowed = numpys.num_threads if numpys else 1
                self._limit.enter_context(_libraries().limit(limits=1))
            self._inside += 1
            return self._allowed

    def __exit__(self, *exception: object) -> None:
        with self._lock:
            self._inside -= 1
            if self._inside == 0:
                self._limit.close()


ONE_BLAS_THREAD = _OneThread()
