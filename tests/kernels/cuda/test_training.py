"""Whole training steps on the emulated device, against the CPU: the same plan, the CUDA kernels' sources."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import dlcore as dl
from dlcore.backend import Backend, cuda_backend
from dlcore.executors import REPLAY

from .emulation import COMPILER, MISSING, EmulatedDevice
from .stream import STREAM

pytestmark = pytest.mark.skipif(COMPILER is None, reason=MISSING)

BACKEND = cuda_backend("emulated", np, EmulatedDevice(), nullcontext)
RANDOM = np.random.default_rng(0)
IMAGES = RANDOM.integers(0, 2, (1300, 784)).astype("uint8")  # small numbers: with 255, rounding grows with every step
DIGITS = RANDOM.integers(0, 10, 1300)
TABLE = RANDOM.standard_normal((300, 12))


def trained(
    device: str | Backend, model: dl.Sequential, loss: dl.Loss, optimizer: dl.Optimizer, X: Any, y: Any, **fit: Any
) -> dl.Trainer:
    trainer = dl.Trainer(model, loss, optimizer, device=device, dtype="float64", seed=5)
    trainer.fit(X, y, **fit)
    return trainer


def assert_equal_steps(device: str | Backend, make: Any, X: np.ndarray, y: np.ndarray, **fit: Any) -> None:
    """Losses and weights after the same fit on the CPU and the device, to 1e-9."""
    cpu, gpu = (trained(where, *make(), X, y, **fit) for where in ("cpu", device))
    np.testing.assert_allclose(gpu.history["loss"], cpu.history["loss"], rtol=1e-9)
    for a, b in zip(gpu.get_weights(), cpu.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=0, atol=1e-9 * max(1.0, float(np.abs(b).max())))
    np.testing.assert_allclose(gpu.predict(X[:50]), cpu.predict(X[:50]), rtol=0, atol=1e-9)


def digits_network() -> tuple[dl.Sequential, dl.Loss, dl.Optimizer]:
    layers = dl.Dense(784, 96), dl.ReLU(), dl.Dropout(0.2), dl.Dense(96, 48), dl.Tanh(), dl.Dense(48, 10)
    optimizer = dl.Adam(1e-3, l2=1e-4, clip_norm=1.0)
    return dl.Sequential(*layers), dl.SoftmaxCrossEntropy(label_smoothing=0.1), optimizer


def test_twenty_steps_of_mnist_shape() -> None:
    """20 steps of 64 shuffled rows of bytes through 784-96-48-10 with dropout and Adam; order and masks must be the CPU's."""
    # 20 full batches and a ragged one
    assert_equal_steps(BACKEND, digits_network, IMAGES, DIGITS, epochs=1, batch_size=64)


@pytest.mark.parametrize(
    ("hidden", "optimizer"),
    [
        ((dl.BatchNorm(9), dl.SiLU()), dl.SGD(0.05, momentum=0.9, nesterov=True)),
        ((dl.LayerNorm(9), dl.GELU()), dl.MovingAverageSGD(0.05, 0.9, nesterov=True)),
        ((dl.PReLU(),), dl.AdamW(1e-2, max_norm=1.0)),
        ((dl.Residual(dl.Dense(9, 9), dl.ELU()),), dl.SGD(0.05)),
    ],
    ids=["batch norm", "layer norm", "prelu", "residual"],
)
def test_steps_of_every_kind_of_layer(hidden: tuple[dl.Layer, ...], optimizer: dl.Optimizer) -> None:
    """Two epochs on a weighted regression, gradients accumulated, equal to the CPU's."""
    targets = TABLE[:, :2] ** 2
    weights = np.linspace(0, 2, len(TABLE))

    def make() -> tuple[dl.Sequential, dl.Loss, dl.Optimizer]:
        return dl.Sequential(dl.Dense(12, 9), *hidden, dl.Dense(9, 2)), dl.SquaredError(), optimizer

    assert_equal_steps(BACKEND, make, TABLE, targets, epochs=2, batch_size=64, accumulate=2, sample_weight=weights)


def test_a_graph_gives_the_bits_of_single_calls() -> None:
    """75 steps: the first call by call, then two graphs of 32, then ten of one; the bits are those of 75 single steps."""
    graphs, launched = STREAM.graphs, STREAM.launched
    eager = replace(BACKEND, executor=lambda calls: REPLAY)
    weights = []
    for backend in (BACKEND, eager):
        model = dl.Sequential(dl.Dense(12, 7), dl.Tanh(), dl.Dropout(0.3), dl.Dense(7, 3))
        trainer = dl.Trainer(model, dl.SoftmaxCrossEntropy(), dl.Adam(1e-2), device=backend, seed=2)
        trainer._chunk = 75  # as on a fast device
        trainer.fit(TABLE, DIGITS[:300] % 3, epochs=1, batch_size=4)
        weights.append(np.concatenate([w.ravel() for w in trainer.get_weights()]))
    assert weights[0].tobytes() == weights[1].tobytes()
    assert (STREAM.graphs - graphs, STREAM.launched - launched) == (2, 12)


def test_the_printed_step_has_cuda_kernels_only() -> None:
    """No call of a recorded step falls back to the reference."""
    model = dl.Sequential(dl.Dense(784, 8), dl.GELU(), dl.Dense(8, 10))
    step = dl.Trainer(model, dl.SoftmaxCrossEntropy(), dl.Adam(1e-3), device=BACKEND).step
    assert {call.kernel.source for call in step.calls} == {"cuda"}
    assert "executor graph" in str(step)
    assert [call.name for call in step.lists["gradient"]][1:3] == ["dense_gelu", "dense_softmax_cross_entropy"]
