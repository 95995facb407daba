"""Looking into a network shows what is there, and changes nothing."""

from __future__ import annotations

import numpy as np

import dlcore as dl

RANDOM = np.random.default_rng(0)
X, Y = RANDOM.normal(size=(5, 3)), RANDOM.normal(size=(5, 2))


def trainer() -> dl.Trainer:
    model = dl.Sequential(
        dl.Dense(3, 4), dl.Tanh(), dl.Dropout(0.5), dl.Residual(dl.Dense(4, 4), dl.ReLU()), dl.Dense(4, 2)
    )
    return dl.Trainer(model, dl.SquaredError(), dl.SGD(0.1), dtype="float64", seed=3)


def test_layer_outputs_are_those_of_numpy() -> None:
    network = trainer()
    W0, b0, W1, b1, W2, b2 = network.get_weights()
    a = np.tanh(X @ W0 + b0)
    r = a + np.maximum(a @ W1 + b1, 0)
    expected = [X @ W0 + b0, a, a, r, r @ W2 + b2]
    for found, value in zip(dl.layer_outputs(network, X), expected, strict=True):
        np.testing.assert_allclose(found, value, rtol=1e-13, atol=1e-15)
    np.testing.assert_array_equal(dl.layer_outputs(network, X)[-1].shape, (5, 2))


def test_gradients_are_those_of_differences() -> None:
    network = dl.Trainer(
        dl.Sequential(dl.Dense(3, 4), dl.Tanh(), dl.Dense(4, 2)), dl.SquaredError(), dl.SGD(0.1), dtype="float64"
    )
    found, weights = dl.gradients(network, X, Y), network.get_weights()
    assert list(found) == ["0.W", "0.b", "2.W", "2.b"]

    def loss(W: np.ndarray) -> float:
        network.set_weights([W, *weights[1:]])
        return network.evaluate(X, Y)["loss"]

    np.testing.assert_allclose(found["0.W"], dl.numerical_gradient(loss, weights[0]), rtol=1e-6, atol=1e-9)


def test_looking_changes_nothing() -> None:
    """The training that follows has the same bits."""
    ends = []
    for look in (False, True):
        network = trainer()
        network.fit(X, Y, epochs=2, batch_size=2)
        if look:
            dl.gradients(network, X, Y)
            dl.layer_outputs(network, X)
        network.fit(X, Y, epochs=2, batch_size=2)
        ends.append(network.get_weights())
    for one, other in zip(*ends, strict=True):
        np.testing.assert_array_equal(one, other)
