"""Predictions of a trained network for test rows, against their true values."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from .style import BLUE, GREY, axes_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_NUMBERED = 20  # most classes for which counts are written: more would overlap
_TICKS = 40  # most names along an axis
_POINTS = 2_000  # more points would hide each other, and are counted in cells
_LETTERS = 18  # most letters of a class's name


def confusion_matrix(counts: np.ndarray, classes: Sequence[str]) -> Figure:
    """counts[true, predicted] as a matplotlib Figure: colours show shares of the row, numbers are counts.

    The colour goes with the square root of the share, so that small shares, which are the mistakes, stay visible.
    """
    from matplotlib.colors import PowerNorm
    from matplotlib.figure import Figure
    from matplotlib.ticker import PercentFormatter

    k, names = len(counts), [_shortened(str(name)) for name in classes]
    size = min(10.0, 3.2 + 0.42 * k)
    figure = Figure(figsize=(size + 1.2, size), layout="constrained")
    axes = figure.add_subplot(xlabel="predicted class", ylabel="true class")
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    edges = np.arange(k + 1) - 0.5
    cells = axes.pcolormesh(edges, edges, shares, cmap="Blues", norm=PowerNorm(0.5, 0, 1))
    if k <= _NUMBERED:
        cells.set(edgecolors="white", linewidth=1.2)
    axes.set(aspect="equal", ylim=(k - 0.5, -0.5))  # the first class on top
    places = range(0, k, -(-k // _TICKS))
    size_of_text = 9 if k <= _TICKS // 2 else 7
    upright = (
        max(map(len, names), default=0) * 0.08 > places.step * (size - 1.5) / k
    )  # inches per letter, and per column
    shown = [names[i] for i in places]
    axes.set_xticks(places, shown, fontsize=size_of_text, rotation=90 if upright else 0, parse_math=False)
    axes.set_yticks(places, shown, fontsize=size_of_text, parse_math=False)  # a name such as $5 is no formula
    axes.spines[:].set_visible(False)
    if k <= _NUMBERED:
        axes.tick_params(length=0)
        digits = len(str(int(counts.max(initial=0))))
        for i, j in np.argwhere(counts):
            axes.text(
                j, i, f"{counts[i, j]}", ha="center", va="center", fontsize=9 if digits < 5 else 7,
                color="white" if shares[i, j] > 0.4 else "black", in_layout=False,  # inside the axes anyway
            )  # fmt: skip
    bar = figure.colorbar(cells, label="share of the true class", shrink=0.8, ticks=[0, 0.01, 0.1, 0.25, 0.5, 1])
    bar.ax.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    bar.outline.set_visible(False)
    return figure


def predicted_against_true(predicted: np.ndarray, true: np.ndarray, name: str = "value") -> Figure:
    """Predictions (n,) over targets (n,), both in the target's units, as a matplotlib Figure with the line where they agree."""
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator, NullFormatter

    figure = Figure(figsize=(5.6, 4.8), layout="constrained")
    axes = axes_of(figure, f"true {name}", f"predicted {name}")
    for axis in (axes.xaxis, axes.yaxis):
        axis.label.set_parse_math(False)
    low, high = float(min(predicted.min(), true.min())), float(max(predicted.max(), true.max()))
    margin = 0.03 * (high - low) or 0.5
    limits = low - margin, high + margin
    if len(true) > _POINTS:
        cells = axes.hexbin(
            true, predicted, gridsize=60, bins="log", mincnt=1, cmap="cividis_r", extent=(*limits, *limits)
        )
        bar = figure.colorbar(cells, label="rows in a cell", shrink=0.8, format="{x:g}")
        bar.ax.yaxis.set_minor_formatter(NullFormatter())
        bar.outline.set_visible(False)
    else:
        axes.scatter(true, predicted, s=14, color=BLUE, alpha=0.45, linewidths=0)
    axes.axline((low, low), slope=1, color=GREY, linewidth=1.0, dashes=(4, 3))
    axes.set(xlim=limits, ylim=limits, aspect="equal")
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(MaxNLocator(5, steps=[1, 2, 2.5, 5, 10]))
    axes.ticklabel_format(scilimits=(-3, 6), useMathText=True)
    return figure


def _shortened(name: str) -> str:
    """The beginning and the end of a long name, because names often differ in only one of them."""
    return name if len(name) <= _LETTERS else f"{name[: _LETTERS // 2]}…{name[1 - _LETTERS // 2 :]}"
