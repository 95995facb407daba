"""How training went."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .style import BLUE, ORANGE, axes_of


def curves(history: Mapping[str, Sequence[float]]) -> Any:
    """Loss over epochs, of training and where it is known of validation, as a matplotlib Figure.

    `history` is what `fit` returns.
    """
    from matplotlib.figure import Figure
    from matplotlib.ticker import LogLocator, MaxNLocator, NullFormatter

    axes = axes_of(figure := Figure(figsize=(6.4, 4.0), layout="constrained"), "epoch", "loss")
    epochs = range(1, len(history["loss"]) + 1)
    mark = "o" if len(epochs) < 2 else None  # a line needs two points
    for name, label, color in (("loss", "training", BLUE), ("val_loss", "validation", ORANGE)):
        if name in history:
            axes.plot(epochs, history[name], label=label, color=color, linewidth=1.6, marker=mark)
    if min(history["loss"], default=0) > 0:
        axes.set_yscale("log")
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.yaxis.set_major_formatter("{x:g}")
        axes.yaxis.set_minor_formatter(NullFormatter())
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, steps=[1, 2, 5, 10]))
    axes.legend(frameon=False)
    return figure
