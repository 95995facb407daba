"""The residual block."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ..errors import ConfigurationError
from ..kernels.table import Kernels, Operand
from .layer import Layer
from .parameters import Parameter
from .views import Views

__all__ = ["Residual"]


@dataclass(frozen=True, init=False)
class Residual(Layer):
    """z = x + f(x), where f are the layers inside, in order.   x[n,d] -> z[n,d]

    He et al. (2016).  Raises ConfigurationError if f does not keep the width, or is empty.
    """

    layers: tuple[Layer, ...]
    reads: ClassVar[str] = "x"

    def __init__(self, *layers: Layer) -> None:
        object.__setattr__(self, "layers", layers)
        for layer in layers:
            if not isinstance(layer, Layer):
                raise ConfigurationError(f"Residual: {layer!r} is not a layer")
            if layer.first:
                raise ConfigurationError(f"Residual: {type(layer).__name__} is the first layer of a model or none")
        if not layers:
            raise ConfigurationError("Residual: expected at least one layer")

    def __repr__(self) -> str:
        return f"Residual({', '.join(map(repr, self.layers))})"

    @property
    def input_width(self) -> int | None:
        widths = (
            layer.input_width for layer in self.layers
        )  # asked once: twice would double with each level of nesting
        return next((width for width in widths if width is not None), None)

    def output_width(self, fan_in: int) -> int:
        width = fan_in
        for layer in self.layers:
            if layer.input_width not in (None, width):
                raise ConfigurationError(f"Residual: {layer} expects {layer.input_width} columns, and gets {width}")
            width = layer.output_width(width)
        if width != fan_in:
            raise ConfigurationError(
                f"Residual: the layers inside turn {fan_in} columns into {width}; x + f(x) needs equal widths"
            )
        return width

    def parameters(self) -> dict[str, Parameter]:
        return {f"{i}.{name}": p for i, layer in enumerate(self.layers) for name, p in layer.parameters().items()}

    def state(self) -> dict[str, Parameter]:
        return {f"{i}.{name}": p for i, layer in enumerate(self.layers) for name, p in layer.state().items()}

    def constants(self, fan_in: int) -> dict[str, np.ndarray]:
        kept: dict[str, np.ndarray] = {}
        width = fan_in
        for i, layer in enumerate(self.layers):
            kept |= {f"{i}.{name}": values for name, values in layer.constants(width).items()}
            width = layer.output_width(width)
        return kept

    def schedules(self) -> dict[str, Callable[[int], float]]:
        return {f"{i}.{name}": f for i, layer in enumerate(self.layers) for name, f in layer.schedules().items()}

    def scratch(self, rows: int, fan_in: int) -> dict[str, tuple[tuple[int, ...], str]]:
        kept: dict[str, tuple[tuple[int, ...], str]] = {}
        width = fan_in
        for i, layer in enumerate(self.layers):
            kept |= {f"{i}.{name}": entry for name, entry in layer.scratch(rows, width).items()}
            kept[f"d{i}"] = (rows, width), "real"
            width = layer.output_width(width)
            kept[f"z{i}"] = (rows, width), "real"
        return kept

    def check_dtype(self, dtype: str) -> None:
        for layer in self.layers:
            layer.check_dtype(dtype)

    def check_rows(self, rows: int) -> None:
        for layer in self.layers:
            layer.check_rows(rows)

    def forward(self, k: Kernels, v: Views, x: Operand, z: Operand) -> None:
        self._forward("forward", k, v, x, z)

    def predict(self, k: Kernels, v: Views, x: Operand, z: Operand) -> None:
        self._forward("predict", k, v, x, z)

    def update(self, k: Kernels, v: Views) -> None:
        for i, layer in enumerate(self.layers):
            layer.update(k, v.child(i))

    def _forward(self, how: str, k: Kernels, v: Views, x: Operand, z: Operand) -> None:
        h = x
        for i, layer in enumerate(self.layers):
            inner = getattr(v, f"z{i}")
            getattr(layer, how)(k, v.child(i), h, inner)
            h = inner
        k.add(x, h, out=z)

    def backward(self, k: Kernels, v: Views, x: Operand, z: Operand, delta: Operand, dx: Operand | None) -> None:
        d = delta
        for i, layer in reversed(list(enumerate(self.layers))):
            below_learns = dx is not None or any(inner.trainable_parameters for inner in self.layers[:i])
            if not (below_learns or layer.trainable_parameters):
                return
            # always into a separate buffer: the skip connection reads delta again, and the layer's gradient reads z{i}
            target = getattr(v, f"d{i}")
            layer.backward(
                k,
                v.child(i),
                x if i == 0 else getattr(v, f"z{i - 1}"),
                getattr(v, f"z{i}"),
                d,
                target if below_learns else None,
            )
            d = target
        if dx is not None:
            k.add(delta, d, out=dx)
