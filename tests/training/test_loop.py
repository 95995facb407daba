"""Epochs, their orders, batches and chunks."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import dlcore as dl
from dlcore.kernels.rng import order

from .runs import RICH, LeastSquares, N, T, X, Y, everything, linear, make


def test_the_length_of_chunks_changes_no_bit(tmp_path: Path) -> None:
    """Returning to Python after every update, as a slow callback makes it, gives the same run."""

    class OneByOne(dl.Callback):
        def on_chunk_end(self, trainer: Any) -> None:
            trainer.pace.steps = 1

    often, rarely = make(RICH), make(RICH)
    often.fit(X, Y, epochs=3, batch_size=4, callbacks=[OneByOne()])
    rarely.pace.steps = 1000
    rarely.fit(X, Y, epochs=3, batch_size=4)
    assert everything(often, tmp_path) == everything(rarely, tmp_path)


def test_each_epoch_has_the_order_of_its_number() -> None:
    """Two calls of fit walk through order(seed, 0), order(seed, 1), …, and report each epoch's mean loss before the updates."""
    trainer = linear()
    hand = LeastSquares(trainer)
    history = [*trainer.fit(X, T, epochs=2, batch_size=4)["loss"], *trainer.fit(X, T, epochs=2, batch_size=4)["loss"]]
    expected = [hand.epoch(order(5, epoch, N), 4, 0.1) for epoch in range(4)]
    hand.agrees_with(trainer)
    np.testing.assert_allclose(history, expected, rtol=1e-12)


def test_no_order_comes_twice() -> None:
    """A hundred epochs have a hundred orders, each a permutation."""
    orders = [tuple(order(5, epoch, N).tolist()) for epoch in range(100)]
    assert all(sorted(rows) == list(range(N)) for rows in orders)
    assert len(set(orders)) == 100


def test_without_shuffle_rows_come_as_they_are() -> None:
    """shuffle=False is the order 0 … n − 1 in every epoch."""
    trainer = linear()
    hand = LeastSquares(trainer)
    trainer.fit(X, T, epochs=3, batch_size=5, shuffle=False)
    for _ in range(3):
        hand.epoch(np.arange(N), 5, 0.1)
    hand.agrees_with(trainer)


def test_a_new_batch_size_is_no_new_state() -> None:
    """Batches of 4, of 7 and of all rows, one after another, are one run with one order and one count of updates."""
    trainer = linear()
    hand = LeastSquares(trainer)
    for epoch, batch in enumerate((4, 7, None, 4)):
        trainer.fit(X, T, epochs=1, batch_size=batch)
        hand.epoch(order(5, epoch, N), batch or N, 0.1)
    hand.agrees_with(trainer)
    assert trainer.updates == 6 + 4 + 1 + 6
    assert trainer.epoch == 4


def test_a_given_batch_larger_than_the_data_is_clipped_with_one_warning() -> None:
    """All rows make one batch, and the user is told once."""
    trainer = make()
    with pytest.warns(UserWarning, match=f"batch_size=1000.*{N} rows") as caught:
        trainer.fit(X, Y, epochs=3, batch_size=1000)
    assert len(caught) == 1
    assert trainer.updates == 3


def test_the_default_batch_is_clipped_silently() -> None:
    """Nobody asked for 128 rows."""
    trainer = make()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        trainer.fit(X, Y, epochs=3)
    assert trainer.updates == 3


def test_batch_size_none_is_all_rows() -> None:
    """Full-batch gradient descent."""
    trainer = linear()
    hand = LeastSquares(trainer)
    trainer.fit(X, T, epochs=4, batch_size=None)
    for _ in range(4):
        hand.step(np.arange(N), 0.1)
    hand.agrees_with(trainer)
