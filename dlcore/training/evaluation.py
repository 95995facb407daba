"""A network as it stands, on any number of rows: its outputs, its loss and its metric, block by block."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from ..arrays import Array, is_on_gpu, to_host
from ..kernels.table import Buffer
from ..plan.cache import Cache
from ..plan.prediction import record_prediction
from ..plan.program import Bound, Program
from ..plan.recipe import Recipe
from ..plan.state import State
from ..plan.workspace import Workspace, arrays
from .metrics import Totals
from .rows import Rows

ROWS = 4096  # the largest number of rows in a block


class Evaluator:
    """Predicts and evaluates with the parameters in a state, from any number of threads at once.

    Each thread works in a workspace of its own.  Those that are idle are kept, with the programs that are bound to them.
    """

    def __init__(self, recipe: Recipe, state: State) -> None:
        self._recipe, self._state = recipe, state
        self._lock = threading.Lock()
        self._idle: list[_Blocks] = []

    @contextmanager
    def _blocks(self) -> Iterator[_Blocks]:
        with self._lock:
            blocks = self._idle.pop() if self._idle else None
        blocks = blocks or _Blocks(self._recipe, self._state)
        yield blocks
        with self._lock:  # not after an error, which may have left it half made
            self._idle.append(blocks)

    def predict(self, X: Array) -> Array:
        """Outputs (n, k) after the loss's output activation, where X is: on the host, or on the device."""
        n, stay, backend = X.shape[0], is_on_gpu(X), self._state.backend
        xp = backend.xp if stay else np
        out: Array = xp.empty((n, self._recipe.model.output_width), dtype=getattr(xp, self._state.dtype))
        with self._blocks() as blocks:
            for rows, program, bound in blocks.of(n, None):
                blocks.fill(program.buffers["x"], X[rows])
                bound["predict"](1)
                a = blocks.array(program.buffers["a"])
                out[rows] = a if stay else to_host(a)
        return out

    def evaluate(self, held_out: Rows) -> dict[str, float]:
        """The weighted mean of the loss, and the metric; where the loss counts, predictions do not leave the device."""
        loss, targets, weights = self._recipe.loss, held_out.targets, held_out.weights
        totals = Totals(loss)
        with self._blocks() as blocks:
            for rows, program, bound in blocks.of(len(held_out), "labels" if targets.ndim == 1 else "values"):
                for name, values in (("x", held_out.X), ("y", targets), ("w", weights)):
                    blocks.fill(program.buffers[name], values[rows])
                bound["predict"](1)
                value = to_host(blocks.array(program.buffers["loss"]))
                if loss.counts:
                    totals.add_counted(value, weights[rows])
                else:
                    a = to_host(blocks.array(program.buffers["a"])).astype(self._state.dtype, copy=False)
                    totals.add(float(value[0]), a, targets[rows], weights[rows])
        return totals.result()


class _Blocks:
    """Programs for blocks of rows, kept by number of rows and kind of targets, on a workspace of their own."""

    def __init__(self, recipe: Recipe, state: State) -> None:
        self._recipe, self._backend = recipe, state.backend
        workspace = Workspace(state.backend, recipe)
        self.array, self._cache = arrays(state, workspace), Cache(workspace)

    def of(self, n: int, targets: str | None) -> Iterator[tuple[slice, Program, Bound]]:
        """n rows in blocks, each with its program."""
        for start in range(0, n, ROWS):
            rows = min(ROWS, n - start)
            yield slice(start, start + rows), *self._cache((rows, targets), lambda rows=rows: record_prediction(  # type: ignore[misc]
                self._recipe, rows, self._backend.kernels, targets
            ), self.array)  # fmt: skip

    def fill(self, buffer: Buffer, values: Array) -> None:
        """Copy rows, of the host or the device, into a buffer, casting."""
        if is_on_gpu(values):
            self.array(buffer)[...] = values.astype(buffer.dtype, copy=False)
        else:
            self.array(buffer)[...] = self._backend.asarray(np.asarray(values).astype(buffer.dtype, copy=False))
