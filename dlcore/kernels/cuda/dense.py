"""Matrix products of a Dense layer, by the device's library (gemm.py), and the kernels beside them."""

import numpy as np

from .activations import forward
from .launch import NULL, column_sums, dtype_of, flat


def dense(device, x, W, b, *, out):
    if device.product_with("BIAS", x, W, out, b):
        return
    device.product(x, W, out)
    forward(device, "identity", out, b, NULL, out, ())


def linear(device, x, W, *, out):
    device.product(x, W, out)


def weight_grad(device, x, delta, *, out):
    device.product(x, delta, out, transpose_a=True)


def input_grad(device, delta, W, *, out):
    device.product(delta, W, out, transpose_b=True)


def bias_grad(device, delta, *, out):
    rows, columns = delta.shape
    shape = column_sums(rows, columns)
    scratch = device.partial_sums(dtype_of(delta), shape.grid[1] * columns, shape.grid[0])
    device.launch(
        "dense", "column_sums", dtype_of(delta), shape, delta, out, *scratch, np.int64(rows), np.int32(columns)
    )


def dense_grad(device, x, delta, *, out):
    dW, db = out
    if not device.product_with("BGRADA", x, delta, dW, db, transpose_a=True):
        device.product(x, delta, dW, transpose_a=True)
        bias_grad(device, delta, out=db)


def add(device, x, y, *, out):
    device.launch("dense", "add", dtype_of(x), flat(x.size), x, y, out, np.int64(x.size))


KERNELS = {f.__name__: f for f in (dense, linear, weight_grad, bias_grad, dense_grad, input_grad, add)}
