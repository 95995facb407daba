"""Losses on real targets."""

from __future__ import annotations

from typing import Any

import numpy as np

from .loss import Loss, matrix, numeric

__all__ = ["SquaredError"]


class SquaredError(Loss):
    """L = ½ Σ_k (a_k − y_k)²,  a = z,  delta = a − y.   y real, (n,) or (n, 1) for one output, else (n, k)"""

    def targets(self, y: Any, outputs: int) -> np.ndarray:
        return matrix(numeric(y, "SquaredError expects real numbers"), outputs, "SquaredError")

    def record(self, k: Any, z: Any, y: Any, w: Any, loss: Any, delta: Any) -> None:
        k.squared_error(z, y, w, out=(loss, delta))
