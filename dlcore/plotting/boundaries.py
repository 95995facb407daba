"""Decision boundaries of classifiers."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from ..arrays import ArrayLike
from ..errors import ShapeError
from .style import COLORS, axes_or_new, figure_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_MARKS = "osD^vP*"


def decision_boundary(
    predict: Callable[[np.ndarray], ArrayLike],
    X: ArrayLike,
    y: ArrayLike,
    *,
    threshold: float = 0.5,
    title: str = "",
    points: int = 300,
    axes: Axes | None = None,
) -> Figure:
    """The plane of the two columns of X, shaded by class, with the data on it and the boundary as a black line.

    predict     (n, 2) -> (n,) or (n, 1), one number per row, class 1 from `threshold` on; or (n, k), a score for each class;
                for example `trainer.predict`
    y           (n,) classes: any two values for one output, indices from 0 for k

    Each class has a colour and a marker.  Raises ShapeError for X or y of another shape.
    """
    X, y = np.asarray(X, float), np.asarray(y).reshape(-1)
    if X.ndim != 2 or X.shape[1] != 2 or len(X) != len(y) or not len(X):
        raise ShapeError(f"decision_boundary: X has shape {X.shape} and y {y.shape}; expected (n, 2) and (n,), n > 0")
    axes = axes_or_new(axes, 5.2, 4.4)
    low, high = X.min(axis=0), X.max(axis=0)
    margin = 0.1 * np.where(high > low, high - low, 1)
    sides = [np.linspace(a, b, points) for a, b in zip(low - margin, high + margin, strict=True)]
    plane = np.stack(np.meshgrid(*sides), axis=-1)
    scores = np.asarray(predict(plane.reshape(-1, 2)), float).reshape(points, points, -1)
    classes = np.unique(y)
    if scores.shape[-1] == 1:
        region = (scores[..., 0] >= threshold).astype(int)
        if region.any() and not region.all():
            axes.contour(*sides, scores[..., 0], levels=[threshold], colors="black", linewidths=1.4)
    else:
        region, classes = scores.argmax(axis=-1), np.arange(scores.shape[-1])
        axes.contour(*sides, region, levels=np.arange(len(classes) - 1) + 0.5, colors="black", linewidths=1.0)
    axes.contourf(
        *sides, region, levels=np.arange(len(classes) + 1) - 0.5, colors=[_shade(i) for i in range(len(classes))]
    )
    for i, name in enumerate(classes):
        chosen, mark = X[y == name], _MARKS[i % len(_MARKS)]
        axes.scatter(
            chosen[:, 0],
            chosen[:, 1],
            s=28,
            c=_color(i),
            marker=mark,
            edgecolors="white",
            linewidths=0.6,
            label=f"class {name}",
        )
    axes.set(xlabel="x₁", ylabel="x₂", title=title)
    axes.legend(loc="best", fontsize="small", framealpha=0.9)
    return figure_of(axes)


def _color(i: int) -> str:
    return COLORS[i % len(COLORS)]


def _shade(i: int) -> tuple[float, ...]:
    """The colour of class i, mixed with white."""
    from matplotlib.colors import to_rgb

    return tuple(0.82 + 0.18 * c for c in to_rgb(_color(i)))
