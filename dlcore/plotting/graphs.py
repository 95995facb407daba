"""Expressions and neurons as graphs: boxes, and arrows labelled with values and gradients."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from .style import COLORS, axes_or_new, figure_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


class Edge(NamedTuple):
    """An arrow between two boxes, with the forward value above it and the gradient below it."""

    start: str
    end: str
    forward: str = ""
    backward: str = ""


def graph(
    nodes: Mapping[str, tuple[float, float, str]],
    edges: Sequence[Edge],
    *,
    title: str = "",
    axes: Axes | None = None,
) -> Figure:
    """Boxes with texts at (column, row), rows counted from the top, joined by arrows.

    Forward values are blue and above the arrow, gradients vermillion, in italics and below it.
    """
    axes = axes_or_new(axes, 7.0, 4.0)
    axes.set_axis_off()
    box = {"boxstyle": "round,pad=0.4", "facecolor": "white", "edgecolor": "0.25", "linewidth": 1.2}
    drawn = {
        name: axes.text(x, -y, text, ha="center", va="center", bbox=box, zorder=3)
        for name, (x, y, text) in nodes.items()
    }
    for edge in edges:
        (x0, y0, _), (x1, y1, _) = nodes[edge.start], nodes[edge.end]
        arrow = {"arrowstyle": "-|>", "color": "0.35", "linewidth": 1.2, "shrinkA": 4, "shrinkB": 4}
        arrow |= {"patchA": drawn[edge.start].get_bbox_patch(), "patchB": drawn[edge.end].get_bbox_patch()}
        axes.annotate("", xy=(x1, -y1), xytext=(x0, -y0), arrowprops=arrow, zorder=1)
        place = (x0 + 0.4 * (x1 - x0), -y0 - 0.4 * (y1 - y0))  # nearer to the start, where arrows are still apart
        white = {"facecolor": "white", "edgecolor": "none", "pad": 0.8, "alpha": 0.85}
        for text, side, color, style in (
            (edge.forward, 1, COLORS[0], "normal"),
            (edge.backward, -1, COLORS[1], "italic"),
        ):
            if text:
                axes.annotate(
                    text, place, (0, 8 * side), textcoords="offset points", ha="center", va="center", fontsize="small",
                    color=color, fontstyle=style, bbox=white, zorder=2,
                )  # fmt: skip
    columns, rows = [x for x, _, _ in nodes.values()], [-y for _, y, _ in nodes.values()]
    axes.set(xlim=(min(columns) - 0.5, max(columns) + 0.5), ylim=(min(rows) - 0.5, max(rows) + 0.5), title=title)
    return figure_of(axes)
