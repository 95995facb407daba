"""The residual block."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

import dlcore as dl

X = np.random.default_rng(0).standard_normal((6, 3))


def test_a_block_adds_its_input() -> None:
    """z = x + tanh(x W + b) V."""
    model = dl.Sequential(dl.Residual(dl.Dense(3, 5), dl.Tanh(), dl.Dense(5, 3, bias=False)))
    trainer = dl.Trainer(model, dl.SquaredError(), dl.SGD(0.1), dtype="float64")
    W, b, V = trainer.get_weights()
    np.testing.assert_allclose(trainer.predict(X), X + np.tanh(X @ W + b) @ V, rtol=1e-13, atol=1e-15)


def test_a_block_of_zeros_is_the_identity() -> None:
    """He et al. (2016): a block that need not do anything starts from doing nothing."""
    model = dl.Sequential(dl.Residual(dl.Dense(3, 3, init=dl.initializers.Constant(0.0))), dl.Dense(3, 2))
    trainer = dl.Trainer(model, dl.SquaredError(), dl.SGD(0.1), dtype="float64")
    assert np.array_equal(dl.layer_outputs(trainer, X)[0], X)


def test_parameters_have_paths() -> None:
    """Of a block inside a block too."""
    model = dl.Sequential(
        dl.Dense(2, 3), dl.Residual(dl.Tanh(), dl.Residual(dl.PReLU(), dl.Dense(3, 3)), dl.BatchNorm(3))
    )
    assert list(model.parameters()) == ["0.W", "0.b", "1.1.0.alpha", "1.1.1.W", "1.1.1.b", "1.2.gamma", "1.2.beta"]
    assert list(model.state()) == ["1.2.mean", "1.2.variance"]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: dl.Residual(), "expected at least one layer"),
        (lambda: dl.Residual(dl.Tanh), "is not a layer"),  # type: ignore[arg-type]
        (lambda: dl.Residual(dl.Embedding((0,), (3,), 2)), "Embedding is the first layer of a model or none"),
        (
            lambda: dl.Sequential(dl.Dense(2, 3), dl.Residual(dl.Dense(3, 4))),
            "turn 3 columns into 4; .* needs equal widths",
        ),
        (lambda: dl.Sequential(dl.Dense(2, 3), dl.Residual(dl.Dense(4, 4))), "expects 4 columns, and gets 3"),
    ],
)
def test_what_cannot_be_a_block(make: Callable[[], object], message: str) -> None:
    with pytest.raises(dl.ConfigurationError, match=message):
        make()
