"""Heights of a function of two numbers, and paths on it, read back from the drawn objects."""

from __future__ import annotations

import numpy as np
import pytest

import dlcore as dl
from dlcore import plotting
from dlcore.plotting.landscapes import heights, levels_of

pytest.importorskip("matplotlib")


def bowl(theta: np.ndarray) -> tuple[float, np.ndarray]:
    return float(theta @ theta), 2 * theta


def test_heights_are_those_of_the_function() -> None:
    x, y, z = heights(bowl, (-1, 1), (0, 2), 3)
    assert z.tolist() == [[1, 0, 1], [2, 1, 2], [5, 4, 5]]
    assert (x.tolist(), y.tolist()) == ([-1, 0, 1], [0, 1, 2])
    assert (np.diff(levels_of(z)) > 0).all()
    assert (np.diff(levels_of(np.zeros((2, 2)))) > 0).all()  # a plain has contours too


@pytest.mark.parametrize("draw", [plotting.contours, plotting.surface])
def test_a_path_is_drawn_where_it_goes(draw: object) -> None:
    path = dl.descend(bowl, [1.0, 0.5], dl.SGD(0.1), 4).path
    (axes,) = draw(bowl, (-1, 1), (-1, 1), paths={"SGD": path}, points=5).axes  # type: ignore[operator]
    line = axes.get_lines()[0]
    data = line.get_data_3d() if hasattr(line, "get_data_3d") else line.get_data()
    np.testing.assert_allclose(np.transpose(data[:2]), path)
    if len(data) == 3:
        np.testing.assert_allclose(data[2], (path**2).sum(axis=1))
