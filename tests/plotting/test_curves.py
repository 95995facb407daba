"""Pictures, drawn without a display."""

import pytest

from dlcore import plotting

pytest.importorskip("matplotlib")


def lines(figure):
    return {line.get_label(): list(line.get_ydata()) for line in figure.axes[0].get_lines()}


def test_curves_show_training_and_validation_loss():
    figure = plotting.curves({"loss": [2.0, 1.0, 0.5], "val_loss": [2.0, 1.3, 1.4], "seconds": [1, 1, 1]})
    found = lines(figure)
    assert found.pop("lowest loss: epoch 2") == [0, 1]  # from the bottom to the top
    assert found == {"training": [2.0, 1.0, 0.5], "validation": [2.0, 1.3, 1.4]}
    assert figure.axes[0].get_yscale() == "log"


@pytest.mark.parametrize("metric", ["accuracy", "rmse"])
def test_curves_show_the_validation_metric_beside_the_loss(metric):
    history = {"loss": [2.0, 1.0, 0.5], "val_loss": [float("nan"), 1.3, 1.4], f"val_{metric}": [0.5, 0.75, 0.7]}
    figure = plotting.curves(history)
    assert [axes.get_ylabel() for axes in figure.axes] == ["loss", metric]
    assert list(figure.axes[1].get_lines()[0].get_ydata()) == [0.5, 0.75, 0.7]
    assert [axes.get_lines()[-1].get_xdata()[0] for axes in figure.axes] == [2, 2]
    (axes,) = plotting.panels(1)[1]
    assert plotting.curves(history, axes=axes).axes == [axes]  # on given axes the loss alone


@pytest.mark.parametrize("place", ["upper left", "center", "lower right", "best"])
def test_no_legend_covers_a_curve(place):
    import numpy as np

    x = np.linspace(0, 1, 50)
    everywhere = {f"a curve of number {i}": (x, (i + np.sin(20 * x)) / 5) for i in range(6)}
    figure = plotting.lines(everywhere, xlabel="x", ylabel="y")
    (axes,) = figure.axes
    axes.legend(loc=place)
    plotting.png(figure)
    box = axes.get_legend().get_window_extent()
    assert box.x0 >= axes.get_window_extent().x1
    assert box.x1 <= figure.bbox.x1  # not cut off


def test_a_legend_that_covers_nothing_stays():
    figure = plotting.lines({"low": [0.0, 0.1, 0.0, 0.1], "high": [0.0, 0.0, 0.1, 1.0]}, xlabel="x", ylabel="y")
    plotting.png(figure)
    (axes,) = figure.axes
    assert axes.get_window_extent().contains(*axes.get_legend().get_window_extent().min)


def test_values_are_counted_from_the_first_and_whole_numbers_have_whole_ticks():
    """The loss of the first epoch is at 1, and there is no epoch 2.5."""
    (axes,) = plotting.lines({"loss": [3.0, 2.0, 1.0]}, first=1, xlabel="epoch", ylabel="loss").axes
    assert list(axes.get_lines()[0].get_xdata()) == [1, 2, 3]
    assert all(float(tick).is_integer() for tick in axes.get_xticks())
    (axes,) = plotting.lines({"f": ([0.0, 0.5], [1.0, 2.0])}, xlabel="x", ylabel="f").axes
    assert not all(float(tick).is_integer() for tick in axes.get_xticks())


@pytest.mark.parametrize("losses", [[1.0], [0.0, 0.0], [-1.0, -2.0], [1e30, 1e-30]])
def test_unusual_losses_are_drawn_too(losses):
    assert plotting.png(plotting.curves({"loss": losses})).startswith(b"\x89PNG")


def test_no_global_state_of_pyplot_is_touched():
    import sys

    plotting.curves({"loss": [2.0, 1.0]})
    pyplot = sys.modules.get("matplotlib.pyplot")
    assert pyplot is None or pyplot.get_fignums() == []
