"""Fast kernels for NVIDIA GPUs: the reference's names and arguments after a first one, the device that runs them.

`f(device, *inputs, out=…)` starts a kernel of the *.cu beside it (device.py says what a device is).  Importing this
package needs neither CuPy nor a GPU: the same sources run wherever something compiles them.
"""

from collections.abc import Sequence
from functools import partial
from typing import Any

from . import activations, adaptive, data, dense, embedding, fused, losses, mixed, normalization, random, updates
from .device import CupyDevice, Device
from .graph import Graphs
from .masks import with_masks
from .overlap import overlapped

__all__ = ["KERNELS", "CupyDevice", "Device", "Graphs", "graphs", "kernels", "masked"]

KERNELS: dict[str, Any] = {}
for _module in (activations, adaptive, data, dense, embedding, fused, losses, mixed, normalization, random, updates):
    KERNELS |= _module.KERNELS


def kernels(device: Device) -> dict[str, Any]:
    """All kernels of this folder, on a device."""
    return {name: partial(kernel, device) for name, kernel in KERNELS.items()}


def graphs(device: Device, calls: Sequence[Any]) -> Graphs:
    """Bound calls as graphs, on two streams where that is a shorter way."""
    return Graphs(device, overlapped(device, calls, kernels))


def masked(device: Device, calls: Sequence[Any]) -> list[Any]:
    """Bound calls, of which those of a ReLU and of its gradient share a mask."""
    return with_masks(device, calls, kernels)
