"""Activations: one loop for each direction, compiled with the scalar formula of each member (formulas.py).

The forward loop adds the bias of the layer below its activation, the backward loop sums that bias's gradient: one pass.
An empty bias, or an empty bias gradient, stands for none.
"""

import numpy as np

from ..reference import activations as reference
from ..reference.activations import ELEMENTWISE
from . import formulas
from .compiled import REDUCE, compiled
from .special import exp_negative, like
from .sums import BLOCK, add_part, part_of

NO_BIAS = {np.dtype(t): np.empty(0, t) for t in ("float32", "float64")}


def _forward(g):
    @compiled()
    def loop(z, b, a, *numbers):
        """a = g(z + b); a may be z."""
        rows, columns = z.shape
        if b.size:
            for i in range(rows):
                for j in range(columns):
                    a[i, j] = g(z[i, j] + b[j], *numbers)
        else:
            for i in range(rows):
                for j in range(columns):
                    a[i, j] = g(z[i, j], *numbers)

    return loop


def _forward_keeping_z(g):
    @compiled()
    def loop(z, b, a, *numbers):
        """z ← z + b, a = g(z)."""
        rows, columns = z.shape
        for i in range(rows):
            for j in range(columns):
                t = z[i, j] + b[j]
                z[i, j] = t
                a[i, j] = g(t, *numbers)

    return loop


def _backward(g_grad):
    @compiled()
    def loop(delta, kept, dz, db, *numbers):
        """dz = delta g', db = column sums of dz; dz may be delta."""
        rows, columns = delta.shape
        if db.size:
            part = part_of(db, rows)
            for start in range(0, rows, BLOCK):
                d, k, t = delta[start : start + BLOCK], kept[start : start + BLOCK], dz[start : start + BLOCK]
                for i in range(d.shape[0]):
                    for j in range(columns):
                        s = g_grad(d[i, j], k[i, j], *numbers)
                        t[i, j] = s
                        part[j] += s
                add_part(part, db, rows)
        else:
            for i in range(rows):
                for j in range(columns):
                    dz[i, j] = g_grad(delta[i, j], kept[i, j], *numbers)

    return loop


FORWARD = {name: _forward(getattr(formulas, name)) for name in (*ELEMENTWISE, "exponential")}
FORWARD_KEEPING_Z = {name: _forward_keeping_z(getattr(formulas, name)) for name in ELEMENTWISE}
BACKWARD = {name: _backward(getattr(formulas, f"{name}_grad")) for name in ELEMENTWISE}


def _activation(name):
    loop = FORWARD[name]

    def kernel(z, *numbers, out):
        loop(z, NO_BIAS[z.dtype], out, *numbers)

    kernel.__doc__ = getattr(reference, name).__doc__
    return kernel


def _gradient(name):
    loop = BACKWARD[name]

    def kernel(delta, kept, *numbers, out):
        loop(delta, kept, out, NO_BIAS[delta.dtype], *numbers)

    kernel.__doc__ = getattr(reference, f"{name}_grad").__doc__
    return kernel


@compiled()
def _prelu(z, alpha, a):
    rows, columns = z.shape
    for i in range(rows):
        for j in range(columns):
            a[i, j] = z[i, j] if z[i, j] > like(z[i, j], 0) else alpha[0] * z[i, j]


def prelu(z, alpha, *, out):
    _prelu(z, alpha, out)


@compiled(REDUCE)
def _prelu_grad(delta, z, alpha, dz, dalpha):
    rows, columns = z.shape
    total = 0.0
    for i in range(rows):
        row = alpha[0] * 0
        for j in range(columns):
            d, t = delta[i, j], z[i, j]
            below = t <= like(t, 0)
            row += d * t if below else like(t, 0)
            dz[i, j] = alpha[0] * d if below else d
        total += row
    dalpha[0] = total


def prelu_grad(delta, z, alpha, *, out):
    _prelu_grad(delta, z, alpha, *out)


@compiled(REDUCE)
def _softmax(z, a):
    rows, columns = z.shape
    for i in range(rows):
        top = z[i, 0]
        for j in range(columns):
            top = z[i, j] if z[i, j] > top else top
        total = top * 0
        for j in range(columns):
            e = exp_negative(z[i, j] - top)
            a[i, j] = e
            total += e
        share = 1 / total
        for j in range(columns):
            a[i, j] *= share


def softmax(z, *, out):
    if z.shape[1]:
        _softmax(z, out)


@compiled(REDUCE)
def _softmax_grad(delta, a, dz):
    rows, columns = delta.shape
    for i in range(rows):
        dot = like(delta[i, 0], 0)
        for j in range(columns):
            dot += delta[i, j] * a[i, j]
        for j in range(columns):
            dz[i, j] = a[i, j] * (delta[i, j] - dot)


def softmax_grad(delta, a, *, out):
    if delta.shape[1]:
        _softmax_grad(delta, a, out)


KERNELS = {name: _activation(name) for name in FORWARD}
KERNELS |= {f"{name}_grad": _gradient(name) for name in ELEMENTWISE}
KERNELS |= {"prelu": prelu, "prelu_grad": prelu_grad, "softmax": softmax, "softmax_grad": softmax_grad}
