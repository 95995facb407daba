"""Dropout: masks are Philox words, the same bits on every device."""

import numpy as np

from .launch import dtype_of, flat


def words(key0, key1, layer):
    """The numbers that a mask is drawn by."""
    return tuple(np.uint32(word & 0xFFFFFFFF) for word in (key0, key1, layer))


def dropout(device, x, progress, key0, key1, layer, keep, *, out):
    shape = flat(-(-x.size // 4))
    device.launch(
        "random",
        "dropout",
        dtype_of(x),
        shape,
        x,
        progress,
        keep,
        *out,
        np.int64(x.size),
        *words(key0, key1, layer),
    )


def dropout_grad(device, delta, mask, keep, *, out):
    device.launch(
        "random",
        "dropout_grad",
        dtype_of(delta),
        flat(delta.size),
        delta,
        mask,
        keep,
        out,
        np.int64(delta.size),
    )


KERNELS = {f.__name__: f for f in (dropout, dropout_grad)}
