"""Arrays of any library: what the package may ask of one, and whether it is NumPy's or lives on a GPU."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np

_NO_NUMBERS = (str, bytes, complex, np.complexfloating, np.timedelta64, np.datetime64, np.ma.MaskedArray)


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


def has_masks(value: Any) -> bool:
    """Whether this is a masked array, or a list that holds masked arrays or cells at any depth: asarray would lose the masks."""
    if isinstance(value, (list, tuple)):
        kinds = set(map(type, value))
        inside = kinds & {list, tuple}
        return any(issubclass(kind, np.ma.MaskedArray) for kind in kinds) or (
            bool(inside) and any(has_masks(item) for item in value if type(item) in inside)
        )
    return isinstance(value, np.ma.MaskedArray)


def to_host(value: Any) -> np.ndarray:
    """A NumPy array with the values; not copied if they are on the host already."""
    return np.asarray(value.get() if is_on_gpu(value) and hasattr(value, "get") else value)


def numbers(array: np.ndarray) -> np.ndarray:
    """An array of objects that are numbers, as float64; other dtypes unchanged.  Raises TypeError or ValueError for text etc."""
    if array.dtype != object:
        return array
    if any(isinstance(value, _NO_NUMBERS) for value in array.flat):  # astype would make a number of each of them
        raise TypeError("text, complex numbers, times or masked cells")
    return array.astype(np.float64)
