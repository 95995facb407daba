"""Rules that scale each coordinate: where epsilon stands, bias correction, accumulated squares."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import dlcore as dl


@pytest.mark.parametrize(
    "optimizer", [dl.Adam, dl.AdaGrad, dl.RMSProp, dl.NormalizedGradient], ids=lambda o: o.__name__
)
def test_28_where_epsilon_stands(optimizer: Any) -> None:
    """For a gradient as small as ε, √(v + ε) and √v + ε differ by orders: inside the root steps are far smaller."""
    options = {"rho": 0.0} if optimizer is dl.RMSProp else {}
    steps = []
    for inside in (False, True):
        rule = optimizer(1.0, epsilon=1e-6, epsilon_inside_root=inside, **options)
        steps.append(-float(dl.descend(lambda theta: (0.0, [1e-6]), 0.0, rule, 1).end[0]))
    assert steps == pytest.approx([0.5, 1e-6 / math.sqrt(1e-12 + 1e-6)], rel=1e-6)


def test_29_a_normalized_gradient_of_zero_is_zero() -> None:
    """ "Only 1s and −1s": 0 where g = 0, and slightly below 1 with ε.  It does not settle: ±0.05 in turn from 0.35, η = 0.1."""
    end = dl.descend(lambda t: (0.0, [0.0, 3.0]), [1.0, 1.0], dl.NormalizedGradient(0.1), 1).end
    assert end[0] == 1.0
    assert 0.9 < end[1] < 0.9 + 1e-8
    path = dl.descend(lambda t: (0.5 * t[0] ** 2, t), 0.35, dl.NormalizedGradient(0.1), 20).path[-4:, 0]
    np.testing.assert_allclose(np.abs(path), 0.05, atol=1e-6)
    assert (np.diff(np.sign(path)) != 0).all()


def test_30_bias_correction_lowers_the_first_update() -> None:
    """Uncorrected, g = 1 gives 3.16 η, 6.53 η, 1.26 η at t = 1, 10, 1000; Adam gives η from the first step."""
    step = lambda t: (1 - 0.9**t) / math.sqrt(1 - 0.999**t)
    assert [step(t) for t in (1, 10, 1000)] == pytest.approx([3.16, 6.53, 1.26], abs=5e-3)
    path = dl.descend(lambda theta: (0.0, [1.0]), 0.0, dl.Adam(0.1), 10).path[:, 0]
    np.testing.assert_allclose(np.diff(path), -0.1, rtol=1e-6)


def test_adagrad_and_rmsprop_on_a_constant_gradient() -> None:
    """AdaGrad's rate falls like 1/√t: 1, ½, 0.1 at 1, 4, 100; RMSProp's comes back to 1: 3.16, 1.24, 1.00 at 1, 10, 100."""
    for optimizer, expected in (
        (dl.AdaGrad(1.0), {1: 1, 4: 0.5, 100: 0.1}),
        (dl.RMSProp(1.0, rho=0.9), {1: 3.16, 10: 1.24, 100: 1.00}),
    ):
        steps = -np.diff(dl.descend(lambda t: (0.0, [1.0]), 0.0, optimizer, 100).path[:, 0])
        for t, rate in expected.items():
            assert steps[t - 1] == pytest.approx(rate, abs=6e-3)
