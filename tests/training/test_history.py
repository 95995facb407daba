"""Histories: an entry for each epoch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

import dlcore as dl

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
