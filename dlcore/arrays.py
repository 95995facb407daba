"""Arrays of any library: what the package may ask of one, and whether it is NumPy's or lives on a GPU."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np


class Array(Protocol):
    """An array of NumPy, of CuPy, or of any library that follows the Array API."""

    @property
    def shape(self) -> tuple[int, ...]: ...

    @property
    def dtype(self) -> Any: ...

    @property
    def ndim(self) -> int: ...

    def copy(self) -> Any: ...

    def reshape(self, shape: Any, /) -> Any: ...

    def __getitem__(self, place: Any, /) -> Any: ...

    def __setitem__(self, place: Any, value: Any, /) -> None: ...


def is_on_gpu(value: object) -> bool:
    """Whether this is an array on a GPU, of any library."""
    return hasattr(value, "__cuda_array_interface__")


def to_host(value: Any) -> np.ndarray:
    """A NumPy array with the values; not copied if they are on the host already."""
    return np.asarray(value.get() if is_on_gpu(value) and hasattr(value, "get") else value)


def numbers(array: np.ndarray) -> np.ndarray:
    """An array of objects that are numbers, as float64; other dtypes unchanged.  Raises TypeError or ValueError for text etc."""
    if array.dtype != object:
        return array
    if any(isinstance(value, (str, bytes)) for value in array.flat):  # astype would read "7" as a number
        raise TypeError("text")
    return array.astype(np.float64)
