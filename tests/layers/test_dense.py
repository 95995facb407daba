"""Dense layers as the lectures have them."""

from __future__ import annotations

import numpy as np
import pytest

import dlcore as dl
from dlcore.layers.initializers import Constant

X = np.random.default_rng(0).standard_normal((20, 3))


def predictions(*layers: dl.Layer) -> tuple[np.ndarray, list[np.ndarray]]:
    trainer = dl.Trainer(dl.Sequential(*layers), dl.SquaredError(), dl.SGD(0.1), dtype="float64", seed=1)
    weights = [w + 0.1 for w in trainer.get_weights()]  # biases too
    trainer.set_weights(weights)
    return trainer.predict(X), weights


def test_linear_layers_collapse_into_one() -> None:
    """Three of them are one with W₁W₂W₃ and its bias; with ReLU between them they are not."""
    dense = dl.Dense(3, 4), dl.Dense(4, 5), dl.Dense(5, 2)
    a, (W1, b1, W2, b2, W3, b3) = predictions(*dense)
    one = X @ (W1 @ W2 @ W3) + (b1 @ W2 + b2) @ W3 + b3
    np.testing.assert_allclose(a, one, rtol=1e-12)
    a, (W1, b1, W2, b2, W3, b3) = predictions(dense[0], dl.ReLU(), dense[1], dl.ReLU(), dense[2])
    one = X @ (W1 @ W2 @ W3) + (b1 @ W2 + b2) @ W3 + b3
    assert np.abs(a - one).max() > 0.1


def test_the_lectures_chain_of_weights() -> None:
    """10 → ·10 → 100 → ·2 → 200 → ·0.05 → 10: the product of the weights is 1."""
    layers = [dl.Dense(1, 1, bias=False, init=Constant(w)) for w in (10.0, 2.0, 0.05)]
    trainer = dl.Trainer(dl.Sequential(*layers), dl.SquaredError(), dl.SGD(0.1), dtype="float64")
    assert trainer.predict(np.array([[10.0]])).item() == pytest.approx(10.0)


def test_softmax_between_layers_is_warned_of_once() -> None:
    """It is seldom meant; after the last layer it is fine, and before SoftmaxCrossEntropy it is refused."""
    between = dl.Sequential(dl.Dense(3, 4), dl.Softmax(), dl.Dense(4, 2))
    with pytest.warns(UserWarning, match="a Softmax between layers") as caught:
        dl.Trainer(between, dl.SquaredError(), dl.SGD(0.1)).fit(X, X[:, :2], epochs=1)
    assert len(caught) == 1
    dl.Trainer(dl.Sequential(dl.Dense(3, 4), dl.Softmax()), dl.SquaredError(), dl.SGD(0.1))
    with pytest.raises(dl.ConfigurationError, match="remove the Softmax layer"):
        dl.Trainer(dl.Sequential(dl.Dense(3, 4), dl.Softmax()), dl.SoftmaxCrossEntropy(), dl.SGD(0.1))
