"""User's rows, checked once: what a step reads of them."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..arrays import is_on_gpu
from ..backends import Backend
from ..data import inputs
from ..errors import DataError, ShapeError
from ..plan.recipe import Recipe


@dataclass(frozen=True)
class Rows:
    """Features (n, columns), on the host or on a GPU; targets as the loss takes them; a weight for each row."""

    X: Any
    targets: np.ndarray
    weights: np.ndarray

    def __len__(self) -> int:
        return len(self.X)

    def arrays(self, dtype: str) -> dict[str, Any]:
        """As a step reads them, values in the dtype of parameters."""
        kind = "int64" if self.targets.ndim == 1 else dtype
        return {"X": self.X, "targets": self.targets.astype(kind), "sample_weight": self.weights.astype(dtype)}


def checked_rows(recipe: Recipe, backend: Backend, X: Any, y: Any, sample_weight: Any, name: str = "") -> Rows:
    """All checks of user's data.  Raises DataError or ShapeError, naming what came as `name` X, y and sample_weight."""
    X = checked_features(recipe, backend, X, name)
    if why := inputs.merged(X, recipe.dtype):
        warnings.warn(f"{name}{why}", stacklevel=4)
    targets = recipe.loss.targets(y, recipe.model.output_width)
    if len(targets) != len(X):
        raise ShapeError(f"{name}X has {len(X)} rows, and y {len(targets)}")
    if targets.ndim == 2:
        inputs.check_finite(targets, recipe.wide, f"{name}y")
    return Rows(X, targets, inputs.weights(sample_weight, len(X), recipe.wide, f"{name}sample_weight"))


def checked_features(recipe: Recipe, backend: Backend, X: Any, name: str = "") -> Any:
    """Features alone.  Raises DataError or ShapeError."""
    if is_on_gpu(X) and backend.xp is np:
        raise DataError(f"{name}X lives on a GPU, and this trainer on device='cpu'; use device='cuda', or X.get()")
    return inputs.features(X, recipe.model.input_width, recipe.dtype, f"{name}X")


def check_batches(recipe: Recipe, *sizes: int) -> None:
    """Raise DataError where a layer cannot be trained on batches of these sizes."""
    for rows in sizes:
        for layer in recipe.model:
            layer.check_rows(rows)
