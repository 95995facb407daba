"""Numbers that change from update to update, each kernel in one block."""

import numpy as np

from .launch import dtype_of, flat

_FILE = "schedule"


def scheduled(device, numbers, place, *, out):
    device.launch(_FILE, "scheduled", dtype_of(numbers), flat(out.size), numbers, place, out, np.int64(out.size))


def group_control(device, control, rate, decay, *, out):
    factors = np.float64(rate), np.float64(decay)
    device.launch(_FILE, "group_control", dtype_of(control), flat(1), control, out, *factors)


KERNELS = {f.__name__: f for f in (scheduled, group_control)}
