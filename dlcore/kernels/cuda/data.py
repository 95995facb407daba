"""Order, gather and cast of a batch, in one kernel, compiled for each dtype of user data."""

import numpy as np

from ..reference.random import sides
from .launch import THREADS, WARP, Shape, dtype_of


def _gather(name):
    def kernel(device, X, y, w, progress, index, key0, key1, batch, shuffle, *, out):
        (n, columns), rows = X.shape, index.shape[0]
        group = WARP if columns <= 4 * WARP else THREADS
        blocks = min(max(1, -(-rows * group // THREADS)), 65536)
        x, y_out, w_out, _, _ = out
        _, ticket = device.partial_sums(dtype_of(x), 0)
        device.launch(
            "data", name, dtype_of(x), Shape((blocks,), (THREADS,)),
            X, y, w, progress, index, x, y_out, w_out, ticket,
            np.int64(n), np.int64(rows), np.int32(columns), np.int32(y.size // n), np.int64(batch),
            np.uint32(key0 & 0xFFFFFFFF), np.uint32(key1 & 0xFFFFFFFF), np.int32(bool(shuffle)),
            *map(np.uint32, sides(n)), np.int32(group), data=dtype_of(X),
        )  # fmt: skip

    return kernel


KERNELS = {name: _gather(name) for name in ("gather", "gather_labels")}
