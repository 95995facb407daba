"""Losses: value and delta in one pass over the rows, with the bias of the output layer if there is one.

The loops take z + b where b is not empty, and delta may be z, so a fused kernel lets the product write into delta.
"""

import math

from .activations import NO_BIAS, begin
from .compiled import REDUCE, compiled, inlined, inlined_sum
from .intrinsics import flat_of
from .special import exp, exp_negative, like, log1p_fraction, logistic


@inlined_sum
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


# -- losses that are a sum over outputs, each on its own: one loop, and the scalar (value, slope) of each member -----------


def _loop(rule):
    @compiled(REDUCE)
    def loop(z, b, y, w, loss, delta, *numbers):
        rows, columns = z.shape
        per_weight, total = weight_of(w, loss), 0.0
        for i in range(rows):
            share = like(w[i], w[i] * per_weight)
            L, y_i, d_i = like(share, 0), y[i], delta[i]
            begin(z[i], d_i)
            for j in range(columns):
                value, slope = rule(d_i[j] + b[j] if b.size else d_i[j], y_i[j], *numbers)
                L += value
                d_i[j] = share * slope
            total += share * L if share > 0 else 0.0
            silence_without_weight(w[i], d_i)
        loss[0] = total

    return loop


@inlined
def squared_error_rule(z, y):
    e = z - y
    return like(z, 0.5) * e * e, e


@inlined
def huber_rule(z, y, threshold):
    e, t = z - y, like(z, threshold)
    if abs(e) > t:
        return t * (abs(e) - like(z, 0.5) * t), (t if e > like(z, 0) else -t)
    return like(z, 0.5) * e * e, e


@inlined
def poisson_rule(z, y):
    a = exp(z)
    return a - y * z, a - y


@inlined
def binary_cross_entropy_rule(z, y):
    above = like(z, 0) if z <= like(z, 0) else z
    return above - z * y + log1p_fraction(exp_negative(-abs(z))), logistic(z) - y


@inlined
def hinge_rule(z, y):
    t = like(z, 2) * y - like(z, 1)
    short = like(z, 1) - t * z
    return (like(z, 0) if short <= like(z, 0) else short), (-t if short > like(z, 0) else like(z, 0))


@inlined
def perceptron_rule(z, y):
    e = (like(z, 1) if z >= like(z, 0) else like(z, 0)) - y
    return e * z, e


def _each_output(rule):
    loop = _loop(rule)

    def with_bias(z, b, y, w, *numbers_and_out):
        *numbers, out = numbers_and_out
        loop(z, b, y, w, *out, *numbers)

    return with_bias


# -- softmax ---------------------------------------------------------------------------------------------------------


@inlined_sum
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
    flat = flat_of(delta)
    for q in range(flat.size):  # one flat loop: ten classes alone do not fill a vector
        flat[q] = exp_negative(flat[q])
    for i in range(rows):
        e = like(delta[i, 0], 0)
        for j in range(columns):
            e += delta[i, j]
        share = w[i] * per_weight
        total += share * math.log(e) if share > 0 else 0.0
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
        total += share * (math.log(e) * mass - dot) if share > 0 else 0.0
        scale = mass / e
        for j in range(columns):
            delta[i, j] = unit * (delta[i, j] * scale - (keep * y[i, j] + shift))
        silence_without_weight(w[i], delta[i])
    loss[0] = total


@compiled()
def _no_classes(w, loss):
    weight_of(w, loss)
    loss[0] = 0


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
    "squared_error": _each_output(squared_error_rule),
    "huber": _each_output(huber_rule),
    "poisson": _each_output(poisson_rule),
    "binary_cross_entropy": _each_output(binary_cross_entropy_rule),
    "hinge": _each_output(hinge_rule),
    "perceptron": _each_output(perceptron_rule),
    "softmax_cross_entropy": _softmax_cross_entropy,
    "softmax_cross_entropy_dense": _softmax_cross_entropy_dense,
}


def _loss(with_bias):
    def kernel(z, *rest, out):
        with_bias(z, NO_BIAS[z.dtype], *rest, out)

    return kernel


KERNELS = {name: _loss(with_bias) for name, with_bias in WITH_BIAS.items()}
