"""Stopping rules: objects that get the loss of each epoch, may call for the accuracy, and return whether to stop."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass
class Reaches:
    """Stop when the accuracy on the test rows, measured after every epoch, is at least `target`."""

    target: float
    met: bool = field(default=False, init=False)

    def __call__(self, loss: float, accuracy: Callable[[], float]) -> bool:
        self.met = accuracy() >= self.target
        return self.met


@dataclass
class NoImprovement:
    """scikit-learn's rule: stop after more than `epochs` epochs in a row without a loss below the best one minus `tolerance`."""

    tolerance: float = 1e-4
    epochs: int = 10
    best: float = field(default=math.inf, init=False)
    waited: int = field(default=0, init=False)
    met: bool = field(default=False, init=False)

    def __call__(self, loss: float, accuracy: Callable[[], float]) -> bool:
        self.waited = self.waited + 1 if loss > self.best - self.tolerance else 0
        self.best = min(self.best, loss)
        self.met = self.waited > self.epochs
        return self.met
