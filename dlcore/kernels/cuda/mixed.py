"""Training in 16 bits: rounded copies of the parameters, and scaling of gradients in float16."""

import numpy as np

from ..reference.mixed import LARGEST_SCALE, PATIENCE
from .launch import dtype_of, flat


def rounded(device, theta, *, out):
    device.launch("mixed", "rounded", dtype_of(out), flat(theta.size), theta, out, np.int64(theta.size))


def scaled(device, delta, scaling, *, out):
    device.launch("mixed", "scaled", dtype_of(delta), flat(delta.size), delta, scaling, np.int64(delta.size))


def unscaled(device, grad, loss, scaling, fault, *, out):
    shape = flat(grad.size)
    scratch = device.partial_sums(dtype_of(grad), shape.grid[0])
    numbers = np.int64(grad.size), np.float64(LARGEST_SCALE), np.float64(PATIENCE)
    device.launch("mixed", "unscaled", dtype_of(grad), shape, grad, loss, scaling, fault, *scratch, *numbers)


KERNELS = {f.__name__: f for f in (rounded, scaled, unscaled)}
