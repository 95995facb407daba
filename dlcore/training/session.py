"""Sessions: programs bound to a state, and to a source of rows.  They alone run training steps."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from typing import Self

import numpy as np

from ..arrays import Array, to_host
from ..backends import Backend
from ..errors import ShapeError
from ..kernels.contract import dtype_name
from ..kernels.table import Buffer
from ..plan.cache import Cache
from ..plan.program import Bound, Program
from ..plan.recipe import Batch, Recipe
from ..plan.recorder import TABLES
from ..plan.state import State
from ..plan.step import record_step
from ..plan.workspace import Workspace, arrays
from .position import Cut, Position
from .sources import Source


@dataclass(frozen=True)
class Fault:
    """An update whose loss or gradient was not finite: its number from 1, how many came before it, its loss and rate."""

    update: int
    before: int
    loss: float
    rate: float


class Session:
    """A program bound to a state: runs its lists, and shows what they read and write.

    theta, grad, loss   what is trained, its gradient (both flat), and the loss that came with it
    rates     learning rates of the next updates, to be set before they are made, at most TABLE of them
    """

    def __init__(
        self,
        recipe: Recipe,
        state: State,
        program: Program,
        array: Callable[[Buffer], Array],
        bound: Bound | None = None,
    ) -> None:
        self.recipe, self.state, self.program = recipe, state, program
        self.backend: Backend = state.backend
        self.array = array
        self._tables = {name: self._table(name) for name in TABLES}
        self._bound = program.bind(array) if bound is None else bound

    def _table(self, name: str) -> Array:
        shape, dtype = TABLES[name]
        return self.array(Buffer("scratch", name, shape, self.recipe.wide if dtype == "wide" else dtype))

    @property
    def theta(self) -> Array:
        return self.state.theta[: self.recipe.parameters.trainable]

    @property
    def grad(self) -> Array:
        return self.array(Buffer("grad", "", (self.recipe.parameters.trainable,), self.recipe.wide))

    @property
    def loss(self) -> float:
        return float(to_host(self._tables["loss"][:1])[0])

    def view(self, flat: Array, name: str) -> Array:
        """The part of theta or grad that belongs to a parameter, such as "0.W"."""
        return self.recipe.parameters.view(self.backend.xp, flat, name)

    def before(self) -> None:
        """What an update does before its gradient is taken: with Nesterov's rule, look ahead."""
        self._bound["before"](1)

    def gradient(self) -> float:
        """Take the gradient; the loss."""
        self._bound["gradient"](1)
        return self.loss

    def update(self) -> None:
        """Update the parameters by the gradient."""
        self._bound["reduce"](1)
        self._bound["update"](1)

    @property
    def rates(self) -> np.ndarray:
        return to_host(self._tables["rates"]).copy()

    @rates.setter
    def rates(self, rates: np.ndarray) -> None:
        self._set("rates", rates)
        self._set("place", np.zeros(2))

    def _set(self, name: str, values: np.ndarray) -> None:
        table = self._tables[name]
        table[: len(values)] = self.backend.asarray(values.astype(dtype_name(table)))


