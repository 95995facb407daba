"""Which arguments are integers, numbers and flags."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from dlcore.checks import is_flag, is_integer, is_number


@pytest.mark.parametrize(
    ("value", "kinds"),
    [
        (3, "integer number"),
        (np.int64(3), "integer number"),
        (np.uint8(3), "integer number"),
        (3.0, "number"),
        (np.float32(3), "number"),
        (Fraction(1, 3), "number"),
        (float("nan"), "number"),
        (True, "flag"),
        (np.True_, "flag"),
        ("3", ""),
        (None, ""),
        (3j, ""),
        (Decimal(3), ""),  # does not mix with floats
        (np.array([3]), ""),
    ],
    ids=repr,
)
def test_python_and_numpy_have_the_same_kinds_and_booleans_are_no_numbers(value: Any, kinds: str) -> None:
    found = {"integer": is_integer(value), "number": is_number(value), "flag": is_flag(value)}
    assert [kind for kind, yes in found.items() if yes] == kinds.split()
