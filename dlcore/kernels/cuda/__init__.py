"""Fast kernels for NVIDIA GPUs: the reference's names and arguments after a first one, the device that runs them.

`f(device, *inputs, out=…)` starts a kernel of the *.cu beside it (device.py says what a device is).  Importing this
package needs neither CuPy nor a GPU: the same sources run wherever something compiles them.
"""

from functools import partial
from typing import Any

from . import activations, adaptive, data, dense, embedding, fused, losses, normalization, random, updates
from .device import CupyDevice, Device
from .graph import Graphs

__all__ = ["KERNELS", "CupyDevice", "Device", "Graphs", "kernels"]

KERNELS: dict[str, Any] = {}
for _module in (activations, adaptive, data, dense, embedding, fused, losses, normalization, random, updates):
    KERNELS |= _module.KERNELS


def kernels(device: Device) -> dict[str, Any]:
    """All kernels of this folder, on a device."""
    return {name: partial(kernel, device) for name, kernel in KERNELS.items()}
