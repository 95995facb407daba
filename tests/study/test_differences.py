"""The derivative by its definition, on the lectures' worked numbers."""

from __future__ import annotations

import numpy as np
import pytest

import dlcore as dl


@pytest.mark.parametrize("x", [2.0, 5.0])
def test_a_line_has_its_slope_everywhere(x: float) -> None:
    """f = 3x with h = 0.001: f(2.001) = 6.003, slope 3, the same at 5."""
    for method in ("forward", "central"):
        assert dl.numerical_gradient(lambda x: 3 * x, x, 0.001, method) == pytest.approx(3, abs=1e-11)


@pytest.mark.parametrize(("x", "forward", "exact"), [(2.0, 4.001, 4), (5.0, 10.001, 10)])
def test_the_forward_quotient_of_a_square_is_off_by_h(x: float, forward: float, exact: float) -> None:
    assert dl.numerical_gradient(lambda x: x**2, x, 0.001, "forward") == pytest.approx(forward, abs=1e-10)
    assert dl.numerical_gradient(lambda x: x**2, x, 0.001) == pytest.approx(exact, abs=1e-10)


def test_the_lectures_snippet() -> None:
    """approx_derivative(x², 3, h=0.001) prints 6.000999999999479."""
    assert dl.numerical_gradient(lambda x: x**2, 3, 0.001, "forward") == 6.000999999999479


@pytest.mark.parametrize(("method", "order"), [("forward", 1), ("central", 2)])
def test_the_error_falls_with_h_or_its_square(method: str, order: int) -> None:
    errors = [abs(dl.numerical_gradient(np.sin, 1.0, h, method) - np.cos(1.0)) for h in (1e-2, 1e-3)]
    assert np.log10(errors[0] / errors[1]) == pytest.approx(order, abs=0.01)


def test_a_gradient_has_the_shape_of_its_argument() -> None:
    """x₁² + x₂² at (2, 5) rises by (4, 10); a matrix keeps its rows."""
    np.testing.assert_allclose(dl.numerical_gradient(lambda x: x @ x, [2.0, 5.0]), [4, 10], rtol=1e-9)
    W = np.arange(6.0).reshape(2, 3)
    np.testing.assert_allclose(dl.numerical_gradient(lambda W: (W**2).sum(), W), 2 * W, atol=1e-8)


def test_the_argument_stays_as_it_was() -> None:
    x = np.array([1.0, 2.0])
    dl.numerical_gradient(lambda x: float(x.sum()), x)
    assert x.tolist() == [1.0, 2.0]


@pytest.mark.parametrize("options", [{"h": 0}, {"h": float("nan")}, {"h": "a"}, {"method": "backward"}])
def test_bad_options_are_refused(options: dict) -> None:
    with pytest.raises(dl.ConfigurationError, match="numerical_gradient"):
        dl.numerical_gradient(abs, 1.0, **options)
