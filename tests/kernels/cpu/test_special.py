"""Activations in float32 on the CPU, over the whole line, against the mathematical library in float64."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest

pytest.importorskip("numba")
from dlcore.backends.backend import Backend

Z = np.concatenate(
    [
        np.linspace(-100, 100, 4001),
        [s * 10.0**e for s in (-1, 1) for e in range(-30, 39, 2)],
        [0.0, np.inf, -np.inf, np.nan],
    ]
).astype(np.float32)


def _sigmoid(z: float) -> float:
    return 1 / (1 + math.exp(-z)) if z > -700 else 0.0


FUNCTIONS: dict[str, Callable[[float], float]] = {
    "arctan": math.atan,
    "tanh": math.tanh,
    "sigmoid": _sigmoid,
    "exponential": lambda z: math.exp(z) if z < 700 else math.inf,
    "softplus": lambda z: max(z, 0) + math.log1p(math.exp(-abs(z))),
    "elu": lambda z: z if z > 0 else math.expm1(z),
    "silu": lambda z: z * _sigmoid(z),
    "gelu": lambda z: z * 0.5 * math.erfc(-z / math.sqrt(2)),
    "gelu_tanh": lambda z: z * _sigmoid(2 * math.sqrt(2 / math.pi) * (z + 0.044715 * z**3)),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions_are_right_on_the_whole_line(name: str) -> None:
    with np.errstate(invalid="ignore"):  # −∞ · 0
        right = np.array([math.nan if math.isnan(z) else FUNCTIONS[name](z) for z in Z.astype(float)])
    out = np.empty((1, Z.size), np.float32)
    Backend.for_device("cpu").kernels[name](Z[None, :], *((1.0,) if name == "elu" else ()), out=out)
    with np.errstate(over="ignore"):
        right = right.astype(np.float32)
    finite = np.isfinite(right)
    # of erf, whose quotient ends at 4, the absolute error is small, and x Φ(x) has |x| times that
    small = 4e-6 if name.startswith("gelu") else 1e-36  # the rest is 0
    np.testing.assert_allclose(out[0][finite], right[finite], rtol=5e-7, atol=small)
    np.testing.assert_array_equal(out[0][~finite], right[~finite])
