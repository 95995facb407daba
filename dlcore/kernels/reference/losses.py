"""Losses together with their output activation: value and delta = ∂loss/∂z in one kernel.

Each takes logits z, targets y and row weights w, and gives loss = (Σ_i w_i L_i / Σ_i w_i, Σ_i w_i) and delta with the
factor w_i / Σ w inside.  A batch without weight has loss 0 and delta 0.
"""

from dataclasses import replace

from ..contract import contract
from .activations import logistic, softmax


def weighted_mean(xp, L, w):
    """((Σ w L / Σ w, Σ w), w / Σ w as a column)"""
    total = xp.sum(w)
    share = w / xp.where(total > 0, total, xp.ones_like(total))
    return xp.stack([xp.sum(xp.where(w > 0, share * L, xp.zeros_like(L))), total]), share[:, None]


def weighted(xp, share, delta):
    """share ⊙ delta, and exactly 0 in rows without weight, whatever they hold"""
    return xp.where(share > 0, share * delta, xp.zeros_like(delta))


@contract("z[n,k] y[n,k] w[n]:positive -> loss[2] delta[n,k]", alias="delta z", wide="y w loss", tolerance=64)
def squared_error(xp, z, y, w):
    """L_i = ½ Σ_k (z_k − y_k)²,  delta = z − y"""
    error = z - y
    loss, share = weighted_mean(xp, 0.5 * xp.sum(error * error, axis=1), w)
    return loss, weighted(xp, share, error)


@contract("z[n,k] y[n,k]:unit w[n]:positive -> loss[2] delta[n,k]", alias="delta z", wide="y w loss", tolerance=64)
def binary_cross_entropy(xp, z, y, w):
    """L_i = −Σ_k [y log a + (1 − y) log(1 − a)],  a = σ(z),  delta = a − y;  computed as max(z,0) − z y + log(1 + exp(−|z|))"""
    L = xp.maximum(z, xp.zeros_like(z)) - z * y + xp.log1p(xp.exp(-xp.abs(z)))
    loss, share = weighted_mean(xp, xp.sum(L, axis=1), w)
    return loss, weighted(xp, share, logistic(xp, z) - y)


@contract(
    "z[n,k] y[n,k] w[n]:positive threshold:positive -> loss[2] delta[n,k]",
    alias="delta z",
    wide="y w loss",
    tolerance=64,
)
def huber(xp, z, y, w, threshold):
    """L_i = Σ_k h(z_k − y_k),  h(e) = ½ e² for |e| <= t, else t (|e| − ½ t);  delta = e, cut to [−t, t].  Huber (1964)."""
    error = z - y
    size = xp.abs(error)
    h = xp.where(size > threshold, threshold * (size - 0.5 * threshold), 0.5 * error * error)
    loss, share = weighted_mean(xp, xp.sum(h, axis=1), w)
    return loss, weighted(xp, share, xp.where(size > threshold, threshold * xp.sign(error), error))


@contract("z[n,k] y[n,k]:positive w[n]:positive -> loss[2] delta[n,k]", alias="delta z", wide="y w loss", tolerance=64)
def poisson(xp, z, y, w):
    """L_i = Σ_k (a_k − y_k z_k),  a = exp(z),  delta = a − y: −log of Poisson probabilities, without log y!"""
    a = xp.exp(z)
    loss, share = weighted_mean(xp, xp.sum(a - y * z, axis=1), w)
    return loss, weighted(xp, share, a - y)


@contract("z[n,k] y[n,k]:unit w[n]:positive -> loss[2] delta[n,k]", alias="delta z", wide="y w loss", tolerance=64)
def hinge(xp, z, y, w):
    """L_i = Σ_k max(0, 1 − t_k z_k),  t = 2 y − 1,  delta = −t where t z < 1, else 0"""
    t = 2 * y - 1
    short = 1 - t * z
    L = xp.where(short <= 0, xp.zeros_like(z), short)  # this way round, NaN stays NaN
    loss, share = weighted_mean(xp, xp.sum(L, axis=1), w)
    return loss, weighted(xp, share, xp.where(short > 0, -t, xp.zeros_like(t)))


@contract(
    "z[n,k] y[n,k]:unit w[n]:positive -> loss[2] delta[n,k]",
    alias="delta z",
    wide="y w loss",
    tolerance=64,
    smooth_away_from=0,
)
def perceptron(xp, z, y, w):
    """L_i = Σ_k (a_k − y_k) z_k,  a = 1[z >= 0],  delta = a − y: nothing where the class is right.  Rosenblatt (1958)."""
    error = xp.where(z >= 0, xp.ones_like(z), xp.zeros_like(z)) - y
    loss, share = weighted_mean(xp, xp.sum(error * z, axis=1), w)
    return loss, weighted(xp, share, error)


