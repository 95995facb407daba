"""Checks of the user's arrays, once before training: one clear error, or data that every kernel can work with."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..arrays import has_masks, is_on_gpu, numbers, to_host
from ..errors import DataError, ShapeError
from ..kernels.contract import dtype_name, wide
from ..kernels.table import host_dtype

BFLOAT16_MAX = 255 * 2.0**120  # NumPy's finfo has no bfloat16
_LOOKED_AT = 10_000
_BLOCK = 1 << 22  # entries checked at a time, so that checking does not copy all data


def features(X: Any, columns: int, dtype: str, name: str = "X") -> Any:
    """X as a C-contiguous array (n, columns) of numbers, in its own dtype; never rescaled.

    Raises DataError for text, objects, complex numbers, NaN or infinity, ShapeError for other shapes.
    """
    if is_on_gpu(X) and not hasattr(X, "get"):
        kind = f"{type(X).__module__.partition('.')[0]} array"
        raise DataError(f"{name} is a {kind} on a GPU; give cupy.asarray({name}), which copies nothing")
    array = X if is_on_gpu(X) else _as_numpy(X, name)
    if array.ndim == 1:
        hint = (
            f"X[None, :] for one row of {columns} columns" if array.shape[0] == columns else "X[:, None] for one column"
        )
        raise ShapeError(f"{name} has shape {array.shape}, expected 2 dimensions (rows, {columns}); use {hint}")
    if array.ndim != 2:
        raise ShapeError(
            f"{name} has shape {array.shape}, expected 2 dimensions (rows, {columns}); use {name}.reshape(len({name}), -1)"
        )
    if array.shape[0] == 0:
        raise DataError(f"{name} has no rows")
    if array.shape[1] != columns:
        hint = "; the bias is added already, drop the column of ones" if array.shape[1] == columns + 1 else ""
        raise ShapeError(f"{name} has {array.shape[1]} columns, the network expects {columns}{hint}")
    if array.dtype.kind == "f" or (array.dtype.kind in "iu" and np.iinfo(array.dtype).max > _largest(dtype)):
        (_check_finite_on_gpu if is_on_gpu(array) else check_finite)(array, dtype, name)
    if is_on_gpu(array):
        if array.dtype.kind not in "biuf" and dtype_name(array) != "bfloat16":
            raise DataError(f"{name} is {array.dtype}, expected numbers (bool, integer or floating point)")
        return array if array.flags.c_contiguous else array.copy()  # kernels assume C-contiguous arrays
    if array.dtype.kind == "f" and array.dtype.itemsize not in (4, 8):
        array = array.astype(wide(dtype))
    if not array.dtype.isnative:
        array = array.astype(array.dtype.newbyteorder("="))
    return np.ascontiguousarray(array)


def merged(X: Any, dtype: str) -> str:
    """A sentence about integers in X (n, d) that a step takes for the same input, since `dtype` holds 24 bits or fewer; otherwise "".

    The first rows of each column with integers of 2^24 or more are looked at, and a tenth of different ones must be lost.
    """
    if dtype == "float64" or is_on_gpu(X) or X.dtype.kind not in "iuf" or X.dtype.itemsize < 4 or not X.size:
        return ""
    if X.dtype == np.float32 or max(float(X.max()), -float(X.min())) < 2**24:
        return ""
    for j in range(X.shape[1]):
        distinct = np.unique(X[:_LOOKED_AT, j])
        if max(abs(float(distinct[0])), abs(float(distinct[-1]))) < 2**24 or (distinct != np.floor(distinct)).any():
            continue
        kept = len(np.unique(distinct.astype(np.float32)))
        if kept < 0.9 * len(distinct):
            return (
                f"X[:, {j}]: {len(distinct):,} different integers are {kept:,} different inputs in float32; scale them first, as "
                "dlcore.preprocessing does, or use dtype='float64'"
            )
    return ""


def _as_numpy(X: Any, name: str) -> np.ndarray:
    if hasattr(X, "tocsr"):
        raise DataError(f"{name} is sparse, expected a dense array; use {name}.toarray()")
    if has_masks(X):
        raise DataError(f"{name} is a masked array, or holds some; fill the missing entries first")
    try:
        array = np.asarray(X)
    except (TypeError, ValueError, RuntimeError) as error:
        raise DataError(f"{name} cannot be read as an array: {error}") from None
    try:
        array = numbers(array)
    except (TypeError, ValueError):
        raise DataError(f"{name} holds objects that are not numbers; encode text and categories first") from None
    if array.dtype.kind not in "biuf":
        raise DataError(f"{name} is {array.dtype}, expected numbers (bool, integer or floating point)")
    return array


def _largest(dtype: str) -> float:
    return float(np.finfo(dtype).max) if dtype != "bfloat16" else BFLOAT16_MAX


def check_finite(array: np.ndarray, dtype: str, name: str) -> None:
    """Raise DataError naming the first entry that is NaN or infinite, or too large for `dtype`."""
    largest = _largest(dtype)
    fits = array.dtype.kind == "f" and array.dtype.itemsize <= host_dtype(dtype).itemsize
    step = max(1, _BLOCK // max(1, math.prod(array.shape[1:])))
    for start in range(0, len(array), step):
        block = array[start : start + step]
        # a finite sum proves that every entry is finite: one pass without a copy, and rarely a second
        with np.errstate(all="ignore"):
            if np.isfinite(block.sum(dtype=np.float64)) and (
                fits or max(-float(block.min()), float(block.max())) <= largest
            ):
                continue
            bad = ~(np.abs(block.astype(np.float64)) <= largest)
        if bad.any():
            place = tuple(int(i) for i in np.argwhere(bad)[0])
            value = block[place]
            where = f"{name}[{', '.join(str(i) for i in (place[0] + start, *place[1:]))}]"
            why = "NaN" if np.isnan(value) else "infinite" if np.isinf(value) else f"{value:g}, too large for {dtype}"
            raise DataError(f"{where} is {why}; clean or impute the data first")


def _check_finite_on_gpu(array: Any, dtype: str, name: str) -> None:
    """Transfers only two numbers from the device, so the error names no entry."""
    low, high = float(array.min()), float(array.max())
    if not (-math.inf < low and high < math.inf):  # NaN is neither
        raise DataError(f"{name} holds NaN or infinity; clean or impute the data first")
    if max(-low, high) > (largest := _largest(dtype)):
        raise DataError(f"{name} holds {max(-low, high):g}, and {dtype} at most {largest:g}; scale the data first")


def weights(sample_weight: Any, rows: int, dtype: str, name: str = "sample_weight") -> np.ndarray:
    """Row weights as float64 (rows,); ones for None.

    Raises DataError for weights that are not numbers, negative, not finite in `dtype`, or all zero in it; a step takes subnormal
    numbers for zero.
    """
    if sample_weight is None:
        return np.ones(rows)
    w = to_host(sample_weight) if is_on_gpu(sample_weight) else _as_numpy(sample_weight, name)
    if w.shape != (rows,):
        raise ShapeError(f"{name} has shape {w.shape}, expected ({rows},), one weight for each row")
    w = w.astype(np.float64)
    check_finite(w, dtype, name)
    if (w < 0).any():
        row = int(np.argmax(w < 0))
        raise DataError(f"{name}[{row}] is {w[row]:g}; weights must not be negative")
    with np.errstate(over="ignore", under="ignore"):
        if not (w.astype(dtype) >= np.finfo(dtype).smallest_normal).any():
            raise DataError(f"all {name} are zero{' in ' + dtype if w.any() else ''}; nothing can be learned")
        if not np.isfinite(w.astype(dtype).sum()):
            raise DataError(
                f"the sum of {name} is too large for {dtype}; only ratios of weights count, so scale them down"
            )
    return w
