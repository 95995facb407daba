"""Gradient descent: where it ends, what a batch is, penalties, starts and stable rates."""

from __future__ import annotations

import math

import numpy as np
import pytest

import dlcore as dl
from dlcore.kernels.rng import Stream
from dlcore.layers.initializers import GlorotUniform, HeNormal, LeCunNormal, Uniform

from .course import X, Y, neuron


def test_20_a_gradient_of_zero_is_no_minimum() -> None:
    """x² − y² from y = 0 ends at its saddle point, and the loop ends there, not `while True`."""
    f = lambda t: (t[0] ** 2 - t[1] ** 2, [2 * t[0], -2 * t[1]])
    done = dl.descend(f, [1.0, 0.0], dl.SGD(0.1), 10_000, gradient_tolerance=1e-6)
    assert (done.reason, done.end[1]) == ("gradient", 0.0)
    hessian = [dl.numerical_gradient(lambda t, i=i: f(t)[1][i], done.end) for i in range(2)]
    assert np.linalg.eigvalsh(hessian) == pytest.approx([-2, 2])  # down along y, up along x: a saddle


@pytest.mark.parametrize("batch_size", [1, 3, None])
def test_22_lambda_counts_training_rows(batch_size: int | None) -> None:
    """λ/(2m) Σ w² adds (λ/m) w to the gradient of every batch, whatever its size: l2 = λ/m; biases have none."""
    lam, ends = 0.6, []
    for l2 in (0.0, lam / len(X)):
        trainer = neuron(dl.SquaredError(), dl.SGD(0.1, l2=l2))
        w = trainer.get_weights()[0]
        rows = slice(0, batch_size)
        trainer.fit(X[rows], Y[rows], epochs=1, batch_size=batch_size)
        ends.append(trainer.get_weights())
    np.testing.assert_allclose(ends[0][0] - ends[1][0], 0.1 * lam / len(X) * w, rtol=1e-9)
    np.testing.assert_array_equal(ends[0][1], ends[1][1])


def test_23_two_rules_two_variances() -> None:
    """N(0, 1/n) has the variance 1/n, U(±√(1/n)) a third of it; Glorot's rule 2/(n_in + n_out), He's 2/n, 4 times Glorot's 32/(…)."""
    n, shape = 64, (64, 4000)
    for rule, variance in (
        (LeCunNormal(), 1 / n),
        (Uniform(math.sqrt(1 / n)), 1 / (3 * n)),
        (GlorotUniform(), 2 / sum(shape)),
        (GlorotUniform(gain=4), 32 / sum(shape)),
        (HeNormal(), 2 / n),
    ):
        assert rule(Stream(0, 0), shape).var() == pytest.approx(variance, rel=0.01)


@pytest.mark.parametrize(("batch_size", "steps"), [(1, 6), (4, 2), (6, 1), (None, 1)])
def test_34_one_object_for_all_sizes(batch_size: int | None, steps: int) -> None:
    """Stochastic, mini-batch with a ragged last one, batch: ⌈m / B⌉ updates an epoch."""
    trainer = neuron(dl.SquaredError(), dl.SGD(0.1))
    trainer.fit(X, Y, epochs=1, batch_size=batch_size)
    assert trainer.updates == steps


def test_35_with_a_decaying_rate_it_converges() -> None:
    """η_t = 1/t on ½ (θ − x_t)²: θ_t is the running mean of the rows, from any start; a constant rate wanders."""
    rows = np.random.default_rng(1).normal(size=501)
    for start in (0.0, 7.0):
        row = iter(rows)
        decaying = dl.SGD(1.0, schedule=dl.schedules.InverseTimeDecay(1))
        path = dl.descend(lambda t, row=row: (0.0, t - next(row)), start, decaying, 500).path[1:, 0]
        np.testing.assert_allclose(path, np.cumsum(rows[:500]) / np.arange(1, 501), rtol=1e-9)


def test_zero_output_weights_do_no_harm() -> None:
    """Wᵀδ = 0 at the first step, so hidden weights wait; from the second on they learn."""
    model = dl.Sequential(dl.Dense(3, 4), dl.Tanh(), dl.Dense(4, 1, init=dl.initializers.Constant(0.0)))
    trainer = dl.Trainer(model, dl.SquaredError(), dl.SGD(0.1), dtype="float64")
    norms = []
    for _ in range(2):
        norms.append(float(np.abs(dl.gradients(trainer, X, Y)["0.W"]).max()))
        trainer.fit(X, Y, epochs=1, batch_size=None)
    assert norms[0] == 0 < norms[1]


def test_batch_descent_depends_on_start_and_rate_only() -> None:
    """All rows a step: the same path for any seed of the order and any order of the rows, up to rounding."""
    ends = []
    for order in (slice(None), slice(None, None, -1)):
        trainer = neuron(dl.SquaredError(), dl.SGD(0.1))
        trainer.fit(X[order], Y[order], epochs=20, batch_size=None)
        ends.append(trainer.get_weights()[0])
    np.testing.assert_allclose(ends[0], ends[1], rtol=1e-12)


@pytest.mark.parametrize("eta", [0.99, 1.01])
def test_the_largest_stable_rate(eta: float) -> None:
    """½ h θ² with h = 2: from η h = 2 on it does not converge."""
    end = abs(dl.descend(lambda t: (t[0] ** 2, 2 * t), 1.0, dl.SGD(eta), 100).end[0])
    assert (end < 1) == (eta < 1)


@pytest.mark.parametrize(("eta", "variance"), [(0.1, 0.0526), (0.05, 0.0256), (0.025, 0.0127)])
def test_a_constant_rate_does_not_converge(eta: float, variance: float) -> None:
    """½ (θ − x_t)² with x ~ N(0, 1): η/(2 − η) remains, here over 2000 walks at once, from 0 until old rows are forgotten."""
    random = np.random.default_rng(0)
    walks = dl.descend(lambda t: (0.0, t - random.normal(size=2000)), np.zeros(2000), dl.SGD(eta), round(8 / eta)).end
    assert walks.var() == pytest.approx(variance, rel=0.1)
