"""Batch and layer normalization, with PyTorch's conventions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from ..checks import SIZE, UNIT, check_fields, from_to
from ..errors import DataError
from ..kernels.table import Kernels, Operand
from .initializers import Constant
from .layer import Layer
from .parameters import Parameter
from .views import Views

__all__ = ["BatchNorm", "LayerNorm"]


@dataclass(frozen=True)
class BatchNorm(Layer):
    """z = gamma x̂ + beta,  x̂ = (x − mean) / √(variance + ε), statistics over the rows of the batch.   x[n,width] -> z[n,width]

    Prediction uses running statistics, which each update moves by `momentum` (with the unbiased variance; if gradients are
    accumulated, with the last batch).  Row weights do not enter the statistics.  Ioffe & Szegedy (2015).
    Raises DataError for training batches of one row, where x̂ is always 0.
    """

    width: int
    momentum: float = 0.1
    epsilon: float = 1e-5
    reads: ClassVar[str] = "x"
    suits: ClassVar[None] = None

    def __post_init__(self) -> None:
        check_fields(self, SIZE, "width")
        check_fields(self, UNIT, "momentum")
        check_fields(self, from_to(0, 1e6), "epsilon")

    @property
    def input_width(self) -> int:
        return self.width

    def parameters(self) -> dict[str, Parameter]:
        return {"gamma": Parameter((self.width,), Constant(1.0)), "beta": Parameter((self.width,), Constant(0.0))}

    def state(self) -> dict[str, Parameter]:
        return {"mean": Parameter((self.width,), Constant(0.0)), "variance": Parameter((self.width,), Constant(1.0))}

    def scratch(self, rows: int, fan_in: int) -> dict[str, tuple[tuple[int, ...], str]]:
        return {"mu": ((fan_in,), "wide"), "var": ((fan_in,), "wide")}

    def check_rows(self, rows: int) -> None:
        if rows == 1:
            raise DataError(
                "BatchNorm: a training batch has 1 row, and a variance needs 2; choose batch_size so that no row is left alone"
            )

    def forward(self, k: Kernels, v: Views, x: Operand, z: Operand) -> None:
        k.batch_norm(x, v.gamma, v.beta, float(self.epsilon), out=(z, v.mu, v.var))

    def backward(self, k: Kernels, v: Views, x: Operand, z: Operand, delta: Operand, dx: Operand | None) -> None:
        out = delta if dx is None else dx, v.dgamma, v.dbeta
        k.batch_norm_grad(delta, x, v.gamma, v.mu, v.var, float(self.epsilon), out=out)

    def update(self, k: Kernels, v: Views) -> None:
        k.running_statistics(
            v.mu, v.var, v.mean, v.variance, v.step.control, v.step.rows, float(self.momentum), out=(v.mean, v.variance)
        )

    def predict(self, k: Kernels, v: Views, x: Operand, z: Operand) -> None:
        k.batch_norm_predict(x, v.gamma, v.beta, v.mean, v.variance, float(self.epsilon), out=z)


@dataclass(frozen=True)
class LayerNorm(Layer):
    """z = gamma x̂ + beta,  x̂ = (x − mean) / √(variance + ε), statistics over each row's columns.   x[n,width] -> z[n,width]

    Ba, Kiros & Hinton (2016).
    """

    width: int
    epsilon: float = 1e-5
    reads: ClassVar[str] = "x"
    suits: ClassVar[None] = None

    def __post_init__(self) -> None:
        check_fields(self, SIZE, "width")
        check_fields(self, from_to(0, 1e6), "epsilon")

    @property
    def input_width(self) -> int:
        return self.width

    def parameters(self) -> dict[str, Parameter]:
        return {"gamma": Parameter((self.width,), Constant(1.0)), "beta": Parameter((self.width,), Constant(0.0))}

    def scratch(self, rows: int, fan_in: int) -> dict[str, tuple[tuple[int, ...], str]]:
        return {"mu": ((rows,), "wide"), "rstd": ((rows,), "wide")}

    def forward(self, k: Kernels, v: Views, x: Operand, z: Operand) -> None:
        k.layer_norm(x, v.gamma, v.beta, float(self.epsilon), out=(z, v.mu, v.rstd))

    def backward(self, k: Kernels, v: Views, x: Operand, z: Operand, delta: Operand, dx: Operand | None) -> None:
        k.layer_norm_grad(delta, x, v.gamma, v.mu, v.rstd, out=(delta if dx is None else dx, v.dgamma, v.dbeta))
