"""Losses as a user meets them: their targets, their predictions, and the perceptron's rule."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import dlcore as dl

random = np.random.default_rng(0)
X = random.standard_normal((40, 2))
SEPARABLE = (X @ [2.0, -1.0] + 0.3 > 0).astype(int)


def trainer_for(loss: dl.Loss, outputs: int = 1, rate: float = 0.1) -> dl.Trainer:
    return dl.Trainer(dl.Sequential(dl.Dense(2, outputs)), loss, dl.SGD(rate), dtype="float64", seed=3)


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


def test_huber_resists_an_outlier() -> None:
    """One target off by 1000 moves the line by little; squared error follows it."""
    y = X @ [1.0, 2.0] + 1
    y[0] += 1000
    slopes = {}
    for loss in (dl.Huber(0.1), dl.SquaredError()):
        trainer = trainer_for(loss)
        trainer.fit(X, y, epochs=500, batch_size=None)
        slopes[type(loss)] = trainer.get_weights()[0][:, 0]
    np.testing.assert_allclose(slopes[dl.Huber], [1, 2], atol=0.05)
    assert np.abs(slopes[dl.SquaredError] - [1, 2]).max() > 5


def test_poisson_finds_the_rate() -> None:
    """Without features that tell anything, the expected count is the mean."""
    counts = random.poisson(3.0, 40)
    trainer = trainer_for(dl.Poisson())
    trainer.fit(np.zeros((40, 2)), counts, epochs=300, batch_size=None)
    np.testing.assert_allclose(trainer.predict(np.zeros((1, 2))), [[counts.mean()]], rtol=1e-9)


@pytest.mark.parametrize(
    ("loss", "y", "message"),
    [
        (dl.Hinge(), 2 * SEPARABLE - 1, r"Hinge: y\[\d+\] is \[-1.0\]; expected 0 and 1; of classes −1 and 1 make y > 0"),
        (dl.PerceptronLoss(), SEPARABLE * 0.5, r"PerceptronLoss: y\[\d+\] is \[0.5\]; expected 0 and 1"),
        (dl.PerceptronLoss(), [np.nan] * 40, "PerceptronLoss: .*expected 0 and 1"),
        (dl.Hinge(), ["yes"] * 40, "Hinge expects 0 and 1"),
        (dl.Poisson(), -SEPARABLE, r"Poisson: y\[\d+\] is \[-1.0\]; expected counts, numbers >= 0"),
        (dl.Huber(), ["a"] * 40, "Huber expects real numbers"),
        (dl.Huber(), [np.inf] * 40, r"y\[0, 0\] is infinite"),
    ],
)  # fmt: skip
def test_targets_that_do_not_fit(loss: dl.Loss, y: Any, message: str) -> None:
    """One error names the loss, the row, and what is expected."""
    with pytest.raises(dl.DataError, match=message):
        trainer_for(loss).fit(X, y)


@pytest.mark.parametrize("loss", [dl.Hinge(), dl.PerceptronLoss(), dl.Huber(), dl.Poisson()], ids=str)
def test_nothing_broadcasts(loss: dl.Loss) -> None:
    """Two outputs need two columns of targets."""
    with pytest.raises(dl.ShapeError, match=r"expected y \(n, 2\)"):
        trainer_for(loss, 2).fit(X, SEPARABLE)
    trainer_for(loss, 2).fit(X, np.stack([SEPARABLE, 1 - SEPARABLE], axis=1), epochs=1)


def test_losses_with_classes_have_labels() -> None:
    """Hinge and the perceptron do, Huber and Poisson predict numbers."""
    assert trainer_for(dl.PerceptronLoss(), 2).predict_labels(X).shape == (40, 2)
    for loss in (dl.Huber(), dl.Poisson()):
        with pytest.raises(dl.DataError, match="predicts numbers, not classes"):
            trainer_for(loss).predict_labels(X)


def test_a_loss_comes_back_from_a_file(tmp_path: Any) -> None:
    """With its threshold."""
    trainer_for(dl.Huber(0.25)).save(tmp_path / "run.safetensors")
    assert dl.Trainer.load(tmp_path / "run.safetensors").loss == dl.Huber(0.25)


def test_a_loss_made_of_another_is_evaluated_by_its_own_rules() -> None:
    """One that computes otherwise, or takes other rows for right, than the cross-entropy that it is made of."""

    class Squared(dl.BinaryCrossEntropy):
        def record(self, k, z, y, w, loss, delta):  # type: ignore[no-untyped-def]
            k.squared_error(z, y, w, out=(loss, delta))

    class Strict(dl.BinaryCrossEntropy):
        threshold = 0.9

    class Logits(dl.BinaryCrossEntropy):
        output = "identity"

    X, y = np.array([[0.0], [0.5], [2.0], [5.0]]), np.array([0, 1, 1, 1])
    reports = []
    for loss in (Squared(), Strict(), Logits(), dl.BinaryCrossEntropy()):
        run = dl.Trainer(dl.Sequential(dl.Dense(1, 1)), loss, dl.SGD(0.1), dtype="float64")
        run.set_weights([np.ones((1, 1)), np.full(1, -0.25)])  # z = -0.25, 0.25, 1.75, 4.75
        reports.append(run.evaluate(X, y))
    assert reports[0]["loss"] == pytest.approx(np.mean((X[:, 0] - 0.25 - y) ** 2) / 2)
    assert [report["accuracy"] for report in reports] == [1.0, 0.5, 0.75, 1.0]
    assert reports[1]["loss"] == reports[2]["loss"] == reports[3]["loss"]


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
