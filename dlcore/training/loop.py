"""The epochs of one call of fit: chunks of recorded steps, and what happens between them."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import ConfigurationError, DivergenceError
from ..plan.memory import TABLE
from .callbacks import Callback
from .history import History
from .interrupts import deferred_interrupts

CHUNK_SECONDS = 0.03  # between two returns to Python: 5 to 100 ms, so that Ctrl-C, progress and callbacks live


@dataclass(frozen=True)
class Updates:
    """Part of an epoch: `run(m)` makes m updates, `count` of them in all, each from `rows` rows."""

    run: Callable[[int], None]
    count: int
    rows: int


class Loop:
    """Runs epochs for a trainer.  Chunks find by themselves how long they may be."""

    def __init__(self, trainer: Any, callbacks: Sequence[Callback]) -> None:
        self.trainer, self.memory, self.callbacks = trainer, trainer.memory, callbacks
        self.history = History()

    def run(self, epochs: int, updates: Sequence[Updates], validate: Callable[[], dict[str, float]]) -> History:
        """Train for so many epochs, or until a callback says stop.  Raises DivergenceError, KeyboardInterrupt."""
        begun: list[Callback] = []
        with deferred_interrupts() as check_interrupt:
            try:
                for callback in self.callbacks:
                    callback.on_fit_begin(self.trainer)
                    begun.append(callback)
                for _ in range(epochs):
                    if self._epoch(updates, validate, check_interrupt):
                        break
                    check_interrupt()
            finally:
                with ExitStack() as ends:  # whoever has begun also ends, in this order, even if another one fails to
                    for callback in reversed(begun):
                        ends.callback(callback.on_fit_end, self.trainer)
        return self.history

    def _epoch(
        self, updates: Sequence[Updates], validate: Callable[[], dict[str, float]], check_interrupt: Callable[[], None]
    ) -> bool:
        """One epoch with its validation; True if a callback wants to stop."""
        start = time.perf_counter()
        self.trainer._begin_epoch()
        total, rows = 0.0, 0
        for part in updates:
            for losses in self._chunks(part):
                known = losses[np.isfinite(losses)].astype(np.float64)  # a batch without weight has no loss
                # one by one, as cumsum adds: the bits must not depend on where a chunk ends
                total = float(np.cumsum(np.append(total, part.rows * known))[-1])
                rows += part.rows * len(known)
                for callback in self.callbacks:
                    callback.on_chunk_end(self.trainer)
                check_interrupt()
        seconds = time.perf_counter() - start
        if not self.memory.finite():
            raise DivergenceError(
                f"training diverged in epoch {self.trainer.epoch + 1}: an update made parameters too large for "
                f"{self.memory.dtype}; go back to a checkpoint or reset(), and try a smaller learning rate or clip_norm"
            )
        logs = {"loss": total / rows if rows else math.nan} | validate() | {"seconds": seconds}
        self.trainer._end_epoch(logs)
        self.history.append(logs)
        stops = [bool(callback.on_epoch_end(self.trainer, logs)) for callback in self.callbacks]  # every one is called
        return any(stops)

    def _chunks(self, part: Updates) -> Iterator[np.ndarray]:
        """The losses of each chunk, after it has run."""
        left = part.count
        while left:
            steps = min(left, self.trainer._chunk, TABLE)
            rates = self._rates(steps)
            self.memory.set_counter("rates", rates)
            self.memory.set_counter("place", np.zeros(2))
            before = self.memory.counter("progress")
            start = time.perf_counter()
            part.run(steps)
            losses = self.memory.counter("losses")[:steps]
            seconds = time.perf_counter() - start
            self._check_fault(before, steps)
            if steps == self.trainer._chunk or seconds > CHUNK_SECONDS:
                self.trainer._chunk = max(1, min(TABLE, 2 * steps, int(steps * CHUNK_SECONDS / max(seconds, 1e-9))))
            left -= steps
            yield losses

    def _rates(self, steps: int) -> np.ndarray:
        """learning_rate · schedule(step) for the next steps."""
        factor, first = self.trainer.optimizer.schedule, self.trainer.updates
        try:
            factors = np.array([float(factor(first + i)) for i in range(steps)]) if factor else np.ones(steps)
        except (TypeError, ValueError) as error:
            raise ConfigurationError(f"schedule: no factor for update {first}: {error}") from error
        rates = self.trainer.learning_rate * factors
        with np.errstate(over="ignore", invalid="ignore"):
            good = np.isfinite(rates.astype(self.memory.dtype)) & (rates >= 0)
        if not good.all():
            i = int(np.argmin(good))
            raise ConfigurationError(
                f"the learning rate of update {first + i} is {rates[i]:g}, expected a number >= 0 within {self.memory.dtype}"
            )
        return rates

    def _check_fault(self, before: np.ndarray, steps: int) -> None:
        """Raise DivergenceError if loss or gradient stopped being finite in the last chunk."""
        fault = int(self.memory.counter("fault")[0])
        if not fault:
            return
        # the state is that of the step that failed, wherever the chunk ended: steps after it counted batches, and nothing else
        made, rate_place = (int(i) for i in self.memory.counter("place"))
        progress = self.memory.counter("progress")
        progress[1:3] = before[1:3] + (progress[1:3] - before[1:3]) // steps * made
        self.memory.set_counter("progress", progress)
        self.memory.set_counter("fault", np.zeros(1))  # training may go on, say with a smaller rate
        loss = float(self.memory.counter("losses")[made - 1])
        what = "the gradient is not finite" if np.isfinite(loss) else f"the loss is {loss}"
        kept = (
            "The parameters are those before that update"
            if self.memory.finite()
            else "An update before it made parameters too large for their dtype: go back to a checkpoint or reset()"
        )
        raise DivergenceError(
            f"training diverged at update {fault} (epoch {self.trainer.epoch + 1}): {what}; learning rate "
            f"{self.memory.counter('rates')[rate_place]:g}. {kept}; try a smaller learning rate, clip_norm, or scaled inputs"
        )
