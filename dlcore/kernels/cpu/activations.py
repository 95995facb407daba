"""Activations: one loop per direction, compiled for each activation with its scalar formula (formulas.py).

The forward loop also adds the bias of the Dense layer before it, and the backward loop also sums the gradient of that bias, in
the same pass.  An empty bias, or an empty bias gradient, stands for none.
"""

import numpy as np

from ..reference import activations as reference
from ..reference.activations import ELEMENTWISE
from . import formulas
from .compiled import REDUCE, compiled, inlined
from .intrinsics import flat_of
from .special import exp_negative, like
from .sums import BLOCK, add_part, clear, part_of

NO_BIAS = {np.dtype(t): np.empty(0, t) for t in ("float32", "float64")}


@inlined
def begin(source, target):
    """Copy source to target, unless they are the same array, so that the loop that follows works in place.

    A vectorized loop that reads one array and writes another first checks whether they overlap, and if so runs entry by entry,
    three times as slow.  A loop that works in place needs no check.
    """
    if source.ctypes.data != target.ctypes.data:
        for j in range(target.size):
            target[j] = source[j]


def _forward(g):
    @compiled(columns="z b a")
    def loop(lo, hi, z, b, a, *numbers):
        """a = g(z + b); a may be z."""
        b_j = b[lo:hi]
        for i in range(len(z)):
            a_i = a[i, lo:hi]
            begin(z[i, lo:hi], a_i)
            if b_j.size:
                for j in range(hi - lo):
                    a_i[j] = g(a_i[j] + b_j[j], *numbers)
            else:
                for j in range(hi - lo):
                    a_i[j] = g(a_i[j] + like(a_i[j], 0), *numbers)  # + 0: see _backward

    return loop


def _forward_keeping_z(g):
    @compiled(columns="z b a")
    def loop(lo, hi, z, b, a, *numbers):
        """z ← z + b, a = g(z)."""
        b_j = b[lo:hi]
        for i in range(len(z)):
            z_i, a_i = z[i, lo:hi], a[i, lo:hi]
            for j in range(hi - lo):
                t = z_i[j] + b_j[j]
                z_i[j] = t
                a_i[j] = g(t, *numbers)

    return loop


def _backward(g_grad):
    @compiled(columns="delta kept dz db")
    def loop(lo, hi, delta, kept, dz, db, *numbers):
        """dz = delta g', db = column sums of dz; dz may be delta."""
        rows, sums = len(delta), db[lo:hi]
        part = part_of(sums, rows)
        clear(part, sums)
        for start in range(0, rows, BLOCK):
            for i in range(start, min(start + BLOCK, rows)):
                k_i, t_i = kept[i, lo:hi], dz[i, lo:hi]
                begin(delta[i, lo:hi], t_i)
                # + 0: where the result may equal the old entry, LLVM would store only the changed entries, by a masked
                # store, which takes an AMD processor three times as long as storing all of them
                if part.size:
                    for j in range(hi - lo):
                        t = g_grad(t_i[j], k_i[j], *numbers) + like(t_i[j], 0)
                        t_i[j] = t
                        part[j] += t
                else:
                    for j in range(hi - lo):
                        t_i[j] = g_grad(t_i[j], k_i[j], *numbers) + like(t_i[j], 0)
            add_part(part, sums, rows)

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


@compiled(columns="z a")
def _prelu(lo, hi, z, alpha, a):
    slope = alpha[0]
    for i in range(len(z)):
        a_i = a[i, lo:hi]
        begin(z[i, lo:hi], a_i)
        for j in range(hi - lo):
            t = a_i[j] + like(slope, 0)
            a_i[j] = t if t > like(t, 0) else slope * t


def prelu(z, alpha, *, out):
    _prelu(z, alpha, out)


@compiled(REDUCE)
def _prelu_grad(delta, z, alpha, dz, dalpha):
    slope, total = alpha[0], 0.0
    for i in range(len(z)):
        d_i, z_i, row = dz[i], z[i], slope * 0
        begin(delta[i], d_i)
        for j in range(z_i.size):
            row += d_i[j] * (z_i[j] if z_i[j] <= like(slope, 0) else like(slope, 0))
        for j in range(z_i.size):
            d = d_i[j] + like(slope, 0)
            d_i[j] = slope * d if z_i[j] <= like(slope, 0) else d
        total += row
    dalpha[0] = total


def prelu_grad(delta, z, alpha, *, out):
    _prelu_grad(delta, z, alpha, *out)


@compiled(REDUCE, rows="z a")
def _softmax(lo, hi, z, a):
    columns = z.shape[1]
    for i in range(lo, hi):
        top = z[i, 0]
        for j in range(columns):
            top = z[i, j] if z[i, j] > top else top
        for j in range(columns):
            a[i, j] = z[i, j] - top
    flat = flat_of(a)[lo * columns : hi * columns]
    for q in range(flat.size):  # one loop over all rows: ten classes do not fill a vector register
        flat[q] = exp_negative(flat[q])
    for i in range(lo, hi):
        total = a[i, 0] * 0
        for j in range(columns):
            total += a[i, j]
        share = 1 / total
        for j in range(columns):
            a[i, j] *= share


def softmax(z, *, out):
    if z.shape[1]:
        _softmax(z, out)


@compiled(REDUCE, rows="delta a dz")
def _softmax_grad(lo, hi, delta, a, dz):
    columns = delta.shape[1]
    for i in range(lo, hi):
        a_i, dz_i, dot = a[i], dz[i], like(delta[i, 0], 0)
        begin(delta[i], dz_i)
        for j in range(columns):
            dot += dz_i[j] * a_i[j]
        for j in range(columns):
            dz_i[j] = a_i[j] * (dz_i[j] - dot)


def softmax_grad(delta, a, *, out):
    if delta.shape[1]:
        _softmax_grad(delta, a, out)


KERNELS = {name: _activation(name) for name in FORWARD}
KERNELS |= {f"{name}_grad": _gradient(name) for name in ELEMENTWISE}
KERNELS |= {"prelu": prelu, "prelu_grad": prelu_grad, "softmax": softmax, "softmax_grad": softmax_grad}
