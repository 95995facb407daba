"""Pictures, drawn without a display."""

import pytest

from dlcore import plotting

pytest.importorskip("matplotlib")


def lines(figure):
    return {line.get_label(): list(line.get_ydata()) for line in figure.axes[0].get_lines()}


def test_curves_show_training_and_validation_loss():
    figure = plotting.curves({"loss": [2.0, 1.0, 0.5], "val_loss": [2.0, 1.5, 1.4], "seconds": [1, 1, 1]})
    assert lines(figure) == {"training": [2.0, 1.0, 0.5], "validation": [2.0, 1.5, 1.4]}
    assert figure.axes[0].get_yscale() == "log"


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
