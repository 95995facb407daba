"""Hand-written gradients against central differences."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from .errors import ConfigurationError
from .losses import Loss
from .optimizers import SGD
from .sequential import Sequential
from .trainer import Trainer

STEP = 1e-5  # truncation ~ h², rounding ~ 1e-16 / h: both about 1e-10 here


@dataclass(frozen=True)
class GradientCheck:
    """Largest relative error |g − d| / max(|g|, |d|, scale) for each parameter; scale is 1e-5 of the largest gradient, at least 1e-5:
    rounding alone makes the difference wrong by 1e-11 and more, also where g is exactly 0, as for a bias before BatchNorm.

    `bool(check)` says whether all are below `tolerance`.
    """

    errors: dict[str, float]
    tolerance: float = 1e-5

    @property
    def max_error(self) -> float:
        return max(self.errors.values())

    def __bool__(self) -> bool:
        return bool(self.max_error < self.tolerance)

    def __str__(self) -> str:
        lines = [
            f"{name:16s} {error:.2e}{'' if error < self.tolerance else '   too large'}"
            for name, error in self.errors.items()
        ]
        return "\n".join(["parameter        relative error", *lines])


def check_gradients(
    model: Sequential,
    loss: Loss,
    X: Any,
    y: Any,
    sample: int | None = None,
    *,
    seed: int = 0,
    sample_weight: Any = None,
) -> GradientCheck:
    """Compare the backward pass with (J(θ + h) − J(θ − h)) / 2h, entry by entry, in float64.

    `sample` checks that many randomly chosen entries of each parameter (the whole costs two forward passes for each entry).
    Parameters are the initial ones of `seed`; biases and the like, which start at 0, are moved off it a little.  Dropout
    masks are held fixed.  Raises as Trainer and fit do for parts or data that do not fit.
    """
    if sample is not None and (isinstance(sample, bool) or not isinstance(sample, int) or sample < 1):
        raise ConfigurationError(f"sample={sample!r}, expected a positive integer or None")
    trainer = Trainer(model, loss, SGD(1.0), dtype="float64", seed=seed)
    random = np.random.default_rng(seed)
    trainer.set_weights([w + 0.1 * random.uniform(-1, 1, w.shape) if w.ndim == 1 else w for w in trainer.get_weights()])
    gradient, theta, grads = _gradient_of(trainer, X, y, sample_weight)
    gradient()
    exact = {name: grads[name].copy() for name in grads}
    scale = max(1e-5, 1e-5 * max((float(np.abs(g).max()) for g in exact.values()), default=0.0))
    errors = {}
    for name, expected in exact.items():
        flat = theta[name].reshape(-1)
        entries = np.arange(flat.size) if sample is None else random.permutation(flat.size)[:sample]
        worst = 0.0
        for i in entries:
            value = flat[i]
            losses = []
            for sign in (1, -1):
                flat[i] = value + sign * STEP
                losses.append(gradient())
            flat[i] = value
            difference = (losses[0] - losses[1]) / (2 * STEP)
            g = expected.reshape(-1)[i]
            worst = max(worst, abs(g - difference) / max(abs(g), abs(difference), scale))
        errors[name] = worst
    return GradientCheck(errors)


def _gradient_of(
    trainer: Trainer, X: Any, y: Any, sample_weight: Any
) -> tuple[Callable[[], float], dict[str, np.ndarray], dict[str, np.ndarray]]:
    """A function that takes the gradient of all rows and returns the loss, and the views of parameters and gradients."""
    n = trainer._load(X, y, sample_weight)
    for layer in trainer.model:
        layer.check_rows(n)
    labels = trainer._data["targets"].ndim == 1
    step = trainer._record(n, n, (n, str(trainer._data["X"].dtype)), labels, shuffle=False, accumulate=False)
    run = step.bind(trainer._array)["gradient"]
    loss = trainer._array(step.buffers.loss)
    names = trainer._trainable_names()
    theta = {name: trainer._array(step.buffers.new(name, trainer.parameters.parameters[name].shape)) for name in names}
    grads = {
        name: trainer._array(step.buffers.new(f"grad {name}", trainer.parameters.parameters[name].shape))
        for name in names
    }

    def gradient() -> float:
        trainer._set_counter("progress", np.zeros(4, np.int64))  # the same batch and masks every time
        run(1)
        return float(loss[0])

    return gradient, theta, grads
