"""Updates that scale each coordinate by the size of its gradients, each in one pass over the flat buffers."""

import numpy as np

from .launch import NULL
from .updates import counts, launch_rule, with_copies


def _launch(device, kernel, theta, copy, *arguments):
    launch_rule(device, "adaptive", kernel, theta, copy, theta, copy, *arguments)


def _floats(*numbers):
    return map(np.float64, numbers)


def normalized_gradient(device, theta, grad, control, decayed, epsilon, inside, *, out, copy=NULL):
    numbers = *counts(theta, decayed), *_floats(epsilon), np.int32(bool(inside))
    _launch(device, "normalized_gradient", theta, copy, grad, control, *numbers)


def _by_squares(device, theta, copy, grad, v, control, decayed, a, b, epsilon, inside):
    numbers = *counts(theta, decayed), *_floats(a, b, epsilon), np.int32(bool(inside))
    _launch(device, "by_squares", theta, copy, grad, v, control, *numbers)


def adagrad(device, theta, grad, v, control, decayed, epsilon, inside, *, out, copy=NULL):
    _by_squares(device, theta, copy, grad, v, control, decayed, 1, 1, epsilon, inside)


def rmsprop(device, theta, grad, v, control, decayed, rho, epsilon, inside, *, out, copy=NULL):
    _by_squares(device, theta, copy, grad, v, control, decayed, rho, 1 - rho, epsilon, inside)


def _by_moments(nesterov):
    def kernel(
        device, theta, grad, m, v, control, progress, decayed, beta1, beta2, epsilon, inside, *, out,
        copy=NULL,
    ):  # fmt: skip
        numbers = *counts(theta, decayed), *_floats(beta1, beta2, epsilon)
        flags = np.int32(bool(inside)), np.int32(nesterov)
        _launch(device, "by_moments", theta, copy, grad, m, v, control, progress, *numbers, *flags)

    return kernel


def lion(device, theta, grad, m, control, decayed, beta1, beta2, *, out, copy=NULL):
    numbers = *counts(theta, decayed), *_floats(beta1, beta2)
    _launch(device, "lion", theta, copy, grad, m, control, *numbers)


KERNELS = {f.__name__: f for f in (normalized_gradient, adagrad, rmsprop, lion)}
KERNELS = with_copies(KERNELS | {"adam": _by_moments(0), "nadam": _by_moments(1)})
