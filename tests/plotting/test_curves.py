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


@pytest.mark.parametrize("losses", [[1.0], [0.0, 0.0], [-1.0, -2.0], [1e30, 1e-30]])
def test_unusual_losses_are_drawn_too(losses):
    assert plotting.png(plotting.curves({"loss": losses})).startswith(b"\x89PNG")


def test_no_global_state_of_pyplot_is_touched():
    import sys

    plotting.curves({"loss": [2.0, 1.0]})
    pyplot = sys.modules.get("matplotlib.pyplot")
    assert pyplot is None or pyplot.get_fignums() == []
