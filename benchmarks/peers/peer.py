"""The interface of a contestant."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable

import numpy as np
from tasks import Data, Task


class Unavailable(Exception):
    """This contestant cannot run here; the message says why."""


class Peer(ABC):
    """Trains the network of a task.

    variant   the way of using the library, one of those in `contestants.py`
    device    "cpu", "cuda" or "cuda:1"
    Weights start Glorot uniform, biases at 0, in all of them.  Raises Unavailable or ImportError.
    """

    def __init__(self, task: Task, data: Data, variant: str, device: str) -> None:
        self.task, self.data, self.variant, self.device = task, data, variant, device

    @property
    def steps(self) -> int:
        """Number of steps in an epoch."""
        return self.task.steps

    @abstractmethod
    def start(self, seed: int) -> None:
        """Fresh weights and optimizer."""

    @abstractmethod
    def run(self, epochs: int, begin: Callable[[], None], after_epoch: Callable[[float], bool]) -> None:
        """Train at most `epochs` further epochs from arrays on the host, each with its own order of rows.

        begin()             is called before the first step, when data and program are in place
        after_epoch(loss)   is called with the epoch's mean loss plus the l2 term, when the device has finished; True ends the run
        """

    @abstractmethod
    def accuracy(self, X: np.ndarray, y: np.ndarray) -> float:
        """The share of rows that the current weights classify correctly."""

    def facts(self) -> dict[str, str]:
        """Facts that a reader needs about the contestant: its version, its program, its threads."""
        return {}
