"""Arrays of the host and of a GPU, told apart without a GPU library, and objects that are numbers."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import pytest

from dlcore.arrays import is_on_gpu, numbers, to_host


class OnGpu:
    """An array as CuPy's: it says where it lies, and copies itself to the host when asked."""

    __cuda_array_interface__: ClassVar[dict[str, Any]] = {
        "shape": (2,),
        "typestr": "<f4",
        "data": (0, False),
        "version": 3,
    }

    def get(self) -> np.ndarray:
        return np.float32([1, 2])

    def __array__(self, *arguments: Any, **options: Any) -> np.ndarray:
        raise TypeError("use get()")


def test_an_array_on_a_gpu_is_known_by_its_interface() -> None:
    assert is_on_gpu(OnGpu())
    assert not is_on_gpu(np.zeros(2))
    assert not is_on_gpu([1, 2])


def test_values_come_to_the_host() -> None:
    assert to_host(OnGpu()).tolist() == [1, 2]
    assert to_host([[1, 2]]).shape == (1, 2)


def test_an_array_of_the_host_is_not_copied() -> None:
    x = np.zeros(3)
    assert to_host(x) is x


def test_objects_that_are_numbers_become_float64() -> None:
    found = numbers(np.array([1, 2.5, np.float32(3), True], object))
    assert found.dtype == np.float64
    assert found.tolist() == [1, 2.5, 3, 1]


def test_other_dtypes_stay_as_they_are() -> None:
    for x in (np.zeros(2, "uint8"), np.array(["a"]), np.zeros(2, "float32")):
        assert numbers(x) is x


@pytest.mark.parametrize("value", ["7", b"7", [1]])
def test_text_and_the_like_are_refused(value: Any) -> None:
    """Digits as text too: they are a file read in the wrong way."""
    array = np.empty(2, object)
    array[0], array[1] = 1.0, value
    with pytest.raises((TypeError, ValueError)):
        numbers(array)
