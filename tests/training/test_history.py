"""Histories: an entry for each epoch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

import dlcore as dl
from dlcore.training.history import History

from .runs import X, Y, make


def test_history_has_an_entry_per_epoch() -> None:
    """fit returns this call's epochs, trainer.history has all; what was not measured is NaN."""
    trainer = make()
    first = trainer.fit(X, Y, epochs=2, batch_size=4)
    second = trainer.fit(X, Y, epochs=3, batch_size=4, validation=(X, Y))
    assert set(first) == {"loss", "seconds"}
    assert set(second) == {"loss", "seconds", "val_loss", "val_accuracy"}
    assert [len(first[name]) for name in first] == [2, 2]
    assert [len(second[name]) for name in second] == [3] * 4
    assert [len(trainer.history[name]) for name in trainer.history] == [5] * 4
    assert trainer.history["loss"] == first["loss"] + second["loss"]
    assert np.isnan(trainer.history["val_loss"][:2]).all()
    assert trainer.history["val_loss"][2:] == second["val_loss"]
    assert all(seconds > 0 for seconds in trainer.history["seconds"])


def test_callbacks_get_the_logs_of_the_epoch() -> None:
    """The logs are the epoch's entries of the history."""
    seen: list[dict[str, float]] = []

    class Logs(dl.Callback):
        def on_epoch_end(self, trainer: Any, logs: Mapping[str, float]) -> None:
            seen.append(dict(logs))

    history = make().fit(X, Y, epochs=3, validation=(X, Y), callbacks=[Logs()])
    assert seen == [{name: history[name][epoch] for name in history} for epoch in range(3)]


def test_a_history_shows_its_last_epoch_and_the_seconds_of_all() -> None:
    history = History({"loss": [0.5, 0.00094724], "seconds": [1.5, 0.25], "val_accuracy": [0.9, 0.98765]})
    assert repr(history) == "History(2 epochs, 1.75 seconds in all: loss 0.0009472, val_accuracy 98.77%)"
    assert repr(History()) == "History(0 epochs)"
    history.append({"loss": 0.25})  # a file of another time may lack a column
    assert "1.75 seconds in all: loss 0.25" in repr(history)


def test_the_accuracy_of_several_labels_says_that_all_must_be_right() -> None:
    """A row is right only with both of its labels."""
    X = np.array([[1.0, 1.0], [1.0, -1.0], [-1.0, 1.0], [-1.0, -1.0]])
    trainer = dl.Trainer(dl.Sequential(dl.Dense(2, 2)), dl.BinaryCrossEntropy(), dl.SGD(1e-9))
    trainer.set_weights([np.eye(2), np.zeros(2)])
    y = np.array([[1, 1], [1, 1], [1, 1], [0, 1]])
    history = trainer.fit(X, y, epochs=1, validation=(X, y))
    right = (trainer.predict_labels(X) == y).all(axis=1).mean()
    assert history["val_accuracy"] == [right]
    assert f"val_accuracy (all labels) {right:.2%}" in repr(history)
    assert "val_accuracy (all labels)" in repr(trainer.history)


def test_the_accuracy_of_one_label_says_nothing_more() -> None:
    assert "all labels" not in repr(make().fit(X, Y, epochs=1, validation=(X, Y)))
