"""Gradient descent on any function of a few numbers, by the optimizers that train networks.

The lectures' landscapes have one or two parameters and are no networks.  Here the same optimizer objects, and through them
the same update kernels, walk over them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ..arrays import ArrayLike, to_host
from ..backends.backend import from_namespace
from ..checks import NOT_NEGATIVE, at_least, check, refused
from ..errors import ConfigurationError, DataError, ShapeError
from ..kernels.contract import parse
from ..kernels.table import Kernel
from ..layers import Layer, Sequential
from ..layers.initializers import Constant
from ..layers.parameters import Parameter
from ..losses import SquaredError
from ..optimizers import Optimizer
from ..plan.recipe import Recipe
from ..plan.state import State
from ..plan.step import record_function
from ..plan.workspace import Workspace, arrays
from ..training.schedule_table import schedule_table
from ..training.session import Session

__all__ = ["Descent", "descend"]


Function = Callable[[np.ndarray], tuple[float | np.ndarray, ArrayLike]]  # f(θ) -> (value, gradient)


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
        end: np.ndarray = self.path[-1]
        return end


def descend(
    f: Function,
    start: ArrayLike,
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
    session = _session(f, theta, optimizer)
    point, grad = (
        to_host(session.view(flat, _POINT)) for flat in (session.theta, session.grad)
    )  # NumPy: these are views
    path, values, quiet, reason = [point.copy()], [], 0, "steps"
    for step in range(steps + 1):
        session.set_schedule(schedule_table(session.recipe, optimizer.learning_rate, step, 1))
        session.before()
        values.append(session.gradient())
        quiet = quiet + 1 if step and abs(values[-1] - values[-2]) <= value_tolerance else 0
        if not np.isfinite(values[-1]) or not np.isfinite(grad).all():
            reason = "not finite"
        elif gradient_tolerance and np.linalg.norm(grad) <= gradient_tolerance:
            reason = "gradient"
        elif value_tolerance and quiet >= patience:
            reason = "value"
        elif step < steps:
            session.update()
            path.append(point.copy())
            continue
        break
    return Descent(np.array(path), np.array(values), reason)


def _check(
    optimizer: object, steps: object, gradient_tolerance: object, value_tolerance: object, patience: object
) -> None:
    if not isinstance(optimizer, Optimizer):
        raise refused("descend", "optimizer", optimizer, "an Optimizer such as SGD(0.1)")
    if optimizer.max_norm is not None:
        raise ConfigurationError("descend: max_norm is about the units of a layer, and there are none here")
    check("descend", at_least(0), steps=steps)
    check("descend", at_least(1), patience=patience)
    check("descend", NOT_NEGATIVE, gradient_tolerance=gradient_tolerance, value_tolerance=value_tolerance)


@dataclass(frozen=True)
class _Point(Layer):
    """A model that is nothing but its parameters, on every one of which l2 and weight decay act."""

    size: int

    @property
    def input_width(self) -> int:
        return 1

    def parameters(self) -> dict[str, Parameter]:
        return {"theta": Parameter((self.size,), Constant(0.0), matrix=True)}


_POINT = "0.theta"


def _session(f: Function, start: np.ndarray, optimizer: Optimizer) -> Session:
    """A session whose gradient is that of f, on the reference kernels in float64."""

    def gradient(flat: np.ndarray, *, out: tuple[np.ndarray, np.ndarray]) -> None:
        grad, loss = out
        value, grad[: start.size] = _evaluated(f, flat[: start.size])
        loss[...] = value, 1.0

    backend = from_namespace(np, "numpy")
    recipe = Recipe(Sequential(_Point(start.size)), SquaredError(), optimizer, "float64", 0)
    state, workspace = State(backend, recipe), Workspace(backend, recipe)
    state.parameter(_POINT)[...] = start
    kernel = Kernel("f", parse("theta[p] -> grad[p] loss[2]"), gradient, "reference")
    return Session(recipe, state, record_function(recipe, kernel, backend.kernels), arrays(state, workspace))


def _evaluated(f: Function, theta: np.ndarray) -> tuple[float, np.ndarray]:
    with np.errstate(over="ignore", invalid="ignore"):  # what is not finite ends the descent, with that reason
        value, gradient = f(theta.copy())
    gradient = np.asarray(gradient, np.float64)
    if gradient.size != theta.size:
        raise ShapeError(f"descend: f gave a gradient of shape {gradient.shape} for {theta.size} parameter(s)")
    return float(value), gradient.reshape(-1)
