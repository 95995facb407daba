"""What every loss takes for targets, says of labels, and keeps in a file."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import dlcore as dl

from .rows import SEPARABLE, X, trainer_for


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
