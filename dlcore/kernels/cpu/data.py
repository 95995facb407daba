"""Order, gather and cast of a batch.  The rows of a batch are computed together, round by round, so that they vectorize."""

import math

import numpy as np

from ..reference.random import ORDER
from .compiled import compiled, inlined
from .random import philox, u32, u64


@inlined
def _hash(x):
    x = u32(x ^ (x >> u32(16)))
    x = u32(x * u32(0x7FEB352D))
    x = u32(x ^ (x >> u32(15)))
    x = u32(x * u32(0x846CA68B))
    return u32(x ^ (x >> u32(16)))


@inlined
def _half(x, y, key, m):
    """(x + hash(y + key) scaled below m) modulo m; where the sum is below m, sum − m wraps to a huge number"""
    x = u32(x + u32((u64(_hash(u32(y + key))) * u64(m)) >> u64(32)))
    return u32(min(x, u32(x - m)))


@inlined
def _rounds(left, right, epoch, key0, key1, n, a, b):
    """The Feistel rounds for one position."""
    for block in range((24 if n < 1024 else 12) // 4):
        k0, k1, k2, k3 = philox(u32(ORDER), u32(0), epoch, u32(block), key0, key1)
        left = _half(left, right, k0, a)
        right = _half(right, left, k1, b)
        left = _half(left, right, k2, a)
        right = _half(right, left, k3, b)
    return left, right


@inlined
def rows_of_batch(index, first, n, a, b, epoch, key0, key1):
    """index[i] = row at position (first + i) mod n of this epoch: reference keyed_order with the loops exchanged."""
    halves = index.view(np.uint32)  # left and right of position i at 2i and 2i + 1, until they are joined
    count = index.size
    for i in range(count):
        position = (first + i) % n
        left = position // b
        halves[2 * i], halves[2 * i + 1] = u32(left), u32(position - left * b)
    ua, ub, e, s0, s1 = u32(a), u32(b), u32(epoch), u32(key0), u32(key1)
    for block in range((24 if n < 1024 else 12) // 4):
        k0, k1, k2, k3 = philox(u32(ORDER), u32(0), e, u32(block), s0, s1)
        for i in range(count):
            left, right = halves[2 * i], halves[2 * i + 1]
            left = _half(left, right, k0, ua)
            right = _half(right, left, k1, ub)
            left = _half(left, right, k2, ua)
            right = _half(right, left, k3, ub)
            halves[2 * i], halves[2 * i + 1] = left, right
    for i in range(count):
        row = np.int64(halves[2 * i]) * b + np.int64(halves[2 * i + 1])
        while row >= n:  # cycle walking
            left = row // b
            l, r = _rounds(u32(left), u32(row - left * b), e, s0, s1, n, ua, ub)
            row = np.int64(l) * b + np.int64(r)
        index[i] = row


@compiled()
def _batch(y, w, progress, index, key0, key1, batch, shuffle, n, a, b, y_out, w_out):
    """Rows, targets and weights of the batch; counts it."""
    first = progress[1] * batch
    if shuffle:
        rows_of_batch(index, first, n, a, b, progress[0] & 0xFFFFFFFF, key0, key1)
    else:
        for i in range(index.size):
            index[i] = (first + i) % n
    for i in range(index.size):
        y_out[i] = y[index[i]]
        w_out[i] = w[index[i]]
    progress[1] += 1
    progress[2] += 1


@compiled(rows="x index")
def _copy_rows(lo, hi, X, index, x):
    for i in range(lo, hi):
        source, x_i = X[index[i]], x[i]
        for j in range(x_i.size):
            x_i[j] = source[j]


def gather(X, y, w, progress, index, key0, key1, batch, shuffle, *, out):
    n = len(X)
    a = math.isqrt(n - 1) + 1
    x, y_out, w_out, _, _ = out
    _batch(y, w, progress, index, key0, key1, batch, shuffle, n, a, -(-n // a), y_out, w_out)
    _copy_rows(X, index, x)


KERNELS = {"gather": gather, "gather_labels": gather}
