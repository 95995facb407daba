"""The loss over two parameters, and the paths of optimizers on it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, TypedDict

import numpy as np

from .style import COLORS, axes_or_new, figure_of, line_style, panels

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from mpl_toolkits.mplot3d.axes3d import Axes3D

Limits = tuple[float, float]
Value = float | np.ndarray | tuple[float | np.ndarray, object]  # or (value, gradient), as `descend` takes it


class ContourOptions(TypedDict, total=False):
    """Those of `contours`."""

    minimum: tuple[float, float] | None
    names: tuple[str, str]
    title: str
    points: int
    axes: Axes | None


def heights(f: Callable[[np.ndarray], Value], xlim: Limits, ylim: Limits, points: int) -> tuple[np.ndarray, ...]:
    """Both axes and f on their grid, (points, points); f(θ) gives a value, or (value, gradient) as `descend` takes it."""
    x, y = np.linspace(*xlim, points), np.linspace(*ylim, points)

    def value(*theta: float) -> float:
        result = f(np.array(theta))
        return float(result[0] if isinstance(result, tuple) else result)

    return x, y, np.array([[value(a, b) for a in x] for b in y])


def levels_of(z: np.ndarray, count: int = 18) -> np.ndarray:
    """Heights of contour lines, denser near the minimum, where the function is flat."""
    low, high = float(z.min()), float(z.max())
    return low + (high - low if high > low else 1.0) * np.linspace(0, 1, count) ** 2


def contours(
    f: Callable[[np.ndarray], Value],
    xlim: Limits,
    ylim: Limits,
    *,
    paths: Mapping[str, np.ndarray] | None = None,
    minimum: tuple[float, float] | None = None,
    names: tuple[str, str] = ("θ₀", "θ₁"),
    title: str = "",
    points: int = 81,
    axes: Axes | None = None,
) -> Figure:
    """Contour lines of f(θ), darker where it is lower, with named paths (steps, 2) from a square to a dot, and a star at `minimum`."""
    axes = axes_or_new(axes, 6.0, 4.8)
    x, y, z = heights(f, xlim, ylim, points)
    levels = levels_of(z)
    axes.grid(False)
    axes.contourf(x, y, z, levels=levels, cmap="Greys_r", alpha=0.3)
    axes.contour(x, y, z, levels=levels, colors="0.45", linewidths=0.5)
    for i, (name, path) in enumerate((paths or {}).items()):
        look = line_style(i)
        path = np.asarray(path, float)
        dense = len(path) > 60
        axes.plot(*path.T, marker=None if dense else ".", linewidth=1.4, markersize=4, label=name, **look)
        axes.plot(*path[0], "s", color=look["color"], markersize=6)
        axes.plot(*path[-1], "o", color=look["color"], markersize=7, markeredgecolor="white")
    if minimum is not None:
        axes.plot(
            *minimum, "*", color="white", markersize=14, markeredgecolor="black", label="minimum", linestyle="none"
        )
    axes.set(xlim=xlim, ylim=ylim, xlabel=names[0], ylabel=names[1], title=title)
    if paths or minimum is not None:
        axes.legend(fontsize="small", framealpha=0.9)
    return figure_of(axes)


def surface(
    f: Callable[[np.ndarray], Value],
    xlim: Limits,
    ylim: Limits,
    *,
    paths: Mapping[str, np.ndarray] | None = None,
    names: tuple[str, str] = ("θ₀", "θ₁"),
    title: str = "",
    points: int = 61,
    view: tuple[float, float] = (35, -60),
    axes: Axes3D | None = None,
) -> Figure:
    """f(θ) as a surface, with named paths (steps, 2) on it.  `axes` must be three-dimensional; `view` is (elevation, azimuth)."""
    space: Axes3D = panels(1, width=6.0, height=5.0, three_d=True)[1][0] if axes is None else axes
    x, y, z = heights(f, xlim, ylim, points)
    space.computed_zorder = False  # matplotlib would hide paths that lie on the surface
    space.plot_surface(
        *np.meshgrid(x, y), z, cmap="cividis", alpha=0.85, linewidth=0, rcount=points, ccount=points, zorder=2
    )
    for i, (name, path) in enumerate((paths or {}).items()):
        path = np.asarray(path, float)
        inside = (path[:, 0] >= xlim[0]) & (path[:, 0] <= xlim[1]) & (path[:, 1] >= ylim[0]) & (path[:, 1] <= ylim[1])
        path = path[: np.argmin(inside)] if not inside.all() else path
        height = [float(r[0] if isinstance(r := f(theta), tuple) else r) for theta in path]
        color = COLORS[1:][i % (len(COLORS) - 1)]
        space.plot(*path.T, height, ".-", color=color, linewidth=1.6, markersize=4, label=name, zorder=5 + i)
    space.view_init(*view)
    space.set(xlabel=names[0], ylabel=names[1], title=title)
    if paths:
        space.legend(fontsize="small")
    return figure_of(space)
