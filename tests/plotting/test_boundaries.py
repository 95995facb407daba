"""Decision boundaries, read back from the drawn lines."""

from __future__ import annotations

import numpy as np
import pytest

import dlcore as dl
from dlcore import plotting

pytest.importorskip("matplotlib")


def test_a_boundary_lies_where_the_score_is_the_threshold() -> None:
    """x₁ + x₂ = 0, read back from the black line."""
    X = np.array([[-1.0, -1.0], [1.0, 1.0], [-2.0, 1.0], [2.0, 0.0]])
    (axes,) = plotting.decision_boundary(lambda x: x.sum(axis=1), X, np.sign(X.sum(axis=1)), threshold=0.0).axes
    line = axes.collections[0].get_paths()[0].vertices
    np.testing.assert_allclose(line.sum(axis=1), 0, atol=1e-9)
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["class -1.0", "class 1.0"]


def test_what_cannot_be_drawn_is_refused() -> None:
    for X, y in ((np.zeros((3, 3)), np.ones(3)), (np.zeros((3, 2)), np.ones(2)), (np.zeros((0, 2)), [])):
        with pytest.raises(dl.ShapeError, match="decision_boundary"):
            plotting.decision_boundary(lambda x: x, X, y)


def test_a_boundary_of_one_class_only_is_drawn_too() -> None:
    figure = plotting.decision_boundary(lambda x: np.ones(len(x)), np.zeros((3, 2)), np.ones(3))
    assert plotting.png(figure, 40).startswith(b"\x89PNG")
