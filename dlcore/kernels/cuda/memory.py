"""A device as the parts that it is made of see it: gemm.py, epilogues.py.  device.py says what its functions do."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import numpy as np

from ...arrays import Array, Index
from .algorithms import Algorithms


class DeviceArray(Array, Protocol):
    """An array in the memory of a device."""

    @property
    def size(self) -> int: ...

    @property
    def nbytes(self) -> int: ...

    def view(self, dtype: np.dtype, /) -> DeviceArray: ...

    def reshape(self, shape: tuple[int, ...], /) -> DeviceArray: ...

    def fill(self, value: float, /) -> None: ...

    def __getitem__(self, place: Index, /) -> DeviceArray: ...


class Library(Protocol):
    """The functions and enumerations of nvmath.bindings.cublasLt."""

    def __getattr__(self, name: str, /) -> Any: ...


class Memory(Protocol):
    """What products ask of a device."""

    algorithms: Algorithms

    def zeros(self, count: int, dtype: str) -> DeviceArray: ...

    def asarray(self, value: np.ndarray) -> DeviceArray: ...

    def to_host(self, array: DeviceArray) -> np.ndarray: ...

    def address(self, array: DeviceArray) -> int: ...

    def stream(self) -> int: ...

    def seconds(self, work: Callable[[], None]) -> float: ...
