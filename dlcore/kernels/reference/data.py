"""A batch of rows from the data set: order, gather and cast, inside the step.

The batch is number progress[1] of epoch progress[0]; `batch` is the size of a full one, so that a ragged last batch starts
where the full ones end.  Positions run modulo the N rows.  `index` is scratch, as long as the batch has rows.
"""

from ..contract import contract
from .random import keyed_order

_SHARED = "w[N]:positive progress[4]:count index[n]:count key0:count key1:count batch:count shuffle:bits"


def _rows(xp, n, rows, progress, key0, key1, batch, shuffle):
    start = xp.astype(progress[1], xp.uint64) * batch
    position = (xp.arange(rows, dtype=xp.uint64) + start) % n
    if shuffle and rows:
        position = keyed_order(xp, position, n, xp.astype(progress[0], xp.uint64) & 0xFFFFFFFF, key0, key1)
    return xp.astype(position, xp.int64)


def _gather(xp, X, y, w, progress, index, key0, key1, batch, shuffle):
    index = _rows(xp, X.shape[0], index.shape[0], progress, key0, key1, batch, shuffle)
    x = xp.astype(xp.take(X, index, axis=0), w.dtype)
    counted = xp.stack([progress[0], progress[1] + 1, progress[2] + 1, progress[3]])
    return x, xp.take(y, index, axis=0), xp.take(w, index), counted, index


@contract(f"X[N,d]:stored Y[N,k] {_SHARED} -> x[n,d] y[n,k] v[n] progress[4] index[n]", wide="Y w y v")
def gather(xp, X, Y, w, progress, index, key0, key1, batch, shuffle):
    """x = X[r], y = Y[r], v = w[r] for the rows r of this batch; counts the batch and the evaluation"""
    return _gather(xp, X, Y, w, progress, index, key0, key1, batch, shuffle)


@contract(f"X[N,d]:stored labels[N]:count {_SHARED} -> x[n,d] y[n]:count v[n] progress[4] index[n]", wide="w v")
def gather_labels(xp, X, labels, w, progress, index, key0, key1, batch, shuffle):
    """As gather, for class indices"""
    return _gather(xp, X, labels, w, progress, index, key0, key1, batch, shuffle)
