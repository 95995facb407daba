"""Layers in order.  A model is a description without arrays, and models compare equal if their layers do."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from ..errors import ConfigurationError
from . import Dense, Layer, Residual
from .initializers import GlorotUniform
from .names import check_names
from .parameters import Parameter


@dataclass(frozen=True, init=False)
class Sequential:
    """f(x) = layer_L(… layer_1(x)).

    Dense layers whose `init` is None get the initializer that suits the activation after them.
    Raises ConfigurationError if widths do not fit, if no layer determines the number of input columns, or if two arrays of a
    layer have one name.
    """

    layers: tuple[Layer, ...]

    def __init__(self, *layers: Layer) -> None:
        if not layers:
            raise ConfigurationError("Sequential: expected at least one layer")
        for i, layer in enumerate(layers):
            if not isinstance(layer, Layer):
                hint = ": write it with parentheses" if isinstance(layer, type) and issubclass(layer, Layer) else ""
                raise ConfigurationError(f"Sequential: layer {i} is {layer!r}, not a layer{hint}")
            if layer.first and i > 0:
                raise ConfigurationError(f"Sequential: layer {i} is {type(layer).__name__}, which must be the first")
        object.__setattr__(self, "layers", tuple(with_initializers(layers)))
        for i, (layer, width) in enumerate(
            zip(self.layers, self.widths, strict=False)
        ):  # raises where widths do not fit
            check_names(layer, width, str(i))

    def __iter__(self) -> Iterator[Layer]:
        return iter(self.layers)

    def __len__(self) -> int:
        return len(self.layers)

    def __getitem__(self, i: int) -> Layer:
        return self.layers[i]

    def __repr__(self) -> str:
        return "Sequential(" + "".join(f"\n    {layer!r}," for layer in self.layers) + "\n)"

    @cached_property
    def widths(self) -> tuple[int, ...]:
        """Number of columns before the first layer, and after each layer."""
        known = ((i, layer.input_width) for i, layer in enumerate(self.layers) if layer.input_width is not None)
        i, first = next(known, (-1, 0))
        if i < 0:
            raise ConfigurationError("Sequential: no layer says how many columns come in; add a Dense layer")
        for layer in reversed(self.layers[:i]):
            first = layer.input_width_for(first)
        widths = [first]
        for i, layer in enumerate(self.layers):
            if layer.input_width not in (None, widths[-1]):
                raise ConfigurationError(
                    f"Sequential: layer {i}, {type(layer).__name__}, expects {layer.input_width} columns, and gets {widths[-1]}"
                )
            widths.append(layer.output_width(widths[-1]))
        return tuple(widths)

    @property
    def input_width(self) -> int:
        return self.widths[0]

    @property
    def output_width(self) -> int:
        return self.widths[-1]

    def parameters(self) -> dict[str, Parameter]:
        """All parameters by path, such as "0.W", layer by layer."""
        return {f"{i}.{name}": p for i, layer in enumerate(self.layers) for name, p in layer.parameters().items()}

    def state(self) -> dict[str, Parameter]:
        """All untrained state by path."""
        return {f"{i}.{name}": p for i, layer in enumerate(self.layers) for name, p in layer.state().items()}

    def schedules(self) -> dict[str, Callable[[int], float]]:
        """All numbers that change from update to update, by path."""
        return {f"{i}.{name}": f for i, layer in enumerate(self.layers) for name, f in layer.schedules().items()}

    def constants(self) -> dict[str, np.ndarray]:
        """All constants by path."""
        return {
            f"{i}.{name}": values
            for i, (layer, width) in enumerate(zip(self.layers, self.widths, strict=False))
            for name, values in layer.constants(width).items()
        }


def with_initializers(layers: Sequence[Layer]) -> list[Layer]:
    """The layers, with an initializer for each Dense whose `init` is None, chosen by the next activation."""
    chosen: list[Layer] = []
    for i, layer in enumerate(layers):
        if isinstance(layer, Dense) and layer.init is None:
            suits = next((after.suits for after in layers[i + 1 :] if after.suits is not None), GlorotUniform())
            layer = replace(layer, init=suits)
        elif isinstance(layer, Residual):
            layer = type(layer)(*with_initializers(layer.layers))
        chosen.append(layer)
    return chosen
