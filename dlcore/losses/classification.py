"""Losses on classes and probabilities."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from ..arrays import ArrayLike
from ..checks import BELOW_ONE, check_fields
from ..errors import DataError, ShapeError
from ..kernels.table import Kernels, Operand
from .loss import Loss, matrix, numeric

__all__ = ["BinaryCrossEntropy", "Hinge", "PerceptronLoss", "SoftmaxCrossEntropy"]


class Binary(Loss):
    """Base of losses on binary outputs, y = 1 or 0: (n,) or (n, 1) for one output, else (n, k).

    A row counts as right if all its outputs are on the right side of the threshold.
    """

    metric: ClassVar[str] = "accuracy"
    threshold: ClassVar[float] = 0.5  # a >= threshold predicts 1
    probabilities: ClassVar[bool] = False  # whether targets between 0 and 1 are allowed

    def targets(self, y: ArrayLike, outputs: int) -> np.ndarray:
        owner = type(self).__name__
        y = matrix(numeric(y, f"{owner} expects 0 and 1{', or probabilities' * self.probabilities}"), outputs, owner)
        outside = (y < 0) | (y > 1) if self.probabilities else (y != 0) & (y != 1)
        if outside.any():
            row = int(np.argmax(outside.any(axis=1)))
            expected = "values from 0 to 1" if self.probabilities else "0 and 1; of classes −1 and 1 make y > 0"
            raise DataError(f"{owner}: y[{row}] is {y[row].tolist()}; expected {expected}")
        return y

    def correct(self, a: np.ndarray, y: np.ndarray) -> np.ndarray:
        right: np.ndarray = ((a >= self.threshold) == (y >= 0.5)).all(axis=1)
        return right

    def labels(self, a: np.ndarray) -> np.ndarray:
        labels = (a >= self.threshold).astype(np.int64)
        return labels[:, 0] if labels.shape[1] == 1 else labels


class BinaryCrossEntropy(Binary):
    """L = −Σ_k [y_k log a_k + (1 − y_k) log(1 − a_k)],  a = σ(z),  delta = a − y.

    Takes logits z.  y is bool, int or in [0, 1].
    """

    output: ClassVar[str] = "sigmoid"
    probabilities: ClassVar[bool] = True
    counts: ClassVar[bool] = True
    built_in: ClassVar[tuple[str, ...]] = ("Sigmoid", "Softmax")

    def record(self, k: Kernels, z: Operand, y: Operand, w: Operand, loss: Operand, delta: Operand) -> None:
        kernel = k.binary_cross_entropy_counted if loss.shape[0] == 3 else k.binary_cross_entropy
        kernel(z, y, w, out=(loss, delta))


class Hinge(Binary):
    """L = Σ_k max(0, 1 − t_k z_k),  t = 2 y − 1 is −1 or 1,  a = z,  delta = −t where t z < 1, else 0.

    The loss of support vector machines, Cortes & Vapnik (1995): with l2, this trains a linear one.  y is 0 or 1.  Predictions
    are the scores z; the class is 1 where z >= 0.
    """

    threshold: ClassVar[float] = 0.0

    def record(self, k: Kernels, z: Operand, y: Operand, w: Operand, loss: Operand, delta: Operand) -> None:
        k.hinge(z, y, w, out=(loss, delta))


class PerceptronLoss(Binary):
    """L = Σ_k (a_k − y_k) z_k,  a = 1[z >= 0],  delta = a − y: 0 where the class is right.

    With SGD(λ) and batch_size=1 this is the perceptron rule w ← w + λ (y − a) x, b ← b + λ (y − a), Rosenblatt (1958).
    y is 0 or 1.
    """

    output: ClassVar[str] = "binary_step"
    built_in: ClassVar[tuple[str, ...]] = ("BinaryStep", "Sigmoid", "Softmax")

    def record(self, k: Kernels, z: Operand, y: Operand, w: Operand, loss: Operand, delta: Operand) -> None:
        k.perceptron(z, y, w, out=(loss, delta))


@dataclass(frozen=True)
class SoftmaxCrossEntropy(Loss):
    """L = −Σ_k q_k log a_k,  a = softmax(z),  delta = a − q,  q = (1 − s) y + s/C with label smoothing s.

    Takes logits z, C of them.  y is int (n,) or (n, 1), class indices, or float (n, C), a distribution in each row.  Label
    smoothing (Szegedy et al., 2016) is off in evaluation.
    """

    label_smoothing: float = 0.0
    output: ClassVar[str] = "softmax"
    metric: ClassVar[str] = "accuracy"
    counts: ClassVar[bool] = True
    built_in: ClassVar[tuple[str, ...]] = ("Softmax", "Sigmoid")

    def __post_init__(self) -> None:
        check_fields(self, BELOW_ONE, "label_smoothing")

    def targets(self, y: ArrayLike, outputs: int) -> np.ndarray:
        y = numeric(y, "SoftmaxCrossEntropy expects class indices from 0; encode text labels first")
        if y.ndim == 2 and y.shape[1] == outputs and outputs > 1:
            return self._distributions(y, outputs)
        if y.ndim == 2 and y.shape[1] == 1:
            y = y[:, 0]
        if y.ndim != 1:
            raise ShapeError(
                f"SoftmaxCrossEntropy: y has shape {y.shape}, and the network {outputs} outputs; "
                f"expected class indices (n,) or (n, 1), or distributions (n, {outputs})"
            )
        if y.dtype.kind == "f":
            fractional = ~(np.isfinite(y) & (y == np.floor(y)))
            if fractional.any():
                row = int(np.argmax(fractional))
                raise DataError(
                    f"SoftmaxCrossEntropy: y[{row}] is {y[row]:g}; expected class indices from 0 to {outputs - 1}"
                )
        outside = (y < 0) | (y >= outputs)
        if outside.any():
            row = int(np.argmax(outside))
            raise DataError(
                f"SoftmaxCrossEntropy: y[{row}] is {y[row]:g}; the network has {outputs} outputs, expected class indices "
                f"from 0 to {outputs - 1}"
            )
        return y.astype(np.int64)

    @staticmethod
    def _distributions(y: np.ndarray, outputs: int) -> np.ndarray:
        y = y.astype(np.float64)
        wrong = (y < 0).any(axis=1) | ~(np.abs(y.sum(axis=1) - 1) < 1e-3)
        if wrong.any():
            row = int(np.argmax(wrong))
            raise DataError(
                f"SoftmaxCrossEntropy: y[{row}] is not a distribution over {outputs} classes (entries >= 0 that sum to 1); "
                "for several labels a row use BinaryCrossEntropy"
            )
        return y

    def record(self, k: Kernels, z: Operand, y: Operand, w: Operand, loss: Operand, delta: Operand) -> None:
        name = "softmax_cross_entropy" + "_dense" * (len(y.shape) > 1) + "_counted" * (loss.shape[0] == 3)
        getattr(k, name)(z, y, w, float(self.label_smoothing), out=(loss, delta))

    def evaluation(self) -> SoftmaxCrossEntropy:
        return replace(self, label_smoothing=0.0)

    def correct(self, a: np.ndarray, y: np.ndarray) -> np.ndarray:
        right: np.ndarray = a.argmax(axis=1) == (y if y.ndim == 1 else y.argmax(axis=1))
        return right

    def labels(self, a: np.ndarray) -> np.ndarray:
        labels: np.ndarray = a.argmax(axis=1)
        return labels
