"""Gradient descent on any function of a few numbers, by the optimizers that train networks.

The lectures' landscapes have one or two parameters and are no networks.  Here the same optimizer objects, and through them
the same update kernels, walk over them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import numpy as np

from ..backends.backend import from_namespace
from ..checks import is_integer, is_number
from ..errors import ConfigurationError, DataError, ShapeError
from ..kernels.table import Buffer
from ..optimizers import Optimizer
from ..plan.plan import Plan, Recorder

__all__ = ["Descent", "descend"]


@dataclass(frozen=True)
class Descent:
    """What `descend` did.

    path      (updates + 1, p): θ at the start and after each update
    values    (updates + 1,): f where its gradient was taken; that is θ, but with Nesterov's rule the point ahead of it
    reason    why it ended: "steps", "gradient", "value" (changed too little) or "not finite" (it diverged)
    """

    path: np.ndarray
    values: np.ndarray
    reason: str

    @property
    def end(self) -> np.ndarray:
        """The last θ, (p,)"""
        return self.path[-1]


def descend(
    f: Callable[[np.ndarray], tuple[Any, Any]],
    start: Any,
    optimizer: Optimizer,
    steps: int = 100,
    *,
    gradient_tolerance: float = 0.0,
    value_tolerance: float = 0.0,
    patience: int = 1,
) -> Descent:
    """θ₀ = start, then up to `steps` updates of `optimizer` with the gradients that `f` gives.

    f(θ) -> (value, gradient), θ and the gradient float64 (p,).  f may draw a mini-batch each time it is called.

    It ends early where ‖gradient‖ <= gradient_tolerance, where the value has changed by at most value_tolerance for
    `patience` steps in a row (both 0: never), or where value or gradient are not finite.  A small gradient says that θ is
    near a stationary point: a minimum, a saddle point or a maximum.  l2 and weight decay act on every entry of θ.

    Raises ConfigurationError for options out of range, DataError or ShapeError for a start or a gradient that does not fit.
    """
    _check(optimizer, steps, gradient_tolerance, value_tolerance, patience)
    theta = np.array(start, np.float64).reshape(-1)
    if theta.size == 0 or not np.isfinite(theta).all():
        raise DataError(f"descend: start={start!r}, expected one finite number or more")
    arrays = _arrays(theta, optimizer)
    s, before, update = SimpleNamespace(**arrays), *_recorded(optimizer, arrays)
    path, values, quiet, reason = [theta.copy()], [], 0, "steps"
    schedule = optimizer.schedule or (lambda step: 1.0)
    for step in range(steps + 1):
        s.rates[0] = optimizer.learning_rate * schedule(step)
        s.place[...] = 0
        before(1)
        s.loss[0], s.grad[...] = _evaluated(f, theta)
        values.append(float(s.loss[0]))
        quiet = quiet + 1 if step and abs(values[-1] - values[-2]) <= value_tolerance else 0
        if not np.isfinite(s.loss[0]) or not np.isfinite(s.grad).all():
            reason = "not finite"
        elif gradient_tolerance and np.linalg.norm(s.grad) <= gradient_tolerance:
            reason = "gradient"
        elif value_tolerance and quiet >= patience:
            reason = "value"
        elif step < steps:
            update(1)
            path.append(theta.copy())
            continue
        break
    return Descent(np.array(path), np.array(values), reason)


def _check(optimizer: Any, steps: Any, gradient_tolerance: Any, value_tolerance: Any, patience: Any) -> None:
    if not isinstance(optimizer, Optimizer):
        raise ConfigurationError(f"descend: optimizer={optimizer!r}, expected an Optimizer such as SGD(0.1)")
    if optimizer.max_norm is not None:
        raise ConfigurationError("descend: max_norm is about the units of a layer, and there are none here")
    for name, count, least in (("steps", steps, 0), ("patience", patience, 1)):
        if not is_integer(count) or count < least:
            raise ConfigurationError(f"descend: {name}={count!r}, expected an integer >= {least}")
    for name, number in (("gradient_tolerance", gradient_tolerance), ("value_tolerance", value_tolerance)):
        if not is_number(number) or not number >= 0:
            raise ConfigurationError(f"descend: {name}={number!r}, expected a number >= 0")


def _arrays(theta: np.ndarray, optimizer: Optimizer) -> dict[str, np.ndarray]:
    """What an update reads and writes; kernels/reference/updates.py says what each array holds."""
    counters = {"progress": np.zeros(4, np.int64), "place": np.zeros(2, np.int64), "fault": np.zeros(1, np.int64)}
    numbers = {
        "control": np.zeros(3),
        "rates": np.zeros(1),
        "losses": np.zeros(1),
        "loss": np.ones(2),
        "squares": np.zeros(1),
    }
    slots = {name: np.zeros_like(theta) for name in optimizer.slots}
    return {"theta": theta, "grad": np.zeros_like(theta), **counters, **numbers, **slots}


def _recorded(
    optimizer: Optimizer, arrays: dict[str, np.ndarray]
) -> tuple[Callable[[int], None], Callable[[int], None]]:
    """What comes before the gradient, and the update as in a training step: l2 and clipping, then the optimizer.

    Recorded once on the reference kernels and bound to the arrays, as a plan is.
    """
    backend = from_namespace(np, "numpy")
    buffers = {name: Buffer(name, value.shape, value.dtype.name) for name, value in arrays.items()}
    s = SimpleNamespace(matrices=arrays["theta"].size, **buffers)
    before, k = Recorder(backend.kernels), Recorder(backend.kernels)
    optimizer.before_gradient(before, s)
    clip = float("inf") if optimizer.clip_norm is None else float(optimizer.clip_norm)
    k.prepare_update(
        s.theta, s.grad, s.squares, s.loss, s.rates, s.losses, s.place, s.progress, s.fault, s.matrices, float(optimizer.l2), clip,
        out=(s.grad, s.squares, s.control, s.losses, s.place, s.progress, s.fault),
    )  # fmt: skip
    optimizer.update(k, s)
    runs = Plan("descent", backend, {"before": before.calls, "update": k.calls}).bind(
        lambda buffer: arrays[buffer.name]
    )
    return runs["before"], runs["update"]


def _evaluated(f: Callable[[np.ndarray], tuple[Any, Any]], theta: np.ndarray) -> tuple[float, np.ndarray]:
    with np.errstate(over="ignore", invalid="ignore"):  # what is not finite ends the descent, with that reason
        value, gradient = f(theta.copy())
    gradient = np.asarray(gradient, np.float64)
    if gradient.size != theta.size:
        raise ShapeError(f"descend: f gave a gradient of shape {gradient.shape} for {theta.size} parameter(s)")
    return float(value), gradient.reshape(-1)
