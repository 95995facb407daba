"""The scalar formulas of each elementwise activation and its gradient, under the names of the kernels.

Everything else about these kernels (loops, bias, tails) exists once, in activations.py.
"""

import math

from ..reference.activations import SELU_ALPHA, SELU_SCALE
from . import special
from .compiled import inlined
from .special import exp_negative, expm1_negative, like, log1p_fraction, logistic, normal_distribution

_SQRT_2_PI = math.sqrt(2 / math.pi)
_DENSITY_AT_0 = 1 / math.sqrt(2 * math.pi)


@inlined
def identity(z):
    return z


@inlined
def identity_grad(delta, a):
    return delta


@inlined
def binary_step(z):
    return like(z, 1) if z >= like(z, 0) else like(z, 0)


@inlined
def binary_step_grad(delta, a):
    return like(delta, 0)


@inlined
def sigmoid(z):
    return logistic(z)


@inlined
def sigmoid_grad(delta, a):
    return delta * (a * (like(a, 1) - a))


@inlined
def tanh(z):
    return special.tanh(z)


@inlined
def tanh_grad(delta, a):
    return delta * (like(a, 1) - a * a)


@inlined
def arctan(z):
    return special.atan(z)


@inlined
def arctan_grad(delta, z):
    return delta / (like(z, 1) + z * z)


@inlined
def relu(z):
    return like(z, 0) if z <= like(z, 0) else z  # this way round, NaN stays NaN


@inlined
def relu_grad(delta, a):
    return like(a, 0) if a <= like(a, 0) else delta


@inlined
def leaky_relu(z, alpha):
    return z if z > like(z, 0) else like(z, alpha) * z


@inlined
def leaky_relu_grad(delta, a, alpha):
    return delta if a > like(a, 0) else like(a, alpha) * delta


@inlined
def elu(z, alpha):
    return z if z > like(z, 0) else like(z, alpha) * expm1_negative(z)


@inlined
def elu_grad(delta, a, alpha):
    return delta if a > like(a, 0) else delta * (a + like(a, alpha))


@inlined
def selu(z):
    return like(z, SELU_SCALE) * (z if z > like(z, 0) else like(z, SELU_ALPHA) * expm1_negative(z))


@inlined
def selu_grad(delta, a):
    return delta * like(a, SELU_SCALE) if a > like(a, 0) else delta * (a + like(a, SELU_SCALE * SELU_ALPHA))


@inlined
def softplus(z):
    return (like(z, 0) if z <= like(z, 0) else z) + log1p_fraction(exp_negative(-abs(z)))


@inlined
def softplus_grad(delta, a):
    return -delta * expm1_negative(-a)


@inlined
def gelu(z):
    return z * normal_distribution(z)


@inlined
def gelu_grad(delta, z):
    density = like(z, _DENSITY_AT_0) * exp_negative(like(z, -0.5) * z * z)
    return delta * (normal_distribution(z) + z * density)


@inlined
def gelu_tanh(z):
    """½ (1 + tanh u) is σ(2u)"""
    return z * logistic(like(z, 2 * _SQRT_2_PI) * (z + like(z, 0.044715) * z * z * z))


@inlined
def gelu_tanh_grad(delta, z):
    s = logistic(like(z, 2 * _SQRT_2_PI) * (z + like(z, 0.044715) * z * z * z))
    slope = like(z, 2 * _SQRT_2_PI) * (like(z, 1) + like(z, 3 * 0.044715) * z * z)
    return delta * (s + z * (s * (like(z, 1) - s)) * slope)


@inlined
def silu(z):
    return z * logistic(z)


@inlined
def silu_grad(delta, z):
    s = logistic(z)
    return delta * (s * (like(z, 1) + z * (like(z, 1) - s)))


@inlined
def exponential(z):
    return special.exp(z)
