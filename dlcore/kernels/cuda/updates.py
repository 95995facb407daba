"""Updates of the flat buffers, each in one pass over them."""

import numpy as np

from .launch import NULL, THREADS, Shape, column_sums, dtype_of, flat, tiles

_FILE = "updates"


def _launch(device, kernel, theta, *arguments):
    device.launch(_FILE, kernel, dtype_of(theta), flat(theta.size), *arguments)


def counts(theta, matrices, weight_decay):
    return np.int64(theta.size), np.int64(matrices), np.float64(weight_decay)


def prepare_update(
    device, theta, grad, squares, loss, rates, losses, place, progress, fault, matrices, l2, clip, *, out
):
    shape = Shape((squares.size,), (THREADS,))
    scratch = device.partial_sums(dtype_of(grad), squares.size)
    numbers = np.int64(grad.size), np.int64(matrices), np.float64(l2), np.float64(clip)
    arrays = theta, grad, squares, loss, rates, out[2], losses, place, progress, fault
    device.launch(_FILE, "prepare_update", dtype_of(theta), shape, *arrays, *scratch, *numbers)


def accumulate(device, grad, loss, total, sums, *, out):
    _launch(device, "accumulate", grad, grad, loss, total, sums, np.int64(grad.size))


def average(device, total, sums, *, out):
    _, ticket = device.partial_sums(dtype_of(total), 0)
    _launch(device, "average", total, total, sums, *out[2:], ticket, np.int64(total.size))


def sgd(device, theta, grad, control, matrices, weight_decay, *, out):
    _launch(device, "sgd", theta, theta, grad, control, *counts(theta, matrices, weight_decay))


def _velocity(device, origin, theta, grad, v, control, progress, numbers, *rule, steps=0):
    rule = *map(np.float64, rule), np.int32(steps)
    _launch(device, "velocity", theta, origin, theta, grad, v, control, progress, *numbers, *rule)


def sgd_momentum(device, theta, grad, v, control, progress, matrices, weight_decay, mu, tau, nesterov, *, out):
    c, d = (1, mu) if nesterov else (0, 1)
    numbers = counts(theta, matrices, weight_decay)
    _velocity(device, NULL, theta, grad, v, control, progress, numbers, mu, 1 - tau, c, d)


def sgd_step(device, theta, grad, v, control, matrices, weight_decay, mu, nesterov, *, out):
    c, d = (1, mu) if nesterov else (0, 1)
    numbers = counts(theta, matrices, weight_decay)
    _velocity(device, NULL, theta, grad, v, control, NULL, numbers, mu, 1, c, d, steps=1)


def moving_average(device, theta, grad, v, control, matrices, weight_decay, beta, *, out):
    numbers = counts(theta, matrices, weight_decay)
    _velocity(device, NULL, theta, grad, v, control, NULL, numbers, beta, 1 - beta, 0, 1)


def moving_average_nesterov(device, theta, grad, v, origin, control, matrices, weight_decay, beta, *, out):
    numbers = counts(theta, matrices, weight_decay)
    _velocity(device, origin, theta, grad, v, control, NULL, numbers, beta, 1 - beta, 0, 1)


def look_ahead(device, theta, v, origin, rates, place, reach, *, out):
    _launch(device, "look_ahead", theta, theta, v, origin, rates, place, np.int64(theta.size), np.float64(reach))


def max_norm(device, W, control, limit, *, out):
    rows, columns = W.shape
    shape = column_sums(rows, columns)
    parts, tickets = device.partial_sums(dtype_of(W), (shape.grid[1] + 1) * columns, shape.grid[0])
    squares, parts, sizes = parts[:columns], parts[columns:], (np.int64(rows), np.int32(columns))
    device.launch(_FILE, "column_squares", dtype_of(W), shape, W, squares, parts, tickets, *sizes)
    device.launch(
        _FILE, "shrink_columns", dtype_of(W), tiles(rows, columns), W, squares, control, *sizes, np.float64(limit)
    )


KERNELS = {
    f.__name__: f
    for f in (
        prepare_update,
        accumulate,
        average,
        sgd,
        sgd_momentum,
        sgd_step,
        moving_average,
        look_ahead,
        moving_average_nesterov,
        max_norm,
    )
}
