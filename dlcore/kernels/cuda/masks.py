"""ReLU's gradient as an epilogue of cuBLASLt, which reads a bit mask written by the forward product or by the pass after it.

The contract of ReLU keeps its output, not a mask, so this module connects two calls of a step: a `dense_relu` that writes an
array, and the next `input_grad_relu` that reads it before any other call writes there.  Without a correct epilogue in the
library, both run as they are.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial

from ..table import BoundCall
from .device import Device
from .epilogues import mask_bytes
from .memory import DeviceArray
from .overlap import is_array, touches


class Mask:
    """A bit for each entry of an output; `written` says whether the forward call has written them."""

    def __init__(self) -> None:
        self.written = False
        self._array: DeviceArray | None = None

    def array(self, device: Device, a: DeviceArray) -> DeviceArray:
        """(rows, bytes) for an output a, allocated at the first use, when a step runs call by call and is not captured."""
        if self._array is None:
            rows, width = a.shape[0], mask_bytes(a.shape[1])
            self._array = device.zeros(rows * width, "uint8").reshape((rows, width))
        return self._array


def with_masks(
    device: Device, calls: Sequence[BoundCall], kernels: Callable[[Device], Mapping[str, Callable[..., None]]]
) -> list[BoundCall]:
    """The bound calls, with a mask for each ReLU whose gradient is in the list; `kernels(device)` are those of a device."""
    made = list(calls)
    for i, forward in enumerate(calls):
        if forward.kernel.name != "dense_relu":
            continue
        (a,) = forward.outputs
        for j in range(i + 1, len(calls)):
            backward = calls[j]
            if backward.kernel.name == "input_grad_relu" and _is(device, backward.inputs[2], a):
                mask = Mask()
                made[i], made[j] = (_sharing(mask, device, call, kernels) for call in (forward, backward))
                break
            if touches(device, backward.outputs, a):
                break
    return made


def _is(device: Device, array: object, other: object) -> bool:
    if not is_array(array) or not is_array(other):
        return False
    return device.address(array) == device.address(other) and array.shape == other.shape


def _sharing(
    mask: Mask, device: Device, call: BoundCall, kernels: Callable[[Device], Mapping[str, Callable[..., None]]]
) -> BoundCall:
    run = partial(kernels(device)[call.kernel.name], mask=mask)
    return BoundCall(replace(call.kernel, run=run), call.inputs, call.outputs)
