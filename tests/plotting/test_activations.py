"""An activation and its derivative, as numbers and as a picture."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import dlcore as dl
from dlcore import plotting
from dlcore.plotting.activations import value_and_slope

pytest.importorskip("matplotlib")


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


@pytest.mark.parametrize("layer", [dl.Softmax(), dl.Dense(1, 1), "relu"], ids=str)
def test_what_is_no_elementwise_layer_is_refused(layer: Any) -> None:
    with pytest.raises(dl.ConfigurationError, match="elementwise"):
        plotting.activation(layer)
