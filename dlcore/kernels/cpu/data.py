"""Order, gather and cast of a batch.  The rows of a batch are computed together, round by round, so that they vectorize."""

import math

import numpy as np

from ..reference.random import ORDER
from .compiled import compiled, inlined
from .random import philox, u32, u64


@inlined
def _half(x, y, key, m):
    """(x + hash(y + key) scaled below m) modulo m; where the sum is below m, sum − m wraps to a huge number"""
    h = u32(y + key)
    h = u32(h ^ (h >> u32(16)))
    h = u32(h * u32(0x7FEB352D))
    h = u32(h ^ (h >> u32(15)))
    h = u32(h * u32(0x846CA68B))
    h = u32(h ^ (h >> u32(16)))
    x = u32(x + u32((u64(h) * u64(m)) >> u64(32)))
    wrapped = u32(x - m)
    return x if x < wrapped else wrapped


@inlined
def _permute(positions, epoch, key0, key1, n, a, b):
    """The Feistel rounds on positions, each with its right half in the upper 32 bits and its left half in the lower 32."""
    for block in range((24 if n < 1024 else 12) // 4):
        k0, k1, k2, k3 = philox(u32(ORDER), u32(0), epoch, u32(block), key0, key1)
        for i in range(positions.size):
            left, right = u32(positions[i]), u32(positions[i] >> 32)
            left = _half(left, right, k0, a)
            right = _half(right, left, k1, b)
            left = _half(left, right, k2, a)
            right = _half(right, left, k3, b)
            positions[i] = np.int64(left) | np.int64(right) << 32


@inlined
def rows_of_batch(index, first, n, a, b, epoch, key0, key1):
    """index[i] = row at position (first + i) mod n of this epoch: reference keyed_order with the loops exchanged."""
    position = first % n
    left, right = position // b, position % b
    for i in range(index.size):  # counting up: a division per position would take longer than the rounds
        index[i] = left | right << 32
        position, right = position + 1, right + 1
        if position == n:
            position, left, right = 0, 0, 0
        elif right == b:
            left, right = left + 1, 0
    done, todo = 0, index
    while done < index.size:
        _permute(todo, u32(epoch), u32(key0), u32(key1), n, u32(a), u32(b))
        while done < index.size:
            row = (index[done] & 0xFFFFFFFF) * b + (index[done] >> 32)
            if row >= n:  # cycle walking: permute this one again
                todo = index[done : done + 1]
                break
            index[done] = row
            done += 1


@compiled()
def _order(progress, index, key0, key1, batch, shuffle, n, a, b):
    """index = the rows of the batch; counts the batch and the evaluation."""
    first = progress[1] * batch
    if shuffle:
        rows_of_batch(index, first, n, a, b, progress[0] & 0xFFFFFFFF, key0, key1)
    else:
        for i in range(index.size):
            index[i] = (first + i) % n
    progress[1] += 1
    progress[2] += 1


@inlined
def copy_row(source, target):
    for j in range(target.size):
        target[j] = source[j]


@compiled(rows="index x y_out w_out")
def _copy_rows(lo, hi, X, y, w, index, x, y_out, w_out):
    for i in range(lo, hi):
        r = index[i]
        copy_row(y[r], y_out[i])
        w_out[i] = w[r]
        copy_row(X[r], x[i])


@compiled(rows="index x y_out w_out")
def _copy_rows_and_labels(lo, hi, X, y, w, index, x, y_out, w_out):
    for i in range(lo, hi):
        r = index[i]
        y_out[i], w_out[i] = y[r], w[r]
        copy_row(X[r], x[i])


def gather(X, y, w, progress, index, key0, key1, batch, shuffle, *, out):
    n = len(X)
    a = math.isqrt(n - 1) + 1
    x, y_out, w_out, _, _ = out
    _order(progress, index, key0, key1, batch, shuffle, n, a, -(-n // a))
    (_copy_rows if y.ndim > 1 else _copy_rows_and_labels)(X, y, w, index, x, y_out, w_out)


KERNELS = {"gather": gather, "gather_labels": gather}
