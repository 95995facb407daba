"""What is reported beside the loss, from predictions on the host."""

from __future__ import annotations

import math

import numpy as np

from .losses import Loss


class Totals:
    """Weighted sums over blocks of rows, for one pass over a data set."""

    def __init__(self, loss: Loss) -> None:
        self.loss, self.weight, self.loss_sum, self.metric_sum, self.entries = loss, 0.0, 0.0, 0.0, 0.0

    def add(self, block_loss: float, a: np.ndarray, y: np.ndarray, w: np.ndarray) -> None:
        """Mean loss, predictions, targets and row weights of a block."""
        weight = float(w.sum(dtype=np.float64))
        self.weight += weight
        if weight > 0:  # 0 · NaN of rows without weight would spoil the sum
            self.loss_sum += block_loss * weight
        if self.loss.metric == "accuracy":
            self.metric_sum += float(w[self.loss.correct(a, y)].sum(dtype=np.float64))
        else:
            error = a.astype(np.float64) - y
            self.metric_sum += float((w[:, None] * error * error).sum())
            self.entries = a.shape[1]

    def result(self) -> dict[str, float]:
        """{"loss", "accuracy"} or {"loss", "rmse"}; the rmse is over rows and outputs: √(Σ w (a − y)² / (k Σ w))."""
        mean = self.metric_sum / self.weight
        value = mean if self.loss.metric == "accuracy" else math.sqrt(mean / self.entries)
        return {"loss": self.loss_sum / self.weight, self.loss.metric: value}


def confusion_matrix(true: np.ndarray, predicted: np.ndarray, classes: int) -> np.ndarray:
    """counts[i, j] of rows of class i that were taken for class j, from class indices (n,)."""
    return np.bincount(true * classes + predicted, minlength=classes * classes).reshape(classes, classes)
