"""Histograms of weights."""

from __future__ import annotations

import numpy as np
import pytest

from dlcore import plotting

pytest.importorskip("matplotlib")


def test_a_histogram_counts_every_finite_entry() -> None:
    figure = plotting.histograms({"0.W": np.array([[1.0, 2.0], [np.inf, 3.0]]), "0.b": np.zeros(3)}, bins=4)
    counts = [sum(bar.get_height() for bar in axes.patches) for axes in figure.axes]
    assert counts == [3, 3]
    assert "1 not finite" in figure.axes[0].get_title()
