"""Scalars for compiled loops: constants in the right precision, and exponentials that vectorize.

The functions here are declared in Python and get their meaning from overloads, chosen by the type of the argument.
"""

import math

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic, overload

from .compiled import INLINED, inlined


@intrinsic
def like(typing, x, value):
    """`value` in the type of x: a bare literal would turn float32 arithmetic into float64.

    An intrinsic, since numba would compile a function for every literal it is called with.
    """
    if not isinstance(x, types.Float):
        return None
    return x(x, types.float64), lambda context, builder, signature, a: context.cast(builder, a[1], types.float64, x)


def exp_negative(x):
    """exp(x) for x <= 0."""
    raise TypeError("compiled code only")


@intrinsic
def _split(typing, x):
    """floor(x) and 2 to that power, for whole numbers that float32 has exponents for."""

    def code(context, builder, signature, a):
        real, integer = context.get_value_type(types.float32), ir.IntType(32)
        floor = builder.call(builder.module.declare_intrinsic("llvm.floor", [real]), a)
        exponent = builder.add(builder.fptosi(floor, integer), integer(127))
        power = builder.bitcast(builder.shl(exponent, integer(23)), real)
        return context.make_tuple(builder, signature.return_type, [floor, power])

    return types.UniTuple(types.float32, 2)(types.float32), code


def _exp32(x):
    """Cephes' polynomial; vectorizes by itself, 0.2 ns an element; at most 1 ulp on [−87, 0]; NaN stays NaN."""
    f = np.float32
    x = f(-87.0) if x < f(-87.0) else x
    n, power = _split(x * f(1.44269504) + f(0.5))
    r = x - n * f(0.693359375) + n * f(2.12194440e-4)
    p = f(1.9875691500e-4)
    p = p * r + f(1.3981999507e-3)
    p = p * r + f(8.3334519073e-3)
    p = p * r + f(4.1665795894e-2)
    p = p * r + f(1.6666665459e-1)
    p = p * r + f(5.0000001201e-1)
    return (p * r * r + r + f(1)) * power


@overload(exp_negative, jit_options=INLINED)
def _exp_negative(x):
    return _exp32 if x == types.float32 else lambda x: math.exp(x)


def tanh(x):
    raise TypeError("compiled code only")


def _tanh32(x):
    """Cephes' polynomial below 0.625, else by the exponential."""
    f = np.float32
    u, s = abs(x), x * x
    p = f(-5.70498872745e-3)
    p = p * s + f(2.06390887954e-2)
    p = p * s + f(-5.37397155531e-2)
    p = p * s + f(1.33314422036e-1)
    p = p * s + f(-3.33332819422e-1)
    small = p * s * x + x
    e = exp_negative(f(-2) * u)
    t = (f(1) - e) / (f(1) + e)
    return small if u < f(0.625) else (-t if x < f(0) else t)


@overload(tanh, jit_options=INLINED)
def _tanh(x):
    return _tanh32 if x == types.float32 else lambda x: math.tanh(x)


@inlined
def logistic(z):
    """1 / (1 + exp(−z))"""
    e = exp_negative(-abs(z))
    return (e if z < like(z, 0) else like(z, 1)) / (like(z, 1) + e)


@inlined
def normal_distribution(z):
    """Φ(z) = ½ (1 + erf(z / √2))"""
    return like(z, 0.5) * (like(z, 1) + math.erf(z * like(z, 0.7071067811865476)))


def expm1_negative(x):
    """exp(x) − 1 for x <= 0."""
    raise TypeError("compiled code only")


@overload(expm1_negative, jit_options=INLINED)
def _expm1_negative(x):
    # float32: the cancellation near 0 costs at most one unit in the last place of 1, which is the scale of the result
    return (lambda x: exp_negative(x) - like(x, 1)) if x == types.float32 else (lambda x: math.expm1(x))
