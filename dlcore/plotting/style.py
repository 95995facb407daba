"""How pictures look: readable in print, by the colour-blind and in grey; drawn without a display."""

from __future__ import annotations

import io
from typing import Any

# blue and orange differ for every kind of colour vision, and in brightness
BLUE, ORANGE, GREY = "#1f5fa8", "#d1691d", "0.35"


def axes_of(figure: Any, x: str, y: str) -> Any:
    """The only axes of a figure, with names and a light grid."""
    axes = figure.add_subplot()
    axes.set_xlabel(x)
    axes.set_ylabel(y)
    axes.grid(True, which="major", color="0.88", linewidth=0.8)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    return axes


def png(figure: Any) -> bytes:
    """A Figure as a PNG file."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=150, bbox_inches="tight")  # labels may reach beyond the figure
    return buffer.getvalue()
