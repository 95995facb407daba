"""Activations as the lectures print them, and as they are."""

from __future__ import annotations

import math

import numpy as np
import pytest

import dlcore as dl

from .course import X, Y, at


def test_01_sigmoid_has_a_plus() -> None:
    """1/(1 + e^{−x}): ½ at 0 and between 0 and 1.  The printed 1/(1 − e^{−x}) has the same f' = f (1 − f), and a pole at 0."""
    (half, low, high), _ = at(dl.Sigmoid(), 0.0, -3.0, 3.0)
    assert half == 0.5
    assert 0 < low < high < 1
    printed = lambda x: 1 / (1 - math.exp(-x))
    assert printed(3.0) > 1
    assert printed(-3.0) < 0


def test_06_leaky_relu_is_a_line_to_the_left() -> None:
    """−0.03 at −3 with α = 0.01; the printed α(e^x − 1) is ELU, and gives −0.0095."""
    assert at(dl.LeakyReLU(0.01), -3.0)[0] == pytest.approx([-0.03])
    assert at(dl.ELU(0.01), -3.0)[0] == pytest.approx([-0.0095], abs=5e-5)


def test_08_relu_has_a_derivative_to_the_left() -> None:
    """0 for x < 0, and 0 is taken at 0."""
    assert at(dl.ReLU(), -1.0, 0.0, 1.0)[1] == [0, 0, 1]


@pytest.mark.parametrize(
    "layer", [dl.LeakyReLU(0.3), dl.PReLU(0.3), dl.ELU(0.3)], ids=lambda layer: type(layer).__name__
)
def test_09_slopes_at_a_kink(layer: dl.Layer) -> None:
    """α at 0, the slide's choice; the table's 1 would be a subgradient too."""
    assert at(layer, 0.0)[1] == [0.3]


@pytest.mark.parametrize(("layer", "low"), [(dl.Sigmoid(), 0.0), (dl.Tanh(), -1.0)], ids=["sigmoid", "tanh"])
def test_10_ranges_are_open_until_rounding_closes_them(layer: dl.Layer, low: float) -> None:
    assert all(low < a < 1 for a in at(layer, *np.linspace(-8, 8, 33))[0])
    assert at(layer, 40.0)[0] == [1.0]


@pytest.mark.parametrize(
    ("layer", "low", "high"),
    [
        (dl.BinaryStep(), 0, 1), (dl.Sigmoid(), 0, 1), (dl.Tanh(), -1, 1), (dl.ArcTan(), -math.pi / 2, math.pi / 2),
        (dl.ReLU(), 0, 100), (dl.LeakyReLU(0.1), -10, 100), (dl.PReLU(0.25), -25, 100), (dl.ELU(0.7), -0.7, 100), (dl.Softplus(), 0, 100),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, dl.Layer) else "",
)  # fmt: skip
def test_an_activation_changes_the_range(layer: dl.Layer, low: float, high: float) -> None:
    """[−100, 100] goes to the range of the table, whose ends are reached or nearly so."""
    values = at(layer, *np.linspace(-100, 100, 201))[0]
    assert min(values) == pytest.approx(low, abs=0.011)
    assert max(values) == pytest.approx(high, abs=0.011)
    assert low <= min(values)
    assert max(values) <= high


def test_leaky_units_do_not_die() -> None:
    """From one seed, after steps that are too large: some ReLU units give 0 for every row, no leaky one does."""
    dead = {}
    for hidden in (dl.ReLU(), dl.LeakyReLU()):
        model = dl.Sequential(dl.Dense(3, 64), hidden, dl.Dense(64, 1))
        trainer = dl.Trainer(model, dl.BinaryCrossEntropy(), dl.SGD(2.0), dtype="float64")
        trainer.fit(X, Y > 0, epochs=5, batch_size=1)
        dead[type(hidden).__name__] = int((dl.layer_outputs(trainer, X)[1] == 0).all(axis=0).sum())
    assert dead["ReLU"] > dead["LeakyReLU"] == 0
