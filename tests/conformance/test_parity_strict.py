"""Twenty steps on array-api-strict, which has nothing but the standard, against NumPy: compiled kernels and references."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import dlcore as dl
from dlcore import optimizers
from dlcore.arrays import to_host
from dlcore.backends.backend import Backend, from_namespace

from ..examples import activation_layers, label, losses, targets

strict = pytest.importorskip("array_api_strict")

TOLERANCE = 1e-12
ROWS, BATCH, EPOCHS = 34, 8, 4  # 20 steps, every fifth of them ragged
COLUMNS, HIDDEN, OUTPUTS = 3, 5, 3
SEED = 17

BACKENDS = {
    "cpu": Backend.for_device("cpu"),
    "numpy": from_namespace(np, "numpy"),
    "strict": from_namespace(strict, "strict"),
}
X = np.random.default_rng(SEED).standard_normal((ROWS, COLUMNS))

OPTIMIZERS = (
    dl.SGD(0.1, l2=0.01),
    dl.SGD(0.05, momentum=0.9, dampening=0.3, clip_norm=0.5),
    dl.SGD(0.05, momentum=0.9, nesterov=True, weight_decay=0.1),
    dl.Adam(0.01, max_norm=1.0),
    dl.Adam(0.01, epsilon_inside_root=True, schedule=dl.schedules.CosineDecay(20)),
    dl.AdamW(0.01),
    dl.MovingAverageSGD(0.2, 0.9),
    dl.MovingAverageSGD(0.2, 0.9, nesterov=True),
)
_LISTED = {type(optimizer).__name__ for optimizer in OPTIMIZERS} | {"Optimizer"}
OPTIMIZERS += tuple(getattr(dl, name)(0.01) for name in optimizers.__all__ if name not in _LISTED)  # those to come
LOSSES = (dl.SquaredError(), dl.BinaryCrossEntropy(), dl.SoftmaxCrossEntropy(), dl.SoftmaxCrossEntropy(0.2))
NET = dl.Sequential(dl.Dense(COLUMNS, HIDDEN), dl.Tanh(), dl.Dense(HIDDEN, OUTPUTS))
RICH = dl.Sequential(
    dl.Dropout(0.2),
    dl.Dense(COLUMNS, HIDDEN, bias=False),  # a bias here has gradient 0, of which Adam amplifies the rounding
    dl.BatchNorm(HIDDEN),
    dl.PReLU(),
    dl.Residual(dl.LayerNorm(HIDDEN), dl.Dense(HIDDEN, HIDDEN, bias=False), dl.Dropout(0.3)),
    dl.Dense(HIDDEN, HIDDEN, trainable=False),
    dl.SiLU(),
    dl.Dense(HIDDEN, OUTPUTS),
)


def run(
    backend: Backend, model: dl.Sequential, loss: dl.Loss, optimizer: dl.Optimizer, **options: Any
) -> list[np.ndarray]:
    """Weights, losses and predictions after the run."""
    trainer = dl.Trainer(model, loss, optimizer, device=backend, dtype="float64", seed=SEED)
    y = targets(loss, ROWS, OUTPUTS, SEED)
    # a keyed order costs array-api-strict 0.1 s; that it is the same has a test of its own
    history = trainer.fit(X, y, **{"epochs": EPOCHS, "batch_size": BATCH, "shuffle": False, **options})
    measured = [*history["loss"], trainer.evaluate(X, y)["loss"]]
    return [*trainer.get_weights(), np.array(measured), trainer.predict(X)]


def compare(model: dl.Sequential, loss: dl.Loss, optimizer: dl.Optimizer, **options: Any) -> None:
    """The three backends end at the same numbers."""
    runs = {name: run(backend, model, loss, optimizer, **options) for name, backend in BACKENDS.items()}
    scale = max(float(np.abs(array).max()) for array in runs["strict"])
    for name in ("cpu", "numpy"):
        for ours, theirs in zip(runs[name], runs["strict"], strict=True):
            assert np.abs(ours - theirs).max() < TOLERANCE * scale, name


@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=label)
def test_every_optimizer(optimizer: dl.Optimizer) -> None:
    """Each with keywords of its own."""
    compare(NET, dl.SoftmaxCrossEntropy(), optimizer)


@pytest.mark.parametrize("loss", losses(), ids=label)
def test_every_loss(loss: dl.Loss) -> None:
    """With weighted rows."""
    compare(NET, loss, dl.Adam(0.01), sample_weight=np.random.default_rng(1).uniform(0, 2, ROWS))


@pytest.mark.parametrize("activation", activation_layers(), ids=label)
def test_every_activation(activation: dl.Layer) -> None:
    """Between two Dense layers."""
    model = dl.Sequential(dl.Dense(COLUMNS, HIDDEN), activation, dl.Dense(HIDDEN, OUTPUTS))
    compare(model, dl.SoftmaxCrossEntropy(), dl.SGD(0.1, momentum=0.9))


@pytest.mark.slow
@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=label)
def test_every_optimizer_loss_and_activation(optimizer: dl.Optimizer) -> None:
    """All three meet."""
    for loss in LOSSES:
        for activation in activation_layers():
            model = dl.Sequential(dl.Dense(COLUMNS, HIDDEN), activation, dl.Dense(HIDDEN, OUTPUTS))
            compare(model, loss, optimizer)


@pytest.mark.parametrize(
    "options",
    [pytest.param({"shuffle": True}, marks=pytest.mark.slow), {"accumulate": 3}, {"batch_size": None}],
    ids=str,
)
def test_every_kind_of_layer(options: dict[str, Any]) -> None:
    """Everything in one network, with masks, running statistics and ragged batches."""
    compare(RICH, dl.SoftmaxCrossEntropy(), dl.Adam(0.01), **options)


def test_distributions_as_targets() -> None:
    """Targets (n, C)."""
    y = np.random.default_rng(2).dirichlet(np.ones(OUTPUTS), ROWS)
    results = []
    for backend in BACKENDS.values():
        trainer = dl.Trainer(NET, dl.SoftmaxCrossEntropy(0.1), dl.SGD(0.1), device=backend, dtype="float64", seed=SEED)
        trainer.fit(X, y, epochs=EPOCHS, batch_size=BATCH, shuffle=False)
        results.append(np.concatenate([w.ravel() for w in trainer.get_weights()]))
    np.testing.assert_allclose(results[:2], [results[2]] * 2, rtol=0, atol=TOLERANCE)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_initial_weights_are_the_same_bits(dtype: str) -> None:
    """They are drawn on the host, once."""
    weights = [
        dl.Trainer(RICH, dl.SquaredError(), dl.SGD(0.1), device=b, dtype=dtype).get_weights() for b in BACKENDS.values()
    ]
    for arrays in zip(*weights, strict=True):
        assert len({array.tobytes() for array in arrays}) == 1


def test_order_and_masks_are_the_same_bits() -> None:
    """The rows of every batch and the entries that dropout keeps, read from the plan's own buffers."""
    seen = []
    for backend in BACKENDS.values():
        trainer = dl.Trainer(RICH, dl.SquaredError(), dl.SGD(1e-3), device=backend, dtype="float64", seed=SEED)
        read: list[bytes] = []

        class Read(dl.Callback):
            def on_chunk_end(self, trainer: Any, read: list[bytes] = read) -> None:
                trainer.pace.steps = 1
                outputs = [b for call in trainer.step.calls for b in call.outputs]
                arrays = [trainer.running.array(b) for b in outputs if b.path == "index" or b.path.endswith("mask")]
                read.extend(to_host(array).tobytes() for array in arrays)

        trainer.pace.steps = 1
        trainer.fit(X, targets(dl.SquaredError(), ROWS, OUTPUTS), epochs=2, batch_size=BATCH, callbacks=[Read()])
        seen.append(read)
    assert len(seen[0]) == 2 * 5 * 3  # epochs, batches, one order and two masks
    assert seen[0] == seen[1] == seen[2]
    assert len(set(seen[0])) > 20
