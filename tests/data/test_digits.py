"""The bundled digits."""

from __future__ import annotations

import numpy as np
import pytest

from dlcore.data import load_digits

X, Y, X_TEST, Y_TEST = load_digits()


def test_shapes_and_values() -> None:
    """1,437 and 360 images of 64 pixels in sixteenths, from 0 to 1."""
    assert (X.shape, Y.shape, X_TEST.shape, Y_TEST.shape) == ((1437, 64), (1437,), (360, 64), (360,))
    assert (X.dtype, Y.dtype) == (np.float32, np.int64)
    pixels = 16 * np.concatenate([X, X_TEST])
    assert set(np.unique(pixels)) == set(range(17))


def test_every_digit_has_its_share_of_the_test_rows() -> None:
    """A fifth, to within one row."""
    test, all_rows = np.bincount(Y_TEST), np.bincount(np.concatenate([Y, Y_TEST]))
    assert len(all_rows) == 10
    assert (np.abs(test - all_rows * 360 / 1797) < 1).all()


def test_they_are_scikit_learns() -> None:
    """The same 1,797 images with the same labels, in any order."""
    theirs = pytest.importorskip("sklearn.datasets").load_digits()
    ours = np.column_stack([16 * np.concatenate([X, X_TEST]), np.concatenate([Y, Y_TEST])])
    both = [sorted(map(tuple, rows)) for rows in (ours, np.column_stack([theirs.data, theirs.target]))]
    assert both[0] == both[1]
