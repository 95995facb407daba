"""Line plots of numbers over epochs, steps or any other x."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from .style import GREY, axes_or_new, figure_of, line_style, panels

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure


Values = Sequence[float] | np.ndarray


def curves(history: Mapping[str, Sequence[float]], axes: Axes | None = None) -> Figure:
    """Training loss, and validation loss if there is one, over epochs, as a matplotlib Figure; beside it the validation metric.

    The epoch with the lowest loss, of validation where there is one, is marked.  `history` is what `fit` returns.  On given axes
    the loss alone is drawn.  Raises ImportError where matplotlib is not installed.
    """
    named = {"training": history["loss"]} | ({"validation": history["val_loss"]} if "val_loss" in history else {})
    metric = next((name for name in ("val_accuracy", "val_rmse") if name in history), None) if axes is None else None
    all_axes = panels(2, width=5.0, height=4.0)[1] if metric else [axes_or_new(axes)]
    log_y = min(history["loss"], default=0) > 0
    figure = lines(named, first=1, xlabel="epoch", ylabel="loss", log_y=log_y, axes=all_axes[0])
    if metric:
        name = metric.removeprefix("val_")
        lines({"validation": history[metric]}, first=1, xlabel="epoch", ylabel=name, axes=all_axes[1])
        all_axes[1].get_lines()[0].set(**line_style(1))  # as the validation loss
    watched = np.asarray(history.get("val_loss", history["loss"]), float)
    if np.isfinite(watched).any():
        best = int(np.nanargmin(np.where(np.isfinite(watched), watched, np.nan))) + 1
        for each in all_axes:
            each.axvline(best, color=GREY, linestyle=":", linewidth=1.2, zorder=1, label=f"lowest loss: epoch {best}")
            each.legend(framealpha=0.7, edgecolor="none")
    return figure


def lines(
    series: Mapping[str, Values | tuple[Values, Values]],
    *,
    xlabel: str,
    ylabel: str,
    title: str = "",
    first: int = 0,
    log_x: bool = False,
    log_y: bool = False,
    marker: str | None = None,
    axes: Axes | None = None,
) -> Figure:
    """One line for each name: its values at `first`, `first` + 1, …, or (x, values).

    Use first=1 for values at the ends of epochs.  With many lines, dash patterns distinguish equal colours.
    """
    from matplotlib.ticker import MaxNLocator

    axes, counts = axes_or_new(axes), True
    for i, (name, values) in enumerate(series.items()):
        x, y = values if isinstance(values, tuple) else (np.arange(first, first + len(values)), values)
        counts = counts and np.issubdtype(np.asarray(x).dtype, np.integer)
        mark = marker or ("o" if len(y) < 2 else None)  # a line needs two points
        axes.plot(x, y, label=name, linewidth=1.6, marker=mark, markersize=4, **line_style(i))
    if log_x:
        axes.set_xscale("log")
        _label_decades(axes.xaxis)
    elif counts:  # whole numbers only: there is no epoch 2.5
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, steps=[1, 2, 5, 10]))
    if log_y:
        axes.set_yscale("log")
        _label_decades(axes.yaxis)
    axes.set(xlabel=xlabel, ylabel=ylabel, title=title)
    if len(series) > 1 or next(iter(series), ""):
        axes.legend(framealpha=0.7, edgecolor="none")
    return figure_of(axes)


def _label_decades(axis: Axis) -> None:
    """Label powers of ten, and 2 and 5 between them if the axis spans few of them."""
    from matplotlib.ticker import LogFormatterSciNotation, LogLocator, NullFormatter

    low, high = axis.get_view_interval()
    if low > 0 and high / low < 200:
        axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axis.set_major_formatter("{x:g}")
    else:
        axis.set_major_formatter(LogFormatterSciNotation())
    axis.set_minor_formatter(NullFormatter())
