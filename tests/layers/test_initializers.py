"""Initial values: bounds, variances, and what the lectures say about symmetry."""

from __future__ import annotations

import math

import numpy as np
import pytest

import dlcore as dl
from dlcore.kernels.rng import Stream
from dlcore.layers import initializers as init

FAN_IN, FAN_OUT = 200, 300
# rule -> (variance, limit of a uniform one)
RULES = {
    init.LeCunNormal(): (1 / FAN_IN, None),
    init.FanInUniform(): (1 / (3 * FAN_IN), math.sqrt(1 / FAN_IN)),
    init.GlorotUniform(): (2 / (FAN_IN + FAN_OUT), math.sqrt(6 / (FAN_IN + FAN_OUT))),
    init.GlorotUniform(4.0): (32 / (FAN_IN + FAN_OUT), 4 * math.sqrt(6 / (FAN_IN + FAN_OUT))),
    init.GlorotNormal(): (2 / (FAN_IN + FAN_OUT), None),
    init.GlorotNormal(4.0): (32 / (FAN_IN + FAN_OUT), None),
    init.HeNormal(): (2 / FAN_IN, None),
    init.HeUniform(): (2 / FAN_IN, math.sqrt(6 / FAN_IN)),
    init.LeCunUniform(): (1 / FAN_IN, math.sqrt(3 / FAN_IN)),
    init.Normal(0.3): (0.09, None),
    init.Uniform(0.3): (0.03, 0.3),
}


@pytest.mark.parametrize("rule", RULES, ids=repr)
def test_moments(rule: init.Initializer) -> None:
    """Mean 0 and the rule's variance, over 60,000 values to 3 %; a uniform rule fills its range, and not more."""
    variance, limit = RULES[rule]
    values = rule(Stream(5, 0), (FAN_IN, FAN_OUT))
    assert abs(values.mean()) < 4 * math.sqrt(variance / values.size)
    assert values.var() == pytest.approx(variance, rel=0.03)
    if limit is not None:
        assert 0.999 * limit < np.abs(values).max() <= limit


def test_biases_by_a_rule() -> None:
    """The lectures' N(0, 1) for biases, beside the zeros that are the default."""
    model = dl.Sequential(dl.Dense(2, 5000, bias_init=init.Normal()), dl.Tanh(), dl.Dense(5000, 1))
    _, b, _, zero = dl.Trainer(model, dl.SquaredError(), dl.SGD(0.1)).get_weights()
    assert b.std() == pytest.approx(1, rel=0.05)
    assert not zero.any()


X = np.random.default_rng(0).standard_normal((30, 2))
Y = X[:, 0] * X[:, 1]


def hidden_after(updates: int, hidden: init.Initializer, output: init.Initializer) -> tuple[np.ndarray, np.ndarray]:
    """Hidden weights before and after some updates of all rows."""
    model = dl.Sequential(dl.Dense(2, 4, init=hidden), dl.Tanh(), dl.Dense(4, 1, init=output))
    trainer = dl.Trainer(model, dl.SquaredError(), dl.SGD(0.5), dtype="float64")
    before = trainer.get_weights()[0]
    trainer.fit(X, Y, epochs=updates, batch_size=None)
    return before, trainer.get_weights()[0]


def test_equal_hidden_units_stay_equal() -> None:
    """Symmetry is not broken by training: all columns of W move alike; from random weights they differ."""
    before, after = hidden_after(50, init.Constant(0.3), init.Constant(0.2))
    assert np.abs(after - before).max() > 1e-3
    assert (after == after[:, :1]).all()
    _, after = hidden_after(50, init.GlorotUniform(), init.Constant(0.2))
    assert np.ptp(after, axis=1).min() > 0.1


def test_output_weights_may_start_at_zero() -> None:
    """The hidden gradient is 0 at the first update, and not at the second."""
    before, after = hidden_after(1, init.GlorotUniform(), init.Constant(0.0))
    assert np.array_equal(before, after)
    before, after = hidden_after(2, init.GlorotUniform(), init.Constant(0.0))
    assert not np.array_equal(before, after)
