"""Functions of the user's own in a step: `k.call` makes a host call of them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest

import dlcore as dl


def swish(x: np.ndarray, out: np.ndarray) -> None:
    """x σ(x), as NumPy has it"""
    out[...] = x / (1 + np.exp(-x))


def swish_grad(delta: np.ndarray, x: np.ndarray, out: np.ndarray) -> None:
    s = 1 / (1 + np.exp(-x))
    out[...] = delta * (s + x * s * (1 - s))


@dataclass(frozen=True)
class Swish(dl.Layer):
    suits: ClassVar[Any] = dl.SiLU.suits  # the same first parameters

    def forward(self, k, v, x, z):  # type: ignore[no-untyped-def]
        k.call(swish, x, out=z)

    def backward(self, k, v, x, z, delta, dx):  # type: ignore[no-untyped-def]
        k.call(swish_grad, delta, x, out=dx)


def trained(activation: dl.Layer, dtype: str = "float64") -> dl.Trainer:
    generator = np.random.default_rng(1)
    x = generator.normal(size=(60, 4))
    y = np.sin(x[:, :1])
    model = dl.Sequential(dl.Dense(4, 8), activation, dl.Dense(8, 1))
    trainer = dl.Trainer(model, loss=dl.SquaredError(), optimizer=dl.SGD(0.1), dtype=dtype, seed=3)
    trainer.fit(x, y, epochs=5, batch_size=20)
    return trainer


def test_an_activation_of_the_users_own_trains_as_the_built_in_one() -> None:
    own, built_in = trained(Swish()), trained(dl.SiLU())
    assert "swish_grad()" in str(own.step)
    for name, values in built_in.weights().items():
        np.testing.assert_allclose(own.weights()[name], values, rtol=1e-12, atol=1e-14)
    x = np.linspace(-2, 2, 12).reshape(3, 4)
    np.testing.assert_allclose(own.predict(x), built_in.predict(x), rtol=1e-12)
    np.testing.assert_allclose(dl.layer_outputs(own, x)[1], dl.layer_outputs(built_in, x)[1], rtol=1e-12)


def test_a_network_with_a_users_own_activation_is_saved_and_loaded(tmp_path: Path) -> None:
    own = trained(Swish())
    with pytest.warns(UserWarning, match="custom_objects"):
        own.save(tmp_path / "own.safetensors")
    loaded = dl.Trainer.load(tmp_path / "own.safetensors", custom_objects={"Swish": Swish})
    x = np.linspace(-2, 2, 12).reshape(3, 4)
    np.testing.assert_array_equal(loaded.predict(x), own.predict(x))


def test_a_users_own_function_is_never_fused_away() -> None:
    """Fusion knows kernels by name; a function that is called `dense` is still the user's."""

    def silu(x: np.ndarray, out: np.ndarray) -> None:
        out[...] = 2 * x

    @dataclass(frozen=True)
    class Twice(dl.Layer):
        def forward(self, k, v, x, z):  # type: ignore[no-untyped-def]
            k.call(silu, x, out=z)

        def backward(self, k, v, x, z, delta, dx):  # type: ignore[no-untyped-def]
            k.call(silu, delta, out=dx)

    model = dl.Sequential(dl.Dense(4, 2), Twice())
    trainer = dl.Trainer(model, loss=dl.SquaredError(), optimizer=dl.SGD(0.1), dtype="float64")
    x = np.arange(8.0).reshape(2, 4)
    np.testing.assert_allclose(
        trainer.predict(x), 2 * (x @ trainer.weights()["0.W"] + trainer.weights()["0.b"]), rtol=1e-12
    )


def log_cosh(z: np.ndarray, y: np.ndarray, w: np.ndarray, out: tuple[np.ndarray, np.ndarray]) -> None:
    """(Σ w log cosh(z − y) / Σ w, Σ w) and its gradient"""
    loss, delta = out
    share = w / w.sum()
    loss[:] = share @ np.log(np.cosh(z - y)).sum(axis=1), w.sum()
    delta[...] = share[:, None] * np.tanh(z - y)


class LogCosh(dl.SquaredError):
    def record(self, k, z, y, w, loss, delta):  # type: ignore[no-untyped-def]
        k.call(log_cosh, z, y, w, out=(loss, delta))


def test_a_loss_of_the_users_own_has_the_gradient_of_its_value() -> None:
    generator = np.random.default_rng(2)
    x, y = generator.normal(size=(12, 3)), generator.normal(size=(12, 2))
    model = dl.Sequential(dl.Dense(3, 5), dl.Tanh(), dl.Dense(5, 2))
    assert dl.check_gradients(model, LogCosh(), x, y)
    trainer = dl.Trainer(model, LogCosh(), dl.SGD(0.1), dtype="float64")
    history = trainer.fit(x, y, epochs=30, batch_size=4)
    assert history["loss"][-1] < 0.5 * history["loss"][0]
    expected = np.log(np.cosh(trainer.predict(x) - y)).sum(axis=1).mean()
    np.testing.assert_allclose(trainer.evaluate(x, y)["loss"], expected, rtol=1e-12)
