"""Scaling of numbers to a range around 0: fitted once, then a function of the cell alone.  NaN stays NaN."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

_LANDMARKS = 1000
_LARGE = 1e300
_TAIL = 1e-7  # probability used in place of 0: its normal quantile is −5.2


BEND = 8.0  # of inputs: better than none, than clipping at ±5 and than 3 or 4 over eight tables; see docs/data.md


@dataclass(frozen=True)
class Affine:
    """z = (x − center) / scale, then z / √(1 + (z / bend)²) unless bend is 0: a smooth clipping, always between −bend and bend.

    A cell 2 deviations from the mean moves by 3 % for a bend of 8, and one 140 deviations out becomes 8 instead of 140.
    """

    center: float
    scale: float
    bend: float = 0.0

    def __call__(self, x: np.ndarray) -> np.ndarray:
        with np.errstate(over="ignore" if self.bend else "warn"):
            z: np.ndarray = (x - self.center) / self.scale
        if not self.bend:
            return z
        z = np.minimum(np.maximum(z, -_LARGE), _LARGE)  # infinity over infinity would be NaN; np.clip takes longer
        bent: np.ndarray = z / np.hypot(1.0, z / self.bend)
        return bent


@dataclass(frozen=True)
class Quantiles:
    """The standard normal quantile of a cell's rank among the training rows, linear between landmarks."""

    points: tuple[float, ...]
    scores: tuple[float, ...]

    def __call__(self, x: np.ndarray) -> np.ndarray:
        scores: np.ndarray = np.interp(x, self.points, self.scores)
        return scores


def standard(x: np.ndarray) -> Affine:
    """Mean 0 and standard deviation 1 (over n, not n − 1); the scale of a constant is 0."""
    if x.min() == x.max():  # the rounded mean of many 0.1 is not 0.1, so their deviation would not be 0
        return Affine(float(x[0]), 0.0)
    exponent = int(np.frexp(np.abs(x).max())[1])  # so that squares of 1e200 stay finite
    near_one = np.ldexp(x, -exponent)
    return Affine(float(np.ldexp(near_one.mean(), exponent)), float(np.ldexp(near_one.std(), exponent)))


def robust(x: np.ndarray) -> Affine:
    """Median 0 and interquartile range 1, or standard deviation 1 if that range is 0."""
    low, middle, high = np.quantile(x, [0.25, 0.5, 0.75])
    return Affine(float(middle), float(high - low) or standard(x).scale)


def quantile(x: np.ndarray) -> Quantiles:
    """Map ranks to a normal distribution; equal cells get the middle of their ranks.

    scikit-learn's QuantileTransformer maps equal cells at either end to ±5.2 instead: in a column of mostly zeros, the zeros
    would be outliers.
    """
    from statistics import NormalDist  # imported here, because it takes longer to import than all of this package

    rank = np.linspace(0, 1, min(_LANDMARKS, len(x)))
    points, first, count = np.unique(np.quantile(x, rank), return_index=True, return_counts=True)
    middle = (rank[first] + rank[first + count - 1]) / 2
    normal = NormalDist()
    scores = [normal.inv_cdf(float(p)) for p in np.clip(middle, _TAIL, 1 - _TAIL)]
    return Quantiles(tuple(map(float, points)), tuple(scores))


def none(x: np.ndarray) -> Affine:
    """No scaling."""
    return Affine(0.0, 1.0)


Scaling = Affine | Quantiles
SCALINGS: dict[str, Callable[[np.ndarray], Scaling]] = {
    "standard": standard,
    "robust": robust,
    "quantile": quantile,
    "none": none,
}
