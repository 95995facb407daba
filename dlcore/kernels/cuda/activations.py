"""Activations: one loop per direction in activations.cu, compiled with the formula of each activation (formulas.cuh).

The forward loop also adds the bias of the Dense layer before it, and the backward loop also sums the gradient of that bias, so
that fused.py needs no loops of its own.
"""

import numpy as np

from ..reference.activations import ELEMENTWISE
from .launch import NULL, by_rows, column_sums, dtype_of, flat, tiles

_FILE = "activations"


def alpha_of(numbers):
    return np.float64(numbers[0] if numbers else 0)


def forward(device, name, z, b, kept, a, numbers):
    """a = g(z + b), kept = z + b; b and kept may be NULL."""
    rows, columns = z.shape
    sizes = np.int64(rows), np.int32(columns)
    device.launch(_FILE, f"{name}_forward", dtype_of(z), tiles(rows, columns), z, b, kept, a, *sizes, alpha_of(numbers))


def relu_with_mask(device, z, b, mask):
    """z ← relu(z + b); bits of `mask`, rows of bytes, are 1 where it is positive (epilogues.py)."""
    (rows, columns), width = z.shape, -(-z.shape[1] // 8)
    sizes = np.int64(rows), np.int32(columns), np.int32(width), np.int32(mask.shape[1])
    device.launch(_FILE, "relu_with_mask", dtype_of(z), flat(rows * width), z, b, mask, *sizes)


def backward(device, name, delta, kept, dz, db, numbers):
    """dz = delta g', db = column sums of dz; db may be NULL, dz may be delta."""
    rows, columns = delta.shape
    shape = column_sums(rows, columns)
    scratch = device.partial_sums(dtype_of(delta), shape.grid[1] * columns, shape.grid[0])
    sizes = np.int64(rows), np.int32(columns)
    device.launch(
        _FILE, f"{name}_backward", dtype_of(delta), shape, delta, kept, dz, db, *scratch, *sizes, alpha_of(numbers)
    )


def _activation(name):
    def kernel(device, z, *numbers, out):
        forward(device, name, z, NULL, NULL, out, numbers)

    return kernel


def _gradient(name):
    def kernel(device, delta, kept, *numbers, out):
        backward(device, name, delta, kept, out, NULL, numbers)

    return kernel


def prelu(device, z, alpha, *, out):
    device.launch(_FILE, "prelu", dtype_of(z), flat(z.size), z, alpha, out, np.int64(z.size))


def prelu_grad(device, delta, z, alpha, *, out):
    shape = flat(z.size)
    scratch = device.partial_sums(dtype_of(z), shape.grid[0])
    device.launch(_FILE, "prelu_grad", dtype_of(z), shape, delta, z, alpha, *out, *scratch, np.int64(z.size))


def softmax(device, z, *, out):
    group, shape = by_rows(*z.shape)
    device.launch(_FILE, f"softmax_{group}", dtype_of(z), shape, z, out, np.int64(z.shape[0]), np.int32(z.shape[1]))


def softmax_grad(device, delta, a, *, out):
    group, shape = by_rows(*a.shape)
    sizes = np.int64(a.shape[0]), np.int32(a.shape[1])
    device.launch(_FILE, f"softmax_grad_{group}", dtype_of(a), shape, delta, a, out, *sizes)


KERNELS = {name: _activation(name) for name in (*ELEMENTWISE, "exponential")}
KERNELS |= {f"{name}_grad": _gradient(name) for name in ELEMENTWISE}
KERNELS |= {"prelu": prelu, "prelu_grad": prelu_grad, "softmax": softmax, "softmax_grad": softmax_grad}
