"""Activation layers as a user meets them: values by Python's own functions, numbers that cannot be, learned slopes."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest

import dlcore as dl

Z = np.array([-30.0, -3.0, -0.5, 0.0, 1e-3, 0.7, 2.0, 25.0])


def predicted(layer: dl.Layer) -> np.ndarray:
    """The layer's output at Z, in training's own kernels."""
    trainer = dl.Trainer(dl.Sequential(dl.Dense(1, 1), layer), dl.SquaredError(), dl.SGD(0.1), dtype="float64")
    trainer.set_weights([np.ones((1, 1)), np.zeros(1), *trainer.get_weights()[2:]])
    return trainer.predict(Z[:, None])[:, 0]


def sigmoid(z: float) -> float:
    return 1 / (1 + math.exp(-z))


def selu(z: float) -> float:
    """Klambauer et al. (2017), their two constants"""
    return 1.0507009873554804934193349852946 * (z if z > 0 else 1.6732632423543772848170429916717 * math.expm1(z))


@pytest.mark.parametrize(
    ("layer", "formula"),
    [
        (dl.Identity(), lambda z: z),
        (dl.BinaryStep(), lambda z: float(z >= 0)),
        (dl.Sigmoid(), sigmoid),
        (dl.Tanh(), math.tanh),
        (dl.ArcTan(), math.atan),
        (dl.ReLU(), lambda z: max(z, 0)),
        (dl.LeakyReLU(0.1), lambda z: max(z, 0.1 * z)),
        (dl.PReLU(0.3), lambda z: max(z, 0.3 * z)),
        (dl.ELU(0.7), lambda z: z if z > 0 else 0.7 * math.expm1(z)),
        (dl.SELU(), selu),
        (dl.Softplus(), lambda z: max(z, 0) + math.log1p(math.exp(-abs(z)))),
        (dl.GELU(), lambda z: z * 0.5 * math.erfc(-z / math.sqrt(2))),
        (dl.GELU("tanh"), lambda z: 0.5 * z * (1 + math.tanh(math.sqrt(2 / math.pi) * (z + 0.044715 * z**3)))),
        (dl.SiLU(), lambda z: z * sigmoid(z)),
        (dl.Softmax(), lambda z: 1.0),  # of one column
    ],
    ids=lambda value: str(value) if isinstance(value, dl.Layer) else "",
)
def test_values(layer: dl.Layer, formula: Callable[[float], float]) -> None:
    """Relative to what the formula gives; x Φ(x) has the absolute error of erf, times |x|."""
    allowed = 1e-14 * np.abs(Z).max() if isinstance(layer, dl.GELU) else 0
    np.testing.assert_allclose(predicted(layer), [formula(z) for z in Z], rtol=1e-14, atol=allowed)


def test_the_slope_of_prelu_is_learned() -> None:
    """Targets 0.5 z for z < 0 and z for z > 0: alpha comes from 0.25 to 0.5, and nothing else moves."""
    trainer = dl.Trainer(
        dl.Sequential(dl.Dense(1, 1, trainable=False), dl.PReLU()), dl.SquaredError(), dl.SGD(0.5), dtype="float64"
    )
    trainer.set_weights([np.ones((1, 1)), np.zeros(1), np.full(1, 0.25)])
    x = np.linspace(-2, 2, 40)[:, None]
    trainer.fit(x, np.where(x < 0, 0.5 * x, x), epochs=100, batch_size=None)
    W, b, alpha = trainer.get_weights()
    assert (W.item(), b.item()) == (1, 0)
    assert alpha.item() == pytest.approx(0.5, rel=1e-12)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: dl.LeakyReLU(-0.1), "LeakyReLU: alpha=-0.1, expected a number from 0 to"),
        (lambda: dl.ELU(float("nan")), "ELU: alpha=nan"),
        (lambda: dl.PReLU("0.1"), "PReLU: initial='0.1'"),  # type: ignore[arg-type]
        (lambda: dl.GELU("sigmoid"), "GELU: approximate='sigmoid', expected 'none' or 'tanh'"),
    ],
)
def test_numbers_that_cannot_be(make: Callable[[], dl.Layer], message: str) -> None:
    with pytest.raises(dl.ConfigurationError, match=message):
        make()