def binary_entropy(xp, p, t):
    """−[t log p + (1 − t) log(1 − p)] of probabilities p and targets t, entry by entry: 0 log 0 = 0, and ∞ where p is 0 or 1
    and wrong.  Training takes logits instead, whose probabilities never reach 0 or 1: binary_cross_entropy.
    """

    def surprise(share, probability):
        possible = probability > 0
        log = xp.log(xp.where(possible, probability, xp.ones_like(probability)))
        cost = xp.where(possible, -share * log, xp.full_like(log, xp.inf))
        return xp.where(share > 0, cost, xp.zeros_like(cost))

    return surprise(t, p) + surprise(1 - t, 1 - p)


@contract(
    "z[n,c] y[n,c]:unit w[n]:positive smoothing:unit -> loss[2] delta[n,c]",
    alias="delta z",
    wide="y w loss",
    tolerance=64,
)
def softmax_cross_entropy_dense(xp, z, y, w, smoothing):
    """L_i = −Σ_k q_k log a_k,  a = softmax(z),  q = (1 − s) y + s/c,  delta = a Σ_k q_k − q.

    s is label smoothing (Szegedy et al., 2016).
    """
    q = (1 - smoothing) * y + smoothing / max(z.shape[1], 1)
    if z.shape[1] == 0:
        return weighted_mean(xp, xp.zeros_like(w), w)[0], z
    z = z - xp.max(z, axis=1, keepdims=True)
    log_a = z - xp.log(xp.sum(xp.exp(z), axis=1, keepdims=True))
    loss, share = weighted_mean(xp, -xp.sum(q * log_a, axis=1), w)
    return loss, weighted(xp, share, softmax(xp, z) * xp.sum(q, axis=1, keepdims=True) - q)


@contract(
    "z[n,c] y[n]:index<c w[n]:positive smoothing:unit -> loss[2] delta[n,c]",
    alias="delta z",
    wide="w loss",
    tolerance=64,
)
def softmax_cross_entropy(xp, z, y, w, smoothing):
    """As softmax_cross_entropy_dense, for class indices y: q is one-hot before smoothing."""
    one_hot = xp.astype(xp.arange(z.shape[1])[None, :] == y[:, None], z.dtype)
    return softmax_cross_entropy_dense(xp, z, one_hot, w, smoothing)


# The losses that have a fused kernel with the product x W + b of the output layer (fused.py).
LOSSES = (
    "squared_error", "huber", "poisson", "binary_cross_entropy", "hinge", "perceptron", "softmax_cross_entropy",
    "softmax_cross_entropy_dense",
)  # fmt: skip


# -- losses that also count correct rows, for evaluation -------------------------------------------------------------


def _counted(loss, right):
    """`loss` with a third number, Σ_i w_i over the rows where right(xp, z, y)."""

    def kernel(xp, z, y, w, *numbers):
        both, delta = loss(xp, z, y, w, *numbers)
        count = xp.sum(xp.where(right(xp, z, y), w, xp.zeros_like(w)))
        return xp.concat([both, xp.reshape(count, (1,))]), delta

    both, delta = loss.contract.outputs
    kernel.contract = replace(loss.contract, outputs=(replace(both, dims=("3",)), delta))
    kernel.__name__ = kernel.__qualname__ = f"{loss.__name__}_counted"
    kernel.__doc__ = f"{loss.__doc__}\n\nloss[2] is the weight of the rows whose classes are right; a row with NaN may or may not count."
    return kernel


def _largest(xp, v):
    """argmax of each row, 0 where there are no columns"""
    return xp.argmax(v, axis=1) if v.shape[1] else xp.zeros(v.shape[0], dtype=xp.int64)


binary_cross_entropy_counted = _counted(binary_cross_entropy, lambda xp, z, y: xp.all((z >= 0) == (y >= 0.5), axis=1))
softmax_cross_entropy_counted = _counted(softmax_cross_entropy, lambda xp, z, y: _largest(xp, z) == y)
softmax_cross_entropy_dense_counted = _counted(
    softmax_cross_entropy_dense, lambda xp, z, y: _largest(xp, z) == _largest(xp, y)
)
