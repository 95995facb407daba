"""Dropout between layers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import dlcore as dl

X = np.random.default_rng(0).standard_normal((40, 3))
T = np.random.default_rng(1).standard_normal((40, 2))


def trainer_with(*between: dl.Layer, rate: float = 0.1) -> dl.Trainer:
    model = dl.Sequential(dl.Dense(3, 8), dl.Tanh(), *between, dl.Dense(8, 2))
    return dl.Trainer(model, dl.SquaredError(), dl.SGD(rate), dtype="float64", seed=3)


def test_prediction_drops_nothing() -> None:
    """The same weights predict the same bits with and without it, whatever the rate."""
    plain, dropping = trainer_with(), trainer_with(dl.Dropout(0.9))
    dropping.set_weights(plain.get_weights())
    assert np.array_equal(plain.predict(X), dropping.predict(X))


def test_a_rate_of_0_trains_as_without() -> None:
    """The mask is 1 throughout, and nothing is scaled."""
    runs = [trainer_with(), trainer_with(dl.Dropout(0.0))]
    for run in runs:
        run.fit(X, T, epochs=3, batch_size=16)
    assert all(map(np.array_equal, *(run.get_weights() for run in runs)))


def test_training_drops() -> None:
    """Of a network that predicts its targets: without Dropout the loss is 0, with it, it is not."""
    plain, dropping = trainer_with(rate=1e-300), trainer_with(dl.Dropout(0.5), rate=1e-300)
    dropping.set_weights(plain.get_weights())
    y = plain.predict(X)
    assert plain.fit(X, y, epochs=1, batch_size=None)["loss"] == [0]
    assert dropping.fit(X, y, epochs=1, batch_size=None)["loss"][0] > 0.01


def test_the_loss_of_a_linear_network_by_its_variance() -> None:
    """z = w Σ_j m_j / keep of 400 ones: mean 400 w, variance 400 w² (1 − keep)/keep, over 500 rows within 4 standard errors.

    For a normal z the mean of (z − 400 w)² over n rows has the standard error √(2/n) of itself.
    """
    keep, columns, n = 0.8, 400, 500
    model = dl.Sequential(dl.Dropout(1 - keep), dl.Dense(columns, 1, bias=False))
    trainer = dl.Trainer(model, dl.SquaredError(), dl.SGD(1e-300), dtype="float64")
    trainer.set_weights([np.full((columns, 1), 0.1)])
    loss = trainer.fit(np.ones((n, columns)), np.full(n, 0.1 * columns), epochs=1, batch_size=None)["loss"][0]
    assert 2 * loss == pytest.approx(0.01 * columns * (1 - keep) / keep, rel=4 * np.sqrt(2 / n))


@pytest.mark.parametrize("rate", [-0.1, 1.0, 1.5, float("nan"), "0.5", True])
def test_a_rate_that_is_none(rate: Any) -> None:
    with pytest.raises(dl.ConfigurationError, match="Dropout: rate="):
        dl.Dropout(rate)
