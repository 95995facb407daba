"""Batch and layer normalization by their equations."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

import dlcore as dl

X = np.random.default_rng(0).standard_normal((12, 4)) * [1, 10, 100, 0.1] + [0, 5, -50, 3]


def normalizing(layer: dl.Layer) -> dl.Trainer:
    return dl.Trainer(dl.Sequential(layer), dl.SquaredError(), dl.SGD(1e-300), dtype="float64")


def test_layer_norm_of_a_row() -> None:
    """(1, 2, 3, 6): mean 3, variance 3.5."""
    found = normalizing(dl.LayerNorm(4, epsilon=0.5)).predict([[1.0, 2, 3, 6]])
    np.testing.assert_allclose(found, [[-1.0, -0.5, 0.0, 1.5]], atol=1e-15)  # √(3.5 + 0.5) = 2


def test_layer_norm_does_not_see_shift_and_scale_of_a_row() -> None:
    """Ba et al. (2016), table 1; without ε."""
    trainer = normalizing(dl.LayerNorm(4, epsilon=0.0))
    np.testing.assert_allclose(trainer.predict(7 * X - 3), trainer.predict(X), rtol=1e-11)


def test_batch_norm_predicts_by_its_running_statistics() -> None:
    """With momentum 1 those of the last batch, the variance unbiased; then z = gamma (x − mean)/√(variance + ε) + beta."""
    trainer = normalizing(dl.BatchNorm(4, momentum=1.0, epsilon=0.1))
    np.testing.assert_allclose(trainer.predict(X), X / np.sqrt(1.1))  # at first mean 0, variance 1
    trainer.fit(X, X, epochs=1, batch_size=None)
    gamma, beta, mean, variance = trainer.get_weights()
    np.testing.assert_allclose(mean, X.mean(axis=0))
    np.testing.assert_allclose(variance, X.var(axis=0, ddof=1))
    trainer.set_weights([gamma + 1, beta + 3, mean, variance])
    expected = 2 * (X - X.mean(axis=0)) / np.sqrt(X.var(axis=0, ddof=1) + 0.1) + 3
    np.testing.assert_allclose(trainer.predict(X), expected, rtol=1e-12)


def test_batch_norm_trains_on_the_statistics_of_the_batch() -> None:
    """Normalized by them, every column has mean 0 and mean square 1: ½ Σ_k z_k² is half the number of columns."""
    loss = normalizing(dl.BatchNorm(4, epsilon=0.0)).fit(X, np.zeros_like(X), epochs=1, batch_size=None)["loss"]
    assert loss == [pytest.approx(4 / 2, rel=1e-12)]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: dl.BatchNorm(0), "BatchNorm: width=0, expected a positive integer"),
        (lambda: dl.LayerNorm(2.5), "LayerNorm: width=2.5"),  # type: ignore[arg-type]
        (lambda: dl.BatchNorm(3, momentum=1.5), "BatchNorm: momentum=1.5, expected a number from 0 to 1"),
        (lambda: dl.LayerNorm(3, epsilon=-1e-5), "LayerNorm: epsilon=-1e-05"),
        (lambda: dl.Sequential(dl.Dense(2, 3), dl.BatchNorm(4)), "BatchNorm, expects 4 columns, and gets 3"),
    ],
)
def test_what_cannot_be(make: Callable[[], object], message: str) -> None:
    with pytest.raises(dl.ConfigurationError, match=message):
        make()
