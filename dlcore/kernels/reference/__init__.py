"""Reference kernels: pure functions of an Array API namespace `xp`, each with its contract and its equation.

They are the specification of the fast kernels, the fallback where there is none, and what the tests compare with.
"""

from ..contract import Reference
from . import (
    activations,
    adaptive,
    data,
    dense,
    embedding,
    fused,
    losses,
    mixed,
    normalization,
    random,
    schedule,
    updates,
)

KERNELS: dict[str, Reference] = {
    name: kernel
    for module in (data, dense, embedding, activations, normalization, random, losses, updates, adaptive, schedule)
    for name, kernel in vars(module).items()
    if hasattr(kernel, "contract") and kernel.__module__ == module.__name__
}
KERNELS |= fused.KERNELS | mixed.KERNELS
