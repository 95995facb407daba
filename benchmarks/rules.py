"""When a run is over: objects that see the loss of each epoch, can ask for the accuracy, and say stop."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass
class Reaches:
    """The first epoch after which the accuracy on the test rows is at least `target`; it is looked at after every epoch."""

    target: float
    met: bool = field(default=False, init=False)

    def __call__(self, loss: float, accuracy: Callable[[], float]) -> bool:
        self.met = accuracy() >= self.target
        return self.met


@dataclass
class NoImprovement:
    """scikit-learn's rule: stop when more than `epochs` in a row have brought no loss below the best one minus `tolerance`."""

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
