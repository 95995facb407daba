"""Rows to train on and rows to test with."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class DataSet:
    """X (n, d) and y as a trainer takes them, and test rows, which nothing looks at before training is over.

    y holds class indices, and `classes` their names by index; for a regression y is (n,) or (n, k), and `classes` is empty.
    `target` names what is predicted.
    """

    X: np.ndarray
    y: np.ndarray
    X_test: np.ndarray
    y_test: np.ndarray
    classes: tuple[str, ...] = ()
    target: str = "value"
