"""What can happen between chunks of training steps."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from .checks import is_integer, is_number
from .errors import ConfigurationError

__all__ = ["Callback", "EarlyStopping", "Progress"]


class Callback:
    """Called by `fit`; every method may be left out."""

    def on_fit_begin(self, trainer: Any) -> None:
        """Before the first step of this call of fit."""

    def on_chunk_end(self, trainer: Any) -> None:
        """After 5 to 100 ms of steps; `trainer.learning_rate` may be set."""

    def on_epoch_end(self, trainer: Any, logs: Mapping[str, float]) -> bool | None:
        """After an epoch and its validation; return True to stop training."""
        return None

    def on_fit_end(self, trainer: Any) -> None:
        """After the last step, also when training was interrupted or diverged."""


class EarlyStopping(Callback):
    """Stop when `monitor` has not become smaller by more than `min_delta` for `patience` epochs in a row.

    A monitor that ends in "accuracy" must become larger instead.  With restore_best the weights of the best epoch come back
    at the end.  `best_epoch` and `best` say which it was; `stopped` whether it ended the training.
    """

    def __init__(
        self, monitor: str = "val_loss", patience: int = 10, min_delta: float = 0.0, restore_best: bool = True
    ) -> None:
        if not isinstance(monitor, str):
            raise ConfigurationError(f"EarlyStopping: monitor={monitor!r}, expected a name such as 'val_loss'")
        if not is_integer(patience) or patience < 1:
            raise ConfigurationError(f"EarlyStopping: patience={patience!r}, expected a positive integer")
        if not is_number(min_delta) or not 0 <= min_delta < math.inf:
            raise ConfigurationError(f"EarlyStopping: min_delta={min_delta!r}, expected a number >= 0")
        self.monitor, self.patience, self.min_delta, self.restore_best = monitor, patience, min_delta, restore_best
        self.sign = -1.0 if monitor.endswith("accuracy") else 1.0
        self._forget()

    def _forget(self) -> None:
        self.best, self.best_epoch, self.waited, self.stopped = math.inf * self.sign, -1, 0, False
        self._weights: list[Any] | None = None

    def on_fit_begin(self, trainer: Any) -> None:
        self._forget()
        if self.monitor not in trainer.reports:
            raise ConfigurationError(
                f"EarlyStopping: monitor={self.monitor!r}, but fit reports {', '.join(trainer.reports)}"
            )

    def on_epoch_end(self, trainer: Any, logs: Mapping[str, float]) -> bool | None:
        value = logs[self.monitor]
        if self.sign * value < self.sign * self.best - self.min_delta:
            self.best, self.best_epoch, self.waited = value, trainer.epoch, 0
            if self.restore_best:
                self._weights = trainer.get_weights()
        else:
            self.waited += 1
        self.stopped = self.waited >= self.patience
        return self.stopped

    def on_fit_end(self, trainer: Any) -> None:
        if self._weights is not None:
            trainer.set_weights(self._weights)
            self._weights = None  # they belong to this fit


class Progress(Callback):
    """A live line on the terminal: epoch, losses, metric, time left.  Silent where the output is not a terminal."""

    def __init__(self, epochs: int) -> None:
        self.epochs = epochs
        self._done = 0
        self._bar: Any = None

    def on_fit_begin(self, trainer: Any) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        console = Console(stderr=True)
        self._bar = Progress(
            TextColumn("epoch"), MofNCompleteColumn(), BarColumn(bar_width=24), TextColumn("{task.description}"), TimeRemainingColumn(),
            console=console, disable=not console.is_terminal,
        )  # fmt: skip
        self._task = self._bar.add_task("", total=self.epochs)
        self._done = 0
        self._bar.start()

    def on_epoch_end(self, trainer: Any, logs: Mapping[str, float]) -> bool | None:
        self._done += 1
        shown = "  ".join(
            f"{name} {value:.4g}" for name, value in logs.items() if name not in ("seconds", "learning_rate")
        )
        self._bar.update(self._task, completed=self._done, description=shown)
        return None

    def on_fit_end(self, trainer: Any) -> None:
        if self._bar is not None:
            self._bar.stop()
