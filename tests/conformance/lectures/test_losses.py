"""Losses, their factors, and the gradients that start the backward pass."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import dlcore as dl

from .course import X, Y, neuron

LOGITS = np.array([0.3, -1.2, 2.0])


def test_03_the_gradient_of_a_squared_error_has_a_minus() -> None:
    """∂J/∂w_j = −Σ_i (y_i − ŷ_i) x_ij, by differences; dlcore's J is the mean."""
    trainer = neuron(dl.SquaredError(), dl.SGD(0.1))
    w, b = trainer.get_weights()

    def J(weights: np.ndarray) -> float:
        return float(0.5 * np.sum((Y - X @ weights - b) ** 2))

    error = Y - trainer.predict(X)[:, 0]
    np.testing.assert_allclose(dl.numerical_gradient(J, w[:, 0]), -X.T @ error, rtol=1e-8)
    np.testing.assert_allclose(dl.gradients(trainer, X, Y)["0.W"][:, 0], -X.T @ error / len(Y), rtol=1e-12)


def test_04_target_and_prediction_in_cross_entropy() -> None:
    """t is the target, p the prediction: p = 0.9, t = 1 costs −log 0.9 = 0.105; with the letters exchanged, infinity."""
    trainer = neuron(dl.BinaryCrossEntropy(), dl.SGD(0.1), weights=(0.0,), bias=math.log(0.9 / 0.1))
    assert trainer.predict([[1.0]])[0, 0] == pytest.approx(0.9)
    assert trainer.evaluate([[1.0]], [1])["loss"] == pytest.approx(0.1054, abs=5e-5)
    for z, t, slope in ((-1000.0, 0, 0), (-1000.0, 1, -1), (1000.0, 0, 1), (1000.0, 1, 0)):  # the column "Erro", p − t
        sure = neuron(dl.BinaryCrossEntropy(), dl.SGD(0.1), weights=(0.0,), bias=z)
        assert dl.gradients(sure, [[1.0]], [t])["0.b"] == [slope]
    for z, t in ((1000.0, 1), (-1000.0, 0)):  # 0 · log 0 is 0
        sure = neuron(dl.BinaryCrossEntropy(), dl.SGD(0.1), weights=(0.0,), bias=z)
        assert sure.evaluate([[1.0]], [t])["loss"] == 0


def test_19_the_gradient_of_a_mean_is_a_mean() -> None:
    """1/n Σ (ŷ − y) x, and mean(ŷ − y) for the bias, which is missing."""
    trainer, labels = neuron(dl.BinaryCrossEntropy(), dl.SGD(0.1)), (Y > 0).astype(int)
    error = trainer.predict(X)[:, 0] - labels
    found = dl.gradients(trainer, X, labels)
    np.testing.assert_allclose(found["0.W"][:, 0], X.T @ error / len(X), rtol=1e-12)
    np.testing.assert_allclose(found["0.b"], error.mean(), rtol=1e-12)


def test_21_the_minus_is_before_both_terms() -> None:
    """y = 0, a = 0.9 costs +2.303; the printed −Σ y log a + (1 − y) log(1 − a) gives −2.303."""
    trainer = neuron(dl.BinaryCrossEntropy(), dl.SGD(0.1), weights=(0.0,), bias=math.log(9))
    assert trainer.evaluate([[0.0]], [0])["loss"] == pytest.approx(2.303, abs=5e-4)
    assert -0 * math.log(0.9) + 1 * math.log(1 - 0.9) == pytest.approx(-2.303, abs=5e-4)


def test_25_factors_of_the_squared_errors() -> None:
    """(y − ŷ)ᵀ(y − ŷ) has 2N times the gradient of dlcore's ½ mean, and 1/N Σ(y − ŷ)² twice."""
    trainer = neuron(dl.SquaredError(), dl.SGD(0.1))
    w, b = trainer.get_weights()
    own = dl.gradients(trainer, X, Y)["0.W"][:, 0]
    total = dl.numerical_gradient(lambda w: float(np.sum((Y - X @ w - b) ** 2)), w[:, 0])
    np.testing.assert_allclose(total, 2 * len(Y) * own, rtol=1e-7)
    np.testing.assert_allclose(total / len(Y), 2 * own, rtol=1e-7)


@pytest.mark.parametrize(
    ("loss", "a", "y", "jacobian", "slope"),
    [
        (dl.SquaredError(), LOGITS, [1.0, 0.5, -2.0], lambda a: np.eye(3), lambda a, y: a - y),
        (dl.BinaryCrossEntropy(), 1 / (1 + np.exp(-LOGITS)), [1.0, 0.0, 0.25], lambda a: np.diag(a * (1 - a)),
         lambda a, y: (1 - y) / (1 - a) - y / a),
        (dl.SoftmaxCrossEntropy(), np.exp(LOGITS) / np.exp(LOGITS).sum(), [0.2, 0.7, 0.1],
         lambda a: np.diag(a) - np.outer(a, a), lambda a, y: -y / a),
    ],
    ids=["linear", "logistic", "softmax"],
)  # fmt: skip
def test_delta_is_a_minus_y_three_times(
    loss: dl.Loss, a: np.ndarray, y: list[float], jacobian: Any, slope: Any
) -> None:
    """By the chain rule: the Jacobian of the output activation times the gradient of the loss is a − y, and so is dlcore's δ."""
    target = np.array(y)
    trainer = dl.Trainer(dl.Sequential(dl.Dense(1, 3)), loss, dl.SGD(0.1), dtype="float64")
    trainer.set_weights([np.zeros((1, 3)), LOGITS])
    delta = dl.gradients(trainer, [[0.0]], target[None])["0.b"]
    np.testing.assert_allclose(jacobian(a) @ slope(a, target), a - target, rtol=1e-12)
    np.testing.assert_allclose(delta, a - target, rtol=1e-12)


def test_empirical_risk_of_many_rows_is_the_risk() -> None:
    """y = 2x + ε: the risk of ŷ = w x is ½ ((w − 2)² + σ²); a large sample has it within four standard errors."""
    random, w, sigma = np.random.default_rng(3), 1.5, 0.7
    x = random.normal(size=(200_000, 1))
    y = 2 * x[:, 0] + sigma * random.normal(size=len(x))
    loss = neuron(dl.SquaredError(), dl.SGD(0.1), (w,), 0.0).evaluate(x, y)["loss"]
    assert loss == pytest.approx(0.5 * ((w - 2) ** 2 + sigma**2), rel=4 * math.sqrt(2 / len(x)))
