"""Predictions, losses and accuracies, in blocks of rows, and validation beside training."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import dlcore as dl

from .runs import CLASSES, COLUMNS, LINEAR, PLAIN, RICH, N, T, X, Y, cross_entropy, everything, linear, make, softmax


def test_validation_is_of_the_network_as_it_predicts() -> None:
    """val_loss and val_accuracy come from predictions: running statistics, no dropout, no label smoothing."""
    trainer = make(RICH, loss=dl.SoftmaxCrossEntropy(label_smoothing=0.3))
    X_val, y_val = X[:9] + 0.1, Y[:9]
    w_val = np.arange(9.0)
    history = trainer.fit(X, Y, epochs=2, batch_size=4, validation=(X_val, y_val, w_val))
    a = trainer.predict(X_val)
    expected = (w_val * cross_entropy(a, y_val)).sum() / w_val.sum()
    assert history["val_loss"][-1] == pytest.approx(expected, rel=1e-12)
    right = (w_val * (a.argmax(axis=1) == y_val)).sum() / w_val.sum()
    assert history["val_accuracy"][-1] == pytest.approx(right, rel=1e-12)


@pytest.mark.parametrize("model", [PLAIN, RICH], ids=["plain", "rich"])
def test_validation_changes_no_bit_of_training(model: dl.Sequential, tmp_path: Path) -> None:
    """With and without validation, and with predictions in a callback, the run is the same."""

    class Predicts(dl.Callback):
        def on_epoch_end(self, trainer: Any, logs: Mapping[str, float]) -> None:
            trainer.predict(X[: trainer.epoch + 1])
            trainer.evaluate(X, Y)

    watched, alone = make(model), make(model)
    watched.fit(X, Y, epochs=3, batch_size=4, validation=(X[:5], Y[:5]), callbacks=[Predicts()])
    alone.fit(X, Y, epochs=3, batch_size=4)
    a, b = everything(watched, tmp_path), everything(alone, tmp_path)
    assert a.pop("history")["loss"] == b.pop("history")["loss"]
    assert a == b


def test_prediction_in_blocks() -> None:
    """9,000 rows, more than two blocks of 4,096, predict and evaluate as the formula does on all of them."""
    rows = np.random.default_rng(8).standard_normal((9000, COLUMNS))
    labels = np.random.default_rng(9).integers(0, CLASSES, 9000)
    w = np.random.default_rng(9).uniform(0, 1, 9000)
    w[4096:8192] = 0  # a whole block without weight
    trainer = make()
    W1, b1, W2, b2 = trainer.get_weights()
    a = softmax(np.tanh(rows @ W1 + b1) @ W2 + b2)
    np.testing.assert_allclose(trainer.predict(rows), a, rtol=0, atol=1e-13)
    np.testing.assert_array_equal(trainer.predict_labels(rows), a.argmax(axis=1))
    result = trainer.evaluate(rows, labels, w)
    assert set(result) == {"loss", "accuracy"}
    assert result["loss"] == pytest.approx((w * cross_entropy(a, labels)).sum() / w.sum(), rel=1e-12)
    assert result["accuracy"] == pytest.approx((w * (a.argmax(axis=1) == labels)).sum() / w.sum(), rel=1e-12)


def test_predictions_do_not_depend_on_earlier_ones() -> None:
    """Few rows, many rows, few rows again: every row has its own prediction."""
    trainer = make()
    expected = trainer.predict(X)
    for rows in (slice(0, 3), slice(0, 22), slice(5, 8), slice(2, 12), slice(8, 11)):
        np.testing.assert_allclose(trainer.predict(X[rows]), expected[rows], rtol=0, atol=1e-14)
    losses = cross_entropy(expected, Y)
    for rows in (slice(5, 8), slice(0, 22), slice(1, 4), slice(2, 12), slice(8, 11)):
        assert trainer.evaluate(X[rows], Y[rows])["loss"] == pytest.approx(losses[rows].mean(), rel=1e-12)
        np.testing.assert_allclose(trainer.predict(X[rows]), expected[rows], rtol=0, atol=1e-14)


def test_prediction_follows_training() -> None:
    """A plan made before fit predicts with the parameters after it."""
    trainer = make()
    trainer.predict(X)
    trainer.fit(X, Y, epochs=2, batch_size=4)
    W1, b1, W2, b2 = trainer.get_weights()
    np.testing.assert_allclose(trainer.predict(X), softmax(np.tanh(X @ W1 + b1) @ W2 + b2), rtol=0, atol=1e-13)


def test_one_output_of_binary_cross_entropy() -> None:
    """predict gives σ(z) as (n, 1), predict_labels 0 and 1 as (n,), evaluate the share of right ones."""
    y = (X[:, 0] > 0).astype(int)
    trainer = make(dl.Sequential(dl.Dense(COLUMNS, 1)), loss=dl.BinaryCrossEntropy())
    for targets in (y, y[:, None], y.astype(bool), y.astype(float)):
        trainer.fit(X, targets, epochs=5)
    W, b = trainer.get_weights()
    a = 1 / (1 + np.exp(-(X @ W + b)))
    np.testing.assert_allclose(trainer.predict(X), a, rtol=1e-12)
    labels = trainer.predict_labels(X)
    assert labels.shape == (N,)
    np.testing.assert_array_equal(labels, (a[:, 0] >= 0.5).astype(int))
    result = trainer.evaluate(X, y)
    assert result["accuracy"] == pytest.approx((labels == y).mean())
    assert result["loss"] == pytest.approx(-np.log(np.where(y == 1, a[:, 0], 1 - a[:, 0])).mean(), rel=1e-12)


def test_several_outputs_of_binary_cross_entropy() -> None:
    """A row is right where all its outputs are; the loss sums over outputs."""
    y = (T > 0).astype(int)
    trainer = make(LINEAR, loss=dl.BinaryCrossEntropy())
    trainer.fit(X, y, epochs=3)
    a = trainer.predict(X)
    labels = trainer.predict_labels(X)
    np.testing.assert_array_equal(labels, (a >= 0.5).astype(int))
    result = trainer.evaluate(X, y)
    assert result["accuracy"] == pytest.approx((labels == y).all(axis=1).mean())
    assert result["loss"] == pytest.approx(-np.log(np.where(y == 1, a, 1 - a)).sum(axis=1).mean(), rel=1e-12)


def test_regression_reports_the_root_of_the_mean_square() -> None:
    """evaluate gives ½ Σ_k e² averaged over rows, and √ of the mean of e² over rows and outputs; there are no labels."""
    trainer = linear()
    trainer.fit(X, T, epochs=2)
    error = trainer.predict(X) - T
    result = trainer.evaluate(X, T)
    assert set(result) == {"loss", "rmse"}
    assert result["loss"] == pytest.approx(0.5 * (error**2).sum(axis=1).mean(), rel=1e-12)
    assert result["rmse"] == pytest.approx(np.sqrt((error**2).mean()), rel=1e-12)
    with pytest.raises(dl.DataError, match="predict_labels"):
        trainer.predict_labels(X)
