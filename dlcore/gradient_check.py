"""Hand-written gradients against central differences."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from .checks import is_integer
from .errors import ConfigurationError, DataError
from .losses import Loss
from .optimizers import SGD
from .sequential import Sequential
from .trainer import Trainer

STEP = 1e-5  # truncation ~ h², rounding ~ 1e-16 |J| / h: both about 1e-10 here
NEGLIGIBLE = 1e-4  # of |J|: a gradient entry below it is compared absolutely, since rounding alone makes 1e-7 of this


@dataclass(frozen=True)
class GradientCheck:
    """Largest relative error |g − d| / max(|g|, |d|, 1e-4 max(1, |J|)) for each parameter: backward g, difference d.

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
    if sample is not None and (not is_integer(sample) or sample < 1):
        raise ConfigurationError(f"sample={sample!r}, expected a positive integer or None")
    trainer = Trainer(model, loss, SGD(1.0), dtype="float64", seed=seed)
    random = np.random.default_rng(seed)
    trainer.set_weights([w + 0.1 * random.uniform(-1, 1, w.shape) if w.ndim == 1 else w for w in trainer.get_weights()])
    gradient, theta, grads = _gradient_of(trainer, X, y, sample_weight)
    loss_value = gradient()
    if not np.isfinite(loss_value):
        raise DataError(f"the loss is {loss_value} at the initial parameters; there is no gradient to check")
    exact = {name: grads[name].copy() for name in grads}
    scale = NEGLIGIBLE * max(1.0, abs(loss_value))
    errors = {}
    for name, expected in exact.items():
        flat = theta[name].reshape(-1)
        entries = np.arange(flat.size) if sample is None else random.permutation(flat.size)[:sample]
        found = [0.0]
        for i in entries:
            value = flat[i]
            losses = []
            for sign in (1, -1):
                flat[i] = value + sign * STEP
                losses.append(gradient())
            flat[i] = value
            difference = (losses[0] - losses[1]) / (2 * STEP)
            g = expected.reshape(-1)[i]
            found.append(abs(g - difference) / max(abs(g), abs(difference), scale))
        errors[name] = float(np.nan_to_num(np.max(found), nan=np.inf))  # NaN anywhere is an error without bound
    return GradientCheck(errors)


def _gradient_of(
    trainer: Trainer, X: Any, y: Any, sample_weight: Any
) -> tuple[Callable[[], float], dict[str, np.ndarray], dict[str, np.ndarray]]:
    """A function that takes the gradient over all rows and returns the loss; the views of parameters and of gradients."""
    memory = trainer.memory
    X, targets, weights = trainer._checked(X, y, sample_weight, "")
    trainer._check_rows(len(X))
    trainer._load(X, targets, weights)
    step, run = trainer._plan(len(X), len(X), shuffle=False, accumulate=False)
    shapes = {name: memory.parameters.parameters[name].shape for name in memory.trainable_names()}
    theta = {name: memory.array(step.buffers.new(name, shape)) for name, shape in shapes.items()}
    grads = {name: memory.array(step.buffers.new(f"grad {name}", shape)) for name, shape in shapes.items()}
    loss = memory.array(step.buffers.loss)

    def gradient() -> float:
        memory.set_counter("progress", np.zeros(4))  # the same batch and masks every time
        run["gradient"](1)
        return float(loss[0])

    return gradient, theta, grads
