"""Momentum and Nesterov's look ahead."""

from __future__ import annotations

import numpy as np
import pytest

import dlcore as dl

from .course import RANDOM, bowl


def test_26_momentum_moves_at_the_first_step() -> None:
    """v is updated, then used: (0.998, 0.94) after one step; with the old v = 0, θ would stay at (1, 1)."""
    path = dl.descend(bowl, [1.0, 1.0], dl.MovingAverageSGD(0.02, 0.9), 1).path
    np.testing.assert_allclose(path[1], [0.998, 0.94], rtol=1e-12)
    dampened = dl.descend(bowl, [1.0, 1.0], dl.SGD(0.02, 0.9, 0.9), 1).path
    np.testing.assert_allclose(dampened[1], [0.98, 0.40], rtol=1e-12)


def test_27_where_nesterov_looks() -> None:
    """The slide's θ − ηv is look_ahead = 1, a hand loop; Nesterov's own is look_ahead = β, on PyTorch's path at η (1 − β)."""
    eta, beta = 0.02, 0.9
    theta, v, hand = np.ones(2), np.zeros(2), []
    for _ in range(30):
        v = beta * v + (1 - beta) * bowl(theta - eta * v)[1]
        theta = theta - eta * v
        hand.append(theta)
    slide = dl.descend(bowl, [1.0, 1.0], dl.MovingAverageSGD(eta, beta, nesterov=True), 30).path
    np.testing.assert_allclose(slide[1:], hand, rtol=1e-10)
    own = dl.descend(bowl, [1.0, 1.0], dl.MovingAverageSGD(eta, beta, nesterov=True, look_ahead=beta), 30).path
    torchs = dl.descend(bowl, [1.0, 1.0], dl.SGD((1 - beta) * eta, beta, nesterov=True), 30).path
    shifted = own[1:] + beta * (own[1:] - own[:-1])  # θ − ηβ v, and η v is the last step
    np.testing.assert_allclose(shifted, torchs[1:], atol=1e-14)
    assert np.abs(slide - own).max() == pytest.approx(1.7e-2, rel=0.05)


def test_momentum_is_a_weighted_sum_of_all_gradients() -> None:
    """v_t = (1 − β) Σ β^k g_{t−k}; with constant g it grows like 1 − β^t, with ±g it shrinks to (1 − β)/(1 + β)."""
    gradients, beta = RANDOM.normal(size=12), 0.9
    given = iter([*gradients, 0.0])
    path = dl.descend(lambda t: (0.0, [next(given)]), 0.0, dl.MovingAverageSGD(1.0, beta), 12).path[:, 0]
    weighted = [(1 - beta) * sum(beta**k * gradients[t - k] for k in range(t + 1)) for t in range(12)]
    np.testing.assert_allclose(-np.diff(path), weighted, rtol=1e-10)


@pytest.mark.parametrize("share", [0.97, 1.03])
@pytest.mark.parametrize(
    ("look_ahead", "limit"), [(None, 3.8), (0.9, 1.357), (1.0, 1.267)], ids=["plain", "beta", "slide"]
)
def test_the_largest_stable_rates_of_momentum(look_ahead: float | None, limit: float, share: float) -> None:
    """On ½ θ² with β = 0.9: (1 − β) η below 2 (1 + β), 2 (1 + β)/(1 + 2β) with look_ahead = β, 2 (1 + β)/3 with 1."""
    options = {} if look_ahead is None else {"nesterov": True, "look_ahead": look_ahead}
    rule = dl.MovingAverageSGD(share * limit / (1 - 0.9), 0.9, **options)
    end = dl.descend(lambda t: (0.5 * float(t[0]) ** 2, t), 1.0, rule, 400).end[0]
    assert (abs(end) < 1) == (share < 1)
