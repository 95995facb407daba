"""Fast kernels for the CPU: the reference's names and arguments, results written into `out`.

Importing this package imports numba; nothing else in dlcore does.
"""

from collections.abc import Callable

from . import (
    activations,
    adaptive,
    counted,
    data,
    dense,
    embedding,
    fused,
    losses,
    normalization,
    random,
    schedule,
    updates,
)

KERNELS: dict[str, Callable[..., None]] = {}
for _module in (
    activations, adaptive, counted, data, dense, embedding, fused, losses, normalization, random, schedule, updates,
):  # fmt: skip
    KERNELS |= _module.KERNELS
