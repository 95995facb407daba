"""Weights of rows: a batch's loss is Σ w L / Σ w, and a batch without weight changes nothing."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import dlcore as dl
from dlcore.kernels.rng import order

from .runs import CLASSES, COLUMNS, OPTIMIZERS, LeastSquares, N, T, X, Y, kept_arrays, linear, make


def test_weighted_batches() -> None:
    """A batch's loss is Σ w L / Σ w, and so is its gradient; ragged batches too."""
    w = np.random.default_rng(1).uniform(0, 3, N)
    trainer = linear()
    hand = LeastSquares(trainer)
    history = trainer.fit(X, T, epochs=2, batch_size=4, sample_weight=w)
    expected = [hand.epoch(order(5, epoch, N), 4, 0.1, w) for epoch in range(2)]
    hand.agrees_with(trainer)
    np.testing.assert_allclose(history["loss"], expected, rtol=1e-12)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_integer_weights_are_repeated_rows(name: str) -> None:
    """With all rows in one batch, weight 3 is three copies of the row, and weight 0 none."""
    counts = np.random.default_rng(2).integers(0, 4, N)
    weighted, repeated = make(optimizer=OPTIMIZERS[name]), make(optimizer=OPTIMIZERS[name])
    a = weighted.fit(X, Y, epochs=5, batch_size=None, sample_weight=counts)
    b = repeated.fit(np.repeat(X, counts, axis=0), np.repeat(Y, counts), epochs=5, batch_size=None)
    np.testing.assert_allclose(a["loss"], b["loss"], rtol=1e-12)
    for p, q in zip(weighted.get_weights(), repeated.get_weights(), strict=True):
        np.testing.assert_allclose(p, q, rtol=0, atol=1e-11)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_a_batch_without_weight_changes_nothing(name: str, tmp_path: Path) -> None:
    """Parameters, slots, running statistics and the count of updates are those of a run without that batch."""
    model = dl.Sequential(dl.Dense(COLUMNS, 5), dl.BatchNorm(5), dl.ReLU(), dl.Dense(5, CLASSES))
    w = np.ones(N)
    w[4:8] = 0  # the second of six batches
    w[20:] = 0  # the last, ragged one
    optimizer = replace(OPTIMIZERS[name], schedule=None)  # its steps are the next test
    weighted, without = make(model, optimizer), make(model, optimizer)
    kept = np.r_[0:4, 8:20]
    for _ in range(2):
        weighted.fit(X, Y, epochs=1, batch_size=4, shuffle=False, sample_weight=w)
        without.fit(X[kept], Y[kept], epochs=1, batch_size=4, shuffle=False)
    assert weighted.updates == without.updates == 8
    assert kept_arrays(weighted, tmp_path) == kept_arrays(without, tmp_path)


def test_a_batch_without_weight_takes_no_step_of_the_schedule() -> None:
    """The t-th update has the rate η f(t), also after a batch that was none, wherever a chunk ends."""
    w = np.ones(N)
    w[4:12] = 0
    for chunk in (1, 1000):
        trainer = linear(optimizer=dl.SGD(0.1, schedule=dl.schedules.InverseTimeDecay(1)))
        hand = LeastSquares(trainer)
        trainer.pace.steps = chunk
        trainer.fit(X, T, epochs=1, batch_size=4, shuffle=False, sample_weight=w)
        for step, start in enumerate((0, 12, 16, 20)):
            hand.step(np.arange(start, min(start + 4, N)), 0.1 / (1 + step))
        hand.agrees_with(trainer)


def test_weights_of_any_scale_are_the_same() -> None:
    """Only ratios of weights count."""
    w = np.random.default_rng(3).uniform(0.1, 3, N)
    runs = []
    for scale in (1.0, 2.0**40, 2.0**-40):
        trainer = make()
        trainer.fit(X, Y, epochs=2, batch_size=4, sample_weight=scale * w)
        runs.append(trainer.get_weights())
    for other in runs[1:]:
        for p, q in zip(runs[0], other, strict=True):
            np.testing.assert_allclose(p, q, rtol=0, atol=1e-12)


def test_history_leaves_out_batches_without_weight() -> None:
    """Such a batch has no loss; the epoch's is that of the others."""
    w = np.ones(N)
    w[::2] = 0
    trainer = make(optimizer=dl.SGD(1e-12))
    expected = trainer.evaluate(X, Y, w)["loss"]
    history = trainer.fit(X, Y, epochs=1, batch_size=1, sample_weight=w)
    assert history["loss"][0] == pytest.approx(expected, rel=1e-6)
