"""The callbacks of one call of fit, told in order, and their state for a checkpoint."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass

from .callbacks import Callback, Saved


@dataclass(frozen=True)
class Told:
    """What a checkpoint says of the callbacks of a fit.

    states   (name of the class, state) of each
    epoch    how many of them know of the end of the last epoch; None: all, since the next one has begun
    stops    whether one of those wants to stop
    """

    states: Sequence[tuple[str, Saved]]
    epoch: int | None = None
    stops: bool = False


class Listeners:
    """Tells callbacks of a fit of `trainer`; those that have begun also end, even if another one fails to."""

    def __init__(self, trainer: object, callbacks: Sequence[Callback], before: Told | None = None) -> None:
        self._trainer, self._callbacks = trainer, list(callbacks)
        self._begun: list[Callback] = []
        self._before = before
        self._epoch, self._stops = (before.epoch, before.stops) if before else (None, False)

    def fit_begin(self) -> None:
        for callback in self._callbacks:
            callback.on_fit_begin(self._trainer)
            self._begun.append(callback)
        if self._before is not None:
            self._load(self._before)

    def _load(self, before: Told) -> None:
        """Each state goes to the next callback of its class.  A warning names what is left, since decisions may differ."""
        left = list(self._callbacks)
        for name, state in before.states:
            callback = next((each for each in left if type(each).__name__ == name), None)
            if callback is not None:
                left.remove(callback)
                callback.load_state(state)
            elif state:
                warnings.warn(f"fit is resumed without {name}, whose state was saved: it is lost", stacklevel=6)

    def chunk_end(self) -> None:
        for callback in self._callbacks:
            callback.on_chunk_end(self._trainer)

    def epoch_begin(self) -> None:
        self._epoch, self._stops = None, False

    def epoch_end(self, logs: Mapping[str, float]) -> bool:
        """Whether one of them wants to stop; each is told."""
        self._epoch, self._stops = 0, False
        return self.rest_of_epoch_end(logs)

    def rest_of_epoch_end(self, logs: Mapping[str, float]) -> bool:
        """As epoch_end, for those who do not know of it yet: a checkpoint may have been written by one of those before them."""
        if self._epoch is None:
            return False
        for callback in self._callbacks[self._epoch :]:
            self._epoch += 1  # first: a checkpoint that this callback writes is one with its own decision behind it
            self._stops |= bool(callback.on_epoch_end(self._trainer, logs))
        return self._stops

    def fit_end(self) -> None:
        with ExitStack() as ends:
            for callback in reversed(self._begun):  # the last entered is called first
                ends.callback(callback.on_fit_end, self._trainer)

    def told(self) -> Told:
        """What a checkpoint stores."""
        return Told([(type(each).__name__, each.state()) for each in self._callbacks], self._epoch, self._stops)
