"""Raw rows for a trainer that has `preprocessing`: frames become features, labels become class indices, and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from ..arrays import ArrayLike
from ..data.feature_names import feature_names
from ..data.tables import Table

if TYPE_CHECKING:
    from ..data.frames import TableLike
    from ..preprocessing import FittedPreprocessing


def are_raw(preprocessing: FittedPreprocessing | None, X: TableLike) -> bool:
    """Whether X is for preprocessing, which exists: a Table, a frame, or a dict.  Arrays are features already."""
    return preprocessing is not None and (isinstance(X, Table | Mapping) or feature_names(X) is not None)


def class_indices(preprocessing: FittedPreprocessing, y: ArrayLike) -> ArrayLike:
    """Class indices (n,) of labels as training rows spelled them; numbers of a regression as they are.

    Raises DataError, with the row, for a label that is none of the classes.
    """
    labels = _labels(preprocessing)
    return preprocessing.targets({labels[0]: y}) if labels and preprocessing.target else y


def as_spelled(preprocessing: FittedPreprocessing, indices: np.ndarray) -> np.ndarray:
    """Labels as training rows spelled them, from class indices."""
    labels = _labels(preprocessing)
    return np.array(labels[1])[indices.reshape(-1)] if labels else indices


def _labels(preprocessing: FittedPreprocessing) -> tuple[str, tuple[str, ...]] | None:
    """The name of the target and its labels, where it is one of classes."""
    from ..preprocessing.columns import Classes  # here: only trainers with preprocessing need it

    target = preprocessing.target
    return (target.name, target.labels) if isinstance(target, Classes) else None
