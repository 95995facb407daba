"""Momentum as the lectures and scikit-learn have it: worked numbers on one coordinate."""

from __future__ import annotations

import numpy as np
import pytest

import dlcore as dl

from .steps import steps_on


def test_momentum_grows_along_a_constant_gradient() -> None:
    """1 − βᵗ: 0.1, 0.19, 0.65, 0.90 of η at t = 1, 2, 10, 22."""
    steps = steps_on(dl.MovingAverageSGD(0.1, 0.9), [1.0] * 22)
    assert np.round(steps[[0, 1, 9, 21]], 2).tolist() == [0.1, 0.19, 0.65, 0.9]


def test_momentum_smooths_gradients_that_alternate() -> None:
    """±g: the amplitude goes to (1 − β)/(1 + β) = 0.0526."""
    steps = steps_on(dl.MovingAverageSGD(0.1, 0.9), (-1.0) ** np.arange(200))
    assert np.round(np.abs(steps[-2:]), 4).tolist() == [0.0526, 0.0526]
    assert steps[-1] * steps[-2] < 0


@pytest.mark.parametrize("nesterov", [False, True])
def test_a_velocity_of_steps_is_one_of_gradients_while_the_rate_is_constant(nesterov: bool) -> None:
    """v of steps is η times v of gradients; when the rate falls, the old steps go on as they were."""
    gradients = np.random.default_rng(1).standard_normal(20)
    ours, theirs = (
        steps_on(dl.SGD(0.1, 0.9, nesterov=nesterov, velocity=velocity), gradients) for velocity in ("step", "gradient")
    )
    np.testing.assert_allclose(ours, theirs, rtol=1e-9)


@pytest.mark.parametrize("nesterov", [False, True])
def test_a_velocity_of_steps_is_scikit_learns(nesterov: bool) -> None:
    """Its SGDOptimizer, written out: v ← μ v − η g, θ ← θ + v, or with Nesterov θ ← θ + μ v − η g, while η falls to 0."""
    gradients = np.random.default_rng(2).standard_normal(12)
    rates = 0.1 * np.array([1, 1, 0.5, 0.5, 0.2, 1, 1, 0.3, 0.1, 0, 0, 0])
    theta = v = 0.0
    path = [theta]
    for g, eta in zip(gradients, rates, strict=True):
        v = 0.9 * v - eta * g
        theta += 0.9 * v - eta * g if nesterov else v
        path.append(theta)
    schedule = lambda step: rates[min(step, 11)] / 0.1
    optimizer = dl.SGD(0.1, 0.9, nesterov=nesterov, velocity="step", schedule=schedule)
    np.testing.assert_allclose(steps_on(optimizer, gradients) * -0.1, np.diff(path), rtol=1e-12)
