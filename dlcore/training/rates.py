"""The learning rates of the next updates, evaluated on the host."""

from __future__ import annotations

import numpy as np

from ..errors import ConfigurationError
from ..optimizers import Optimizer


def scheduled_rates(optimizer: Optimizer, learning_rate: float, first: int, count: int, dtype: str) -> np.ndarray:
    """learning_rate · schedule(step) for `count` updates from number `first` on.

    Raises ConfigurationError where the schedule gives no number, or a rate is negative or not finite in `dtype`.
    """
    factor = optimizer.schedule
    try:
        factors = np.array([float(factor(first + i)) for i in range(count)]) if factor else np.ones(count)
    except (TypeError, ValueError) as error:
        raise ConfigurationError(f"schedule: no factor for update {first}: {error}") from error
    rates = learning_rate * factors
    with np.errstate(over="ignore", invalid="ignore"):
        good = np.isfinite(rates.astype(dtype)) & (rates >= 0)
    if not good.all():
        i = int(np.argmin(good))
        raise ConfigurationError(
            f"the learning rate of update {first + i} is {rates[i]:g}, expected a number >= 0 within {dtype}"
        )
    return rates
