"""EarlyStopping, on a script of losses and in a run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

import dlcore as dl

from .runs import T, X, linear, same_bits


class Scripted:
    """A trainer for EarlyStopping: its weights are the number of its epoch."""

    def __init__(self) -> None:
        self.epoch, self.weights, self.finished = 0, [0], True

    def get_weights(self) -> list[int]:
        return list(self.weights)

    def set_weights(self, weights: list[int]) -> None:
        self.weights = weights


def scripted(stopping: dl.EarlyStopping, values: list[float]) -> Scripted:
    trainer = Scripted()
    trainer.reports = ("loss", stopping.monitor)
    stopping.on_fit_begin(trainer)
    for value in values:
        trainer.epoch += 1
        trainer.weights = [trainer.epoch]
        if stopping.on_epoch_end(trainer, {stopping.monitor: value}):
            break
    stopping.on_fit_end(trainer)
    return trainer


def test_early_stopping_waits_and_goes_back_to_the_best() -> None:
    """It stops after `patience` epochs without a smaller loss, with the weights of the best epoch."""
    stopping = dl.EarlyStopping(patience=2)
    trainer = scripted(stopping, [3.0, 2.0, 2.5, 1.5, 1.5, 1.6, 0.1])
    assert (stopping.stopped, stopping.best, stopping.best_epoch) == (True, 1.5, 4)
    assert (trainer.epoch, trainer.weights) == (6, [4])


def test_early_stopping_on_accuracy_wants_more() -> None:
    """A monitor that ends in accuracy must grow."""
    stopping = dl.EarlyStopping("val_accuracy", patience=2)
    trainer = scripted(stopping, [0.5, 0.7, 0.6, 0.7, 0.9])
    assert (trainer.epoch, trainer.weights, stopping.best) == (4, [2], 0.7)


def test_early_stopping_ignores_small_improvements() -> None:
    """min_delta is what counts as an improvement."""
    stopping = dl.EarlyStopping(patience=2, min_delta=0.5, restore_best=False)
    trainer = scripted(stopping, [3.0, 2.8, 2.6, 0.0])
    assert (trainer.epoch, trainer.weights, stopping.best_epoch) == (3, [3], 1)


def test_early_stopping_that_never_stops_still_restores() -> None:
    """At the end of all epochs the best weights come back."""
    stopping = dl.EarlyStopping(patience=9)
    trainer = scripted(stopping, [3.0, 1.0, 2.0])
    assert (stopping.stopped, trainer.weights) == (False, [2])


def test_early_stopping_in_a_real_run() -> None:
    """A learning rate that only does harm ends the run early, with the weights of the first epoch."""
    after_first: list[np.ndarray] = []

    class Keep(dl.Callback):
        def on_epoch_end(self, trainer: Any, logs: Mapping[str, float]) -> None:
            if trainer.epoch == 1:
                after_first.extend(trainer.get_weights())

    stopping = dl.EarlyStopping(patience=3)
    trainer = linear(optimizer=dl.SGD(4.0))
    history = trainer.fit(X, T, epochs=50, batch_size=None, validation=(X, T), callbacks=[Keep(), stopping])
    assert history.epochs == 4
    assert np.argmin(history["val_loss"]) == 0
    assert same_bits(trainer.get_weights(), after_first)
