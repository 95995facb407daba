"""Which arguments of a user count as numbers or flags: Python's and NumPy's; True and False are not numbers."""

from __future__ import annotations

from numbers import Integral, Real
from typing import Any

import numpy as np


def is_integer(value: Any) -> bool:
    return isinstance(value, Integral) and not isinstance(value, bool)


def is_number(value: Any) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool)


def is_schedule(value: Any) -> bool:
    """A function step -> factor, or None."""
    return value is None or (callable(value) and not isinstance(value, type))


def is_flag(value: Any) -> bool:
    return isinstance(value, (bool, np.bool_))
