"""Small runs that the tests of this folder share: data, networks, optimizers, and what a run must equal.

Most tests compare bits, in float64, with a run that must be the same; the others with the formula written out in NumPy.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

import dlcore as dl
from dlcore.training import store

N, COLUMNS, CLASSES = 22, 3, 3
RANDOM = np.random.default_rng(7)
X = RANDOM.standard_normal((N, COLUMNS))
Y = RANDOM.integers(0, CLASSES, N)
T = RANDOM.standard_normal((N, 2))
PLAIN = dl.Sequential(dl.Dense(COLUMNS, 5), dl.Tanh(), dl.Dense(5, CLASSES))

# everything that keeps something from step to step
RICH = dl.Sequential(
    dl.Dense(COLUMNS, 5),
    dl.BatchNorm(5),
    dl.PReLU(),
    dl.Dropout(0.3),
    dl.Residual(dl.LayerNorm(5), dl.Dense(5, 5), dl.Dropout(0.2)),
    dl.Dense(5, CLASSES),
)
LINEAR = dl.Sequential(dl.Dense(COLUMNS, 2))

OPTIMIZERS: dict[str, dl.Optimizer] = {
    "SGD": dl.SGD(0.1),
    "SGD momentum": dl.SGD(0.05, momentum=0.9, dampening=0.1, l2=0.01),
    "SGD nesterov": dl.SGD(0.05, momentum=0.9, nesterov=True, clip_norm=1.0),
    "MovingAverageSGD": dl.MovingAverageSGD(0.2, 0.9, weight_decay=0.1),
    "MovingAverageSGD nesterov": dl.MovingAverageSGD(0.2, 0.9, nesterov=True),
    "Adam": dl.Adam(0.01, schedule=dl.schedules.CosineDecay(40)),
    "AdamW": dl.AdamW(0.01, max_norm=1.0),
}


def make(
    model: dl.Sequential = PLAIN,
    optimizer: dl.Optimizer = OPTIMIZERS["Adam"],
    loss: dl.Loss = dl.SoftmaxCrossEntropy(),  # noqa: B008
    **options: Any,
) -> dl.Trainer:
    return dl.Trainer(model, loss, optimizer, **{"dtype": "float64", "seed": 5, **options})


def everything(trainer: dl.Trainer, folder: Path) -> dict[str, Any]:
    """All that a trainer keeps, as its file has it: arrays as bytes, counters, history without times.

    Callbacks are left out: which of them were told last depends on where chunks end.
    """
    path = folder / "everything.safetensors"
    trainer.save(path)
    arrays, facts = store.read(path)
    facts.pop("sha256")
    facts["history"].pop("seconds", None)
    facts["position"].pop("seconds")
    facts.pop("callbacks")
    return facts | {name: (array.shape, array.tobytes()) for name, array in arrays.items()}


def kept_arrays(trainer: dl.Trainer, folder: Path) -> dict[str, Any]:
    """Parameters, running statistics and slots; the origin of a look-ahead step is written before it is read."""
    kept = everything(trainer, folder)
    return {
        name: kept[name] for name in kept if name.startswith(("theta/", "state/", "slot/")) and "origin" not in name
    }


def same_bits(a: list[np.ndarray], b: list[np.ndarray]) -> bool:
    return len(a) == len(b) and all(
        p.dtype == q.dtype and p.shape == q.shape and p.tobytes() == q.tobytes() for p, q in zip(a, b, strict=True)
    )


def softmax(z: np.ndarray) -> np.ndarray:
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def cross_entropy(a: np.ndarray, y: np.ndarray) -> np.ndarray:
    return -np.log(a[np.arange(len(y)), y])


class LeastSquares:
    """SGD on ½ Σ_k (x W + b − y)², written out: what a run of LINEAR is compared with."""

    def __init__(self, trainer: dl.Trainer) -> None:
        self.W, self.b = trainer.get_weights()
        self.losses: list[float] = []

    def step(self, rows: np.ndarray, eta: float, w: np.ndarray | None = None) -> None:
        w = np.ones(len(rows)) if w is None else w[rows]
        error = X[rows] @ self.W + self.b - T[rows]
        self.losses.append(float((w * 0.5 * (error**2).sum(axis=1)).sum() / w.sum()))
        delta = (w / w.sum())[:, None] * error
        self.W, self.b = self.W - eta * X[rows].T @ delta, self.b - eta * delta.sum(axis=0)

    def epoch(self, rows: np.ndarray, batch: int, eta: float, w: np.ndarray | None = None) -> float:
        """Train an epoch; the mean of its batch losses by the weights of their rows."""
        batches = [rows[start : start + batch] for start in range(0, len(rows), batch)]
        for part in batches:
            self.step(part, eta, w)
        weights = [len(part) if w is None else w[part].sum() for part in batches]
        return float(np.average(self.losses[-len(batches) :], weights=weights))

    def agrees_with(self, trainer: dl.Trainer) -> None:
        for ours, theirs in zip(trainer.get_weights(), (self.W, self.b), strict=True):
            np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-12)


def linear(**options: Any) -> dl.Trainer:
    return make(LINEAR, options.pop("optimizer", dl.SGD(0.1)), dl.SquaredError(), **options)


class Recording(dl.Callback):
    """Writes down what was called."""

    def __init__(self, name: str, events: list[str], stop_after: int | None = None) -> None:
        self.name, self.events, self.stop_after = name, events, stop_after

    def on_fit_begin(self, trainer: Any) -> None:
        self.events.append(f"{self.name} begin")

    def on_chunk_end(self, trainer: Any) -> None:
        if not self.events[-1].endswith("chunk"):
            self.events.append(f"{self.name} chunk")

    def on_epoch_end(self, trainer: Any, logs: Mapping[str, float]) -> bool:
        self.events.append(f"{self.name} epoch {trainer.epoch} of {len(trainer.history['loss'])}")
        return trainer.epoch == self.stop_after

    def on_fit_end(self, trainer: Any) -> None:
        self.events.append(f"{self.name} end")
