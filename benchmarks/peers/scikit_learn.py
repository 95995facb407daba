"""scikit-learn's MLPClassifier."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from contextlib import suppress

import numpy as np
import sklearn
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier
from tasks import Data, Task

from .peer import Peer, Unavailable


class _Done(Exception):
    """Raised to leave fit when the run must end."""


class _Watched(MLPClassifier):
    """MLPClassifier has no callbacks, so methods that it calls before its epochs, and after each, are overridden."""

    begin: Callable[[], None]
    after_epoch: Callable[[float], bool]

    def _fit_stochastic(self, *arguments: object, **keywords: object) -> None:
        self.begin()
        super()._fit_stochastic(*arguments, **keywords)

    def _update_no_improvement_count(self, *arguments: object) -> None:
        super()._update_no_improvement_count(*arguments)
        if self.after_epoch(self.loss_curve_[-1]):
            raise _Done


class Contestant(Peer):
    def __init__(self, task: Task, data: Data, variant: str, device: str) -> None:
        super().__init__(task, data, variant, device)
        if device != "cpu":
            raise Unavailable("scikit-learn's MLPClassifier works on the CPU")
        if not all(hasattr(MLPClassifier, name) for name in ("_fit_stochastic", "_update_no_improvement_count")):
            raise Unavailable(
                f"scikit-learn {sklearn.__version__} has changed inside: nothing tells where an epoch begins and ends"
            )

    def start(self, seed: int) -> None:
        self.model = _Watched(
            self.task.widths[1:-1], batch_size=self.task.batch, learning_rate_init=self.task.learning_rate,
            alpha=self.task.l2 * self.task.batch, tol=0.0, n_iter_no_change=10**9, random_state=seed, warm_start=True,
        )  # fmt: skip

    def run(self, epochs: int, begin: Callable[[], None], after_epoch: Callable[[float], bool]) -> None:
        self.model.begin, self.model.after_epoch, self.model.max_iter = begin, after_epoch, epochs
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            with suppress(_Done):
                self.model.fit(self.data.X, self.data.y)

    def accuracy(self, X: np.ndarray, y: np.ndarray) -> float:
        return float(self.model.score(X, y))

    def facts(self) -> dict[str, str]:
        return {"version": sklearn.__version__}
