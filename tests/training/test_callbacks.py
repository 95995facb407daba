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


class Scripted(dl.ReduceOnPlateau):
    """Sees the losses of a script instead of those of training."""

    def __init__(self, script: list[float], **options: Any) -> None:
        super().__init__("loss", **options)
        self.script, self.rates = script, []

    def on_epoch_end(self, trainer: Any, logs: Any) -> None:
        super().on_epoch_end(trainer, {"loss": self.script[len(self.rates)]})
        self.rates.append(trainer.learning_rate)


def test_the_rate_falls_on_a_plateau_as_torchs() -> None:
    """torch.optim.lr_scheduler.ReduceLROnPlateau reduces after more than `patience` bad epochs, dlcore after `patience`."""
    torch = pytest.importorskip("torch")
    script = [5, 4, 4, 3.95, 3.8, 3, 3, 3, 3, 3, 3.2, 2, 2.5, 2.5, 2.5, 2.5, 2.5, 2.5, 2.5, 2.5]
    ours = Scripted(script, factor=0.5, patience=3, min_delta=0.1, min_rate=0.002)
    make().fit(X, Y, epochs=len(script), callbacks=[ours])
    optimizer = torch.optim.SGD([torch.zeros(1)], 1e-2)
    theirs = torch.optim.lr_scheduler.ReduceLROnPlateau(
        optimizer, factor=0.5, patience=2, threshold=0.1, threshold_mode="abs", min_lr=0.002
    )
    rates = []
    for loss in script:
        theirs.step(loss)
        rates.append(optimizer.param_groups[0]["lr"])
    assert ours.rates == pytest.approx(rates)
    assert len(set(rates)) > 3, "nothing was tested"


def test_a_rate_below_the_floor_is_not_raised() -> None:
    """min_rate bounds what the callback does, not what others set."""
    trainer = make()
    trainer.fit(X, Y, epochs=5, callbacks=[Scripted([1.0] * 5, patience=1, min_rate=0.5)])
    assert trainer.learning_rate == 1e-2
