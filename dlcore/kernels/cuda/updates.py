"""Updates of the flat buffers, each in one pass over them."""

from functools import partial

import numpy as np

from ..reference.mixed import OPTIMIZERS
from .launch import NULL, THREADS, Shape, column_sums, dtype_of, flat, tiles

_FILE = "updates"


def _launch(device, kernel, theta, *arguments):
    device.launch(_FILE, kernel, dtype_of(theta), flat(theta.size), *arguments)


def launch_rule(device, file, kernel, theta, copy, *arguments):
    """Launch an optimizer's kernel, which also writes the rounded `copy` of theta, if that is not NULL."""
    data = "" if copy is NULL or dtype_of(copy) == dtype_of(theta) else dtype_of(copy)
    device.launch(file, kernel, dtype_of(theta), flat(theta.size), *arguments, data=data)


def with_copies(kernels):
    """These kernels, and for each optimizer one that also writes a copy, as its last output."""

    def kernel(rule, device, *inputs, out):
        *out, copy = out
        rule(device, *inputs, out=out, copy=copy)

    return kernels | {f"{name}_rounded": partial(kernel, rule) for name, rule in kernels.items() if name in OPTIMIZERS}


def counts(theta, decayed):
    return np.int64(theta.size), np.int64(decayed)


def prepare_update(
    device, theta, grad, squares, loss, schedule, losses, place, progress, fault, matrices, l2, clip, *, out
):
    shape = Shape((squares.size,), (THREADS,))
    scratch = device.partial_sums(dtype_of(grad), squares.size)
    numbers = np.int64(grad.size), np.int64(matrices), np.float64(l2), np.float64(clip)
    arrays = theta, grad, squares, loss, schedule, out[2], losses, place, progress, fault
    device.launch(_FILE, "prepare_update", dtype_of(theta), shape, *arrays, *scratch, *numbers)


def accumulate(device, grad, loss, total, sums, *, out):
    _launch(device, "accumulate", grad, grad, loss, total, sums, np.int64(grad.size))


def average(device, total, sums, *, out):
    _, ticket = device.partial_sums(dtype_of(total), 0)
    _launch(device, "average", total, total, sums, *out[2:], ticket, np.int64(total.size))


def sgd(device, theta, grad, control, decayed, *, out, copy=NULL):
    numbers = counts(theta, decayed)
    launch_rule(device, _FILE, "sgd", theta, copy, theta, copy, grad, control, *numbers)


def _velocity(device, origin, theta, copy, grad, v, control, progress, numbers, *rule, steps=0):
    rule = *map(np.float64, rule), np.int32(steps)
    arrays = origin, theta, copy, grad, v, control, progress
    launch_rule(device, _FILE, "velocity", theta, copy, *arrays, *numbers, *rule)


def sgd_momentum(device, theta, grad, v, control, progress, decayed, mu, tau, nesterov, *, out, copy=NULL):
    c, d = (1, mu) if nesterov else (0, 1)
    numbers = counts(theta, decayed)
    _velocity(device, NULL, theta, copy, grad, v, control, progress, numbers, mu, 1 - tau, c, d)


def sgd_step(device, theta, grad, v, control, decayed, mu, nesterov, *, out, copy=NULL):
    c, d = (1, mu) if nesterov else (0, 1)
    numbers = counts(theta, decayed)
    _velocity(device, NULL, theta, copy, grad, v, control, NULL, numbers, mu, 1, c, d, steps=1)


def moving_average(device, theta, grad, v, control, decayed, beta, *, out, copy=NULL):
    numbers = counts(theta, decayed)
    _velocity(device, NULL, theta, copy, grad, v, control, NULL, numbers, beta, 1 - beta, 0, 1)


def moving_average_nesterov(device, theta, grad, v, origin, control, decayed, beta, *, out, copy=NULL):
    numbers = counts(theta, decayed)
    _velocity(device, origin, theta, copy, grad, v, control, NULL, numbers, beta, 1 - beta, 0, 1)


def look_ahead(device, theta, v, origin, schedule, place, reach, *, out):
    _launch(device, "look_ahead", theta, theta, v, origin, schedule, place, np.int64(theta.size), np.float64(reach))


def max_norm(device, W, control, limit, *, out):
    rows, columns = W.shape
    shape = column_sums(rows, columns)
    parts, tickets = device.partial_sums(dtype_of(W), (shape.grid[1] + 1) * columns, shape.grid[0])
    squares, parts, sizes = parts[:columns], parts[columns:], (np.int64(rows), np.int32(columns))
    device.launch(_FILE, "column_squares", dtype_of(W), shape, W, squares, parts, tickets, *sizes)
    device.launch(
        _FILE, "shrink_columns", dtype_of(W), tiles(rows, columns), W, squares, control, *sizes, np.float64(limit)
    )


_OTHERS = prepare_update, accumulate, average, look_ahead, max_norm
_RULES = sgd, sgd_momentum, sgd_step, moving_average, moving_average_nesterov
KERNELS = with_copies({f.__name__: f for f in (*_OTHERS, *_RULES)})
