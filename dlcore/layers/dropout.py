"""Dropout."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np

from ..checks import SCHEDULE, UNIT, check_fields
from ..errors import ConfigurationError
from ..kernels.table import Kernels, Operand
from .layer import Layer
from .views import Views

__all__ = ["Dropout"]


@dataclass(frozen=True)
class Dropout(Layer):
    """z = x mask / (1 − rate), where each entry of mask is 1 with probability 1 − rate; in prediction z = x.

    schedule    f(step) -> factor on the rate; steps count updates from 0

    Masks are a function of (seed, layer, evaluation, position), the same on every device.  Srivastava et al. (2014).
    Raises ConfigurationError unless 0 <= rate < 1; so does training where the schedule leads out of that range.
    """

    rate: float = 0.5
    schedule: Callable[[int], float] | None = field(default=None, kw_only=True)
    reads: ClassVar[str] = ""
    suits: ClassVar[None] = None
    in_place: ClassVar[bool] = True

    def __post_init__(self) -> None:
        check_fields(self, UNIT, "rate")
        if self.rate == 1:
            raise ConfigurationError("Dropout: rate=1 drops everything; expected a number below 1")
        check_fields(self, SCHEDULE, "schedule")

    def keep(self, step: int) -> float:
        """1 − rate at an update, the probability that an entry stays."""
        rate = float(self.rate) * (1.0 if self.schedule is None else float(self.schedule(step)))
        if not 0 <= rate < 1:
            raise ConfigurationError(
                f"Dropout: the rate of update {step} is {rate:g}, expected a number from 0 up to, not including, 1"
            )
        return 1.0 - rate

    def constants(self, fan_in: int) -> dict[str, np.ndarray]:
        return {"keep": np.array([self.keep(0)])} if self.schedule is None else {}

    def schedules(self) -> dict[str, Callable[[int], float]]:
        return {} if self.schedule is None else {"keep": self.keep}

    def scratch(self, rows: int, fan_in: int) -> dict[str, tuple[tuple[int, ...], str]]:
        return {"mask": ((rows, fan_in), "uint8")}

    def forward(self, k: Kernels, v: Views, x: Operand, z: Operand) -> None:
        s = v.step
        k.dropout(x, s.progress, s.key0, s.key1, s.layer, v.keep, out=(z, v.mask))

    def backward(self, k: Kernels, v: Views, x: Operand, z: Operand, delta: Operand, dx: Operand | None) -> None:
        k.dropout_grad(delta, v.mask, v.keep, out=dx)

    def predict(self, k: Kernels, v: Views, x: Operand, z: Operand) -> None:
        if z is not x:
            k.identity(x, out=z)
