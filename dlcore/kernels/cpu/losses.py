"""Losses: value and delta in one pass over the rows, with the bias of the output layer if there is one.

The loops take z + b where b is not empty, and delta may be z, so a fused kernel lets the product write into delta.
"""

import numpy as np

from .activations import NO_BIAS
from .compiled import REDUCE, compiled, inlined
from .special import exp_negative, like, logistic


@compiled(REDUCE)
def weight_of(w, loss):
    """Σ w, written to loss[1]; returns 1 / Σ w, or 0 without weight."""
    total = 0.0
    for i in range(w.size):
        total += w[i]
    loss[1] = total
    return 1.0 / total if total > 0 else 0.0


@inlined
def silence_without_weight(weight, row):
    """A row without weight has delta 0, whatever it holds: 0 · ∞ would be NaN."""
    if weight == 0:
        for j in range(row.size):
            row[j] = 0


@compiled(REDUCE)
def squared_error_loop(z, b, y, w, loss, delta):
    rows, columns = z.shape
    per_weight, total = weight_of(w, loss), 0.0
    for i in range(rows):
        share = like(w[i], w[i] * per_weight)
        L = like(share, 0)
        for j in range(columns):
            e = (z[i, j] + b[j] if b.size else z[i, j]) - y[i, j]
            L += e * e
            delta[i, j] = share * e
        total += 0.5 * share * L if share > 0 else 0.0
        silence_without_weight(w[i], delta[i])
    loss[0] = total


@compiled(REDUCE)
def binary_cross_entropy_loop(z, b, y, w, loss, delta):
    rows, columns = z.shape
    per_weight, total = weight_of(w, loss), 0.0
    for i in range(rows):
        share = like(w[i], w[i] * per_weight)
        L = like(share, 0)
        for j in range(columns):
            t = z[i, j] + b[j] if b.size else z[i, j]
            above = like(t, 0) if t <= like(t, 0) else t
            L += above - t * y[i, j] + np.log1p(exp_negative(-abs(t)))
            delta[i, j] = share * (logistic(t) - y[i, j])
        total += share * L if share > 0 else 0.0
        silence_without_weight(w[i], delta[i])
    loss[0] = total


@compiled(REDUCE)
def shift_to_top(z, b, delta):
    """delta = z + b − max of its row"""
    rows, columns = z.shape
    for i in range(rows):
        top = z[i, 0] + b[0] if b.size else z[i, 0]
        for j in range(columns):
            t = z[i, j] + b[j] if b.size else z[i, j]
            delta[i, j] = t
            top = t if t > top else top
        for j in range(columns):
            delta[i, j] -= top


@compiled(REDUCE)
def softmax_cross_entropy_loop(z, b, y, w, smoothing, loss, delta):
    rows, columns = z.shape
    per_weight, total = weight_of(w, loss), 0.0
    shift_to_top(z, b, delta)
    off = smoothing / columns
    for i in range(rows):
        d = (1.0 - smoothing) * delta[i, y[i]]
        if smoothing > 0:
            row = like(delta[i, 0], 0)
            for j in range(columns):
                row += delta[i, j]
            d += off * row
        total -= w[i] * per_weight * d if w[i] > 0 else 0.0
    flat = delta.reshape(delta.size)
    for q in range(flat.size):  # one flat loop: ten classes alone do not fill a vector
        flat[q] = exp_negative(flat[q])
    for i in range(rows):
        e = like(delta[i, 0], 0)
        for j in range(columns):
            e += delta[i, j]
        share = w[i] * per_weight
        total += share * np.log(e) if share > 0 else 0.0
        scale, shift = like(e, share / e), like(e, share * off)
        hit = delta[i, y[i]]
        for j in range(columns):
            delta[i, j] = delta[i, j] * scale - shift
        # not from the line above: of a single class nothing may remain, Adam would make steps of the rounding error
        delta[i, y[i]] = hit * scale - like(e, share * (1.0 - smoothing + off))
        silence_without_weight(w[i], delta[i])
    loss[0] = total


@compiled(REDUCE)
def softmax_cross_entropy_dense_loop(z, b, y, w, smoothing, loss, delta):
    rows, columns = z.shape
    per_weight, total = weight_of(w, loss), 0.0
    shift_to_top(z, b, delta)
    on, off = 1.0 - smoothing, smoothing / columns
    for i in range(rows):
        share = w[i] * per_weight
        one = like(delta[i, 0], 1)
        keep, shift, unit = one * like(one, on), one * like(one, off), like(one, share)
        e = one * 0
        mass = one * 0
        dot = one * 0
        for j in range(columns):
            q = keep * y[i, j] + shift
            mass += q
            dot += q * delta[i, j]
            t = exp_negative(delta[i, j])
            e += t
            delta[i, j] = t
        total += share * (np.log(e) * mass - dot) if share > 0 else 0.0
        scale = mass / e
        for j in range(columns):
            delta[i, j] = unit * (delta[i, j] * scale - (keep * y[i, j] + shift))
        silence_without_weight(w[i], delta[i])
    loss[0] = total


@compiled()
def _no_classes(w, loss):
    weight_of(w, loss)
    loss[0] = 0


def _squared_error(z, b, y, w, out):
    squared_error_loop(z, b, y, w, *out)


def _binary_cross_entropy(z, b, y, w, out):
    binary_cross_entropy_loop(z, b, y, w, *out)


def _softmax_cross_entropy(z, b, y, w, smoothing, out):
    if z.shape[1]:
        softmax_cross_entropy_loop(z, b, y, w, smoothing, *out)
    else:
        _no_classes(w, out[0])


def _softmax_cross_entropy_dense(z, b, y, w, smoothing, out):
    if z.shape[1]:
        softmax_cross_entropy_dense_loop(z, b, y, w, smoothing, *out)
    else:
        _no_classes(w, out[0])


# name of the loss -> function of (z, bias, targets and what follows, out); fused.py puts the product before it
WITH_BIAS = {
    "squared_error": _squared_error,
    "binary_cross_entropy": _binary_cross_entropy,
    "softmax_cross_entropy": _softmax_cross_entropy,
    "softmax_cross_entropy_dense": _softmax_cross_entropy_dense,
}


def _loss(with_bias):
    def kernel(z, *rest, out):
        with_bias(z, NO_BIAS[z.dtype], *rest, out)

    return kernel


KERNELS = {name: _loss(with_bias) for name, with_bias in WITH_BIAS.items()}
