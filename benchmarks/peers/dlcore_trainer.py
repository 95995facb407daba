"""dlcore, used as in its README: one call of fit.

The variant is the dtype, or "high": float32 with products in TF32.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from tasks import Data, Task

import dlcore as dl
from dlcore.layers.initializers import GlorotUniform

from .peer import Peer, Unavailable


def network(widths: Sequence[int]) -> dl.Sequential:
    """Dense layers of these widths, Glorot uniform, with ReLU between them."""
    layers: list[Any] = []
    for i, o in pairwise(widths):
        layers += [dl.Dense(i, o, init=GlorotUniform()), dl.ReLU()]
    return dl.Sequential(*layers[:-1])


class Watch(dl.Callback):
    """Calls `begin` before the first step, and `after_epoch` with the loss including the l2 term; its return value may stop fit."""

    def __init__(self, begin: Callable[[], None], after_epoch: Callable[[float], bool], l2: float) -> None:
        self._begin, self._after_epoch, self._l2 = begin, after_epoch, l2

    def on_fit_begin(self, trainer: Any) -> None:
        self._begin()

    def on_epoch_end(self, trainer: Any, logs: Mapping[str, float]) -> bool:
        penalty = 0.0
        if self._l2:
            penalty = self._l2 / 2 * sum(float((W**2).sum()) for W in trainer.get_weights() if W.ndim == 2)
        return self._after_epoch(logs["loss"] + penalty)


class Contestant(Peer):
    def __init__(self, task: Task, data: Data, variant: str, device: str) -> None:
        super().__init__(task, data, variant, device)
        if variant == "high" and device == "cpu":
            raise Unavailable("TF32 needs a GPU")
        try:
            self.start(0)
        except (dl.DeviceError, dl.ConfigurationError) as error:
            raise Unavailable(str(error)) from error

    def start(self, seed: int) -> None:
        optimizer = dl.Adam(self.task.learning_rate, l2=self.task.l2)
        numbers = {"matmul_precision": "high"} if self.variant == "high" else {"dtype": self.variant}
        self.trainer = dl.Trainer(
            network(self.task.widths), dl.SoftmaxCrossEntropy(), optimizer, device=self.device, seed=seed, **numbers
        )

    def run(self, epochs: int, begin: Callable[[], None], after_epoch: Callable[[float], bool]) -> None:
        watch = Watch(begin, after_epoch, self.task.l2)
        self.trainer.fit(self.data.X, self.data.y, epochs=epochs, batch_size=self.task.batch, callbacks=[watch])

    def accuracy(self, X: np.ndarray, y: np.ndarray) -> float:
        return self.trainer.evaluate(X, y)["accuracy"]

    def facts(self) -> dict[str, str]:
        """The recorded step; call it after run."""
        return {"version": dl.__version__, "step": str(self.trainer.step).partition("\n")[0]}
