"""Gradients of several batches, summed before one update."""

from __future__ import annotations

import numpy as np
import pytest

import dlcore as dl
from dlcore.kernels.rng import order

from .runs import CLASSES, COLUMNS, OPTIMIZERS, LeastSquares, N, T, X, Y, linear, make


@pytest.mark.parametrize("weighted", [False, True], ids=["", "weighted"])
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_accumulated_batches_are_one_large_batch(name: str, weighted: bool) -> None:
    """accumulate=3 with batches of 4 is a batch of 12, the ragged rest included."""
    w = np.random.default_rng(4).uniform(0, 2, N) if weighted else None
    parts, whole = make(optimizer=OPTIMIZERS[name]), make(optimizer=OPTIMIZERS[name])
    a = parts.fit(X, Y, epochs=3, batch_size=4, accumulate=3, sample_weight=w)  # 4+4+4, 4+4+2
    b = whole.fit(X, Y, epochs=3, batch_size=12, sample_weight=w)  # 12, 10
    assert parts.updates == whole.updates == 6
    np.testing.assert_allclose(a["loss"], b["loss"], rtol=1e-12)
    for p, q in zip(parts.get_weights(), whole.get_weights(), strict=True):
        np.testing.assert_allclose(p, q, rtol=0, atol=1e-12)


def test_accumulating_more_than_an_epoch_is_one_update() -> None:
    """An epoch ends with an update."""
    trainer = linear()
    hand = LeastSquares(trainer)
    trainer.fit(X, T, epochs=2, batch_size=4, accumulate=100)
    hand.step(np.arange(N), 0.1)
    hand.step(np.arange(N), 0.1)
    hand.agrees_with(trainer)


def test_history_loss_with_accumulation() -> None:
    """The mean is over the rows of the groups, each group before its update."""
    trainer = linear()
    hand = LeastSquares(trainer)
    history = trainer.fit(X, T, epochs=1, batch_size=4, accumulate=2)
    assert history["loss"] == [pytest.approx(hand.epoch(order(5, 0, N), 8, 0.1), rel=1e-12)]
    hand.agrees_with(trainer)


def test_running_statistics_of_a_ragged_accumulated_batch() -> None:
    """The variance of the last batch is unbiased by its own number of rows, two, not by that of the full batches."""
    rows = X[:10]
    trainer = make(dl.Sequential(dl.BatchNorm(COLUMNS), dl.Dense(COLUMNS, CLASSES)))
    trainer.fit(rows, Y[:10], epochs=1, batch_size=4, accumulate=2, shuffle=False)
    expected = 0.9 * (0.9 + 0.1 * rows[4:8].var(axis=0, ddof=1)) + 0.1 * rows[8:].var(axis=0, ddof=1)
    np.testing.assert_allclose(trainer.get_weights()[3], expected, rtol=1e-12)


def test_an_interrupted_group_leaves_nothing_to_the_next_fit() -> None:
    """Gradients that were summed before an interruption are not those of the next fit."""
    trainer, other = make(), make()
    trainer.fit(X, Y, epochs=1, batch_size=4, accumulate=2)
    for array in trainer.state.sums.values():
        array[...] = 1
    trainer.reset()
    for each in (trainer, other):
        each.fit(X, Y, epochs=1, batch_size=4, accumulate=2)
    for p, q in zip(trainer.get_weights(), other.get_weights(), strict=True):
        assert np.array_equal(p, q)
