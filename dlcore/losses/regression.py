"""Losses on real targets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ..arrays import ArrayLike
from ..checks import POSITIVE, check_fields
from ..errors import DataError
from ..kernels.table import Kernels, Operand
from .loss import Loss, matrix, numeric

__all__ = ["Huber", "Poisson", "SquaredError"]


class SquaredError(Loss):
    """L = ½ Σ_k (a_k − y_k)²,  a = z,  delta = a − y.   y real, (n,) or (n, 1) for one output, else (n, k)"""

    def targets(self, y: ArrayLike, outputs: int) -> np.ndarray:
        return matrix(numeric(y, "SquaredError expects real numbers"), outputs, "SquaredError")

    def record(self, k: Kernels, z: Operand, y: Operand, w: Operand, loss: Operand, delta: Operand) -> None:
        k.squared_error(z, y, w, out=(loss, delta))


@dataclass(frozen=True)
class Huber(Loss):
    """L = Σ_k h(a_k − y_k),  h(e) = ½ e² for |e| <= t, else t (|e| − ½ t),  a = z,  delta = a − y, cut to [−t, t].

    t is `threshold`, in units of y: errors beyond it count linearly, so that outliers pull less.  Huber (1964).
    y real, (n,) or (n, 1) for one output, else (n, k).  Raises ConfigurationError unless threshold > 0.
    """

    threshold: float = 1.0

    def __post_init__(self) -> None:
        check_fields(self, POSITIVE, "threshold")

    def targets(self, y: ArrayLike, outputs: int) -> np.ndarray:
        return matrix(numeric(y, "Huber expects real numbers"), outputs, "Huber")

    def record(self, k: Kernels, z: Operand, y: Operand, w: Operand, loss: Operand, delta: Operand) -> None:
        k.huber(z, y, w, float(self.threshold), out=(loss, delta))


class Poisson(Loss):
    """L = Σ_k (a_k − y_k z_k),  a = exp(z),  delta = a − y: for counts, −log of the Poisson probability without the term log y!

    Takes z, the logarithm of the expected count; predictions are a.  y >= 0, (n,) or (n, 1) for one output, else (n, k).
    """

    output: ClassVar[str] = "exponential"

    def targets(self, y: ArrayLike, outputs: int) -> np.ndarray:
        y = matrix(numeric(y, "Poisson expects counts"), outputs, "Poisson")
        if (y < 0).any():
            row = int(np.argmax((y < 0).any(axis=1)))
            raise DataError(f"Poisson: y[{row}] is {y[row].tolist()}; expected counts, numbers >= 0")
        return y

    def record(self, k: Kernels, z: Operand, y: Operand, w: Operand, loss: Operand, delta: Operand) -> None:
        k.poisson(z, y, w, out=(loss, delta))
