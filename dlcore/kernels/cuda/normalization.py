"""Batch and layer normalization."""

import numpy as np

from .launch import by_rows, column_sums, dtype_of, flat, tiles

_FILE = "normalization"


def _sizes(x):
    return np.int64(x.shape[0]), np.int32(x.shape[1])


def batch_norm(device, x, gamma, beta, epsilon, *, out):
    z, mu, var = out
    rows, columns = x.shape
    shape = column_sums(rows, columns)
    scratch = device.partial_sums(dtype_of(x), 3 * shape.grid[1] * columns, shape.grid[0])
    device.launch(_FILE, "moments", dtype_of(x), shape, x, mu, var, *scratch, *_sizes(x))
    batch_norm_predict(device, x, gamma, beta, mu, var, epsilon, out=z)


def batch_norm_predict(device, x, gamma, beta, mean, variance, epsilon, *, out):
    last = *_sizes(x), np.float64(epsilon)
    device.launch(_FILE, "normalize", dtype_of(x), tiles(*x.shape), x, gamma, beta, mean, variance, out, *last)


def _gain_sums(device, kernel, delta, *arguments):
    """dgamma and dbeta, before delta is overwritten."""
    rows, columns = delta.shape
    shape = column_sums(rows, columns)
    scratch = device.partial_sums(dtype_of(delta), 2 * shape.grid[1] * columns, 2 * shape.grid[0])
    arrays, numbers = arguments[:5], arguments[5:]
    device.launch(_FILE, kernel, dtype_of(delta), shape, delta, *arrays, *scratch, *_sizes(delta), *numbers)


def batch_norm_grad(device, delta, x, gamma, mu, var, epsilon, *, out):
    dx, dgamma, dbeta = out
    _gain_sums(device, "batch_norm_sums", delta, x, mu, var, dgamma, dbeta, np.float64(epsilon))
    arrays = delta, x, gamma, mu, var, dgamma, dbeta, dx
    device.launch(_FILE, "batch_norm_grad", dtype_of(x), tiles(*x.shape), *arrays, *_sizes(x), np.float64(epsilon))


def running_statistics(device, mu, var, mean, variance, control, rows, momentum, *, out):
    numbers = np.int64(mu.size), np.float64(momentum), np.float64(rows / max(rows - 1, 1))
    device.launch(_FILE, "running_statistics", dtype_of(mu), flat(mu.size), mu, var, mean, variance, control, *numbers)


def layer_norm(device, x, gamma, beta, epsilon, *, out):
    group, shape = by_rows(*x.shape)
    last = *_sizes(x), np.float64(epsilon)
    device.launch(_FILE, f"layer_norm_{group}", dtype_of(x), shape, x, gamma, beta, *out, *last)


def layer_norm_grad(device, delta, x, gamma, mu, rstd, *, out):
    dx, dgamma, dbeta = out
    _gain_sums(device, "layer_norm_sums", delta, x, mu, rstd, dgamma, dbeta)
    group, shape = by_rows(*x.shape)
    device.launch(_FILE, f"layer_norm_grad_{group}", dtype_of(x), shape, delta, x, gamma, mu, rstd, dx, *_sizes(x))


KERNELS = {
    f.__name__: f
    for f in (batch_norm, batch_norm_grad, batch_norm_predict, layer_norm, layer_norm_grad, running_statistics)
}
