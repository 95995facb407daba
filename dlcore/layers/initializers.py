"""Initial values of weights: the lectures' rules, under their usual names.

They are drawn once, on the host, in float64, and cast; so the same seed gives the same network on every device.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

import numpy as np

from ..checks import FINITE, check_fields
from ..kernels.rng import Stream

__all__ = [
    "Constant", "FanInUniform", "GlorotNormal", "GlorotUniform", "HeNormal", "HeUniform", "Initializer",
    "LeCunNormal", "LeCunUniform", "Normal", "Uniform",
]  # fmt: skip


@dataclass(frozen=True)
class Initializer:
    """`self(stream, shape)` is a float64 array; for a weight matrix shape = (fan_in, fan_out).

    Raises ConfigurationError for fields that are not finite numbers.
    """

    def __post_init__(self) -> None:
        check_fields(self, FINITE, *(f.name for f in fields(self)))

    def __call__(self, stream: Stream, shape: tuple[int, ...]) -> np.ndarray:
        raise TypeError(f"{type(self).__name__} does not say how to draw")


def _normal(stream: Stream, shape: tuple[int, ...], variance: float) -> np.ndarray:
    return math.sqrt(variance) * stream.normal(math.prod(shape)).reshape(shape)


def _uniform(stream: Stream, shape: tuple[int, ...], limit: float) -> np.ndarray:
    return limit * (2 * stream.uniform(math.prod(shape)) - 1).reshape(shape)


@dataclass(frozen=True)
class Constant(Initializer):
    """Every entry is `value`.  Hidden units that start equal stay equal: the symmetry is not broken."""

    value: float = 0.0

    def __call__(self, stream: Stream, shape: tuple[int, ...]) -> np.ndarray:
        return np.full(shape, self.value, float)


@dataclass(frozen=True)
class Normal(Initializer):
    """N(0, std²)"""

    std: float = 1.0

    def __call__(self, stream: Stream, shape: tuple[int, ...]) -> np.ndarray:
        return _normal(stream, shape, self.std**2)


@dataclass(frozen=True)
class Uniform(Initializer):
    """U(−limit, limit)"""

    limit: float = 1.0

    def __call__(self, stream: Stream, shape: tuple[int, ...]) -> np.ndarray:
        return _uniform(stream, shape, self.limit)


@dataclass(frozen=True)
class _Glorot(Initializer):
    gain: float = 1.0


class GlorotUniform(_Glorot):
    """U(±gain √(6 / (fan_in + fan_out))), variance 2 gain² / (fan_in + fan_out).  Glorot & Bengio (2010).

    The gain is 1 for tanh, and 4 for the logistic activation, whose slope at 0 is ¼.
    """

    def __call__(self, stream: Stream, shape: tuple[int, ...]) -> np.ndarray:
        return _uniform(stream, shape, self.gain * math.sqrt(6 / sum(shape)))


class GlorotNormal(_Glorot):
    """N(0, 2 gain² / (fan_in + fan_out)), the gain as for GlorotUniform.  Glorot & Bengio (2010)."""

    def __call__(self, stream: Stream, shape: tuple[int, ...]) -> np.ndarray:
        return _normal(stream, shape, 2 * self.gain**2 / sum(shape))


class FanInUniform(Initializer):
    """U(±√(1 / fan_in)), variance 1 / (3 fan_in): the lectures' older rule, and PyTorch's default for Linear layers.

    Glorot & Bengio (2010), equation 1.
    """

    def __call__(self, stream: Stream, shape: tuple[int, ...]) -> np.ndarray:
        return _uniform(stream, shape, math.sqrt(1 / shape[0]))


class HeNormal(Initializer):
    """N(0, 2 / fan_in), for ReLU and similar activations.  He et al. (2015)."""

    def __call__(self, stream: Stream, shape: tuple[int, ...]) -> np.ndarray:
        return _normal(stream, shape, 2 / shape[0])


class HeUniform(Initializer):
    """U(±√(6 / fan_in)), variance 2 / fan_in.  He et al. (2015)."""

    def __call__(self, stream: Stream, shape: tuple[int, ...]) -> np.ndarray:
        return _uniform(stream, shape, math.sqrt(6 / shape[0]))


class LeCunNormal(Initializer):
    """N(0, 1 / fan_in), the lectures' Gaussian; for SELU.  LeCun et al. (1998)."""

    def __call__(self, stream: Stream, shape: tuple[int, ...]) -> np.ndarray:
        return _normal(stream, shape, 1 / shape[0])


class LeCunUniform(Initializer):
    """U(±√(3 / fan_in)), variance 1 / fan_in.  LeCun et al. (1998)."""

    def __call__(self, stream: Stream, shape: tuple[int, ...]) -> np.ndarray:
        return _uniform(stream, shape, math.sqrt(3 / shape[0]))
