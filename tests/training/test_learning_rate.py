"""The learning rate: set by callbacks, multiplied by schedules, refused where it is no rate."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

import dlcore as dl

from .runs import LeastSquares, N, T, X, Y, linear, make, same_bits


def test_a_callback_may_set_the_learning_rate() -> None:
    """What on_epoch_end sets holds from the next update on, and after fit."""

    class Halve(dl.Callback):
        def on_epoch_end(self, trainer: Any, logs: Mapping[str, float]) -> None:
            trainer.learning_rate /= 2

    trainer = linear()
    hand = LeastSquares(trainer)
    trainer.fit(X, T, epochs=3, batch_size=None, callbacks=[Halve()])
    trainer.fit(X, T, epochs=1, batch_size=None)
    for eta in (0.1, 0.05, 0.025, 0.0125):
        hand.step(np.arange(N), eta)
    hand.agrees_with(trainer)
    assert trainer.learning_rate == 0.0125


def test_a_schedule_counts_updates_over_all_calls() -> None:
    """The t-th update, counted from 0, has rate η f(t), whatever the epochs, batches and calls of fit."""

    def factor(step: int) -> float:
        return 1 / (1 + step)

    trainer = linear(optimizer=dl.SGD(0.1, schedule=factor))
    hand = LeastSquares(trainer)
    trainer.fit(X, T, epochs=2, batch_size=6, shuffle=False)
    trainer.fit(X, T, epochs=1, batch_size=8, shuffle=False)
    starts = [(0, 6), (6, 12), (12, 18), (18, 22)] * 2 + [(0, 8), (8, 16), (16, 22)]
    for step, (start, stop) in enumerate(starts):
        hand.step(np.arange(start, stop), 0.1 * factor(step))
    hand.agrees_with(trainer)


@pytest.mark.parametrize("rate", [-0.1, float("nan"), float("inf"), "fast", None])
def test_a_bad_learning_rate_is_refused(rate: Any) -> None:
    """A learning rate that is not a positive number stops training before any update."""
    trainer = make()
    before = trainer.get_weights()

    def train_at_that_rate() -> None:  # whether the assignment or fit refuses it
        trainer.learning_rate = rate
        trainer.fit(X, Y, epochs=1, batch_size=4)

    with pytest.raises(dl.ConfigurationError, match=r"learning.rate"):
        train_at_that_rate()
    assert same_bits(trainer.get_weights(), before)
