"""The steps that an optimizer takes on given gradients."""

from __future__ import annotations

from typing import Any

import numpy as np

import dlcore as dl


def steps_on(optimizer: dl.Optimizer, gradients: Any) -> np.ndarray:
    """What each update takes off θ, in units of the learning rate, when the gradients are these."""
    gradients = np.asarray(gradients, float)
    given = iter(gradients)
    run = dl.descend(lambda theta: (0.0, next(given, 0.0)), 0.0, optimizer, steps=len(gradients))
    return -np.diff(run.path[:, 0]) / optimizer.learning_rate
