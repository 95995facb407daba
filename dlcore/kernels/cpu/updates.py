"""Updates of the flat buffers, each in one pass: a loop for every number of slots, and the scalar rule of each optimizer.

A rule is prepared once a call (learning rate, bias corrections) and applied entry by entry.  The weight matrices come first
in the flat buffer; the loop runs over them with the decay factor and over the rest without.
"""

import numpy as np

from .compiled import REDUCE, compiled, inlined
from .special import like

_BLOCK = 1024


@compiled(REDUCE)
def regularize(theta, grad, matrices, l2):
    """g ← g + l2 θ on the matrices; returns ‖g‖², summed in float64 over blocks."""
    if l2 != 0:
        factor = like(theta[0], l2) if theta.size else l2
        for i in range(min(matrices, theta.size)):
            grad[i] += factor * theta[i]
    total = 0.0
    for start in range(0, grad.size, _BLOCK):
        block = grad[start : start + _BLOCK]
        s = block[0] * 0
        for i in range(block.size):
            s += block[i] * block[i]
        total += s
    return total


@compiled()
def _prepare(theta, grad, loss, rates, losses, place, progress, fault, matrices, l2, clip, control):
    norm = np.sqrt(regularize(theta, grad, matrices, l2))
    finite = np.isfinite(loss[0]) and np.isfinite(norm)
    control[0] = rates[place[1]]
    control[1] = 0
    control[2] = norm
    if fault[0] == 0:
        losses[place[0]] = loss[0] if loss[1] > 0 else like(loss[0], np.nan)  # no weight, no loss
        place[0] += 1
        if not finite:
            fault[0] = progress[3] + 1
        elif loss[1] > 0:
            control[1] = min(1.0, clip / (norm + 1e-6))
            place[1] += 1
            progress[3] += 1


def prepare_update(theta, grad, loss, rates, losses, place, progress, fault, matrices, l2, clip, *, out):
    _prepare(theta, grad, loss, rates, losses, place, progress, fault, matrices, l2, clip, out[1])


@compiled()
def _accumulate(grad, loss, total, sums):
    weight = loss[1]
    for i in range(grad.size):
        total[i] += weight * grad[i]
    sums[0] += loss[0] * weight
    sums[1] += weight


def accumulate(grad, loss, total, sums, *, out):
    _accumulate(grad, loss, total, sums)


@compiled()
def _average(total, sums, grad, loss):
    weight = sums[1] if sums[1] > 0 else like(sums[1], 1)
    for i in range(grad.size):
        grad[i] = total[i] / weight
        total[i] = 0
    loss[0], loss[1] = sums[0] / weight, sums[1]
    sums[0], sums[1] = 0, 0


def average(total, sums, *, out):
    _average(total, sums, out[2], out[3])


# Slices and `range(size)`: with a range that does not begin at 0, numba guards every index against being negative, and the
# loop does not vectorize (30 times slower on Adam).
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
def decay_factor(control, weight_decay):
    """1 − η·weight_decay"""
    return like(control[0], 1.0 - control[0] * weight_decay)


# -- the rules -------------------------------------------------------------------------------------------------------


@inlined
def sgd_rule(theta, g, decay, numbers):
    return decay * theta - numbers[0] * g


@compiled()
def _sgd(theta, grad, control, matrices, weight_decay):
    if control[1] > 0:
        q, one, numbers = min(matrices, theta.size), like(control[0], 1), (control[0],)
        _sgd_update(theta[:q], grad[:q], control[1], decay_factor(control, weight_decay), numbers)
        _sgd_update(theta[q:], grad[q:], control[1], one, numbers)


_sgd_update = without_slots(sgd_rule)


def sgd(theta, grad, control, matrices, weight_decay, *, out):
    _sgd(theta, grad, control, matrices, weight_decay)


@inlined
def velocity_rule(theta, g, v, decay, numbers):
    """v ← a v + b g;  θ ← decay θ − (c g + d v)"""
    a, b, c, d = numbers
    v = a * v + b * g
    return decay * theta - (c * g + d * v), v


_velocity_update = with_one_slot(velocity_rule)


