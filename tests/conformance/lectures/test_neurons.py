"""One unit: Adaline, logistic unit, perceptron, and what a line cannot separate."""

from __future__ import annotations

import numpy as np
import pytest

import dlcore as dl

from .course import RANDOM, XOR, X, Y, neuron


def test_02_adaline_adds() -> None:
    """w += λ(y − ŷ)x and b += λ(y − ŷ) lower the loss, and find the intercept of a shifted line; the printed −= raises it."""
    trainer = neuron(dl.SquaredError(), dl.SGD(0.1))
    w, b = (part.copy() for part in trainer.get_weights())
    error = Y[:1, None] - trainer.predict(X[:1])
    before = trainer.evaluate(X[:1], Y[:1])["loss"]
    trainer.fit(X[:1], Y[:1], epochs=1, batch_size=1)
    np.testing.assert_allclose(trainer.get_weights()[0], w + 0.1 * X[:1].T @ error, rtol=1e-12)
    np.testing.assert_allclose(trainer.get_weights()[1], b + 0.1 * error[0], rtol=1e-12)
    assert trainer.evaluate(X[:1], Y[:1])["loss"] < before
    trainer.set_weights([w - 0.1 * X[:1].T @ error, b])
    assert trainer.evaluate(X[:1], Y[:1])["loss"] > before

    line = neuron(dl.SquaredError(), dl.SGD(0.1), weights=(0.0,), bias=0.0)
    line.fit(X[:, :1], 2 * X[:, 0] + 5, epochs=120, batch_size=1)
    np.testing.assert_allclose(line.get_weights()[1], 5, atol=1e-4)


@pytest.mark.parametrize("seed", range(3))
def test_05_a_sigmoid_neuron_has_a_line_for_its_boundary(seed: int) -> None:
    """ "Classifies non-linearly": XOR is never more than ¾ right, whatever the weights."""
    start = np.random.default_rng(seed).normal(size=3)
    trainer = neuron(dl.BinaryCrossEntropy(), dl.SGD(1.0), start[:2], start[2])
    for _ in range(20):
        trainer.fit(*XOR, epochs=1, batch_size=1)
        assert trainer.evaluate(*XOR)["accuracy"] <= 0.75


def test_16_from_zero_the_rate_only_rescales_a_perceptron() -> None:
    """Rates ¼ and ½, powers of 2, give the same bits but for that factor: no claim about speed can hold."""
    y = (X @ [1.0, -1, 0.5] > 0).astype(int)
    ends = []
    for rate in (0.25, 0.5):
        trainer = neuron(dl.PerceptronLoss(), dl.SGD(rate), (0, 0, 0), 0.0)
        trainer.fit(X, y, epochs=5, batch_size=1, shuffle=False)
        ends.append(trainer.get_weights())
    for slow, fast in zip(*ends, strict=True):
        np.testing.assert_array_equal(2 * slow, fast)


def test_a_network_without_hidden_layers_is_least_squares() -> None:
    """Trained weights are the closed form's, where the gradient is 0, and no direction changes J to first order."""
    ones = np.column_stack([X, np.ones(len(X))])
    closed = np.linalg.solve(ones.T @ ones, ones.T @ Y)
    trainer = neuron(dl.SquaredError(), dl.SGD(0.5))
    trainer.fit(X, Y, epochs=2000, batch_size=None)
    np.testing.assert_allclose(np.concatenate([w.ravel() for w in trainer.get_weights()]), closed, atol=1e-8)
    trainer.set_weights([closed[:3, None], closed[3:]])
    assert max(np.abs(g).max() for g in dl.gradients(trainer, X, Y).values()) < 1e-14
    J = lambda t: float(np.mean((ones @ t - Y) ** 2) / 2)
    for u in RANDOM.normal(size=(5, 4)):
        assert J(closed + 1e-3 * u) - J(closed) == pytest.approx(0.5e-6 * u @ ones.T @ ones @ u / len(Y), rel=1e-6)


def test_a_column_of_ones_is_a_bias() -> None:
    """w_k0 with a_0 = 1 (002) gives what W and b give."""
    trainer = neuron(dl.SquaredError(), dl.SGD(0.1))
    w, b = trainer.get_weights()
    wide = dl.Trainer(dl.Sequential(dl.Dense(4, 1, bias=False)), dl.SquaredError(), dl.SGD(0.1), dtype="float64")
    wide.set_weights([np.vstack([b[None], w])])
    np.testing.assert_allclose(wide.predict(np.column_stack([np.ones(6), X])), trainer.predict(X), rtol=1e-13)


@pytest.mark.parametrize(("hidden", "learns"), [(dl.Identity(), False), (dl.ReLU(), True)], ids=["linear", "ReLU"])
def test_linear_hidden_layers_do_not_learn_xor(hidden: dl.Layer, learns: bool) -> None:
    """They are one linear layer, and three of four rows are the most that a line gets right."""
    trainer = dl.Trainer(
        dl.Sequential(dl.Dense(2, 8), hidden, dl.Dense(8, 1)), dl.BinaryCrossEntropy(), dl.Adam(0.05), dtype="float64"
    )
    trainer.fit(*XOR, epochs=300, batch_size=None)
    accuracy = trainer.evaluate(*XOR)["accuracy"]
    assert (accuracy == 1) == learns
    assert learns or accuracy <= 0.75


def test_15_the_collapsing_layers_multiply_to_one() -> None:
    """10 · 2 · 0.05 = 1; with 0.5 for the printed 00.5 the output would be 100."""
    for last, output in ((0.05, 10.0), (0.5, 100.0)):
        trainer = dl.Trainer(
            dl.Sequential(*[dl.Dense(1, 1, bias=False)] * 3), dl.SquaredError(), dl.SGD(1.0), dtype="float64"
        )
        trainer.set_weights([np.array([[w]]) for w in (10.0, 2.0, last)])
        assert trainer.predict([[10.0]])[0, 0] == pytest.approx(output)
