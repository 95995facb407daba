"""Derivatives by differences: the definition of a derivative, with a small h in place of the limit."""

from __future__ import annotations

from collections.abc import Callable
from typing import SupportsFloat, overload

import numpy as np

from ..arrays import ArrayLike
from ..checks import POSITIVE, check, one_of

__all__ = ["numerical_gradient"]

_STEPS = {"forward": (1, 0), "central": (1, -1)}


@overload
def numerical_gradient(
    f: Callable[[float], SupportsFloat], x: float, h: float = 1e-5, method: str = "central"
) -> float: ...


@overload
def numerical_gradient(
    f: Callable[[np.ndarray], SupportsFloat], x: ArrayLike, h: float = 1e-5, method: str = "central"
) -> np.ndarray: ...


def numerical_gradient(
    f: Callable[..., SupportsFloat], x: ArrayLike, h: float = 1e-5, method: str = "central"
) -> float | np.ndarray:
    """∂f/∂x_i ≈ (f(x + h 1_i) − f(x − h 1_i)) / 2h, or with method="forward" (f(x + h 1_i) − f(x)) / h; one entry at a time.

    f takes what x is, a number or an array of any shape, and gives a number; the result is a float or a float64 array like x.
    The error falls with h² (central) or h (forward), until rounding, about 1e-16 |f| / h, takes over.  One gradient of N
    entries takes 2N or 2N + 1 evaluations.  Raises ConfigurationError for another method or an h that is not positive.
    """
    check("numerical_gradient", one_of("central", "forward"), method=method)
    check("numerical_gradient", POSITIVE, h=h)
    up, down = _STEPS[method]
    theta = np.array(x, np.float64)
    gradient = np.zeros_like(theta)
    scalar = theta.ndim == 0
    for i in np.ndindex(theta.shape):
        values, kept = [], theta[i]
        for sign in (up, down):
            theta[i] = kept + sign * h
            values.append(float(f(float(theta) if scalar else theta.copy())))
        theta[i] = kept
        gradient[i] = (values[0] - values[1]) / ((up - down) * h)
    return float(gradient) if scalar else gradient
