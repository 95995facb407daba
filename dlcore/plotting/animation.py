"""Animations, as GIF files."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar, Unpack

import numpy as np

from ..files import replacing
from .landscapes import ContourOptions, Limits, Value, contours
from .style import line_style

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Frame = TypeVar("Frame")


def gif(
    path: str | os.PathLike[str],
    figure: Figure,
    draw: Callable[[Frame], object],
    frames: Iterable[Frame],
    *,
    per_second: int = 12,
    dpi: float = 80,
) -> None:
    """Write a GIF: `draw(frame)` updates the figure before each frame is taken.  By Pillow, through matplotlib."""
    from matplotlib.animation import PillowWriter

    writer = PillowWriter(fps=per_second)
    with replacing(Path(path)) as temporary, writer.saving(figure, os.fspath(temporary), dpi):
        for frame in frames:
            draw(frame)
            writer.grab_frame()


def animate_paths(
    path: str | os.PathLike[str],
    f: Callable[[np.ndarray], Value],
    xlim: Limits,
    ylim: Limits,
    paths: Mapping[str, np.ndarray],
    *,
    frames: int = 60,
    per_second: int = 12,
    **options: Unpack[ContourOptions],
) -> None:
    """A GIF of named paths (steps, 2) that grow over the contours of f at the same pace; `options` are those of `contours`."""
    figure = contours(f, xlim, ylim, **options)
    (axes,) = figure.axes
    moving = []
    for i, (name, way) in enumerate(paths.items()):
        look = line_style(i)
        (line,) = axes.plot([], [], linewidth=1.4, label=name, **look)
        (head,) = axes.plot([], [], "o", color=look["color"], markersize=7, markeredgecolor="white")
        moving.append((np.asarray(way, float), line, head))
    axes.legend(
        fontsize="small", frameon=False, loc="upper left", bbox_to_anchor=(1, 1)
    )  # outside: paths may go anywhere
    longest = max(len(way) for way, _, _ in moving)
    counter = axes.text(0.02, 0.02, "", transform=axes.transAxes)

    def draw(step: int) -> None:
        for way, line, head in moving:
            line.set_data(*way[: step + 1].T)
            head.set_data(*way[min(step, len(way) - 1)][:, None])
        counter.set_text(f"step {step}")

    steps = np.unique(np.linspace(0, longest - 1, min(frames, longest)).astype(int))
    gif(path, figure, draw, steps.tolist(), per_second=per_second)
