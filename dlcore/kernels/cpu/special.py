"""Scalars for compiled loops: constants in the right precision, and functions whose loops LLVM turns into vectors.

The C library computes one entry per call, 5 to 40 ns; in float32 the functions here are polynomials without a branch, at most
2 ns.  They are declared in Python and implemented by numba overloads, chosen by the type of the argument.  The polynomials are
those of Cephes (S. L. Moshier, Methods and Programs for Mathematical Functions, 1989) unless stated otherwise.  NaN stays NaN.
"""

import math

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic, overload

from .compiled import INLINED, inlined

f = np.float32


@intrinsic
def like(typing, x, value):
    """`value` in the type of x: a bare literal would turn float32 arithmetic into float64.

    An intrinsic, since numba would compile a function for every literal it is called with.
    """
    if not isinstance(x, types.Float):
        return None
    return x(x, types.float64), lambda context, builder, signature, a: context.cast(builder, a[1], types.float64, x)


def _in_float32(exact):
    """Decorator: use this function of one argument x in float32, and `exact` in float64."""

    def declare(fast):
        def declared(x):
            raise TypeError("compiled code only")

        declared.__name__, declared.__doc__ = fast.__name__, fast.__doc__
        overload(declared, jit_options=INLINED)(lambda x: fast if x == types.float32 else exact)
        return declared

    return declare


@intrinsic
def _split(typing, x):
    """floor(x) and 2^floor(x), for exponents that float32 has; 2^−127 is 0."""

    def code(context, builder, signature, a):
        real, integer = context.get_value_type(types.float32), ir.IntType(32)
        floor = builder.call(builder.module.declare_intrinsic("llvm.floor", [real]), a)
        exponent = builder.add(builder.fptosi(floor, integer), integer(127))
        power = builder.bitcast(builder.shl(exponent, integer(23)), real)
        return context.make_tuple(builder, signature.return_type, [floor, power])

    return types.UniTuple(types.float32, 2)(types.float32), code


@inlined
def _expm1_of_rest(x, n):
    """exp(r) − 1, r = x − n log 2, |r| <= ½ log 2"""
    r = x - n * f(0.693359375) + n * f(2.12194440e-4)
    p = f(1.9875691500e-4)
    p = p * r + f(1.3981999507e-3)
    p = p * r + f(8.3334519073e-3)
    p = p * r + f(4.1665795894e-2)
    p = p * r + f(1.6666665459e-1)
    p = p * r + f(5.0000001201e-1)
    return p * r * r + r


@_in_float32(lambda x: math.exp(x))
def exp_negative(x):
    """exp(x) for x <= 0; at most 1 ulp on [−87, 0], and 0 below −88."""
    x = f(-88.0) if x < f(-88.0) else x
    n, power = _split(x * f(1.44269504) + f(0.5))
    return (_expm1_of_rest(x, n) + f(1)) * power


@_in_float32(lambda x: math.expm1(x))
def expm1_negative(x):
    """exp(x) − 1 for x <= 0."""
    x = f(-87.0) if x < f(-87.0) else x
    n, power = _split(x * f(1.44269504) + f(0.5))
    return _expm1_of_rest(x, n) * power + (power - f(1))


@_in_float32(lambda x: math.exp(x))
def exp(x):
    """exp(x); 0 below −87."""
    t = f(-87.0) if x < f(-87.0) else (f(88.72284) if x > f(88.72284) else x)
    # 2^(n−1), doubled at the end: 2^n may be twice the largest power of two that float32 has
    n, half = _split(t * f(1.44269504) - f(0.5))
    e = (_expm1_of_rest(t, n + f(1)) + f(1)) * half * f(2)
    return f(np.inf) if x > f(88.72284) else e


@_in_float32(lambda x: math.log1p(x))
def log1p_fraction(x):
    """log(1 + x) for 0 <= x <= 1."""
    big = x > f(0.41421356)  # then log(1 + x) = log 2 + log(1 + t)
    t = (x - f(1)) * f(0.5) if big else x
    p = f(7.0376836292e-2)
    p = p * t - f(1.1514610310e-1)
    p = p * t + f(1.1676998740e-1)
    p = p * t - f(1.2420140846e-1)
    p = p * t + f(1.4249322787e-1)
    p = p * t - f(1.6668057665e-1)
    p = p * t + f(2.0000714765e-1)
    p = p * t - f(2.4999993993e-1)
    p = p * t + f(3.3333331174e-1)
    s = t * t
    y = p * t * s - f(0.5) * s
    return t + (y - f(2.12194440e-4)) + f(0.693359375) if big else t + y


@_in_float32(lambda x: math.tanh(x))
def tanh(x):
    """tanh(x): a polynomial below 0.625, else by the exponential."""
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


@_in_float32(lambda x: math.atan(x))
def atan(x):
    """arctan(x): a polynomial of u, (u − 1) / (u + 1) or −1 / u, where u = |x|."""
    u = abs(x)
    middle, far = u > f(0.414213562), u > f(2.414213562)
    above = f(-1) if far else (u - f(1) if middle else u)
    below = u if far else (u + f(1) if middle else f(1))
    base = f(math.pi / 2) if far else (f(math.pi / 4) if middle else f(0))
    t = above / below
    s = t * t
    p = f(8.05374449538e-2)
    p = p * s - f(1.38776856032e-1)
    p = p * s + f(1.99777106478e-1)
    p = p * s - f(3.33329491539e-1)
    a = base + (p * s * t + t)
    return -a if x < f(0) else a


@_in_float32(lambda x: math.erf(x))
def erf(x):
    """erf(x) to 4e-7: a quotient of polynomials on [−4, 4] (from the library Eigen)."""
    x = f(-4) if x < f(-4) else (f(4) if x > f(4) else x)
    s = x * x
    p = f(-2.72614225801306e-10)
    p = p * s + f(2.77068142495902e-08)
    p = p * s - f(2.10102402082508e-06)
    p = p * s - f(5.69250639462346e-05)
    p = p * s - f(7.34990630326855e-04)
    p = p * s - f(2.95459980854025e-03)
    p = p * s - f(1.60960333262415e-02)
    q = f(-1.45660718464996e-05)
    q = q * s - f(2.13374055278905e-04)
    q = q * s - f(1.68282697438203e-03)
    q = q * s - f(7.37332916720468e-03)
    q = q * s - f(1.42647390514189e-02)
    return x * p / q


@inlined
def logistic(z):
    """1 / (1 + exp(−z))"""
    e = exp_negative(-abs(z))
    return (e if z < like(z, 0) else like(z, 1)) / (like(z, 1) + e)


@inlined
def normal_distribution(z):
    """Φ(z) = ½ (1 + erf(z / √2))"""
    return like(z, 0.5) * (like(z, 1) + erf(z * like(z, 0.7071067811865476)))
