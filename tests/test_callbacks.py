"""EarlyStopping over several fits, and callbacks that fail."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import dlcore as dl

X = np.random.default_rng(0).standard_normal((40, 4))
Y = np.random.default_rng(1).integers(0, 3, 40)


def make() -> dl.Trainer:
    return dl.Trainer(dl.Sequential(dl.Dense(4, 3)), dl.SoftmaxCrossEntropy(), dl.Adam(1e-2), dtype="float64")


def test_the_best_weights_of_one_fit_stay_out_of_the_next() -> None:
    """A fit that EarlyStopping refuses leaves the weights of the fits before it alone."""
    trainer, stopping = make(), dl.EarlyStopping("val_loss", patience=2)
    trainer.fit(X, Y, epochs=2, validation=(X, Y), callbacks=[stopping])
    trainer.fit(X, Y, epochs=5)
    before = trainer.get_weights()
    with pytest.raises(dl.ConfigurationError, match="val_loss"):
        trainer.fit(X, Y, epochs=1, callbacks=[stopping])
    for p, q in zip(before, trainer.get_weights(), strict=True):
        assert np.array_equal(p, q)


def test_a_callback_that_fails_at_the_end_does_not_silence_the_others() -> None:
    """Every callback that has begun hears the end."""
    heard = []

    class Fails(dl.Callback):
        def on_fit_end(self, trainer: Any) -> None:
            raise RuntimeError("no")

    class Hears(dl.Callback):
        def on_fit_end(self, trainer: Any) -> None:
            heard.append(True)

    with pytest.raises(RuntimeError, match="no"):
        make().fit(X, Y, epochs=1, callbacks=[Fails(), Hears()])
    assert heard == [True]


def test_a_callback_that_did_not_begin_does_not_end() -> None:
    """on_fit_end follows on_fit_begin, and only that."""
    heard = []

    class Refuses(dl.Callback):
        def on_fit_begin(self, trainer: Any) -> None:
            raise RuntimeError("no")

        def on_fit_end(self, trainer: Any) -> None:
            heard.append("refused")

    with pytest.raises(RuntimeError, match="no"):
        make().fit(X, Y, epochs=1, callbacks=[Refuses()])
    assert heard == []


def test_a_truth_of_numpy_stops() -> None:
    """np.True_ is True."""

    class Stops(dl.Callback):
        def on_epoch_end(self, trainer: Any, logs: Any) -> Any:
            return np.True_

    assert make().fit(X, Y, epochs=5, callbacks=[Stops()]).epochs == 1
