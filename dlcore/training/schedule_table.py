"""The table of scheduled numbers: a row for each of the next updates, evaluated on the host."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ..errors import ConfigurationError
from ..plan.recipe import Recipe


def schedule_table(recipe: Recipe, learning_rate: float, first: int, count: int) -> np.ndarray:
    """A row for each of `count` updates from number `first` on:

    learning_rate · schedule(step), weight_decay · decay_schedule(step), and the numbers of layers by Sequential.schedules().

    Raises ConfigurationError, which names the number and the update, where a function gives no number, where rate or decay are
    negative or not finite in the dtype of parameters, and where a layer refuses its number.
    """
    optimizer, steps = recipe.optimizer, range(first, first + count)
    columns = [
        _scaled("learning rate", learning_rate, "schedule", optimizer.schedule, steps, recipe.wide),
        _scaled("weight decay", optimizer.weight_decay, "decay_schedule", optimizer.decay_schedule, steps, recipe.wide),
    ]
    for path, number in recipe.model.schedules().items():
        try:
            columns.append(_numbers("schedule", number, steps))
        except ConfigurationError as error:
            raise ConfigurationError(f"layer {path.rpartition('.')[0]}: {error}") from error
    return np.stack(columns, axis=1)


def _scaled(
    what: str, base: float, name: str, factor: Callable[[int], float] | None, steps: range, dtype: str
) -> np.ndarray:
    """base · factor(step)"""
    values = float(base) * (np.ones(len(steps)) if factor is None else _numbers(name, factor, steps))
    with np.errstate(over="ignore", invalid="ignore"):
        good = np.isfinite(values.astype(dtype)) & (values >= 0)
    if not good.all():
        i = int(np.argmin(good))
        raise ConfigurationError(
            f"the {what} of update {steps[i]} is {values[i]:g}, expected a number >= 0 within {dtype}"
        )
    return values


def _numbers(name: str, function: Callable[[int], float], steps: range) -> np.ndarray:
    """function(step)"""
    values = np.empty(len(steps))
    for i, step in enumerate(steps):
        try:
            values[i] = float(function(step))
        except ConfigurationError:  # a layer knows what its number may be
            raise
        except (TypeError, ValueError) as error:
            raise ConfigurationError(f"{name}: no factor for update {step}: {error}") from error
    return values
