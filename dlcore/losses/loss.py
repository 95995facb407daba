"""The loss protocol: a loss *with* its output activation, so that delta = a − y is exact and stable."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from ..arrays import has_masks, numbers, to_host
from ..errors import DataError, ShapeError
from ..kernels.table import Kernels, Operand


@dataclass(frozen=True)
class Loss:
    """Base of all losses.  The batch loss is the weighted mean over rows of a sum over outputs."""

    # kernel of the output activation: predictions are a = output(z)
    output: ClassVar[str] = "identity"
    # "accuracy" or "rmse", computed from predictions
    metric: ClassVar[str] = "rmse"
    # whether `record` also writes the weight of the rows predicted right, if `loss` has a third entry for it
    counts: ClassVar[bool] = False
    # names of layers that must not come right before this loss, because it contains them
    built_in: ClassVar[tuple[str, ...]] = ()

    def __init_subclass__(cls, **keywords: Any) -> None:
        """A subclass that overrides what is computed or what is right does not inherit `counts`: it must set it again."""
        super().__init_subclass__(**keywords)
        if "counts" not in vars(cls) and {"record", "correct", "threshold", "output"} & vars(cls).keys():
            cls.counts = False

    def targets(self, y: Any, outputs: int) -> np.ndarray:
        """The user's targets as the kernels take them: int64 class indices (n,), or float64 (n, outputs).

        Raises DataError or ShapeError for targets that do not fit.
        """
        raise TypeError(f"{type(self).__name__} does not say what its targets are")

    def record(self, k: Kernels, z: Operand, y: Operand, w: Operand, loss: Operand, delta: Operand) -> None:
        """loss = (mean, weight) and delta = ∂mean/∂z, from logits z, targets y and row weights w."""
        raise TypeError(f"{type(self).__name__} does not say how it is computed")

    def evaluation(self) -> Loss:
        """The loss that is reported on validation and test data."""
        return self

    def correct(self, a: np.ndarray, y: np.ndarray) -> np.ndarray:
        """1 for each row predicted right, else 0, from predictions a; only where metric is "accuracy"."""
        raise TypeError(f"{type(self).__name__} has no notion of right and wrong")

    def labels(self, a: np.ndarray) -> np.ndarray:
        """Classes from predictions a.  Raises DataError for a loss without classes."""
        raise DataError(f"{type(self).__name__} predicts numbers, not classes; use predict instead of predict_labels")


def numeric(y: Any, what: str) -> np.ndarray:
    """Targets as a NumPy array of numbers.  Raises DataError for text, objects, complex numbers."""
    if has_masks(y):
        raise DataError(f"y is a masked array; fill or drop the missing entries first; {what}")
    try:
        y = numbers(to_host(y))
    except RuntimeError as error:
        raise DataError(f"y cannot be read as an array: {error}") from None
    except (TypeError, ValueError):
        raise DataError(f"y holds objects that are not numbers; {what}") from None
    if y.dtype.kind not in "biuf":
        raise DataError(f"y is {y.dtype}; {what}")
    return y


def matrix(y: np.ndarray, outputs: int, owner: str) -> np.ndarray:
    """(n,) or (n, 1) for one output, else (n, outputs), as float64.  Nothing broadcasts."""
    if y.ndim == 1 and outputs == 1:
        y = y[:, None]
    if y.ndim != 2 or y.shape[1] != outputs:
        expected = "(n,) or (n, 1)" if outputs == 1 else f"(n, {outputs})"
        raise ShapeError(f"{owner}: y has shape {y.shape}, and the network {outputs} output(s); expected y {expected}")
    return y.astype(np.float64)
