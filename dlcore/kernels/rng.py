"""Random streams as functions of (seed, purpose, counters): Philox4x32-10, the same bits on every device.

Kernels draw what a training step needs (order, dropout masks); this module draws what the host needs.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..checks import is_integer
from ..errors import ConfigurationError
from .reference.random import INITIAL, keyed_order, philox

MASK32 = 0xFFFFFFFF


def key(seed: int) -> tuple[int, int]:
    """The two key words of a seed below 2⁶⁴."""
    if not is_integer(seed) or not 0 <= seed < 2**64:
        raise ConfigurationError(f"seed={seed!r}: expected an integer from 0 to 2**64 - 1")
    return int(seed) & MASK32, int(seed) >> 32


def order(seed: int, epoch: int, n: int, start: int = 0, stop: int | None = None) -> np.ndarray:
    """Row numbers at positions start to stop of an epoch over n training rows: the permutation that the gather kernels use."""
    if n == 0:
        return np.zeros(0, np.int64)
    position = np.arange(start, n if stop is None else min(stop, n), dtype=np.uint64)
    rows: np.ndarray = keyed_order(np, position, n, np.asarray(epoch & MASK32, np.uint64), *key(seed)).astype(np.int64)
    return rows


@dataclass(frozen=True)
class Stream:
    """Initial values of one parameter: counter (purpose, parameter, 0, position / 2), two float64 numbers per counter."""

    seed: int
    parameter: int

    def uniform(self, count: int) -> np.ndarray:
        """`count` numbers in [0, 1), multiples of 2⁻⁵³."""
        blocks = np.arange(-(-count // 2), dtype=np.uint64)
        zero = np.zeros_like(blocks)
        w = philox((zero + np.uint64(INITIAL), zero + np.uint64(self.parameter), zero, blocks), *key(self.seed))
        pairs = [
            ((high >> 5) * 67108864.0 + (low >> 6)) / 9007199254740992.0 for high, low in ((w[0], w[1]), (w[2], w[3]))
        ]
        return np.stack(pairs, axis=1).reshape(-1)[:count]

    def normal(self, count: int) -> np.ndarray:
        """`count` standard normal numbers, by Box and Muller (1958)."""
        u = self.uniform(count + count % 2).reshape(-1, 2)
        radius, angle = np.sqrt(-2 * np.log1p(-u[:, 0])), 2 * np.pi * u[:, 1]
        return np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1).reshape(-1)[:count]
