"""Arrays of any library: what the package may ask of one, and whether it is NumPy's or lives on a GPU."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import EllipsisType

    import numpy.typing as npt
    from typing_extensions import TypeIs

_NO_NUMBERS = (str, bytes, complex, np.complexfloating, np.timedelta64, np.datetime64, np.ma.MaskedArray)

# a part of an array that steps read or write
Index: TypeAlias = "slice | EllipsisType | tuple[int | slice | EllipsisType | None, ...] | None"

# what users may give as X, y or weights: NumPy arrays, data frames and series, numbers and lists of them, arrays on a GPU
ArrayLike: TypeAlias = "npt.ArrayLike | OnGpu"


class Namespace(Protocol):
    """A namespace of the Array API, such as numpy: its functions and dtypes by name."""

    def __getattr__(self, name: str, /) -> Any: ...


class Array(Protocol):
    """An array of NumPy, of CuPy, or of any library that follows the Array API."""

    @property
    def shape(self) -> tuple[int, ...]: ...

    @property
    def dtype(self) -> object: ...

    @property
    def ndim(self) -> int: ...

    def copy(self) -> Array: ...

    def reshape(self, shape: tuple[int, ...], /) -> Array: ...

    def __getitem__(self, place: Index, /) -> Array: ...

    # libraries differ in what may be written: their own arrays, and numbers
    def __setitem__(self, place: Index, value: Any, /) -> None: ...


class OnGpu(Protocol):
    """An array on a GPU, of any library."""

    @property
    def __cuda_array_interface__(self) -> Mapping[str, object]: ...


class CupyArray(Array, OnGpu, Protocol):
    """What is asked of CuPy's arrays beside what all have."""

    @property
    def dtype(self) -> np.dtype: ...

    @property
    def flags(self) -> Flags: ...

    def get(self) -> np.ndarray: ...

    def astype(self, dtype: str, /, *, copy: bool) -> CupyArray: ...

    def min(self) -> CupyArray: ...

    def max(self) -> CupyArray: ...

    def __float__(self) -> float: ...


class Flags(Protocol):
    @property
    def c_contiguous(self) -> bool: ...


def is_on_gpu(value: object) -> TypeIs[CupyArray]:
    """Whether this is an array on a GPU, of any library; those of others than CuPy are refused by their want of `get`."""
    return hasattr(value, "__cuda_array_interface__")


def has_masks(value: object) -> bool:
    """Whether this is a masked array, or a list that holds masked arrays or cells at any depth: asarray would lose the masks."""
    if isinstance(value, (list, tuple)):
        kinds = set(map(type, value))
        inside = kinds & {list, tuple}
        return any(issubclass(kind, np.ma.MaskedArray) for kind in kinds) or (
            bool(inside) and any(has_masks(item) for item in value if type(item) in inside)
        )
    return isinstance(value, np.ma.MaskedArray)


def to_host(value: object) -> np.ndarray:
    """A NumPy array with the values; not copied if they are on the host already."""
    return np.asarray(value.get() if is_on_gpu(value) and hasattr(value, "get") else value)


def numbers(array: np.ndarray) -> np.ndarray:
    """An array of objects that are numbers, as float64; other dtypes unchanged.  Raises TypeError or ValueError for text etc."""
    if array.dtype != object:
        return array
    if any(isinstance(value, _NO_NUMBERS) for value in array.flat):  # astype would make a number of each of them
        raise TypeError("text, complex numbers, times or masked cells")
    return array.astype(np.float64)
