"""The bundled data set: 1,797 handwritten digits of 8 x 8 pixels, 360 of them for testing.

Source: E. Alpaydin & C. Kaynak, Optical Recognition of Handwritten Digits, UCI Machine Learning Repository (1998), the part
that scikit-learn ships too; CC BY 4.0.  The test rows were drawn once, stratified by class, and are part of the file.
"""

from __future__ import annotations

from importlib.resources import files
from typing import NamedTuple

import numpy as np


class Digits(NamedTuple):
    """Images as rows of 64 pixels in [0, 1], labels 0 to 9."""

    X: np.ndarray
    y: np.ndarray
    X_test: np.ndarray
    y_test: np.ndarray


def load_digits() -> Digits:
    """1,437 training and 360 test images, float32 (pixels / 16), labels int64."""
    with (files("dlcore.data") / "digits.npz").open("rb") as file, np.load(file, allow_pickle=False) as archive:
        images, labels, test_rows = archive["images"], archive["labels"], archive["test"]
    X, y = images.astype(np.float32) / np.float32(16), labels.astype(np.int64)
    test = np.zeros(len(X), bool)
    test[test_rows] = True
    return Digits(X[~test], y[~test], X[test], y[test])
