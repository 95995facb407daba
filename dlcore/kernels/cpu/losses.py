"""Losses: values and delta in one pass over the rows, with the bias of the output layer if there is one.

The loops take z + b where b is not empty, and delta may be z, so a fused kernel lets the product write into delta.  Threads
may share the rows: each row has its weighted loss in `parts`, and these are summed afterwards, in order.
"""

import math

import numpy as np

from .activations import NO_BIAS, begin
from .compiled import REDUCE, compiled, inlined, inlined_sum
from .intrinsics import flat_of
from .special import exp, exp_negative, like, log1p_fraction, logistic


@inlined_sum
def weight_of(w):
    """Σ w"""
    total = 0.0
    for i in range(w.size):
        total += w[i]
    return total


@inlined
def inverse_weight(w):
    """1 / Σ w, or 0 without weight"""
    weight = weight_of(w)
    return 1.0 / weight if weight > 0 else 0.0


@compiled(REDUCE)
def _sum_up(parts, w, loss):
    """loss = (Σ_i parts_i, Σ_i w_i)"""
    total = 0.0
    for i in range(parts.size):
        total += parts[i]
    loss[0], loss[1] = total, weight_of(w)


def _in_parts(loop, z, b, y, w, numbers, out):
    loss, delta = out
    parts = np.empty(len(z))
    loop(z, b, y, w, parts, delta, *numbers)
    _sum_up(parts, w, loss)


@inlined
def silence_without_weight(weight, row):
    """A row without weight has delta 0, whatever it holds: 0 · ∞ would be NaN."""
    if weight == 0:
        for j in range(row.size):
            row[j] = 0


# -- losses that are sums over independent outputs: one loop, with the scalar (value, slope) of each loss ------------------


def _loop(rule):
    @compiled(REDUCE, rows="z y parts delta")
    def loop(lo, hi, z, b, y, w, parts, delta, *numbers):
        columns, per_weight = z.shape[1], inverse_weight(w)
        for i in range(lo, hi):
            share = like(w[i], w[i] * per_weight)
            L, y_i, d_i = like(share, 0), y[i], delta[i]
            begin(z[i], d_i)
            for j in range(columns):
                value, slope = rule(d_i[j] + b[j] if b.size else d_i[j], y_i[j], *numbers)
                L += value
                d_i[j] = share * slope
            parts[i] = share * L if share > 0 else 0.0
            silence_without_weight(w[i], d_i)

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
        _in_parts(loop, z, b, y, w, numbers, out)

    return with_bias


# -- softmax ---------------------------------------------------------------------------------------------------------


@inlined_sum
def shift_to_top(lo, hi, z, b, delta):
    """delta = z + b − max of its row"""
    columns = z.shape[1]
    for i in range(lo, hi):
        top = z[i, 0] + b[0] if b.size else z[i, 0]
        for j in range(columns):
            t = z[i, j] + b[j] if b.size else z[i, j]
            delta[i, j] = t
            top = t if t > top else top
        for j in range(columns):
            delta[i, j] -= top


@compiled(REDUCE, rows="z y parts delta")
def softmax_cross_entropy_loop(lo, hi, z, b, y, w, parts, delta, smoothing):
    columns, per_weight = z.shape[1], inverse_weight(w)
    shift_to_top(lo, hi, z, b, delta)
    off = smoothing / columns
    for i in range(lo, hi):
        d = (1.0 - smoothing) * delta[i, y[i]]
        if smoothing > 0:
            row = like(delta[i, 0], 0)
            for j in range(columns):
                row += delta[i, j]
            d += off * row
        parts[i] = -(w[i] * per_weight * d) if w[i] > 0 else 0.0
    flat = flat_of(delta)[lo * columns : hi * columns]
    for q in range(flat.size):  # one loop over all rows: ten classes do not fill a vector register
        flat[q] = exp_negative(flat[q])
    for i in range(lo, hi):
        e = like(delta[i, 0], 0)
        for j in range(columns):
            e += delta[i, j]
        share = w[i] * per_weight
        parts[i] += share * math.log(e) if share > 0 else 0.0
        scale, shift = like(e, share / e), like(e, share * off)
        hit = delta[i, y[i]]
        for j in range(columns):
            delta[i, j] = delta[i, j] * scale - shift
        # not from the line above: with a single class delta must be exactly 0, or Adam would scale the rounding error up
        delta[i, y[i]] = hit * scale - like(e, share * (1.0 - smoothing + off))
        silence_without_weight(w[i], delta[i])


@compiled(REDUCE, rows="z y parts delta")
def softmax_cross_entropy_dense_loop(lo, hi, z, b, y, w, parts, delta, smoothing):
    columns, per_weight = z.shape[1], inverse_weight(w)
    shift_to_top(lo, hi, z, b, delta)
    on, off = 1.0 - smoothing, smoothing / columns
    for i in range(lo, hi):
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
        parts[i] = share * (math.log(e) * mass - dot) if share > 0 else 0.0
        scale = mass / e
        for j in range(columns):
            delta[i, j] = unit * (delta[i, j] * scale - (keep * y[i, j] + shift))
        silence_without_weight(w[i], delta[i])


def _softmax(loop):
    def with_bias(z, b, y, w, smoothing, out):
        if z.shape[1]:
            _in_parts(loop, z, b, y, w, (smoothing,), out)
        else:  # no classes
            _sum_up(np.empty(0), w, out[0])

    return with_bias


# name of the loss -> function of (z, bias, targets and what follows, out); fused.py puts the product before it
WITH_BIAS = {
    "squared_error": _each_output(squared_error_rule),
    "huber": _each_output(huber_rule),
    "poisson": _each_output(poisson_rule),
    "binary_cross_entropy": _each_output(binary_cross_entropy_rule),
    "hinge": _each_output(hinge_rule),
    "perceptron": _each_output(perceptron_rule),
    "softmax_cross_entropy": _softmax(softmax_cross_entropy_loop),
    "softmax_cross_entropy_dense": _softmax(softmax_cross_entropy_dense_loop),
}


def _loss(with_bias):
    def kernel(z, *rest, out):
        with_bias(z, NO_BIAS[z.dtype], *rest, out)

    return kernel


KERNELS = {name: _loss(with_bias) for name, with_bias in WITH_BIAS.items()}
