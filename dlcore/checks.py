"""What counts as a number or a flag where a user gives one: Python's and NumPy's; True and False are no numbers."""

from __future__ import annotations

from numbers import Integral, Real
from typing import Any

import numpy as np


def is_integer(value: Any) -> bool:
    return isinstance(value, Integral) and not isinstance(value, bool)


def is_number(value: Any) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool)


def is_flag(value: Any) -> bool:
    return isinstance(value, (bool, np.bool_))
