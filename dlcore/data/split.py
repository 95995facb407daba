"""Rows set aside, the same ones whatever the seed of the training: for tests where data come without them, for validation."""

from __future__ import annotations

import numpy as np

from ..errors import DataError
from ..kernels.rng import order

SHARE = 0.2
_STREAM = 0x53504C4954  # "SPLIT": a seed of its own, so that no seed of a training draws the same order


def held_out_rows(n: int, classes: np.ndarray | None = None, share: float = SHARE) -> np.ndarray:
    """Mask (n,) of the rows set aside: ⌊share · n + ½⌋ of them, but at least one and not all, drawn from a fixed stream.

    classes   (n,) from 0: each class has its share of them to within one row, and at least one training row

    Raises DataError where fewer than 2 rows leave nothing for one of the two.
    """
    if n < 2:
        raise DataError(f"{n} row is too few to set some aside; give more rows, or a file of test rows")
    count = min(max(1, int(np.floor(share * n + 0.5))), n - 1)
    drawn = order(_STREAM, 0, n)
    chosen = np.zeros(n, bool)
    if classes is None:
        chosen[drawn[:count]] = True
        return chosen
    sizes = np.bincount(classes)
    exact = count * sizes / n
    quota = np.minimum(np.floor(exact).astype(int), np.maximum(sizes - 1, 0))
    # what is left goes to the largest remainders; of equal ones to the smallest class
    for c in np.argsort(np.floor(exact) - exact, kind="stable"):
        if quota.sum() < count and quota[c] < sizes[c] - 1:
            quota[c] += 1
    for c, rows in enumerate(quota):
        chosen[drawn[classes[drawn] == c][:rows]] = True
    return chosen
