"""A network as it stands, on any number of rows: its outputs, its loss and its metric, block by block."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np

from ..arrays import is_on_gpu, to_host
from ..layers.sequential import Sequential
from ..losses import Loss
from ..plan.bound_plans import BoundPlans, Runners
from ..plan.memory import Memory
from ..plan.plan import Prediction
from .metrics import Totals

ROWS = 4096  # of a block, at most


class Evaluator:
    """Predicts and evaluates with the parameters in `memory`; plans are kept by number of rows and kind of targets."""

    def __init__(self, model: Sequential, loss: Loss, memory: Memory, dtype: str) -> None:
        self.model, self.loss, self.memory, self.dtype = model, loss, memory, dtype
        self._plans: BoundPlans[Prediction] = BoundPlans(memory)

    def predict(self, X: Any) -> Any:
        """Outputs (n, k) after the loss's output activation, where X is: on the host, or on the device."""
        backend, memory, stay = self.memory.backend, self.memory, is_on_gpu(X)
        xp = backend.xp if stay else np
        out = xp.empty((len(X), self.model.output_width), dtype=getattr(xp, memory.dtype))
        for rows, plan, run in self._blocks(len(X), None):
            memory.fill(plan.x, X[rows])
            run["predict"](1)
            a = memory.array(plan.a)
            out[rows] = a if stay else to_host(a)
        return out

    def evaluate(self, X: Any, targets: np.ndarray, weights: np.ndarray) -> dict[str, float]:
        """The weighted mean of the loss, and the metric; of a loss that counts, predictions do not leave the device."""
        totals = Totals(self.loss)
        for rows, plan, run in self._blocks(len(X), "labels" if targets.ndim == 1 else "values"):
            for buffer, values in ((plan.x, X), (plan.y, targets), (plan.w, weights)):
                self.memory.fill(buffer, values[rows])
            run["step"](1)
            loss = to_host(self.memory.array(plan.loss))
            if self.loss.counts:
                totals.add_counted(loss, weights[rows])
            else:
                a = to_host(self.memory.array(plan.a)).astype(self.memory.dtype, copy=False)
                totals.add(float(loss[0]), a, targets[rows], weights[rows])
        return totals.result()

    def _blocks(self, n: int, targets: str | None) -> Iterator[tuple[slice, Prediction, Runners]]:
        """Rows in blocks, each with its plan; plans are kept by number of rows."""
        memory = self.memory
        for start in range(0, n, ROWS):
            rows = min(ROWS, n - start)
            plan, run = self._plans((rows, targets), partial(
                Prediction, self.model, self.loss, memory.backend, memory.parameters, memory.state,
                dtype=self.dtype, rows=rows, targets=targets,
            ))  # fmt: skip
            yield slice(start, start + rows), plan, run
