"""Hand-written gradients against central differences."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

import numpy as np

from ..arrays import ArrayLike, to_host
from ..checks import COUNT, check, or_none
from ..errors import DataError
from ..layers import Sequential
from ..losses import Loss
from ..optimizers import SGD
from ..training import Trainer

STEP = 1e-5  # truncation ~ h², rounding ~ 1e-16 |J| / h: both about 1e-10 here
NEGLIGIBLE = 1e-4  # of |J|: a gradient entry below it is compared absolutely, since rounding alone makes 1e-7 of this


@dataclass(frozen=True)
class GradientCheck:
    """Largest relative error |g − d| / max(|g|, |d|, 1e-4 max(1, |J|)) for each parameter: backward g, difference d.

    `bool(check)` says whether all are below `tolerance`.  `kinks` counts the entries of each parameter at which J has no
    derivative, such as a ReLU at 0; there differences say nothing, and they are left out of the errors.
    """

    errors: dict[str, float]
    tolerance: float = 1e-5
    kinks: dict[str, int] = field(default_factory=dict)

    @property
    def max_error(self) -> float:
        return max(self.errors.values())

    def __bool__(self) -> bool:
        return bool(self.max_error < self.tolerance)

    def __str__(self) -> str:
        lines = [
            f"{name:16s} {error:.2e}{'' if error < self.tolerance else '   too large'}"
            + (f"   no derivative at {self.kinks[name]} entries" if self.kinks.get(name) else "")
            for name, error in self.errors.items()
        ]
        return "\n".join(["parameter        relative error", *lines])


def check_gradients(
    model: Sequential,
    loss: Loss,
    X: ArrayLike,
    y: ArrayLike,
    sample: int | None = None,
    *,
    seed: int = 0,
    sample_weight: ArrayLike | None = None,
) -> GradientCheck:
    """Compare the backward pass with (J(θ + h) − J(θ − h)) / 2h, entry by entry, in float64.

    `sample` checks that many randomly chosen entries of each parameter (the whole costs two forward passes for each entry).
    Parameters are the initial ones of `seed`; biases and the like, which start at 0, are moved off it a little.  Dropout
    masks are held fixed.  Raises as Trainer and fit do for parts or data that do not fit.
    """
    check("", or_none(COUNT), sample=sample)
    trainer = Trainer(model, loss, SGD(1.0), dtype="float64", seed=seed)
    random = np.random.default_rng(seed)
    trainer.set_weights([w + 0.1 * random.uniform(-1, 1, w.shape) if w.ndim == 1 else w for w in trainer.get_weights()])
    session = trainer.session(X, y, sample_weight)
    names = trainer.recipe.parameters.trainable_names

    def gradient() -> float:
        session.again()  # the same batch and masks every time
        return session.gradient()

    loss_value = gradient()
    if not np.isfinite(loss_value):
        raise DataError(f"the loss is {loss_value} at the initial parameters; there is no gradient to check")
    exact = {name: to_host(session.view(session.grad, name)).copy() for name in names}
    scale = NEGLIGIBLE * max(1.0, abs(loss_value))
    errors, kinks = {}, {}
    for name, expected in exact.items():
        flat = to_host(session.view(session.theta, name)).reshape(-1)  # a view: what is written there is trained
        entries = np.arange(flat.size) if sample is None else random.permutation(flat.size)[:sample]
        found, kinks[name] = [0.0], 0
        for i in entries:
            loss_at = partial(_loss_at, gradient, flat, i, flat[i])
            right, left = loss_at(STEP), loss_at(-STEP)
            difference = (right - left) / (2 * STEP)
            g = expected.reshape(-1)[i]
            error = abs(g - difference) / max(abs(g), abs(difference), scale)
            bend = abs(right - 2 * loss_value + left) / STEP  # slope to the right − slope to the left
            if (not error < GradientCheck.tolerance or bend > 10 * scale) and _is_kink(loss_at, scale):
                kinks[name] += 1
            else:
                found.append(error)
        errors[name] = float(np.nan_to_num(np.max(found), nan=np.inf))  # NaN anywhere is an error without bound
    return GradientCheck(errors, kinks=kinks)


def _loss_at(gradient: Callable[[], float], flat: np.ndarray, i: int, value: float, offset: float) -> float:
    """The loss with entry i of the parameters at value + offset; it is `value` again afterwards."""
    flat[i] = value + offset
    moved = gradient()
    flat[i] = value
    return moved


def _is_kink(loss_at: Callable[[float], float], scale: float) -> bool:
    """Whether the slopes to the right and to the left differ for good.

    Where there is a derivative, their difference is h J'' and halves with h; at a kink it does not.
    """

    def gap(h: float) -> float:
        return (loss_at(h) - 2 * loss_at(0) + loss_at(-h)) / h

    wide, narrow = gap(STEP), gap(STEP / 2)
    return bool(abs(wide) > NEGLIGIBLE * scale and abs(wide - 2 * narrow) > 0.1 * abs(wide))
