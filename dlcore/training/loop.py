"""The epochs of one call of fit: chunks of steps, and what happens between them."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager

import numpy as np

from ..errors import DivergenceError
from ..interrupts import deferred_interrupts
from .batches import BatchSession, Fault
from .figures import asks_for_all_labels
from .history import History
from .listeners import Listeners
from .pace import Pace
from .schedule_table import schedule_table


class Loop:
    """Drives a session from its position, epoch by epoch.

    rate       the learning rate before the schedule's factor, asked before each chunk
    validate   numbers to report with each epoch
    report     is given the logs of each finished epoch, before the callbacks are
    lock       held while a chunk runs and its position is noted
    """

    def __init__(
        self,
        session: BatchSession,
        pace: Pace,
        listeners: Listeners,
        rate: Callable[[], float],
        validate: Callable[[], Mapping[str, float]],
        report: Callable[[Mapping[str, float]], None],
        lock: AbstractContextManager[object],
    ) -> None:
        self.session, self.pace, self.listeners = session, pace, listeners
        self._rate, self._validate, self._report, self._lock = rate, validate, report, lock
        self.history = History(all_labels=asks_for_all_labels(session.recipe))

    def run(self, epochs: int, finish: Callable[[], None]) -> History:
        """Train until `epochs` are finished in all, or a callback says stop; then call `finish`, before the callbacks end.

        Raises DivergenceError, KeyboardInterrupt.
        """
        with deferred_interrupts() as check_interrupt:
            try:
                self.listeners.fit_begin()
                stops = self.listeners.catch_up()
                while not stops and self.session.position.epoch < epochs:
                    stops = self._epoch(check_interrupt)
                    check_interrupt()
                finish()
            finally:
                self.listeners.fit_end()
        return self.history

    def _epoch(self, check_interrupt: Callable[[], None]) -> bool:
        """The rest of the present epoch with its validation; True if a callback wants to stop."""
        session = self.session
        session.seek(session.position)
        while session.left:
            with self._lock:
                self._chunk()
            self.listeners.chunk_end()
            check_interrupt()
        position = session.position
        if not session.state.finite():
            raise DivergenceError(
                f"training diverged in epoch {position.epoch + 1}: an update made parameters too large for "
                f"{session.state.dtype}; go back to a checkpoint or reset(), and try a smaller learning rate or clip_norm"
            )
        loss = position.loss / position.weight if position.weight else math.nan
        logs = {"loss": loss, **self._validate(), "seconds": position.seconds}
        with self._lock:
            session.position = position.next_epoch()
            self._report(logs)
        self.history.append(logs)
        return self.listeners.epoch_end(logs)

    def _chunk(self) -> None:
        """Run batches for the time of a chunk.  Raises DivergenceError."""
        session = self.session
        batches = session.chunk(self.pace.steps)
        first = int(session.state.counter("progress")[3])
        session.set_schedule(schedule_table(session.recipe, self._rate(), first, session.updates_begun_in(batches)))
        start = time.perf_counter()
        fault = session.steps(batches)
        self.pace.took(batches, time.perf_counter() - start)
        if fault is not None:
            raise self._divergence(fault)

    def _divergence(self, fault: Fault) -> DivergenceError:
        what = "the gradient is not finite" if np.isfinite(fault.loss) else f"the loss is {fault.loss}"
        kept = (
            "The parameters are those before that update"
            if self.session.state.finite()
            else "An update before it made parameters too large for their dtype: go back to a checkpoint or reset()"
        )
        return DivergenceError(
            f"training diverged at update {fault.update} (epoch {self.session.position.epoch + 1}): {what}; learning rate "
            f"{fault.rate:g}. {kept}; try a smaller learning rate, clip_norm, or scaled inputs"
        )
