"""Rules that scale each coordinate: worked numbers of the lectures and of the papers, on one coordinate or two."""

from __future__ import annotations

import numpy as np
import pytest

import dlcore as dl

from .steps import steps_on


def bowl(theta: np.ndarray) -> tuple[float, np.ndarray]:
    """½ θᵀθ"""
    return 0.5 * float(theta @ theta), theta


def test_normalized_gradient_moves_by_the_rate() -> None:
    """Steps of η whatever the size of g, and none where g is 0 (lecture 004: "only 1s and −1s")."""
    np.testing.assert_allclose(steps_on(dl.NormalizedGradient(0.1), [5.0, -1e-3, 0.0, 7e4]), [1, -1, 0, 1], rtol=1e-4)


def test_normalized_gradient_does_not_settle() -> None:
    """From 0.35 with η = 0.1 it ends at ±0.05 by turns."""
    path = dl.descend(bowl, 0.35, dl.NormalizedGradient(0.1), steps=20).path[:, 0]
    np.testing.assert_allclose(np.abs(path[-4:]), 0.05, rtol=1e-4)
    assert (path[-4:-1] * path[-3:] < 0).all()


def test_adagrad_slows_down_as_one_over_the_root_of_t() -> None:
    """η/√t for a constant gradient: 1, ½, 0.1 of η at t = 1, 4, 100."""
    np.testing.assert_allclose(steps_on(dl.AdaGrad(0.1), [3.0] * 100)[[0, 3, 99]], [1, 0.5, 0.1], rtol=1e-9)


def test_adagrad_keeps_the_rate_of_a_rare_coordinate() -> None:
    """Each coordinate has a rate of its own: one that gets a gradient every tenth time still moves by more."""
    gradients = iter(np.column_stack([np.ones(50), np.arange(1, 51) % 10 == 0]).astype(float))
    path = dl.descend(lambda theta: (0.0, next(gradients, np.zeros(2))), [0.0, 0.0], dl.AdaGrad(1.0), steps=50).path
    last = -np.diff(path, axis=0)[49]
    np.testing.assert_allclose(last, [1 / np.sqrt(50), 1 / np.sqrt(5)])


def test_rmsprop_starts_large_and_goes_on() -> None:
    """ρ = 0.9, constant gradient: 3.16, 1.24 and 1.00 of η at t = 1, 10, 100."""
    steps = steps_on(dl.RMSProp(0.1, rho=0.9), [2.0] * 100)
    assert np.round(steps[[0, 9, 99]], 2).tolist() == [3.16, 1.24, 1.00]


def test_bias_correction_makes_every_step_of_adam_one() -> None:
    """For a constant gradient m̂ = g and v̂ = g² from the first step on."""
    np.testing.assert_allclose(steps_on(dl.Adam(0.1), [2.0] * 50), 1, rtol=1e-7)


def test_nadam_looks_ahead() -> None:
    """Dozat's equations in plain NumPy, gradients of any sign."""
    gradients = np.random.default_rng(0).standard_normal(30)
    m = v = 0.0
    expected = []
    for t, g in enumerate(gradients, 1):
        m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g * g
        m_hat = 0.9 * m / (1 - 0.9 ** (t + 1)) + 0.1 * g / (1 - 0.9**t)
        expected.append(m_hat / (np.sqrt(v / (1 - 0.999**t)) + 1e-8))
    np.testing.assert_allclose(steps_on(dl.Nadam(0.1), gradients), expected, rtol=1e-9)


def test_lion_moves_by_the_rate() -> None:
    """The sign of 0.9 m + 0.1 g, which a single gradient against the current turns only if it is large."""
    assert np.round(steps_on(dl.Lion(0.1), [1, 1, -0.1, -5, 0]), 12).tolist() == [
        1,
        1,
        1 * (0.9 * 0.0199 > 0.01),
        -1,
        -1,
    ]


OPTIMIZERS = (dl.NormalizedGradient(0.1), dl.AdaGrad(0.1), dl.RMSProp(0.1), dl.Adam(0.1), dl.Nadam(0.1))


@pytest.mark.parametrize("inside", [False, True], ids=["outside", "inside"])
@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=lambda o: type(o).__name__)
def test_the_smallest_epsilon_keeps_a_gradient_of_0_from_0_over_0(optimizer: dl.Optimizer, inside: bool) -> None:
    """In float32, where a step computes with 0 in place of smaller numbers."""
    tiny = type(optimizer)(0.1, epsilon=2.0**-126, epsilon_inside_root=inside)
    trainer = dl.Trainer(dl.Sequential(dl.Dense(3, 2)), dl.SquaredError(), tiny)
    before = trainer.get_weights()
    trainer.fit(np.zeros((8, 3)), np.zeros((8, 2)), epochs=2, batch_size=4)
    for a, b in zip(before, trainer.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    with pytest.raises(dl.ConfigurationError, match="epsilon=1e-38 is 0 in float32"):
        dl.Trainer(dl.Sequential(dl.Dense(3, 2)), dl.SquaredError(), type(optimizer)(0.1, epsilon=1e-38))


@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=lambda o: type(o).__name__)
def test_epsilon_inside_the_root_is_felt_where_gradients_are_small(optimizer: dl.Optimizer) -> None:
    """g = 1e-4 and ε = 1e-8: √v = g is far above ε outside, and √(v + ε) is √2 g for v = g² (lecture 004)."""
    kind = type(optimizer)
    outside, inside = (
        steps_on(kind(0.1, epsilon=1e-8, epsilon_inside_root=place), [1e-4])[0] for place in (False, True)
    )
    share = 0.1 if kind is dl.RMSProp else 1.0  # of g² in v
    gradients = 0.9 * 0.1 / (1 - 0.9**2) + 1 if kind is dl.Nadam else 1.0  # Nadam's m̂ is more than g at first
    assert outside == pytest.approx(gradients / (np.sqrt(share) + 1e-4), rel=1e-6)
    assert inside == pytest.approx(gradients / np.sqrt(share + 1), rel=1e-6)
