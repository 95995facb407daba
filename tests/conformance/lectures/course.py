"""What the tests of the lectures share: six rows, one neuron, XOR, a bowl.

A test whose name has a number belongs to the entry of that number in docs/notation.md, "Where the slides differ":
it gives the number that the printed form does not give.  `printed` computes what the slide says.
"""

from __future__ import annotations

from typing import Any

import numpy as np

import dlcore as dl
from dlcore.backends.backend import from_namespace
from dlcore.plotting.activations import value_and_slope

K = from_namespace(np, "numpy").kernels
RANDOM = np.random.default_rng(0)
X, Y = RANDOM.normal(size=(6, 3)), RANDOM.normal(size=6)
XOR = np.array([[0.0, 0], [0, 1], [1, 0], [1, 1]]), np.array([0, 1, 1, 0])


def neuron(loss: dl.Loss, optimizer: dl.Optimizer, weights: Any = (0.5, -0.2, 0.1), bias: float = 0.3) -> dl.Trainer:
    """One unit on three inputs, or as many as there are weights."""
    trainer = dl.Trainer(dl.Sequential(dl.Dense(len(weights), 1)), loss, optimizer, dtype="float64")
    trainer.set_weights([np.array(weights, float)[:, None], np.array([bias])])
    return trainer


def at(layer: dl.Layer, *z: float) -> tuple[list[float], list[float]]:
    value, slope = value_and_slope(layer, np.array(z))
    return value.tolist(), slope.tolist()


def bowl(theta: np.ndarray) -> tuple[float, np.ndarray]:
    """½ θᵀ diag(1, 30) θ"""
    h = np.array([1.0, 30.0])
    return float(0.5 * h @ theta**2), h * theta
