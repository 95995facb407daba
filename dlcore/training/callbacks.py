"""What can happen between chunks of training steps."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Protocol, TypeAlias

import numpy as np

from ..checks import BETWEEN_0_AND_1, COUNT, NOT_NEGATIVE, check, refused
from ..errors import ConfigurationError

__all__ = ["Callback", "EarlyStopping", "ReduceOnPlateau"]


# what fit calls its callbacks with, a Trainer; a callback may ask for one, or for less, as those of this package do
Fitted: TypeAlias = Any

# what decisions of a callback depend on: JSON values, NumPy arrays and lists of them, by name
Saved: TypeAlias = dict[str, Any]


class Trained(Protocol):
    """What the callbacks of this package ask of the Trainer that they are called with."""

    learning_rate: float

    @property
    def epoch(self) -> int: ...

    @property
    def updates(self) -> int: ...

    @property
    def reports(self) -> Sequence[str]: ...

    @property
    def finished(self) -> bool:
        """Training has come to its end: all epochs are done, or a callback said stop."""

    def get_weights(self) -> list[np.ndarray]: ...

    def set_weights(self, weights: Sequence[np.ndarray], /) -> None: ...


class Callback:
    """Called by `fit` with its Trainer; every method may be left out."""

    def on_fit_begin(self, trainer: Fitted) -> None:
        """Before the first step of this call of fit."""

    def on_chunk_end(self, trainer: Fitted) -> None:
        """After 5 to 100 ms of steps; `trainer.learning_rate` may be set."""

    def on_epoch_end(self, trainer: Fitted, logs: Mapping[str, float]) -> bool | None:
        """After an epoch and its validation; return True to stop training."""
        return None

    def on_fit_end(self, trainer: Fitted) -> None:
        """After the last step, also when training was interrupted or diverged."""

    def state(self) -> Saved:
        """What decisions to come depend on: JSON values, NumPy arrays and lists of them, by name.  Trainer.save stores it."""
        return {}

    def load_state(self, state: Saved) -> None:
        """Go on from what `state` gave; called by fit(resume=True), after on_fit_begin."""


class Monitor(Callback):
    """Base of callbacks that watch a number of the logs become smaller; one that ends in "accuracy" must become larger.

    `best` and `best_epoch` say the best so far, `waited` how many epochs in a row did not improve it by more than min_delta.
    """

    def __init__(self, monitor: str, patience: int, min_delta: float) -> None:
        owner = type(self).__name__
        if not isinstance(monitor, str):
            raise refused(owner, "monitor", monitor, "a name such as 'val_loss'")
        check(owner, COUNT, patience=patience)
        check(owner, NOT_NEGATIVE, min_delta=min_delta)
        self.monitor, self.patience, self.min_delta = monitor, patience, min_delta
        self.sign = -1.0 if monitor.endswith("accuracy") else 1.0
        self._forget()

    def _forget(self) -> None:
        self.best, self.best_epoch, self.waited = math.inf * self.sign, -1, 0

    def on_fit_begin(self, trainer: Trained) -> None:
        self._forget()
        if self.monitor not in trainer.reports:
            raise ConfigurationError(
                f"{type(self).__name__}: monitor={self.monitor!r}, but fit reports {', '.join(trainer.reports)}"
            )

    def improved(self, trainer: Trained, logs: Mapping[str, float]) -> bool:
        """Take note of an epoch."""
        value = logs[self.monitor]
        if self.sign * value < self.sign * self.best - self.min_delta:
            self.best, self.best_epoch, self.waited = value, trainer.epoch, 0
            return True
        self.waited += 1
        return False

    def state(self) -> Saved:
        return {"monitor": self.monitor, "best": self.best, "best_epoch": self.best_epoch, "waited": self.waited}

    def load_state(self, state: Saved) -> None:
        self.best, self.best_epoch, self.waited = state["best"], state["best_epoch"], state["waited"]


class EarlyStopping(Monitor):
    """Stop when `monitor` has not become smaller by more than `min_delta` for `patience` epochs in a row.

    A monitor that ends in "accuracy" must become larger instead.  With restore_best the weights of the best epoch come back
    when training has come to its end; not after an interruption, from which it may be resumed.  `best_epoch` and `best` say
    which it was; `stopped` whether it ended the training.
    """

    def __init__(
        self, monitor: str = "val_loss", patience: int = 10, min_delta: float = 0.0, restore_best: bool = True
    ) -> None:
        super().__init__(monitor, patience, min_delta)
        self.restore_best = restore_best

    def _forget(self) -> None:
        super()._forget()
        self.stopped = False
        self._weights: Sequence[np.ndarray] | None = None

    def on_epoch_end(self, trainer: Trained, logs: Mapping[str, float]) -> bool | None:
        if self.improved(trainer, logs) and self.restore_best:
            self._weights = trainer.get_weights()
        self.stopped = self.waited >= self.patience
        return self.stopped

    def on_fit_end(self, trainer: Trained) -> None:
        if self._weights is not None and trainer.finished:  # an interrupted run may go on from where it is
            trainer.set_weights(self._weights)

    def state(self) -> Saved:
        return super().state() | {"weights": self._weights, "stopped": self.stopped}

    def load_state(self, state: Saved) -> None:
        super().load_state(state)
        self._weights, self.stopped = state["weights"], state["stopped"]


class ReduceOnPlateau(Monitor):
    """Multiply the learning rate by `factor` when `monitor` has not become smaller by more than `min_delta` for `patience` epochs.

    A monitor that ends in "accuracy" must become larger instead.  The rate, trainer.learning_rate, never falls below
    `min_rate`; after each reduction the wait begins anew.
    """

    def __init__(
        self,
        monitor: str = "val_loss",
        factor: float = 0.1,
        patience: int = 10,
        min_delta: float = 0.0,
        min_rate: float = 0.0,
    ) -> None:
        super().__init__(monitor, patience, min_delta)
        check(type(self).__name__, BETWEEN_0_AND_1, factor=factor)
        check(type(self).__name__, NOT_NEGATIVE, min_rate=min_rate)
        self.factor, self.min_rate = factor, min_rate

    def on_epoch_end(self, trainer: Trained, logs: Mapping[str, float]) -> bool | None:
        if not self.improved(trainer, logs) and self.waited >= self.patience:
            rate = max(trainer.learning_rate * self.factor, self.min_rate)
            if 0 < rate < trainer.learning_rate:  # a rate that was set below min_rate is not raised
                trainer.learning_rate = rate
            self.waited = 0
        return None
