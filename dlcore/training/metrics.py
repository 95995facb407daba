"""What is reported beside the loss, from predictions on the host: in `fit` block by block, for a finished network in full."""

from __future__ import annotations

import math
from typing import TypedDict

import numpy as np

from ..losses import Loss


class Totals:
    """Weighted sums over blocks of rows, for one pass over a data set."""

    def __init__(self, loss: Loss) -> None:
        self.loss, self.weight, self.loss_sum, self.metric_sum, self.entries = loss, 0.0, 0.0, 0.0, 0.0

    def add(self, block_loss: float, a: np.ndarray, y: np.ndarray, w: np.ndarray) -> None:
        """Mean loss, predictions, targets and row weights of a block."""
        self._add_loss(block_loss, w)
        if self.loss.metric == "accuracy":
            self.metric_sum += float(w[self.loss.correct(a, y)].sum(dtype=np.float64))
        else:
            error = a.astype(np.float64) - y
            self.metric_sum += float((w[:, None] * error * error).sum())
            self.entries = a.shape[1]

    def add_counted(self, loss: np.ndarray, w: np.ndarray) -> None:
        """(mean loss, weight, weight of the rows predicted right) and row weights of a block."""
        weight, (summed, right) = self._add_loss(float(loss[0]), w), loss[1:].tolist()
        if weight > 0:  # a share of the kernel's own sum, rounded as it is: all rows right must give 1
            self.metric_sum += weight * min(right / summed, 1.0)

    def _add_loss(self, block_loss: float, w: np.ndarray) -> float:
        """The weight of the block."""
        weight = float(w.sum(dtype=np.float64))
        self.weight += weight
        if weight > 0:  # 0 · NaN of rows without weight would spoil the sum
            self.loss_sum += block_loss * weight
        return weight

    def result(self) -> dict[str, float]:
        """{"loss", "accuracy"} or {"loss", "rmse"}; the rmse is over rows and outputs: √(Σ w (a − y)² / (k Σ w))."""
        mean = self.metric_sum / self.weight
        value = mean if self.loss.metric == "accuracy" else math.sqrt(mean / self.entries)
        return {"loss": self.loss_sum / self.weight, self.loss.metric: value}


def confusion_matrix(true: np.ndarray, predicted: np.ndarray, classes: int) -> np.ndarray:
    """counts[i, j] of rows of class i that were taken for class j, from class indices (n,)."""
    return np.bincount(true * classes + predicted, minlength=classes * classes).reshape(classes, classes)


class Classification(TypedDict):
    """What `classification` measures."""

    accuracy: float
    balanced_accuracy: float
    log_loss: float
    auc: float | None
    confusion: list[list[int]]


def classification(y: np.ndarray, p: np.ndarray) -> Classification:
    """Of class indices y (n,) and probabilities p (n, C):

    accuracy             share of rows whose largest probability is that of their class
    balanced_accuracy    mean over the classes that occur in y of the share found of each
    log_loss             −mean log p_y, in nats; p not below the smallest step of its dtype
    auc                  area under the receiver operating characteristic: of class 1 for two classes, otherwise the mean
                         over the classes that can be told from the rest; None where y has one class only
    confusion            (C, C) counts: row the class, column the predicted one
    """
    classes = p.shape[1]
    confusion = confusion_matrix(y, p.argmax(axis=1), classes)
    sizes = confusion.sum(axis=1)
    found = np.diag(confusion)[sizes > 0] / sizes[sizes > 0]
    own = p[np.arange(len(y)), y]
    areas = [area for c in ([1] if classes == 2 else range(classes)) if (area := auc(y == c, p[:, c])) is not None]
    return {
        "accuracy": float(np.trace(confusion) / len(y)),
        "balanced_accuracy": float(found.mean()),
        "log_loss": float(-np.log(np.maximum(own, np.finfo(p.dtype).eps)).mean(dtype=np.float64)),
        "auc": float(np.mean(areas)) if areas else None,
        "confusion": confusion.tolist(),
    }


def auc(positive: np.ndarray, score: np.ndarray) -> float | None:
    """P(score of a positive row > score of another) + ½ P(equal), Mann & Whitney (1947); None where one of the two is missing."""
    n, m = int(positive.sum()), int((~positive).sum())
    if not n or not m:
        return None
    _, place, count = np.unique(score, return_inverse=True, return_counts=True)
    rank = np.cumsum(count) - (count - 1) / 2  # equal scores share the mean of their ranks
    return float((rank[place][positive].sum() - n * (n + 1) / 2) / (n * m))


class Regression(TypedDict):
    """What `regression` measures."""

    rmse: float
    mae: float
    r2: float | None


def regression(y: np.ndarray, a: np.ndarray) -> Regression:
    """Of targets y and predictions a, both (n,), in their units: rmse √mean (a − y)², mae mean |a − y|,
    r2 1 − Σ (a − y)² / Σ (y − mean y)², None where all targets are equal."""
    error = a.astype(np.float64) - y
    spread = float(((y - y.mean(dtype=np.float64)) ** 2).sum(dtype=np.float64))
    squares = float((error * error).sum())
    return {
        "rmse": math.sqrt(squares / len(y)),
        "mae": float(np.abs(error).mean()),
        "r2": 1 - squares / spread if spread > 0 else None,
    }
