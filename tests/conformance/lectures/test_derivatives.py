"""Derivatives on graphs and of matrices: worked examples, by differences."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

import dlcore as dl

from .course import RANDOM, K, X


def test_11_and_13_a_quotient_falls_with_its_denominator() -> None:
    """∂/∂c of (a + b)/(c + d) at (1, 2, 3, 1) is −0.1875, not +; (x + y) z at (−2, 5, −4) has (−4, −4, 3)."""
    quotient = dl.numerical_gradient(lambda v: (v[0] + v[1]) / (v[2] + v[3]), [1.0, 2, 3, 1])
    np.testing.assert_allclose(quotient, [0.25, 0.25, -0.1875, -0.1875], rtol=1e-8)
    np.testing.assert_allclose(
        dl.numerical_gradient(lambda v: (v[0] + v[1]) * v[2], [-2.0, 5, -4]), [-4, -4, 3], rtol=1e-8
    )


def test_12_a_tied_maximum_is_not_counted_twice() -> None:
    """Halves: what comes back sums to dx.  The central difference of max(a, a) along both inputs at once is dx, too."""
    assert sum(dl.numerical_gradient(max, [2.0, 2.0])) == pytest.approx(1)


def test_14_dX_has_the_shape_of_X() -> None:
    """Y = X Wᵀ with W (5, 10), X (3, 10): dW = dYᵀ X, dX = dY W (printed: dY = dY W).  dlcore holds Wᵀ."""
    W, x, dY = RANDOM.normal(size=(5, 10)), RANDOM.normal(size=(3, 10)), RANDOM.normal(size=(3, 5))
    dX, dW = np.empty((3, 10)), np.empty((10, 5))
    K.input_grad(dY, np.ascontiguousarray(W.T), out=dX)
    K.weight_grad(x, dY, out=dW)
    np.testing.assert_allclose(dX, dY @ W, rtol=1e-12)
    np.testing.assert_allclose(dW.T, dY.T @ x, rtol=1e-12)
    np.testing.assert_allclose(dX, dl.numerical_gradient(lambda x: float(np.sum(dY * (x @ W.T))), x), rtol=1e-6)


def test_18_quotients_of_a_square() -> None:
    """f(2.001) = 4.004001, printed 4.004; 0.010/0.001, printed 0.0010/0.001."""
    assert abs(2.001**2 - 4.004001) < 1e-12
    assert dl.numerical_gradient(lambda x: x**2, 5.0, 0.001, "forward") == pytest.approx(10.001, abs=1e-9)


def test_24_taylor_of_degree_two_is_exact_for_a_quadratic() -> None:
    """L(θ + ηu) = L + η uᵀ∇L + ½ η² uᵀ∇²L u; the printed uᵀ∇²L is not even a number."""
    H, g, u, eta = np.array([[2.0, 1], [1, 5]]), np.array([1.0, -2]), np.array([0.6, 0.8]), 0.3
    L = lambda t: float(0.5 * t @ H @ t + g @ t)
    theta = np.array([0.5, -1.0])
    slope = dl.numerical_gradient(L, theta)
    assert L(theta + eta * u) == pytest.approx(L(theta) + eta * u @ slope + 0.5 * eta**2 * u @ H @ u, abs=1e-9)
    assert np.ndim(u @ H) == 1


def test_three_layouts_of_one_step() -> None:
    """002 with columns, 003 with rows and Wᵀ, dlcore: the same numbers, transposed."""
    W, b, delta = RANDOM.normal(size=(3, 2)), RANDOM.normal(size=2), RANDOM.normal(size=(6, 2))
    A, W2, Delta = X.T, W.T, delta.T
    trainer = dl.Trainer(dl.Sequential(dl.Dense(3, 2)), dl.SquaredError(), dl.SGD(1.0), dtype="float64")
    trainer.set_weights([W, b])
    np.testing.assert_allclose((W2 @ A + b[:, None]).T, trainer.predict(X), rtol=1e-12)
    np.testing.assert_allclose(X @ W2.T + b, trainer.predict(X), rtol=1e-12)
    found = dl.gradients(trainer, X, trainer.predict(X) - delta)  # so that a − y is delta
    np.testing.assert_allclose((Delta @ A.T / 6).T, found["0.W"], rtol=1e-9)
    np.testing.assert_allclose(Delta.sum(axis=1) / 6, found["0.b"], rtol=1e-9)
    np.testing.assert_allclose((delta.T @ X / 6).T, found["0.W"], rtol=1e-9)


def test_the_gradient_of_a_matrix_in_the_order_of_the_lecture() -> None:
    """001: [∂L/∂W11, ∂L/∂W12, …], row by row of the lecture's W (out, in), which is dlcore's transposed.

    Moving W12 alone by h changes L by h · ∂L/∂W12.
    """
    W, targets = RANDOM.normal(size=(2, 3)), RANDOM.normal(size=(6, 2))
    trainer = dl.Trainer(dl.Sequential(dl.Dense(3, 2, bias=False)), dl.SquaredError(), dl.SGD(0.1), dtype="float64")
    trainer.set_weights([np.ascontiguousarray(W.T)])
    flat = dl.gradients(trainer, X, targets)["0.W"].T.ravel()

    def L(w: np.ndarray) -> float:
        return float(0.5 * np.mean(np.sum((X @ w.reshape(2, 3).T - targets) ** 2, axis=1)))

    np.testing.assert_allclose(flat, dl.numerical_gradient(L, W.ravel()), rtol=1e-7)
    moved = W.copy()
    moved[0, 1] += 1e-6
    assert L(moved.ravel()) - L(W.ravel()) == pytest.approx(1e-6 * flat[1], rel=1e-3)


def test_33_the_centre_of_the_gabor_curve(monkeypatch: pytest.MonkeyPatch) -> None:
    """x = −θ₀ / (0.06 θ₁), not θ₀: ŷ is 0 there, and odd around it."""
    monkeypatch.syspath_prepend(str(Path(__file__).parents[3] / "examples"))
    pytest.importorskip("matplotlib")
    from gabor import gabor  # type: ignore[import-not-found]

    theta = (3.0, 12.0)
    centre = -3.0 / (0.06 * 12.0)
    assert gabor(theta, centre) == pytest.approx(0, abs=1e-15)
    assert gabor(theta, centre + 0.7) == pytest.approx(-gabor(theta, centre - 0.7))
    assert abs(gabor(theta, 3.0)) > 0.1
    sys.modules.pop("gabor")
