"""Only the matrix products of a step, by np.matmul: a lower bound for the time of a step with the same BLAS."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from tasks import Data, Task

from .peer import Peer, Unavailable


class Contestant(Peer):
    def __init__(self, task: Task, data: Data, variant: str, device: str) -> None:
        super().__init__(task, data, variant, device)
        if device != "cpu":
            raise Unavailable("np.matmul works on the CPU")

    def start(self, seed: int) -> None:
        random = np.random.default_rng(seed)
        self._calls = []
        for kind, m, k, n in self.task.products():
            a = random.standard_normal((k, m) if kind == "weights" else (m, k), dtype=np.float32)
            b = random.standard_normal((n, k) if kind == "inputs" else (k, n), dtype=np.float32)
            left, right = a.T if kind == "weights" else a, b.T if kind == "inputs" else b
            self._calls.append((left, right, np.empty((m, n), np.float32)))

    def run(self, epochs: int, begin: Callable[[], None], after_epoch: Callable[[float], bool]) -> None:
        calls, matmul, steps = self._calls, np.matmul, range(self.task.steps)
        begin()
        for _ in range(epochs):
            for _ in steps:
                for a, b, out in calls:
                    matmul(a, b, out=out)
            if after_epoch(float("nan")):
                return

    def accuracy(self, X: np.ndarray, y: np.ndarray) -> float:
        raise NotImplementedError("bare products classify nothing")

    def facts(self) -> dict[str, str]:
        return {"version": np.__version__}
