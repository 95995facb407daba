"""Test rows that are set aside."""

from __future__ import annotations

import numpy as np
import pytest

import dlcore as dl
from dlcore.data.split import held_out_rows


@pytest.mark.parametrize("n", [2, 3, 7, 100, 1797])
def test_a_fifth_of_the_rows(n):
    """Rounded, and at least one."""
    assert held_out_rows(n).sum() == max(1, int(np.floor(0.2 * n + 0.5)))


def test_always_the_same_ones():
    """The first of the stream are written down: a change would make results incomparable."""
    assert np.flatnonzero(held_out_rows(20)).tolist() == [0, 4, 17, 19]
    y = np.arange(20) % 3
    assert np.flatnonzero(held_out_rows(20, y)).tolist() == [0, 4, 17, 18]


def test_every_class_has_its_share():
    """To within one row, and all of them together a fifth of all rows."""
    y = np.random.default_rng(0).choice(5, 1003, p=[0.5, 0.3, 0.15, 0.04, 0.01])
    chosen, sizes = held_out_rows(1003, y), np.bincount(y)
    assert chosen.sum() == 201
    assert (np.abs(np.bincount(y[chosen], minlength=5) - 0.2 * sizes) < 1).all()


def test_every_class_keeps_a_training_row():
    """Also one that has a single row."""
    y = np.array([0] * 8 + [1, 2])
    assert set(y[~held_out_rows(10, y)]) == {0, 1, 2}


def test_one_row_cannot_be_split():
    with pytest.raises(dl.DataError, match="1 row is too few"):
        held_out_rows(1)


def test_rows_are_drawn_evenly():
    """No place in the file is preferred: each fifth of 10,000 rows gives about a fifth of the test rows."""
    counts = held_out_rows(10_000).reshape(5, -1).sum(axis=1)
    assert (np.abs(counts - 400) < 80).all()  # four standard deviations


@pytest.mark.parametrize(("n", "share", "rows"), [(10, 0.3, 3), (5, 0.01, 1), (5, 0.99, 4), (2, 0.5, 1), (7, 0.5, 4)])
def test_another_share(n, share, rows):
    """Rounded half up; some rows are set aside, and some are left."""
    assert held_out_rows(n, share=share).sum() == rows
