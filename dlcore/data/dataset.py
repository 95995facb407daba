"""Rows to train on and rows to test with."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from .split import held_out_rows


@dataclass(frozen=True)
class DataSet:
    """X (n, d) and y as a trainer takes them, and test rows, which are not used before training is over.

    y holds class indices, and `classes` their names by index; for a regression y is (n,) or (n, k), and `classes` is empty.
    `target` names the predicted quantity, center + scale · y.  `validation` holds rows that were set aside already,
    `preprocessing` is what computed X and y from raw rows, if anything, and `left_out` counts rows that could not be used.
    `test_places` are the positions of the test rows among all rows of their file, from 0; None: they are all of them, in order.
    """

    X: np.ndarray
    y: np.ndarray
    X_test: np.ndarray
    y_test: np.ndarray
    classes: tuple[str, ...] = ()
    target: str = "value"
    center: float = 0.0
    scale: float = 1.0
    validation: tuple[np.ndarray, np.ndarray] | None = None
    preprocessing: Any = None  # a FittedPreprocessing; its module has a higher rank and cannot be imported here
    left_out: int = 0
    test_places: np.ndarray | None = None

    def split(self, share: float) -> tuple[DataSet, tuple[np.ndarray, np.ndarray] | None]:
        """These data without a share of the training rows, stratified by class, and those rows; None for a share of 0."""
        if not share or self.validation is not None:
            return self, self.validation
        aside = held_out_rows(len(self.y), self.y if self.classes else None, share)
        return replace(self, X=self.X[~aside], y=self.y[~aside]), (self.X[aside], self.y[aside])
