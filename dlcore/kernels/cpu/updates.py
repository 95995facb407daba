"""Updates of the flat buffers, each in one pass: one loop per number of slots, and the scalar rule of each optimizer.

The constants of a rule (learning rate, bias corrections) are computed once per call; the rule is applied entry by entry.  The
entries that decay come first in the buffer; the loop runs over them with the decay factor and over the rest without.
"""

import math

import numpy as np

from .compiled import REDUCE, compiled, inlined
from .intrinsics import on_stack
from .special import like

_PART = 1024


@compiled(REDUCE, rows="squares")
def _regularize(lo, hi, theta, grad, matrices, l2, squares):
    """grad += l2 theta on matrices; squares[k] = Σ g² over run k of the flat vector, summed in parts of _PART entries."""
    run = -(-grad.size // squares.size)
    for k in range(lo, hi):
        first, last = min(k * run, grad.size), min((k + 1) * run, grad.size)
        g, t = grad[first:last], theta[first:last]
        if l2 != 0:
            for i in range(min(max(matrices - first, 0), g.size)):
                g[i] += like(t[i], l2) * t[i]
        total = 0.0
        for start in range(0, g.size, _PART):
            part = g[start : start + _PART]
            s = part[0] * 0
            for i in range(part.size):
                s += part[i] * part[i]
            total += s
        squares[k] = total


@compiled()
def _prepare(squares, loss, schedule, losses, place, progress, fault, clip, control):
    total = 0.0
    for k in range(squares.size):
        total += squares[k]
    norm = math.sqrt(total)
    finite = math.isfinite(loss[0]) and math.isfinite(norm)
    control[0], control[3] = schedule[place[1], 0], schedule[place[1], 1]
    control[1] = 0
    control[2] = norm
    if fault[0] == 0:
        losses[place[0]] = loss[0] if loss[1] != 0 else like(loss[0], np.nan)  # no weight, no loss
        place[0] += 1
        if not finite:
            fault[0] = progress[3] + 1
        elif loss[1] > 0:
            factor = clip / (norm + 1e-6)
            control[1] = factor if factor < 1.0 else 1.0
            place[1] += 1
            progress[3] += 1


def prepare_update(
    theta, grad, squares, loss, schedule, losses, place, progress, fault, matrices, l2, clip, *, out
):  # fmt: skip
    _regularize(theta, grad, matrices, l2, squares)
    _prepare(squares, loss, schedule, losses, place, progress, fault, clip, out[2])


@compiled(rows="grad total")
def _accumulate(lo, hi, grad, loss, total):
    weight, grad, total = loss[1], grad[lo:hi], total[lo:hi]
    for i in range(grad.size):
        total[i] += weight * grad[i]


@compiled()
def _accumulate_loss(loss, sums):
    sums[0] += loss[0] * loss[1]
    sums[1] += loss[1]


def accumulate(grad, loss, total, sums, *, out):
    _accumulate(grad, loss, total)
    _accumulate_loss(loss, sums)


@compiled(rows="total grad")
def _average(lo, hi, total, sums, grad):
    total, grad = total[lo:hi], grad[lo:hi]
    weight = sums[1] if sums[1] > 0 else like(sums[1], 1)
    for i in range(grad.size):
        grad[i] = total[i] / weight
        total[i] = 0


@compiled()
def _average_loss(sums, loss):
    weight = sums[1] if sums[1] > 0 else like(sums[1], 1)
    loss[0], loss[1] = sums[0] / weight, sums[1]
    sums[0], sums[1] = 0, 0


def average(total, sums, *, out):
    _average(total, sums, out[2])
    _average_loss(sums, out[3])


# Slices and `range(size)`: in a range that does not begin at 0, numba checks every index for being negative, and the loop does
# not vectorize (30 times slower on Adam).
# -- the loops -------------------------------------------------------------------------------------------------------


def without_slots(rule):
    @inlined
    def update(theta, grad, scale, decay, numbers):
        for i in range(theta.size):
            theta[i] = rule(theta[i], scale * grad[i], decay, numbers)

    return update


def with_one_slot(rule):
    @inlined
    def update(theta, grad, v, scale, decay, numbers):
        for i in range(theta.size):
            theta[i], v[i] = rule(theta[i], scale * grad[i], v[i], decay, numbers)

    return update


def with_two_slots(rule):
    @inlined
    def update(theta, grad, m, v, scale, decay, numbers):
        for i in range(theta.size):
            theta[i], m[i], v[i] = rule(theta[i], scale * grad[i], m[i], v[i], decay, numbers)

    return update


@inlined
def decayed_in(lo, theta, decayed):
    """How many entries of the window theta, which begins at lo, decay."""
    return min(max(decayed - lo, 0), theta.size)


@inlined
def decay_factor(control):
    """1 − η·decay"""
    return like(control[0], 1.0 - np.float64(control[0]) * control[3])


# -- the rules -------------------------------------------------------------------------------------------------------


@inlined
def sgd_rule(theta, g, decay, numbers):
    return decay * theta - numbers[0] * g


@compiled(rows="theta grad")
def _sgd(lo, hi, theta, grad, control, decayed):
    if control[1] > 0:
        theta, grad = theta[lo:hi], grad[lo:hi]
        q, one, numbers = decayed_in(lo, theta, decayed), like(control[0], 1), (control[0],)
        _sgd_update(theta[:q], grad[:q], control[1], decay_factor(control), numbers)
        _sgd_update(theta[q:], grad[q:], control[1], one, numbers)


_sgd_update = without_slots(sgd_rule)


def sgd(theta, grad, control, decayed, *, out):
    _sgd(theta, grad, control, decayed)


@inlined
def velocity_rule(theta, g, v, decay, numbers):
    """v ← a v + b g;  θ ← decay θ − (c g + d v)"""
    a, b, c, d = numbers
    v = a * v + b * g
    return decay * theta - (c * g + d * v), v


_velocity_update = with_one_slot(velocity_rule)


@inlined
def move_with_velocity(lo, hi, theta, grad, v, control, decayed, a, b, c, d):
    if control[1] > 0:
        theta, grad, v = theta[lo:hi], grad[lo:hi], v[lo:hi]
        eta = control[0]
        numbers = (like(eta, a), like(eta, b), like(eta, c), like(eta, d))
        q = decayed_in(lo, theta, decayed)
        _velocity_update(theta[:q], grad[:q], v[:q], control[1], decay_factor(control), numbers)
        _velocity_update(theta[q:], grad[q:], v[q:], control[1], like(eta, 1), numbers)


@compiled(rows="theta grad v")
def _sgd_momentum(lo, hi, theta, grad, v, control, progress, decayed, mu, tau, nesterov):
    c, d = (1.0, mu) if nesterov else (0.0, 1.0)
    a, b = (0.0, 1.0) if progress[3] <= 1 else (mu, 1.0 - tau)
    move_with_velocity(lo, hi, theta, grad, v, control, decayed, a, b, control[0] * c, control[0] * d)


def sgd_momentum(theta, grad, v, control, progress, decayed, mu, tau, nesterov, *, out):
    _sgd_momentum(theta, grad, v, control, progress, decayed, mu, tau, nesterov)


@compiled(rows="theta grad v")
def _moving_average(lo, hi, theta, grad, v, control, decayed, beta):
    move_with_velocity(lo, hi, theta, grad, v, control, decayed, beta, 1.0 - beta, 0.0, control[0])


def moving_average(theta, grad, v, control, decayed, beta, *, out):
    _moving_average(theta, grad, v, control, decayed, beta)


@compiled(rows="theta grad v")
def _sgd_step(lo, hi, theta, grad, v, control, decayed, mu, nesterov):
    c, d = (1.0, mu) if nesterov else (0.0, 1.0)
    move_with_velocity(lo, hi, theta, grad, v, control, decayed, mu, control[0], control[0] * c, d)


def sgd_step(theta, grad, v, control, decayed, mu, nesterov, *, out):
    _sgd_step(theta, grad, v, control, decayed, mu, nesterov)


@compiled(rows="theta v origin")
def _look_ahead(lo, hi, theta, v, origin, schedule, place, reach):
    theta, v, origin = theta[lo:hi], v[lo:hi], origin[lo:hi]
    step = like(schedule[0, 0], schedule[place[1], 0] * reach)
    for i in range(theta.size):
        origin[i] = theta[i]
        theta[i] -= step * v[i]


def look_ahead(theta, v, origin, schedule, place, reach, *, out):
    _look_ahead(theta, v, origin, schedule, place, reach)


@compiled(rows="origin theta")
def _return_to(lo, hi, origin, theta):
    origin, theta = origin[lo:hi], theta[lo:hi]
    for i in range(theta.size):
        theta[i] = origin[i]


def moving_average_nesterov(theta, grad, v, origin, control, decayed, beta, *, out):
    _return_to(origin, theta)
    _moving_average(theta, grad, v, control, decayed, beta)


@compiled(columns="W")
def _max_norm(lo, hi, W, control, limit):
    if control[1] > 0:
        squares = on_stack(0.0)[: hi - lo]
        for j in range(squares.size):
            squares[j] = 0
        for i in range(len(W)):
            W_i = W[i, lo:hi]
            for j in range(squares.size):
                squares[j] += W_i[j] * W_i[j]
        for j in range(squares.size):
            squares[j] = limit / math.sqrt(squares[j]) if squares[j] > limit * limit else 1.0
        for i in range(len(W)):
            W_i = W[i, lo:hi]
            for j in range(squares.size):
                W_i[j] *= like(W_i[j], squares[j])


def max_norm(W, control, limit, *, out):
    _max_norm(W, control, limit)


KERNELS = {
    f.__name__: f
    for f in (
        prepare_update, accumulate, average, sgd, sgd_momentum, moving_average, look_ahead, moving_average_nesterov,
        sgd_step, max_norm,
    )
}  # fmt: skip
