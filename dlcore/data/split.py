"""Rows set aside for validation, or for tests where data have no test rows; they do not depend on the training's seed."""

from __future__ import annotations

import numpy as np

from ..errors import DataError
from ..kernels.rng import order

SHARE = 0.2
_STREAM = 0x53504C4954  # "SPLIT": a separate seed, so that no training draws the same order by accident


def held_out_rows(n: int, classes: np.ndarray | None = None, share: float = SHARE) -> np.ndarray:
    """Mask (n,) of the rows set aside: ⌊share · n + ½⌋ rows, but at least one and not all, drawn from a fixed stream.

    classes   (n,) from 0: each class gets its share of them to within one row, and keeps at least one training row

    Raises DataError for fewer than 2 rows.
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
    # the remaining rows go to the classes with the largest remainders; ties go to the smaller class index
    for c in np.argsort(np.floor(exact) - exact, kind="stable"):
        if quota.sum() < count and quota[c] < sizes[c] - 1:
            quota[c] += 1
    for c, rows in enumerate(quota):
        chosen[drawn[classes[drawn] == c][:rows]] = True
    return chosen
