"""Rows set aside for validation."""

from __future__ import annotations

import numpy as np

from dlcore.data.dataset import DataSet

X = np.arange(200.0).reshape(100, 2)
Y = np.arange(100) % 4


def rows_of(X: np.ndarray) -> list[int]:
    return sorted((X[:, 0] / 2).astype(int).tolist())


def test_a_share_is_set_aside_by_class() -> None:
    """A fifth of 25 rows of each class; every row is on one side."""
    data = DataSet(X, Y, X, Y, classes=("a", "b", "c", "d"))
    training, validation = data.split(0.2)
    assert validation is not None
    assert np.bincount(validation[1]).tolist() == [5] * 4
    assert rows_of(np.concatenate([training.X, validation[0]])) == list(range(100))
    assert np.array_equal(training.y, (training.X[:, 0] / 2).astype(int) % 4)
    assert training.X_test is X


def test_a_share_of_0_is_none() -> None:
    data = DataSet(X, Y, X, Y, classes=("a", "b", "c", "d"))
    assert data.split(0.0) == (data, None)


def test_rows_that_were_set_aside_stay_as_they_are() -> None:
    """Whatever share is asked for."""
    validation = X[:3], Y[:3]
    data = DataSet(X, Y, X, Y, validation=validation)
    training, found = data.split(0.5)
    assert training is data
    assert found is validation
