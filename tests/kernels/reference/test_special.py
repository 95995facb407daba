"""The error function against the C library's."""

from __future__ import annotations

import math

import array_api_strict
import numpy as np
import pytest

from dlcore.kernels.reference.special import erf


def grid() -> np.ndarray:
    edges = np.array([0.0, 5e-324, 1e-300, 1e-8, 0.46875, 4.0, 5.9, 27.0, 1e10, 1e150])
    around = np.concatenate([np.nextafter(edges, -1), edges, np.nextafter(edges, np.inf)])
    return np.concatenate([np.linspace(-7, 7, 14_001), around, -around])


def test_erf_is_the_c_librarys() -> None:
    """Within 3e-16 of math.erf over all three ranges of the approximation, and where they meet."""
    x = grid()
    exact = np.array([math.erf(v) for v in x])
    assert np.max(np.abs(erf(np, x) - exact)) <= 3e-16


def test_erf_of_small_numbers_keeps_their_digits() -> None:
    """Relative error below 4 units in the last place near 0, where erf(x) ≈ 2x/√π."""
    x = np.logspace(-300, -0.5, 3000)
    exact = np.array([math.erf(v) for v in x])
    assert np.max(np.abs(erf(np, x) / exact - 1)) < 4 * np.finfo(float).eps


def test_erf_is_odd_and_bounded() -> None:
    """erf(−x) = −erf(x), |erf| <= 1, ±1 at infinity."""
    x = grid()
    np.testing.assert_array_equal(erf(np, -x), -erf(np, x))
    assert np.max(np.abs(erf(np, x))) <= 1
    assert erf(np, np.array([-np.inf, np.inf])).tolist() == [-1, 1]


def test_erf_of_nan_is_nan() -> None:
    """NaN goes through."""
    assert np.isnan(erf(np, np.array([np.nan]))).all()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_erf_keeps_the_dtype_of_any_namespace(dtype: str) -> None:
    """float32 in, float32 out, as accurate as float32 can be."""
    x = np.linspace(-5, 5, 501).astype(dtype)
    found = erf(array_api_strict, array_api_strict.asarray(x))
    assert str(np.asarray(found).dtype) == dtype
    exact = np.array([math.erf(float(v)) for v in x])
    assert np.max(np.abs(np.asarray(found) - exact)) <= 4 * np.finfo(dtype).eps
