"""When the methods of a callback are called."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

import dlcore as dl

from .runs import Recording, X, Y, make


def test_the_order_of_callbacks() -> None:
    """begin, chunks, epoch, …, end; in each the callbacks in the order given."""
    events: list[str] = []
    make().fit(X, Y, epochs=2, batch_size=4, callbacks=[Recording("a", events), Recording("b", events)])
    assert events == [
        "a begin", "b begin",
        "a chunk", "a epoch 1 of 1", "b epoch 1 of 1",
        "a chunk", "a epoch 2 of 2", "b epoch 2 of 2",
        "a end", "b end",
    ]  # fmt: skip


def test_a_callback_stops_training() -> None:
    """True from on_epoch_end ends fit after that epoch; the other callbacks still hear of it."""
    events: list[str] = []
    trainer = make()
    callbacks = [Recording("a", events, stop_after=2), Recording("b", events)]
    history = trainer.fit(X, Y, epochs=9, batch_size=4, callbacks=callbacks)
    assert (history.epochs, trainer.epoch) == (2, 2)
    assert events[-4:] == ["a epoch 2 of 2", "b epoch 2 of 2", "a end", "b end"]


def test_callbacks_hear_the_end_of_a_failed_fit() -> None:
    """on_fit_end comes also when a callback raises."""
    events: list[str] = []

    class Fails(dl.Callback):
        def on_epoch_end(self, trainer: Any, logs: Mapping[str, float]) -> None:
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        make().fit(X, Y, epochs=3, callbacks=[Recording("a", events), Fails()])
    assert events[-1] == "a end"
