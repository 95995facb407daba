"""The layer protocol: a frozen description, forward and backward side by side, in matrix form.

A layer owns no arrays and never allocates.  The plan gives it `k`, a kernel table or a recorder; `v`, its views: `v.W` for
a parameter W, `v.dW` for its gradient, state, constants, scheduled numbers and scratch by name, and under `v.step` the number
of rows and what random numbers are drawn by; x and z, its input and output; delta and dx, the gradients at them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ..kernels.table import Kernels, Operand
from .initializers import GlorotUniform, Initializer
from .parameters import Parameter
from .views import Views


@dataclass(frozen=True)
class Layer:
    """Base of all layers.  The defaults describe an elementwise layer without parameters."""

    # which of the input "x" and the output "z" backward reads; an array that it does not read may be overwritten
    reads: ClassVar[str] = "xz"
    # the default initializer of a Dense layer before this one; None: the layer after this one decides
    suits: ClassVar[Initializer | None] = GlorotUniform()
    # z may be written over x, dx over delta
    in_place: ClassVar[bool] = False
    # has no gradient with respect to its input, so it must be the first layer
    first: ClassVar[bool] = False

    @property
    def input_width(self) -> int | None:
        """Number of input columns, or None if it takes any number."""
        return None

    def input_width_for(self, fan_out: int) -> int:
        """Number of input columns for `fan_out` output columns, where input_width is None."""
        return fan_out

    def output_width(self, fan_in: int) -> int:
        """Number of output columns for `fan_in` input columns."""
        return fan_in

    def parameters(self) -> dict[str, Parameter]:
        """Trained (or frozen) arrays by name; the gradient of W is called dW."""
        return {}

    def state(self) -> dict[str, Parameter]:
        """Arrays that training changes without a gradient, such as running means."""
        return {}

    def constants(self, fan_in: int) -> dict[str, np.ndarray]:
        """Arrays that kernels read on the device and that follow from the description alone, in a dtype that does not depend
        on the one of computation."""
        return {}

    def schedules(self) -> dict[str, Callable[[int], float]]:
        """Numbers that change from update to update: f(step) by name.  Kernels read each from an array of one float64."""
        return {}

    def scratch(self, rows: int, fan_in: int) -> dict[str, tuple[tuple[int, ...], str]]:
        """Shapes and dtypes of the arrays kept from forward to backward; "real" is the dtype of computation, "wide" is that or
        float32, whichever has more bits."""
        return {}

    @property
    def trainable_parameters(self) -> bool:
        return any(p.trainable for p in self.parameters().values())

    def check_rows(self, rows: int) -> None:
        """Raise DataError if the layer cannot train on batches of `rows` rows."""

    def check_dtype(self, dtype: str) -> None:
        """Raise ConfigurationError if the layer cannot work in this dtype of computation."""

    def forward(self, k: Kernels, v: Views, x: Operand, z: Operand) -> None:
        raise TypeError(f"{type(self).__name__} does not say how to go forward")

    def backward(self, k: Kernels, v: Views, x: Operand, z: Operand, delta: Operand, dx: Operand | None) -> None:
        """Parameter gradients and dx from delta; dx is None for the lowest layer with parameters."""
        raise TypeError(f"{type(self).__name__} does not say how to go backward")

    def update(self, k: Kernels, v: Views) -> None:
        """Record what an update changes besides parameters, such as running means; `v.step.control` says if it is skipped."""

    def predict(self, k: Kernels, v: Views, x: Operand, z: Operand) -> None:
        self.forward(k, v, x, z)
