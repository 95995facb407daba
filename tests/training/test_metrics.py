"""Figures of finished networks, against scikit-learn and by hand."""

from __future__ import annotations

import numpy as np
import pytest

from dlcore.training import metrics

RNG = np.random.default_rng(0)


def probabilities(n: int, classes: int, steps: int = 0) -> np.ndarray:
    """Rows that sum to 1; with `steps` only that many values, so that many are equal."""
    z = RNG.normal(size=(n, classes))
    p = np.exp(np.round(z * steps) / steps if steps else z)
    return p / p.sum(axis=1, keepdims=True)


@pytest.mark.parametrize(("classes", "steps"), [(2, 0), (2, 2), (5, 0)])
def test_classification_as_scikit_learn(classes, steps):
    """Accuracy, balanced accuracy, log loss, area under the curve and confusion matrix, also with equal scores."""
    theirs = pytest.importorskip("sklearn.metrics")
    y, p = RNG.integers(0, classes, 200), probabilities(200, classes, steps)
    ours, labels = metrics.classification(y, p), p.argmax(axis=1)
    assert ours["accuracy"] == pytest.approx(theirs.accuracy_score(y, labels), abs=1e-12)
    assert ours["balanced_accuracy"] == pytest.approx(theirs.balanced_accuracy_score(y, labels), abs=1e-12)
    assert ours["log_loss"] == pytest.approx(theirs.log_loss(y, p), abs=1e-12)
    area = theirs.roc_auc_score(y, p[:, 1]) if classes == 2 else theirs.roc_auc_score(y, p, multi_class="ovr")
    assert ours["auc"] == pytest.approx(area, abs=1e-12)
    assert ours["confusion"] == theirs.confusion_matrix(y, labels).tolist()


def test_regression_as_scikit_learn():
    """rmse, mae and r2."""
    theirs = pytest.importorskip("sklearn.metrics")
    y = RNG.normal(1e6, 3, 200)
    a = y + RNG.normal(size=200)
    ours = metrics.regression(y, a)
    assert ours["rmse"] == pytest.approx(theirs.root_mean_squared_error(y, a), rel=1e-12)
    assert ours["mae"] == pytest.approx(theirs.mean_absolute_error(y, a), rel=1e-12)
    assert ours["r2"] == pytest.approx(theirs.r2_score(y, a), rel=1e-12)


def test_a_worked_example():
    """Three rows of classes 0, 0, 1 that are called 0, 1, 1."""
    p = np.array([[0.75, 0.25], [0.25, 0.75], [0.5 - 2**-10, 0.5 + 2**-10]])
    found = metrics.classification(np.array([0, 0, 1]), p)
    assert found["accuracy"] == pytest.approx(2 / 3)
    assert found["balanced_accuracy"] == 0.75
    assert found["auc"] == 0.5  # above one of the two rows of the other class
    assert found["confusion"] == [[1, 1], [0, 1]]
    assert found["log_loss"] == pytest.approx(-np.log([0.75, 0.25, 0.5 + 2**-10]).mean())


def test_what_is_not_defined_is_none_and_what_is_wrong_for_sure_is_finite():
    """One class only, equal targets; a class with probability 0 costs as much as the dtype can tell."""
    found = metrics.classification(np.zeros(3, int), np.tile(np.float32([0, 1]), (3, 1)))
    assert found["auc"] is None
    assert found["balanced_accuracy"] == 0
    assert found["log_loss"] == pytest.approx(-np.log(np.finfo(np.float32).eps))
    assert metrics.regression(np.ones(3), np.zeros(3)) == {"rmse": 1, "mae": 1, "r2": None}
