"""Losses of classes as a user meets them: the perceptron's rule, scores, rows that are right."""

from __future__ import annotations

import numpy as np
import pytest

import dlcore as dl

from .rows import SEPARABLE, X, trainer_for


def test_perceptron_loss_is_the_perceptron_rule() -> None:
    """w += λ (y − ŷ) x, b += λ (y − ŷ), ŷ = 1[w·x + b >= 0], row by row: a loop by hand ends at the same weights."""
    trainer = trainer_for(dl.PerceptronLoss(), rate=0.25)
    W, b = trainer.get_weights()
    w = W[:, 0].copy()
    trainer.fit(X, SEPARABLE, epochs=2, batch_size=1, shuffle=False)
    for x, y in [*zip(X, SEPARABLE, strict=True)] * 2:
        error = y - float(w @ x + b[0] >= 0)
        w, b = w + 0.25 * error * x, b + 0.25 * error
    np.testing.assert_allclose(trainer.get_weights()[0][:, 0], w, rtol=1e-13)
    np.testing.assert_allclose(trainer.get_weights()[1], b, rtol=1e-13)


def test_perceptron_stops_moving_on_separable_data() -> None:
    """Once every row is right nothing changes, bit for bit; predictions are 0 and 1, and z = 0 counts as 1."""
    trainer = trainer_for(dl.PerceptronLoss())
    trainer.fit(X, SEPARABLE, epochs=100, batch_size=1)
    before = trainer.get_weights()
    assert trainer.evaluate(X, SEPARABLE) == {"loss": 0.0, "accuracy": 1.0}
    trainer.fit(X, SEPARABLE, epochs=1, batch_size=1)
    assert all(map(np.array_equal, trainer.get_weights(), before))
    assert np.array_equal(trainer.predict(X)[:, 0], SEPARABLE)
    trainer.set_weights([np.zeros((2, 1)), np.zeros(1)])
    assert (trainer.predict(X) == 1).all()


def test_perceptron_does_not_learn_xor() -> None:
    """No line separates it: at most 3 of 4 are right."""
    corners, y = np.array([[0.0, 0], [0, 1], [1, 0], [1, 1]]), [0, 1, 1, 0]
    trainer = trainer_for(dl.PerceptronLoss())
    trainer.fit(corners, y, epochs=100, batch_size=1)
    assert trainer.evaluate(corners, y)["accuracy"] <= 0.75


def test_hinge_predicts_scores() -> None:
    """Predictions are scores, classes their signs; 40 separable rows end with a margin, which costs nothing."""
    trainer = trainer_for(dl.Hinge(), rate=0.5)
    trainer.fit(X, SEPARABLE, epochs=300, batch_size=8)
    assert trainer.evaluate(X, SEPARABLE)["accuracy"] == 1
    assert np.array_equal(trainer.predict_labels(X), trainer.predict(X)[:, 0] >= 0)
    assert np.abs(trainer.predict(X)).max() > 1


@pytest.mark.parametrize("weight", [0.1, 1e-3, 7.7])
def test_all_rows_right_are_an_accuracy_of_1(weight: float) -> None:
    """Whatever they weigh, in float32 and over several blocks of rows; all wrong are 0."""
    y = np.arange(5000) % 3
    run = dl.Trainer(dl.Sequential(dl.Dense(3, 3)), dl.SoftmaxCrossEntropy(), dl.SGD(0.1))
    run.set_weights([np.eye(3), np.zeros(3)])
    for targets, accuracy in ((y, 1.0), ((y + 1) % 3, 0.0)):
        found = run.evaluate(np.eye(3)[y], targets, sample_weight=weight * (1 + np.arange(5000) % 7))
        assert found["accuracy"] == accuracy


@pytest.mark.parametrize("loss", [dl.BinaryCrossEntropy(), dl.SoftmaxCrossEntropy()])
def test_rows_that_are_right_are_those_of_predict_labels_where_outputs_are_equal(loss: dl.Loss) -> None:
    """σ(0) is yes, and of equal outputs the first is the largest; of a row of targets too."""
    X, y = np.ones((6, 2)), np.array([0, 0, 1, 1, 1, 1])
    run = trainer_for(loss, 1 if isinstance(loss, dl.BinaryCrossEntropy) else 2)
    run.set_weights([np.zeros_like(w) for w in run.get_weights()])
    right = float(np.mean(run.predict_labels(X) == y))
    assert run.evaluate(X, y)["accuracy"] == pytest.approx(right) != 0.5
    if isinstance(loss, dl.SoftmaxCrossEntropy):
        assert run.evaluate(X, np.full((6, 2), 0.5))["accuracy"] == 1.0
