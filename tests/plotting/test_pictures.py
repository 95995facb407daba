"""What the pictures show is what was given: read back from the drawn objects, without a display."""

from __future__ import annotations

import builtins
from pathlib import Path

import numpy as np
import pytest

import dlcore as dl
from dlcore import plotting
from dlcore.plotting.activations import value_and_slope
from dlcore.plotting.landscapes import heights, levels_of

pytest.importorskip("matplotlib")


def bowl(theta: np.ndarray) -> tuple[float, np.ndarray]:
    return float(theta @ theta), 2 * theta


def test_without_matplotlib_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def refuse(name: str, *rest: object, **options: object) -> object:
        if name.startswith("matplotlib"):
            raise ModuleNotFoundError("No module named 'matplotlib'")
        return real(name, *rest, **options)

    monkeypatch.setattr(builtins, "__import__", refuse)
    with pytest.raises(ImportError, match=r'pip install "dlcore\[plot\]"'):
        plotting.panels(1)


@pytest.mark.parametrize(
    ("layer", "value", "slope"),
    [
        (dl.Sigmoid(), 0.5, 0.25),
        (dl.Tanh(), 0.0, 1.0),
        (dl.ReLU(), 0.0, 0.0),
        (dl.LeakyReLU(), 0.0, 0.01),
        (dl.PReLU(), 0.0, 0.25),
        (dl.BinaryStep(), 1.0, 0.0),
        (dl.Softplus(), np.log(2), 0.5),
        (dl.GELU(), 0.0, 0.5),
    ],
    ids=lambda v: type(v).__name__ if isinstance(v, dl.Layer) else "",
)
def test_value_and_slope_at_zero(layer: dl.Layer, value: float, slope: float) -> None:
    a, g = value_and_slope(layer, np.zeros(1))
    assert (a[0], g[0]) == pytest.approx((value, slope))


def test_an_activation_is_drawn_with_its_derivative_and_a_gap_at_the_kink() -> None:
    (axes,) = plotting.activation(dl.ReLU()).axes
    value, slope = (line.get_ydata() for line in axes.get_lines()[:2])
    assert not np.isnan(value).any()
    assert np.isnan(slope).sum() == 1
    assert set(slope[~np.isnan(slope)]) == {0.0, 1.0}


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
    for layer in (dl.Softmax(), dl.Dense(1, 1), "relu"):
        with pytest.raises(dl.ConfigurationError, match="elementwise"):
            plotting.activation(layer)  # type: ignore[arg-type]


def test_a_boundary_of_one_class_only_is_drawn_too() -> None:
    figure = plotting.decision_boundary(lambda x: np.ones(len(x)), np.zeros((3, 2)), np.ones(3))
    assert plotting.png(figure, 40).startswith(b"\x89PNG")


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


def test_a_histogram_counts_every_finite_entry() -> None:
    figure = plotting.histograms({"0.W": np.array([[1.0, 2.0], [np.inf, 3.0]]), "0.b": np.zeros(3)}, bins=4)
    counts = [sum(bar.get_height() for bar in axes.patches) for axes in figure.axes]
    assert counts == [3, 3]
    assert "1 not finite" in figure.axes[0].get_title()


def test_an_animation_has_its_frames(tmp_path: Path) -> None:
    image = pytest.importorskip("PIL.Image")
    paths = {"SGD": dl.descend(bowl, [1.0, 0.5], dl.SGD(0.1), 3).path, "start": np.zeros((1, 2))}
    plotting.animate_paths(tmp_path / "a.gif", bowl, (-1, 1), (-1, 1), paths, points=5)
    with image.open(tmp_path / "a.gif") as film:
        assert (film.format, film.n_frames) == ("GIF", 4)


def test_a_graph_shows_its_values() -> None:
    figure = plotting.graph(
        {"x": (0, 0, "x"), "f": (1, 0, "x²")}, [plotting.Edge("x", "f", "3", "6")], title="a square"
    )
    assert [text.get_text() for text in figure.axes[0].texts] == ["x", "x²", "", "3", "6"]
