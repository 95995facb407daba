"""The epochs of one call of fit: chunks of steps, and what happens between them."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

import numpy as np

from ..errors import DivergenceError
from ..interrupts import deferred_interrupts
from .figures import asks_for_all_labels
from .history import History
from .listeners import Listeners
from .pace import Pace
from .position import Position
from .rates import scheduled_rates
from .session import BatchSession, Fault


class Loop:
    """Drives a session from its position, epoch by epoch.

    rate       the learning rate before the schedule's factor, asked before each chunk
    validate   numbers to report with each epoch
    report     is given the logs of each finished epoch, before the callbacks are
    """

    def __init__(
        self,
        session: BatchSession,
        pace: Pace,
        listeners: Listeners,
        rate: Callable[[], float],
        validate: Callable[[], Mapping[str, float]],
        report: Callable[[Mapping[str, float]], None],
    ) -> None:
        self.session, self.pace, self.listeners = session, pace, listeners
        self._rate, self._validate, self._report = rate, validate, report
        self.history = History(all_labels=asks_for_all_labels(session.recipe))

    def run(self, epochs: int, last_logs: Mapping[str, float]) -> History:
        """Train until `epochs` are finished in all, or a callback says stop; `last_logs` are those of the last finished epoch.

        Raises DivergenceError, KeyboardInterrupt.
        """
        with deferred_interrupts() as check_interrupt:
            try:
                self.listeners.fit_begin()
                stops = self.listeners.rest_of_epoch_end(last_logs)
                while not stops and self.session.position.epoch < epochs:
                    stops = self._epoch(check_interrupt)
                    check_interrupt()
            finally:
                self.listeners.fit_end()
        return self.history

    def _epoch(self, check_interrupt: Callable[[], None]) -> bool:
        """The rest of the present epoch with its validation; True if a callback wants to stop."""
        session = self.session
        self.listeners.epoch_begin()
        session.seek(session.position)
        for _ in self._chunks():
            self.listeners.chunk_end()
            check_interrupt()
        position = session.position
        if not session.state.finite():
            raise DivergenceError(
                f"training diverged in epoch {position.epoch + 1}: an update made parameters too large for "
                f"{session.state.dtype}; go back to a checkpoint or reset(), and try a smaller learning rate or clip_norm"
            )
        loss = position.loss / position.rows if position.rows else math.nan
        logs = {"loss": loss, **self._validate(), "seconds": position.seconds}
        session.position = Position(position.epoch + 1, position.order + 1)
        self._report(logs)
        self.history.append(logs)
        return self.listeners.epoch_end(logs)

    def _chunks(self) -> Iterator[None]:
        """Run the rest of the epoch, and return after each chunk."""
        session, cut = self.session, self.session.cut
        while batches := min(cut.batches - session.position.batch, self.pace.steps):
            begun = time.perf_counter()
            at = session.position.batch
            first = int(session.state.counter("progress")[3])
            session.rates = scheduled_rates(
                session.recipe.optimizer, self._rate(), first, session.updates_begun_in(batches), session.state.dtype
            )
            start = time.perf_counter()
            losses = session.steps(batches)
            self.pace.took(batches, time.perf_counter() - start)
            fault = session.fault(at)
            self._add(losses[: fault.before] if fault else losses, cut.updates_by(at), time.perf_counter() - begun)
            if fault:
                raise self._divergence(fault)
            yield

    def _add(self, losses: np.ndarray, first: int, seconds: float) -> None:
        """Take the losses of updates from number `first` of the epoch on, and their time, into its sums."""
        position, known = self.session.position, np.isfinite(losses)  # a batch without weight has no loss
        rows = self.session.cut.rows_of(first, len(losses))[known]
        # one by one, as cumsum adds: the bits must not depend on where a chunk ends
        total = np.cumsum(np.append(position.loss, rows * losses[known].astype(np.float64)))[-1]
        self.session.position = replace(
            position, loss=float(total), rows=position.rows + int(rows.sum()), seconds=position.seconds + seconds
        )

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