class BatchSession(Session):
    """A session on the batches of a source, one after another; a smaller last batch of an epoch has a program of its own.

    position   where training is; `seek` moves there

    With `cache`, programs stay bound for the next session on arrays of the same shapes.  Inside `with`, what running takes is
    set up once; at its end the source is closed.
    """

    def __init__(
        self,
        recipe: Recipe,
        state: State,
        workspace: Workspace,
        source: Source,
        cut: Cut,
        cache: Cache | None = None,
    ) -> None:
        self.source, self.cut = source, cut
        self._data, self._cache = arrays(state, workspace, source.arrays), cache
        self.position = Position()
        program, bound = self._program(recipe, state.backend, cut.size)
        self._ragged = self._program(recipe, state.backend, cut.ragged)[1] if cut.ragged else bound
        super().__init__(recipe, state, program, self._data, bound)
        program.notes = source.notes
        self._inside = ExitStack()

    def _program(self, recipe: Recipe, backend: Backend, rows: int) -> tuple[Program, Bound]:
        X, targets = self.source.arrays["X"], self.source.arrays["targets"]
        batch = Batch(
            rows, self.cut.size, (X.shape[0], dtype_name(X)), targets.ndim == 1,
            shuffle=self.cut.shuffle and not self.source.in_order, accumulate=self.cut.accumulate > 1,
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

    def seek(self, position: Position) -> None:
        """The next batch is the one at this position, which fits the cut of this session."""
        if position.batch and position.cut != self.cut:
            raise ShapeError(f"the unfinished epoch was begun with {position.cut}, and this is {self.cut}")
        self.position = position
        progress = self.state.counter("progress")
        progress[0], progress[1] = position.order, position.batch
        self.state.set_counter("progress", progress)
        if not position.batch and self.cut.accumulate > 1:  # an interrupted group may have left something
            for array in self.state.sums.values():
                array[...] = 0
        self.source.seek(position)

    def again(self) -> None:
        """The next batch is the first, with the same masks each time."""
        self.state.set_counter("progress", np.zeros(4))
        self.position = Position()
        self.source.seek(self.position)

    def updates_begun_in(self, batches: int) -> int:
        """Updates that the next `batches` batches belong to, also the one that they do not finish."""
        cut, at = self.cut, self.position.batch
        return -(-(at + batches) // cut.accumulate) - cut.updates_by(at)

    def steps(self, batches: int) -> np.ndarray:
        """Run the next batches of the epoch, each with what belongs to it; the losses of the updates made."""
        at, cut = self.position.batch, self.cut
        try:
            (self._run_groups if cut.accumulate > 1 else self._run)(at, at + batches)
        except BaseException:  # of a host call, or Ctrl-C: the batches that were run are counted on the device
            self.position = replace(self.position, batch=int(self.state.counter("progress")[1]), cut=cut)
            raise
        self.position = replace(self.position, batch=at + batches, cut=cut)
        return to_host(self._tables["losses"][: cut.updates_by(at + batches) - cut.updates_by(at)])

    def _run(self, at: int, stop: int) -> None:
        """Each batch is an update."""
        if whole := min(stop, self.cut.full) - at:
            self._bound["step"](whole)
        if stop > self.cut.full:
            self._ragged["step"](1)

    def _run_groups(self, at: int, stop: int) -> None:
        """Each group of batches is an update; a group may have begun before, and need not end here."""
        cut, size = self.cut, self.cut.accumulate
        while at < stop:
            if at % size == 0:
                self.before()
            end = min(stop, (at // size + 1) * size, cut.batches)
            if whole := min(end, cut.full) - at:
                self._bound["gradient"](whole)
            last = self._ragged if end > cut.full else self._bound  # statistics move by the batch that was last
            if end > cut.full:
                last["gradient"](1)
            if end % size == 0 or end == cut.batches:
                last["reduce"](1)
                last["update"](1)
            at = end

    def fault(self, batch: int) -> Fault | None:
        """The first update since the one that `batch` belongs to that was not finite, if there is one.

        Steps after it counted batches and did nothing else: the counters and the position are set back to that update.
        """
        update = int(self.state.counter("fault")[0])
        if not update:
            return None
        made, rate_place = (int(i) for i in to_host(self._tables["place"]))
        stopped = self.cut.batches_by(self.cut.updates_by(batch) + made)
        progress = self.state.counter("progress")
        progress[1:3] -= self.position.batch - stopped
        self.state.set_counter("progress", progress)
        self.state.set_counter("fault", np.zeros(1))  # training may go on, say with a smaller rate
        self.position = replace(self.position, batch=stopped)
        return Fault(update, made - 1, float(to_host(self._tables["losses"])[made - 1]), float(self.rates[rate_place]))
