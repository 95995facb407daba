"""Losses: value and delta in one pass, with the bias of the output layer if there is one.

`with_bias(device, name, z, b, …)` takes z + b; delta may be z, so a fused kernel lets the product write into delta.  Delta is
multiplied by the first number of `scaling`, if that is given.  The counted ones also give the weight of rows predicted right.
"""

import math
from functools import partial

import numpy as np

from ..reference.losses import LOSSES
from .launch import NULL, WARP, by_rows, dtype_of, tiles

# run with one warp or one block per row; the others run on tiles
_BY_ROWS = (
    "softmax_cross_entropy", "softmax_cross_entropy_dense", "softmax_cross_entropy_counted", "softmax_cross_entropy_dense_counted",
)  # fmt: skip


def _most_blocks(size):
    """Every block reads all weights, so more blocks than these would mostly read weights."""
    return max(128, size // 4096)


def with_bias(device, name, z, b, y, w, *numbers, out, scaling=NULL):
    rows, columns = z.shape
    if name in _BY_ROWS:
        group, shape = by_rows(rows, columns, _most_blocks(z.size))
        kernel, (smoothing,) = f"{name}_{group}", numbers
        last = np.float64(1 - smoothing), np.float64(smoothing / max(columns, 1))
    else:
        shape = tiles(rows, columns, parts=max(1, _most_blocks(z.size) // -(-columns // WARP)) if columns else 1)
        kernel, last = name, (np.float64(numbers[0] if numbers else 0),)
    # the second half is for the weight of the correct rows
    scratch = device.partial_sums(dtype_of(z), 2 * math.prod(shape.grid), tickets=2)
    device.launch(
        "losses",
        kernel,
        dtype_of(z),
        shape,
        z,
        b,
        y,
        w,
        *out,
        scaling,
        *scratch,
        np.int64(rows),
        np.int32(columns),
        *last,
    )


def binary_cross_entropy_counted(device, z, y, w, *, out):
    rows, columns = z.shape
    group, shape = by_rows(rows, columns, _most_blocks(z.size))
    scratch = device.partial_sums(dtype_of(z), 2 * shape.grid[0], tickets=2)
    kernel, sizes = f"binary_cross_entropy_counted_{group}", (np.int64(rows), np.int32(columns))
    device.launch("losses", kernel, dtype_of(z), shape, z, y, w, *out, *scratch, *sizes)


def _loss(name):
    def kernel(device, z, y, w, *numbers, out, scaling=NULL):
        with_bias(device, name, z, NULL, y, w, *numbers, out=out, scaling=scaling)

    return kernel


def scaled(loss, device, *inputs, out):
    """A loss whose last input is the scaling of its delta."""
    *inputs, scaling = inputs
    loss(device, *inputs, out=out, scaling=scaling)


KERNELS = {name: _loss(name) for name in LOSSES}
KERNELS |= {f"{name}_scaled": partial(scaled, loss) for name, loss in KERNELS.items()}
KERNELS |= {name: _loss(name) for name in _BY_ROWS}
KERNELS["binary_cross_entropy_counted"] = binary_cross_entropy_counted
