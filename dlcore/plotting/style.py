"""The style of pictures: readable in print, for the colour-blind and in grey; drawn without a display."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, TypedDict

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# blue, vermillion, green, orange, purple, sky blue, black: Okabe & Ito (2008), without yellow, which is invisible on white
COLORS = ("#0072B2", "#D55E00", "#009E73", "#E69F00", "#CC79A7", "#56B4E9", "#000000")
DASHES = ("-", "--", "-.", ":")
BLUE, ORANGE, GREY = COLORS[0], COLORS[1], "0.35"


def new_figure(width: float = 6.4, height: float = 4.0) -> Figure:
    """An empty matplotlib Figure, in inches.  Raises ImportError, saying what to install, where matplotlib is missing."""
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ImportError(f'pictures need matplotlib: pip install "dlcore[plot]" ({error})') from error
    return Figure(figsize=(width, height), layout="constrained")


class LineStyle(TypedDict):
    """Arguments of Axes.plot."""

    color: str
    linestyle: str


def line_style(i: int) -> LineStyle:
    """Colour and dash pattern of line i; from the eighth line on, the pattern distinguishes equal colours."""
    return {"color": COLORS[i % len(COLORS)], "linestyle": DASHES[i // len(COLORS) % len(DASHES)]}


def panels(
    count: int = 1, columns: int | None = None, *, width: float = 4.2, height: float = 3.4, three_d: bool = False
) -> tuple[Figure, list[Axes]]:
    """A Figure and its `count` axes, row by row, each of `width` by `height` inches; `three_d` for surfaces."""
    columns = min(count, columns or 3)
    rows = -(-count // columns)
    figure = new_figure(columns * width, rows * height)
    kind = {"projection": "3d"} if three_d else {}
    axes = [figure.add_subplot(rows, columns, i + 1, **kind) for i in range(count)]
    if not three_d:
        for each in axes:
            plain(each)
    return figure, axes


def axes_or_new(axes: Axes | None, width: float = 6.4, height: float = 4.0) -> Axes:
    """The given axes, or those of a new figure."""
    if axes is None:
        axes = new_figure(width, height).add_subplot()
        plain(axes)
    return axes


def axes_of(figure: Figure, x: str, y: str) -> Axes:
    """The only axes of a figure, with names and a light grid."""
    axes = figure.add_subplot()
    axes.set(xlabel=x, ylabel=y)
    plain(axes)
    return axes


def figure_of(axes: Axes) -> Figure:
    """The Figure that axes are in, also where they are in a SubFigure of it."""
    from matplotlib.figure import Figure

    figure = axes.figure
    while not isinstance(figure, Figure):
        figure = figure.figure
    return figure


def plain(axes: Axes) -> None:
    """Light grid lines, no frame at the top and right."""
    axes.grid(True, which="major", color="0.88", linewidth=0.8)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)


def clear_legends(figure: Figure) -> None:
    """Move each legend that covers a curve or a bar, also at matplotlib's best place for it, to the right of its axes."""
    legends = [(axes, axes.get_legend()) for axes in figure.axes if axes.name != "3d"]
    if any(legend for _, legend in legends):
        figure.draw_without_rendering()  # places are known only then
    for axes, legend in legends:
        if legend is None:
            continue
        box = legend.get_window_extent()
        curves = (line.get_transform().transform_path(line.get_path()) for line in axes.lines)
        if any(
            path.intersects_bbox(box, filled=False) for path in curves if path.to_polygons(closed_only=False)
        ) or any(patch.get_window_extent().overlaps(box) for patch in axes.patches):
            legend.set_loc("upper left")
            legend.set_bbox_to_anchor((1.01, 1.0), transform=axes.transAxes)


def png(figure: Figure, dpi: float = 150) -> bytes:
    """A Figure as a PNG file.  A legend that would cover curves or bars is moved beside its axes."""
    clear_legends(figure)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=dpi, bbox_inches="tight")  # labels may extend beyond the figure
    return buffer.getvalue()
