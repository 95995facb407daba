"""Distributions of weights or gradients, layer by layer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from ..arrays import ArrayLike
from .style import COLORS, panels

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def histograms(arrays: Mapping[str, ArrayLike], *, xlabel: str = "value", bins: int = 50, color: int = 0) -> Figure:
    """One panel for each named array: the histogram of its entries, with mean and standard deviation in the title.

    Weights by name: `trainer.weights()`; gradients: `dl.gradients(trainer, X, y)`.
    Entries that are not finite are counted in the title and left out.
    """
    figure, axes = panels(len(arrays), 4, width=3.2, height=2.6)
    for (name, array), each in zip(arrays.items(), axes, strict=True):
        values = np.asarray(array, float).reshape(-1)
        finite = values[np.isfinite(values)]
        lost = f", {values.size - finite.size} not finite" if finite.size < values.size else ""
        each.hist(finite, bins=bins, color=COLORS[color], edgecolor="white", linewidth=0.3)
        spread = f"mean {finite.mean():.2g}, std {finite.std():.2g}" if finite.size else "empty"
        each.set_title(f"{name}\n{spread}{lost}", fontsize="medium")
        each.set(xlabel=xlabel, ylabel="entries")
    return figure
