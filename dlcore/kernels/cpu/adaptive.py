"""Updates that scale each coordinate by the size of its gradients: rules for the loops of updates.py."""

import math

from .compiled import compiled, inlined
from .special import like
from .updates import decay_factor, decayed_in, with_one_slot, with_two_slots, without_slots


@inlined
def outside_and_inside(eta, epsilon, inside):
    """ε to add to the root and ε to add under it: one of them is 0."""
    return like(eta, 0.0 if inside else epsilon), like(eta, epsilon if inside else 0.0)


# -- the gradient of this step alone ---------------------------------------------------------------------------------


@inlined
def normalized_rule(theta, g, decay, numbers):
    rate, outside, inside = numbers
    return decay * theta - rate * g / (math.sqrt(g * g + inside) + outside)


_normalized_update = without_slots(normalized_rule)


@compiled(rows="theta grad")
def _normalized_gradient(lo, hi, theta, grad, control, decayed, epsilon, inside):
    if control[1] > 0:
        theta, grad, eta = theta[lo:hi], grad[lo:hi], control[0]
        numbers = (eta, *outside_and_inside(eta, epsilon, inside))
        q = decayed_in(lo, theta, decayed)
        _normalized_update(theta[:q], grad[:q], control[1], decay_factor(control), numbers)
        _normalized_update(theta[q:], grad[q:], control[1], like(eta, 1), numbers)


def normalized_gradient(theta, grad, control, decayed, epsilon, inside, *, out):
    _normalized_gradient(theta, grad, control, decayed, epsilon, inside)


# -- squared gradients, summed or averaged ---------------------------------------------------------------------------


@inlined
def squares_rule(theta, g, v, decay, numbers):
    """v ← a v + b g²"""
    a, b, rate, outside, inside = numbers
    v = a * v + b * g * g
    return decay * theta - rate * g / (math.sqrt(v + inside) + outside), v


_squares_update = with_one_slot(squares_rule)


@compiled(rows="theta grad v")
def _by_squares(lo, hi, theta, grad, v, control, decayed, a, b, epsilon, inside):
    if control[1] > 0:
        theta, grad, v, eta = theta[lo:hi], grad[lo:hi], v[lo:hi], control[0]
        numbers = (like(eta, a), like(eta, b), eta, *outside_and_inside(eta, epsilon, inside))
        q = decayed_in(lo, theta, decayed)
        _squares_update(theta[:q], grad[:q], v[:q], control[1], decay_factor(control), numbers)
        _squares_update(theta[q:], grad[q:], v[q:], control[1], like(eta, 1), numbers)


def adagrad(theta, grad, v, control, decayed, epsilon, inside, *, out):
    _by_squares(theta, grad, v, control, decayed, 1.0, 1.0, epsilon, inside)


def rmsprop(theta, grad, v, control, decayed, rho, epsilon, inside, *, out):
    _by_squares(theta, grad, v, control, decayed, rho, 1.0 - rho, epsilon, inside)


# -- both moments ----------------------------------------------------------------------------------------------------


@inlined
def moments_rule(theta, g, m, v, decay, numbers):
    """m ← β₁ m + (1 − β₁) g, v ← β₂ v + (1 − β₂) g²; the corrections 1 / (1 − βᵗ) are in the rates and in `correction`."""
    b1, c1, b2, c2, rate, rate_of_g, correction, outside, inside = numbers
    m = b1 * m + c1 * g
    v = b2 * v + c2 * g * g
    return decay * theta - (rate * m + rate_of_g * g) / (math.sqrt(v * correction + inside) + outside), m, v


_moments_update = with_two_slots(moments_rule)


@compiled(rows="theta grad m v")
def _by_moments(lo, hi, theta, grad, m, v, control, progress, decayed, beta1, beta2, epsilon, inside, nesterov):
    if control[1] > 0:
        theta, grad, m, v = theta[lo:hi], grad[lo:hi], m[lo:hi], v[lo:hi]
        t, eta = max(progress[3], 1), control[0]
        ahead, own = (beta1, 1.0 - beta1) if nesterov else (1.0, 0.0)
        numbers = (
            like(eta, beta1),
            like(eta, 1.0 - beta1),
            like(eta, beta2),
            like(eta, 1.0 - beta2),
            like(eta, eta * ahead / (1.0 - beta1 ** float(t + nesterov))),
            like(eta, eta * own / (1.0 - beta1 ** float(t))),
            like(eta, 1.0 / (1.0 - beta2 ** float(t))),
            *outside_and_inside(eta, epsilon, inside),
        )
        q = decayed_in(lo, theta, decayed)
        _moments_update(theta[:q], grad[:q], m[:q], v[:q], control[1], decay_factor(control), numbers)
        _moments_update(theta[q:], grad[q:], m[q:], v[q:], control[1], like(eta, 1), numbers)


def adam(theta, grad, m, v, control, progress, decayed, beta1, beta2, epsilon, inside, *, out):
    _by_moments(theta, grad, m, v, control, progress, decayed, beta1, beta2, epsilon, inside, 0)


def nadam(theta, grad, m, v, control, progress, decayed, beta1, beta2, epsilon, inside, *, out):
    _by_moments(theta, grad, m, v, control, progress, decayed, beta1, beta2, epsilon, inside, 1)


# -- the sign --------------------------------------------------------------------------------------------------------


@inlined
def lion_rule(theta, g, m, decay, numbers):
    b1, c1, b2, c2, rate = numbers
    direction = b1 * m + c1 * g
    zero = like(rate, 0)
    step = rate if direction > zero else (-rate if direction < zero else zero)
    return decay * theta - step, b2 * m + c2 * g


_lion_update = with_one_slot(lion_rule)


@compiled(rows="theta grad m")
def _lion(lo, hi, theta, grad, m, control, decayed, beta1, beta2):
    if control[1] > 0:
        theta, grad, m, eta = theta[lo:hi], grad[lo:hi], m[lo:hi], control[0]
        numbers = (like(eta, beta1), like(eta, 1.0 - beta1), like(eta, beta2), like(eta, 1.0 - beta2), eta)
        q = decayed_in(lo, theta, decayed)
        _lion_update(theta[:q], grad[:q], m[:q], control[1], decay_factor(control), numbers)
        _lion_update(theta[q:], grad[q:], m[q:], control[1], like(eta, 1), numbers)


def lion(theta, grad, m, control, decayed, beta1, beta2, *, out):
    _lion(theta, grad, m, control, decayed, beta1, beta2)


KERNELS = {f.__name__: f for f in (normalized_gradient, adagrad, rmsprop, adam, nadam, lion)}
