"""Initial values of weights: the lectures' rules and the field's names for them.

Each is drawn once, on the host, in float64, and cast; so the same seed gives the same network on every device.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

__all__ = [
    "Constant", "GlorotNormal", "GlorotUniform", "HeNormal", "HeUniform", "Initializer", "LeCunNormal", "LeCunUniform", "Normal", "Uniform",
]  # fmt: skip


@dataclass(frozen=True)
class Initializer:
    """`self(stream, shape)` is a float64 array; for a weight matrix shape = (fan_in, fan_out)."""

    def __call__(self, stream: Any, shape: tuple[int, ...]) -> np.ndarray:
        raise TypeError(f"{type(self).__name__} does not say how to draw")


def _normal(stream: Any, shape: tuple[int, ...], variance: float) -> np.ndarray:
    return math.sqrt(variance) * stream.normal(math.prod(shape)).reshape(shape)


def _uniform(stream: Any, shape: tuple[int, ...], limit: float) -> np.ndarray:
    return limit * (2 * stream.uniform(math.prod(shape)) - 1).reshape(shape)


@dataclass(frozen=True)
class Constant(Initializer):
    """Every entry is `value`.  Hidden weights that start equal stay equal: symmetry is not broken."""

    value: float = 0.0

    def __call__(self, stream: Any, shape: tuple[int, ...]) -> np.ndarray:
        return np.full(shape, self.value, float)


@dataclass(frozen=True)
class Normal(Initializer):
    """N(0, std²)"""

    std: float = 1.0

    def __call__(self, stream: Any, shape: tuple[int, ...]) -> np.ndarray:
        return _normal(stream, shape, self.std**2)


@dataclass(frozen=True)
class Uniform(Initializer):
    """U(−limit, limit)"""

    limit: float = 1.0

    def __call__(self, stream: Any, shape: tuple[int, ...]) -> np.ndarray:
        return _uniform(stream, shape, self.limit)


class GlorotUniform(Initializer):
    """U(±√(6 / (fan_in + fan_out))), variance 2 / (fan_in + fan_out).  Glorot & Bengio (2010)."""

    def __call__(self, stream: Any, shape: tuple[int, ...]) -> np.ndarray:
        return _uniform(stream, shape, math.sqrt(6 / sum(shape)))


class GlorotNormal(Initializer):
    """N(0, 2 / (fan_in + fan_out)).  Glorot & Bengio (2010)."""

    def __call__(self, stream: Any, shape: tuple[int, ...]) -> np.ndarray:
        return _normal(stream, shape, 2 / sum(shape))


class HeNormal(Initializer):
    """N(0, 2 / fan_in), for ReLU and its kin.  He et al. (2015)."""

    def __call__(self, stream: Any, shape: tuple[int, ...]) -> np.ndarray:
        return _normal(stream, shape, 2 / shape[0])


class HeUniform(Initializer):
    """U(±√(6 / fan_in)), variance 2 / fan_in.  He et al. (2015)."""

    def __call__(self, stream: Any, shape: tuple[int, ...]) -> np.ndarray:
        return _uniform(stream, shape, math.sqrt(6 / shape[0]))


class LeCunNormal(Initializer):
    """N(0, 1 / fan_in), for SELU.  LeCun et al. (1998)."""

    def __call__(self, stream: Any, shape: tuple[int, ...]) -> np.ndarray:
        return _normal(stream, shape, 1 / shape[0])


class LeCunUniform(Initializer):
    """U(±√(3 / fan_in)), variance 1 / fan_in.  LeCun et al. (1998)."""

    def __call__(self, stream: Any, shape: tuple[int, ...]) -> np.ndarray:
        return _uniform(stream, shape, math.sqrt(3 / shape[0]))
