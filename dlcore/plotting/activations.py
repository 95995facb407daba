"""An activation and its derivative, from the kernels that training runs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, cast

import numpy as np

from ..backends.backend import from_namespace
from ..errors import ConfigurationError
from ..kernels.rng import Stream
from ..layers import Layer, Softmax
from ..layers.activations import Elementwise
from .style import COLORS, axes_or_new, figure_of, panels

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from ..layers.views import Views


def value_and_slope(layer: Layer, z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """g(z) and g'(z) of an elementwise activation, computed by the layer's own forward and backward.

    Raises ConfigurationError for another layer.
    """
    if type(layer).__module__ != Elementwise.__module__ or isinstance(layer, Softmax):
        raise ConfigurationError(f"activation: {layer!r} is not an elementwise activation, such as ReLU()")
    from types import SimpleNamespace

    k = from_namespace(np, "numpy").kernels
    x = np.asarray(z, float).reshape(-1, 1)
    a, slope, one = np.empty_like(x), np.empty_like(x), np.ones_like(x)
    learned = {name: p.initial(Stream(0, 0), p.shape) for name, p in layer.parameters().items()}  # PReLU's slope
    gradients = {f"d{name}": np.zeros_like(value) for name, value in learned.items()}
    v = cast("Views", SimpleNamespace(**learned, **gradients))  # no elementwise activation looks at the step
    layer.forward(k, v, x, a)
    layer.backward(k, v, x, a, one, slope)
    return a[:, 0], slope[:, 0]


def activation(layer: Layer, *, limit: float = 4.0, axes: Axes | None = None) -> Figure:
    """a = g(z) as a solid line, its derivative dashed, for |z| <= limit."""
    axes = axes_or_new(axes)
    z = np.linspace(-limit, limit, 801)
    a, slope = value_and_slope(layer, z)
    jumps = np.abs(np.diff(slope)) > 0.02  # a kink of g, where the line of the derivative gets a gap
    for values, name, color, style in ((a, "g(z)", COLORS[0], "-"), (slope, "g′(z)", COLORS[1], "--")):
        steps = np.abs(np.diff(values)) > 0.02 if values is a else jumps
        axes.plot(*_with_gaps(z, values, steps), style, color=color, linewidth=1.8, label=name)
    axes.axhline(0, color="0.4", linewidth=0.7)
    axes.axvline(0, color="0.4", linewidth=0.7)
    axes.set(title=type(layer).__name__, xlabel="z", xlim=(-limit, limit))
    axes.legend(frameon=False, loc="upper left")
    return figure_of(axes)


def _with_gaps(x: np.ndarray, y: np.ndarray, jumps: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    where = np.flatnonzero(jumps) + 1
    return np.insert(x, where, np.nan), np.insert(y, where, np.nan)


def activations(layers: Sequence[Layer], *, limit: float = 4.0) -> Figure:
    """One panel for each layer."""
    figure, axes = panels(len(layers), 4, width=3.2, height=2.6)
    for layer, each in zip(layers, axes, strict=True):
        activation(layer, limit=limit, axes=each)
    return figure
