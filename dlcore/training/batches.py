"""A session on the batches of a source: steps through an epoch, and always knows its position."""

from __future__ import annotations

import time
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from typing import Self

import numpy as np

from ..arrays import to_host
from ..backends import Backend
from ..errors import ConfigurationError
from ..kernels.contract import dtype_name
from ..kernels.rng import order
from ..plan.cache import Cache
from ..plan.program import Bound, Program
from ..plan.recipe import Batch, Recipe
from ..plan.state import State
from ..plan.step import record_step
from ..plan.workspace import Workspace, arrays
from .position import Batching, Position
from .session import Session
from .sources import Source


@dataclass(frozen=True)
class Fault:
    """An update whose loss or gradient was not finite: its number from 1, its loss, and its learning rate."""

    update: int
    loss: float
    rate: float


class BatchSession(Session):
    """A session on the batches of a source, one after another; a smaller last batch of an epoch has a program of its own.

    position   where training is; `seek` moves there, `steps` moves on

    `row_weights` are those of the rows, where they differ.  With `cache`, programs stay bound for the next session on arrays of
    the same shapes.  `with` limits the BLAS to the right number of threads once, and closes the source at the end.
    """

    def __init__(
        self,
        recipe: Recipe,
        state: State,
        workspace: Workspace,
        source: Source,
        batching: Batching,
        cache: Cache | None = None,
        row_weights: np.ndarray | None = None,
    ) -> None:
        self.source, self.batching, self._row_weights = source, batching, row_weights
        self._data, self._cache = arrays(state, workspace, source.arrays), cache
        self.position = Position()
        program, bound = self._program(recipe, state.backend, batching.size)
        self._ragged = self._program(recipe, state.backend, batching.ragged)[1] if batching.ragged else bound
        super().__init__(recipe, state, program, self._data, bound)
        program.notes = source.notes
        self._inside = ExitStack()

    def _program(self, recipe: Recipe, backend: Backend, rows: int) -> tuple[Program, Bound]:
        X, targets = self.source.arrays["X"], self.source.arrays["targets"]
        batch = Batch(
            rows, self.batching.size, (X.shape[0], dtype_name(X)), targets.ndim == 1,
            shuffle=self.batching.shuffle and not self.source.in_order, accumulate=self.batching.accumulate > 1,
        )  # fmt: skip
        record = partial(record_step, recipe, batch, backend.kernels)
        if self._cache is not None and self.source.stay:
            return self._cache(batch, record, self._data)
        program = record()
        bound = program.bind(self._data)
        return program, bound | {name: self.source.feeding(bound[name]) for name in ("gradient", "step")}

    def __enter__(self) -> Self:
        self._inside.enter_context(self.program.executor.limits(self.program.operations))
        self._inside.callback(self.source.close)
        return self

    def __exit__(self, *exception: object) -> None:
        self._inside.close()

    # -- where it is ----------------------------------------------------------------------------------------------------

    def seek(self, position: Position) -> None:
        """The next batch is the one at this position, in batches of this session."""
        if position.batch and position.batching != self.batching:
            raise ConfigurationError(
                f"the unfinished epoch was begun with {position.batching}, and this is {self.batching}"
            )
        self.position = position
        progress = self.state.counter("progress")
        progress[0], progress[1] = position.order, position.batch
        self.state.set_counter("progress", progress)
        if not position.batch:
            self._forget_group()
        self.source.seek(position)

    def again(self) -> None:
        """The next batch is the first, with the same masks each time."""
        self.state.set_counter("progress", np.zeros(4))
        self.position = Position()
        self.source.seek(self.position)

    def _forget_group(self) -> None:
        """No gradients are accumulated: an interrupted group may have left some."""
        for array in self.state.sums.values() if self.batching.accumulate > 1 else ():
            array[...] = 0

    @property
    def left(self) -> int:
        """Batches left in the epoch."""
        return self.batching.batches - self.position.batch

    def chunk(self, most: int) -> int:
        """Batches to run before a return to Python, at most `most` of them where that is possible.

        While parameters are at the point where an optimizer looks ahead, nothing may look at them: then a chunk ends with a group.
        """
        batching, at = self.batching, self.position.batch
        stop = min(at + most, batching.batches)
        if self.recipe.optimizer.looks_ahead and stop < batching.batches:
            stop = max(stop // batching.accumulate, at // batching.accumulate + 1) * batching.accumulate
        return min(stop, batching.batches) - at

    def updates_begun_in(self, batches: int) -> int:
        """Updates that the next `batches` batches belong to, also the one that they do not finish."""
        batching, at = self.batching, self.position.batch
        return -(-(at + batches) // batching.accumulate) - batching.updates_by(at)

    # -- running --------------------------------------------------------------------------------------------------------

    def steps(self, batches: int) -> Fault | None:
        """Run the next batches of the epoch, each with what belongs to it, by the schedule that was set for them.

        The position moves on, with the losses of the updates that were made.  An update that is not finite is returned: the state
        is that before it.  After an error of a host call, and after Ctrl-C, the state is that after the last whole update.
        Raises ConfigurationError for more batches than are left in the epoch, or than the schedule was set for.
        """
        if not 0 < batches <= self.left or self.updates_begun_in(batches) > self._rows_set:
            raise ConfigurationError(
                f"steps({batches}): {self.left} batches are left in this epoch, and the schedule was set for {self._rows_set} updates"
            )
        start, at = time.perf_counter(), self.position.batch
        try:
            (self._run_groups if self.batching.accumulate > 1 else self._run)(at, at + batches)
            stopped, fault = at + batches, self._fault()
            made = self.batching.updates_by(stopped) - self.batching.updates_by(at) if fault is None else self._made()
        except BaseException:
            made, fault = self._made(), None
            self._return_to_group_start(self.batching.batches_by(self.batching.updates_by(at) + made))
            self._move_to(at, made, made, time.perf_counter() - start)
            raise
        self._rows_set = 0
        self._move_to(at, made, made - 1 if fault else made, time.perf_counter() - start, None if fault else stopped)
        return fault

    def _run(self, at: int, stop: int) -> None:
        """Each batch is an update."""
        if whole := min(stop, self.batching.full) - at:
            self._bound["step"](whole)
        if stop > self.batching.full:
            self._ragged["step"](1)

    def _run_groups(self, at: int, stop: int) -> None:
        """Each group of batches is an update; a group may have begun before, and need not end here."""
        batching, size = self.batching, self.batching.accumulate
        while at < stop:
            if at % size == 0:
                self.before()
            end = min(stop, (at // size + 1) * size, batching.batches)
            if whole := min(end, batching.full) - at:
                self._bound["gradient"](whole)
            last = self._ragged if end > batching.full else self._bound  # statistics move by the batch that was last
            if end > batching.full:
                last["gradient"](1)
            if end % size == 0 or end == batching.batches:
                last["reduce"](1)
                last["update"](1)
            at = end

    def _made(self) -> int:
        """Updates whose loss was noted since the schedule was set, also one that was not finite."""
        return int(to_host(self._tables["place"])[0])

    def _fault(self) -> Fault | None:
        """The first update that was not finite, if there is one; training may go on after it, say with a smaller rate."""
        update = int(self.state.counter("fault")[0])
        if not update:
            return None
        self.state.set_counter("fault", np.zeros(1))
        made, row = (int(i) for i in to_host(self._tables["place"]))
        losses, schedule = (to_host(self._tables[name]) for name in ("losses", "schedule"))
        return Fault(update, float(losses[made - 1]), float(schedule[row, 0]))

    def _return_to_group_start(self, batch: int) -> None:
        """Forget what was begun of the group at this batch, so that it is begun again."""
        begun = self.state.counter("progress")[1] > batch
        if begun and self.recipe.optimizer.looks_ahead:
            self.state.return_to("origin")
        self._forget_group()

    def _move_to(self, at: int, made: int, known: int, seconds: float, batch: int | None = None) -> None:
        """Note the `known` losses of `made` updates since batch `at`; the place is after those, or at `batch`.

        Batches after it were counted and did nothing else: the counters are set back.
        """
        batching, position = self.batching, self.position
        first = batching.updates_by(at)
        if batch is None:
            batch = batching.batches_by(first + made)
            progress = self.state.counter("progress")
            progress[1:3] -= progress[1] - batch
            self.state.set_counter("progress", progress)
        losses = to_host(self._tables["losses"][:known])
        finite = np.isfinite(losses)  # a batch without weight has no loss
        weights = self._weights_of(first, known)[finite]
        # one by one, as cumsum adds: the bits must not depend on where a chunk ends
        loss = np.cumsum(np.append(position.loss, weights * losses[finite].astype(np.float64)))[-1]
        weight = np.cumsum(np.append(position.weight, weights))[-1]
        self.position = replace(
            position,
            batch=batch,
            loss=float(loss),
            weight=float(weight),
            seconds=position.seconds + seconds,
            batching=batching,
        )

    def _weights_of(self, first: int, count: int) -> np.ndarray:
        """The weight of the rows of each of `count` updates of the epoch from number `first` on; without weights, how many."""
        batching = self.batching
        if self._row_weights is None or not count:
            return batching.rows_of(first, count)
        size = batching.accumulate * batching.size
        start, stop = first * size, min((first + count) * size, batching.n)
        rows = np.arange(start, stop)
        if batching.shuffle:
            rows = order(self.recipe.seed, self.position.order, batching.n, start, stop)
        sums: np.ndarray = np.add.reduceat(self._row_weights[rows], np.arange(0, stop - start, size))
        return sums
