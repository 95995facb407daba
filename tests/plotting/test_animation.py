"""Paths as a film."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import dlcore as dl
from dlcore import plotting

pytest.importorskip("matplotlib")


def bowl(theta: np.ndarray) -> tuple[float, np.ndarray]:
    return float(theta @ theta), 2 * theta


def test_an_animation_has_its_frames(tmp_path: Path) -> None:
    image = pytest.importorskip("PIL.Image")
    paths = {"SGD": dl.descend(bowl, [1.0, 0.5], dl.SGD(0.1), 3).path, "start": np.zeros((1, 2))}
    plotting.animate_paths(tmp_path / "a.gif", bowl, (-1, 1), (-1, 1), paths, points=5)
    with image.open(tmp_path / "a.gif") as film:
        assert (film.format, film.n_frames) == ("GIF", 4)
