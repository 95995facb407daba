"""Dropout."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from ..errors import ConfigurationError
from ..kernels.table import Kernels, Operand
from .layer import Layer, in_range
from .views import Views

__all__ = ["Dropout"]


@dataclass(frozen=True)
class Dropout(Layer):
    """z = x mask / (1 − rate), where each entry of mask is 1 with probability 1 − rate; in prediction z = x.

    Masks are a function of (seed, layer, evaluation, position), the same on every device.  Srivastava et al. (2014).
    Raises ConfigurationError unless 0 <= rate < 1.
    """

    rate: float = 0.5
    reads: ClassVar[str] = ""
    suits: ClassVar[None] = None
    in_place: ClassVar[bool] = True

    def __post_init__(self) -> None:
        in_range("Dropout", 0, 1, rate=self.rate)
        if self.rate == 1:
            raise ConfigurationError("Dropout: rate=1 drops everything; expected a number below 1")

    def scratch(self, rows: int, fan_in: int) -> dict[str, tuple[tuple[int, ...], str]]:
        return {"mask": ((rows, fan_in), "uint8")}

    def forward(self, k: Kernels, v: Views, x: Operand, z: Operand) -> None:
        s = v.step
        k.dropout(x, s.progress, s.key0, s.key1, s.layer, 1.0 - self.rate, out=(z, v.mask))

    def backward(self, k: Kernels, v: Views, x: Operand, z: Operand, delta: Operand, dx: Operand | None) -> None:
        k.dropout_grad(delta, v.mask, 1.0 - self.rate, out=dx)

    def predict(self, k: Kernels, v: Views, x: Operand, z: Operand) -> None:
        if z is not x:
            k.identity(x, out=z)
