"""The options of a trainer and of fit, checked before anything is trained."""

from __future__ import annotations

import dataclasses
import math
import warnings
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from ..arrays import ArrayLike
from ..checks import COUNT, check, is_number, refused
from ..errors import ConfigurationError
from ..kernels.contract import wide
from ..layers.sequential import Sequential
from ..losses import Loss
from ..optimizers import Optimizer
from .callbacks import Callback
from .position import Batching, Position

if TYPE_CHECKING:
    import numpy.typing as npt

    from ..preprocessing import FittedPreprocessing


class Default(int):
    """A number that the user did not give."""


DEFAULT_BATCH_SIZE = Default(128)


def check_head(model: Sequential, loss: Loss) -> None:
    """Raise ConfigurationError where the last layer and the loss do not fit together; warn of a Softmax between layers."""
    owner, last = type(loss).__name__, type(model[-1]).__name__
    if last in loss.built_in:
        raise ConfigurationError(
            f"{owner} takes logits and has its output activation built in; remove the {last} layer before it"
        )
    kinds = [type(layer).__name__ for layer in model]
    if "Softmax" in kinds and "Dense" in kinds[kinds.index("Softmax") :]:
        why = "a Softmax between layers lets its units compete, and little gradient comes through; it belongs after the last layer"
        warnings.warn(why, stacklevel=3)
    if loss.output == "softmax" and model.output_width < 2:
        raise ConfigurationError(f"{owner} needs at least 2 outputs, the network has 1; use BinaryCrossEntropy for one")


def dtype_name(dtype: npt.DTypeLike) -> str:
    """'float32' also for np.float32 and np.dtype("float32")."""
    try:
        if dtype is None:  # float64 for NumPy, but it was not asked for
            raise TypeError
        return dtype if isinstance(dtype, str) else str(np.dtype(dtype).name)
    except TypeError:
        raise refused("", "dtype", dtype, "a name such as 'float32'") from None


def check_numbers(optimizer: Optimizer, dtype: str) -> None:
    """Raise ConfigurationError where a hyperparameter becomes 0 or infinite in the dtype of computation.

    A step takes subnormal numbers for 0.
    """
    for field in dataclasses.fields(optimizer):
        value = getattr(optimizer, field.name)
        if is_number(value) and value:
            with np.errstate(over="ignore", under="ignore"):
                cast = float(np.dtype(dtype).type(value))
            if abs(cast) < np.finfo(dtype).smallest_normal:
                cast = 0.0
            if cast == 0 or not math.isfinite(cast):
                owner = type(optimizer).__name__
                raise ConfigurationError(
                    f"{owner}: {field.name}={value!r} is {cast:g} in {dtype}; choose another value"
                )


def check_dtype(model: Sequential, optimizer: Optimizer, dtype: str) -> None:
    """Raise ConfigurationError for a layer or a hyperparameter that this dtype of computation does not suit."""
    check_numbers(optimizer, wide(dtype))
    for layer in model:
        layer.check_dtype(dtype)


def check_part(name: str, value: object, kind: type) -> None:
    """Raise ConfigurationError unless this part of a trainer is of its kind."""
    if not isinstance(value, kind):
        hint = ": write it with parentheses" if isinstance(value, type) and issubclass(value, kind) else ""
        raise refused("Trainer", name, value, f"a {kind.__name__}{hint}")


def rows_per_batch(batch_size: int | None, n: int) -> int:
    """The batch size for n rows: all of them for None, and never more."""
    if batch_size is None:
        return n
    check("", COUNT, batch_size=batch_size)
    if batch_size > n and not isinstance(batch_size, Default):
        warnings.warn(f"batch_size={batch_size} is larger than the data; {n} rows are used", stacklevel=3)
    return min(int(batch_size), n)


def checked_callbacks(callbacks: Sequence[Callback]) -> list[Callback]:
    """A list of callbacks.  Raises ConfigurationError for anything else."""
    if isinstance(callbacks, Callback) or not isinstance(callbacks, Iterable):
        raise refused("", "callbacks", callbacks, "a list of callbacks")
    callbacks = list(callbacks)
    for callback in callbacks:
        if not isinstance(callback, Callback):
            raise ConfigurationError(f"callbacks: {callback!r} is not a dlcore.Callback")
    return callbacks


def validation_parts(validation: Sequence[ArrayLike]) -> tuple[ArrayLike, ArrayLike, ArrayLike | None]:
    """(X, y, sample_weight or None)"""
    if not isinstance(validation, (tuple, list)) or len(validation) not in (2, 3):
        raise ConfigurationError("validation: expected a tuple (X, y) or (X, y, sample_weight)")
    X, y, *sample_weight = validation
    return X, y, sample_weight[0] if sample_weight else None


def check_preprocessing(preprocessing: FittedPreprocessing | None, width: int) -> None:
    """Raise ConfigurationError for preprocessing that does not make `width` columns."""
    made = getattr(preprocessing, "width", None)
    if preprocessing is not None and made != width:
        came = preprocessing if made is None else f"preprocessing of {made} columns"
        raise ConfigurationError(f"trainer.preprocessing is {came}, and the network takes {width} columns")


def check_resumed(position: Position, batching: Batching) -> None:
    """Raise ConfigurationError where the unfinished epoch was begun with other rows or options."""
    if position.batching in (None, batching):
        return
    begun, now = (
        ", ".join(f"{name}={value}" for name, value in vars(c).items()) for c in (position.batching, batching)
    )
    raise ConfigurationError(
        f"resume=True: the unfinished epoch was begun with {begun} (n rows in batches of size), and this fit has {now}; "
        "give the same data, batch_size, shuffle and accumulate, or resume=False, which leaves that epoch"
    )
