"""Confusion matrix and predictions against targets: what is written and drawn, and that nothing overlaps."""

import numpy as np
import pytest

from dlcore import plotting

pytest.importorskip("matplotlib")


def matrix_of(k):
    rng = np.random.default_rng(k)
    return rng.integers(0, 30, (k, k)) + 90_000 * np.eye(k, dtype=int)


def overlaps(texts):
    """Pairs of shown texts that cover each other, after layout."""
    x0, y0, x1, y1 = np.array([text.get_window_extent().extents for text in texts if text.get_text()]).T
    both = (x0[:, None] < x1) & (x0 < x1[:, None]) & (y0[:, None] < y1) & (y0 < y1[:, None])
    return np.argwhere(np.triu(both, 1)).tolist()


def test_each_count_stands_in_its_cell_and_zeros_are_left_out():
    figure = plotting.confusion_matrix(np.array([[5, 2], [0, 7]]), ["no", "yes"])
    axes = figure.axes[0]
    assert {(t.get_position(), t.get_text()) for t in axes.texts} == {((0, 0), "5"), ((1, 0), "2"), ((1, 1), "7")}
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("predicted class", "true class")
    assert axes.collections[0].get_array().tolist() == [[5 / 7, 2 / 7], [0, 1]]


@pytest.mark.parametrize(("k", "name"), [(2, "income above"), (10, ""), (20, "a long name of class "), (150, "c")])
def test_names_and_numbers_do_not_overlap(k, name):
    figure = plotting.confusion_matrix(matrix_of(k), [f"{name}{i}" for i in range(k)])
    figure.draw_without_rendering()
    axes = figure.axes[0]
    for texts in (axes.texts, axes.get_xticklabels(), axes.get_yticklabels()):
        assert not texts or overlaps(texts) == []


def test_names_are_no_formulas():
    for figure in (
        plotting.confusion_matrix(np.eye(2), ["$\\frac$", "$5 or $6"]),
        plotting.predicted_against_true(np.ones(2), np.ones(2), "$\\frac$"),
    ):
        figure.draw_without_rendering()


def test_a_class_without_test_rows_is_an_empty_row():
    figure = plotting.confusion_matrix(np.array([[3, 0], [0, 0]]), ["a", "b"])
    assert figure.axes[0].collections[0].get_array().tolist() == [[1, 0], [0, 0]]


@pytest.mark.parametrize(("rows", "scale"), [(1, 1.0), (300, 1e5), (5000, 1.0), (5000, 1e12), (300, 1e-9), (300, 0.0)])
def test_predictions_of_any_number_and_size(rows, scale):
    rng = np.random.default_rng(0)
    true = scale * rng.random(rows)
    figure = plotting.predicted_against_true(true + scale * 0.1 * rng.random(rows), true, "price")
    axes = figure.axes[0]
    assert axes.get_xlim() == axes.get_ylim()
    figure.draw_without_rendering()
    assert overlaps(axes.get_xticklabels()) == []
    drawn = axes.collections[0].get_array().sum() if rows > 2000 else len(axes.collections[0].get_offsets())
    assert drawn == rows
    assert axes.get_xlabel() == "true price"
