"""Pictures.  matplotlib is imported where one is drawn, and never asked for a display."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import Any


def curves(history: Mapping[str, Sequence[float]]) -> Any:
    """Loss over epochs, of training and where it is known of validation, as a matplotlib Figure.

    `history` is what `fit` returns.  Raises ImportError where matplotlib is not installed.
    """
    from matplotlib.figure import Figure
    from matplotlib.ticker import LogLocator, MaxNLocator, NullFormatter

    figure = Figure(figsize=(6.4, 4.0), layout="constrained")
    axes = figure.add_subplot()
    epochs = range(1, len(history["loss"]) + 1)
    mark = "o" if len(epochs) < 2 else None  # a line needs two points
    for name, label, color in (("loss", "training", "#1f5fa8"), ("val_loss", "validation", "#d1691d")):
        if name in history:
            axes.plot(epochs, history[name], label=label, color=color, linewidth=1.6, marker=mark)
    if min(history["loss"], default=0) > 0:
        axes.set_yscale("log")
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.yaxis.set_major_formatter("{x:g}")
        axes.yaxis.set_minor_formatter(NullFormatter())
    axes.set_xlabel("epoch")
    axes.set_ylabel("loss")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, steps=[1, 2, 5, 10]))
    axes.grid(True, which="major", color="0.88", linewidth=0.8)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False)
    return figure


def png(figure: Any) -> bytes:
    """A Figure as a PNG file."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=150)
    return buffer.getvalue()
