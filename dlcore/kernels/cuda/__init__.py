"""Fast kernels for NVIDIA GPUs: the reference's names and arguments, after a first argument, the device.

`f(device, *inputs, out=…)` launches a kernel of the *.cu file beside it (device.py says what a device is).  Importing this
package needs neither CuPy nor a GPU: the same sources run on anything that compiles them.
"""

from collections.abc import Callable, Sequence
from functools import partial

from ..table import BoundCall
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
from .device import CupyDevice, Device
from .graph import Graphs
from .masks import with_masks
from .overlap import overlapped

__all__ = ["KERNELS", "CupyDevice", "Device", "Graphs", "graphs", "kernels", "masked"]

KERNELS: dict[str, Callable[..., None]] = {}
for _module in (
    activations, adaptive, data, dense, embedding, fused, losses, mixed, normalization, random, schedule, updates,
):  # fmt: skip
    KERNELS |= _module.KERNELS


def kernels(device: Device) -> dict[str, Callable[..., None]]:
    """All kernels of this folder, bound to a device."""
    return {name: partial(kernel, device) for name, kernel in KERNELS.items()}


def graphs(device: Device, calls: Sequence[BoundCall]) -> Graphs:
    """Bound calls as CUDA graphs, on two streams where calls can overlap."""
    return Graphs(device, overlapped(device, calls, kernels))


def masked(device: Device, calls: Sequence[BoundCall]) -> list[BoundCall]:
    """The bound calls, where each ReLU shares a mask with its gradient."""
    return with_masks(device, calls, kernels)
