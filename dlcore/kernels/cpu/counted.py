"""Losses that also give the weight of the rows predicted right: a short loop over the logits, then the loop of the loss.

Two loops, so that the training loop has no extra work; a block of rows stays in the cache between them.
"""

from . import losses
from .compiled import compiled, inlined


@inlined
def largest(row):
    """The first place of the largest entry."""
    place, top = 0, row[0]
    for j in range(row.size):
        if row[j] > top:
            place, top = j, row[j]
    return place


@compiled()
def _of_labels(z, y, w, loss):
    total = 0.0
    for i in range(len(z)):
        total += w[i] if largest(z[i]) == y[i] else 0.0
    loss[2] = total


@compiled()
def _of_distributions(z, y, w, loss):
    total = 0.0
    for i in range(len(z)):
        total += w[i] if largest(z[i]) == largest(y[i]) else 0.0
    loss[2] = total


@compiled()
def _of_outputs(z, y, w, loss):
    total = 0.0
    for i in range(len(z)):
        wrong = 0
        for j in range(z.shape[1]):
            wrong += (z[i, j] >= 0) != (y[i, j] >= 0.5)
        total += w[i] if wrong == 0 else 0.0
    loss[2] = total


@compiled()
def _of_all(w, loss):
    loss[2] = losses.weight_of(w)


def _counted(name, count):
    def kernel(z, y, w, *numbers, out):
        if z.shape[1]:
            count(z, y, w, out[0])
        else:
            _of_all(w, out[0])  # without classes every row counts as right, as in the reference
        losses.KERNELS[name](z, y, w, *numbers, out=out)  # delta may be z, so this comes last

    return kernel


_COUNTS = {
    "binary_cross_entropy": _of_outputs,
    "softmax_cross_entropy": _of_labels,
    "softmax_cross_entropy_dense": _of_distributions,
}
KERNELS = {f"{name}_counted": _counted(name, count) for name, count in _COUNTS.items()}
