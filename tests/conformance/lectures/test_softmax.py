"""Softmax, its derivative, and its kinship with the logistic function."""

from __future__ import annotations

import math

import numpy as np
import pytest

import dlcore as dl

from .course import RANDOM, K, X, Y, neuron


def test_07_softmax_sums_over_j() -> None:
    """The worked values; the printed e^{0.3} for e^{1.3} gives 0.0755 for 0.0652."""
    z, a = np.array([[0.1, 1.3, 2.5]]), np.empty((1, 3))
    K.softmax(z, out=a)
    np.testing.assert_allclose(a[0], [0.0652, 0.2164, 0.7184], atol=5e-5)
    assert a.sum() == pytest.approx(1, abs=1e-15)
    assert math.exp(0.1) / (math.exp(0.1) + math.exp(0.3) + math.exp(2.5)) == pytest.approx(0.0755, abs=5e-5)
    rows, one = [], np.empty((1, 3))
    for i in range(3):
        K.softmax_grad(np.eye(3)[i : i + 1], a, out=one)
        rows.append(one[0].copy())
    np.testing.assert_allclose(rows, np.diag(a[0]) - np.outer(a[0], a[0]), atol=1e-15)
    np.testing.assert_allclose(np.diag(rows), [0.0609, 0.1696, 0.2023], atol=5e-5)
    assert rows[0][1] == pytest.approx(-0.0141, abs=5e-5)


def test_softmax_of_two_is_the_logistic() -> None:
    """softmax(z₁, z₂)₁ = σ(z₁ − z₂), and tanh z = 2σ(2z) − 1."""
    z, a, s = RANDOM.normal(size=(5, 2)), np.empty((5, 2)), np.empty((5, 1))
    K.softmax(z, out=a)
    K.sigmoid(z[:, :1] - z[:, 1:], out=s)
    np.testing.assert_allclose(a[:, 0], s[:, 0], rtol=1e-13)
    K.sigmoid(2 * z[:, :1], out=s)
    np.testing.assert_allclose(np.tanh(z[:, 0]), 2 * s[:, 0] - 1, atol=1e-15)


def test_softmax_regression_of_two_classes_is_logistic_regression() -> None:
    """Both classes move, in opposite directions: at half the rate the probabilities are those of one logistic output."""
    labels = (Y > 0).astype(int)
    one = neuron(dl.BinaryCrossEntropy(), dl.SGD(0.4), (0.0, 0.0, 0.0), 0.0)
    two = dl.Trainer(dl.Sequential(dl.Dense(3, 2)), dl.SoftmaxCrossEntropy(), dl.SGD(0.2), dtype="float64")
    two.set_weights([np.zeros((3, 2)), np.zeros(2)])
    for trainer in (one, two):
        trainer.fit(X, labels, epochs=20, batch_size=2)
    np.testing.assert_allclose(two.predict(X)[:, 1], one.predict(X)[:, 0], rtol=1e-12)