@compiled()
def _velocity(theta, grad, v, control, matrices, weight_decay, a, b, c, d):
    """c and d are in units of the learning rate."""
    if control[1] > 0:
        eta = control[0]
        numbers = (like(eta, a), like(eta, b), like(eta, eta * c), like(eta, eta * d))
        q = min(matrices, theta.size)
        _velocity_update(theta[:q], grad[:q], v[:q], control[1], decay_factor(control, weight_decay), numbers)
        _velocity_update(theta[q:], grad[q:], v[q:], control[1], like(eta, 1), numbers)


@compiled()
def _sgd_momentum(theta, grad, v, control, progress, matrices, weight_decay, mu, tau, nesterov):
    c, d = (1.0, mu) if nesterov else (0.0, 1.0)
    a, b = (0.0, 1.0) if progress[3] <= 1 else (mu, 1.0 - tau)
    _velocity(theta, grad, v, control, matrices, weight_decay, a, b, c, d)


def sgd_momentum(theta, grad, v, control, progress, matrices, weight_decay, mu, tau, nesterov, *, out):
    _sgd_momentum(theta, grad, v, control, progress, matrices, weight_decay, mu, tau, nesterov)


def moving_average(theta, grad, v, control, matrices, weight_decay, beta, *, out):
    _velocity(theta, grad, v, control, matrices, weight_decay, beta, 1.0 - beta, 0.0, 1.0)


@compiled()
def _look_ahead(theta, v, origin, rates, place, reach):
    step = like(rates[0], rates[place[1]] * reach)
    for i in range(theta.size):
        origin[i] = theta[i]
        theta[i] -= step * v[i]


def look_ahead(theta, v, origin, rates, place, reach, *, out):
    _look_ahead(theta, v, origin, rates, place, reach)


@compiled()
def _return_to(origin, theta):
    for i in range(theta.size):
        theta[i] = origin[i]


def moving_average_nesterov(theta, grad, v, origin, control, matrices, weight_decay, beta, *, out):
    _return_to(origin, theta)
    _velocity(theta, grad, v, control, matrices, weight_decay, beta, 1.0 - beta, 0.0, 1.0)


@inlined
def adam_rule(theta, g, m, v, decay, numbers):
    b1, c1, b2, c2, rate, correction, epsilon, epsilon_inside = numbers
    m = b1 * m + c1 * g
    v = b2 * v + c2 * g * g
    return decay * theta - rate * m / (np.sqrt(v * correction + epsilon_inside) + epsilon), m, v


_adam_update = with_two_slots(adam_rule)


@compiled()
def _adam(theta, grad, m, v, control, progress, matrices, weight_decay, beta1, beta2, epsilon, inside):
    if control[1] > 0:
        t, eta = max(progress[3], 1), control[0]
        numbers = (
            like(eta, beta1),
            like(eta, 1.0 - beta1),
            like(eta, beta2),
            like(eta, 1.0 - beta2),
            like(eta, eta / (1.0 - beta1**t)),
            like(eta, 1.0 / (1.0 - beta2**t)),
            like(eta, 0.0 if inside else epsilon),
            like(eta, epsilon if inside else 0.0),
        )
        q = min(matrices, theta.size)
        _adam_update(theta[:q], grad[:q], m[:q], v[:q], control[1], decay_factor(control, weight_decay), numbers)
        _adam_update(theta[q:], grad[q:], m[q:], v[q:], control[1], like(eta, 1), numbers)


def adam(theta, grad, m, v, control, progress, matrices, weight_decay, beta1, beta2, epsilon, inside, *, out):
    _adam(theta, grad, m, v, control, progress, matrices, weight_decay, beta1, beta2, epsilon, inside)


@compiled(REDUCE)
def _max_norm(W, control, limit):
    if control[1] > 0:
        rows, columns = W.shape
        for j in range(columns):
            square = 0.0
            for i in range(rows):
                square += W[i, j] * W[i, j]
            if square > limit * limit:
                factor = like(W[0, j], limit / np.sqrt(square))
                for i in range(rows):
                    W[i, j] *= factor


def max_norm(W, control, limit, *, out):
    _max_norm(W, control, limit)


KERNELS = {
    f.__name__: f
    for f in (
        prepare_update, accumulate, average, sgd, sgd_momentum, moving_average, look_ahead, moving_average_nesterov, adam, max_norm,
    )
}  # fmt: skip
