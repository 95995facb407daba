"""Independent calls of a step on two streams.

Nothing reads the gradient of a weight matrix before the update, but the next layer down waits for the gradient of its output.
So products of the first kind go to a second stream, and the step joins it before a call that touches the same arrays.

The optimizer does not overlap.  A step whose loss or gradient is not finite must leave the parameters as they were, so none of
them may change before `prepare_update` has seen all gradients, the last of which is the lowest layer's; and the update of all
parameters is one memory-bound kernel, with nothing left to run beside it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import TypeGuard

from ..table import BoundCall
from .device import Device
from .memory import DeviceArray

ASIDE = ("weight_grad", "dense_grad")  # large products whose results are read late


def overlapped(
    device: Device, calls: Sequence[BoundCall], kernels: Callable[[Device], Mapping[str, Callable[..., None]]]
) -> list[Callable[[], None]]:
    """The work of the bound calls, in the same order on each array; `kernels(device)` are the kernels bound to a device."""
    made: list[Callable[[], None]] = []
    pending: list[BoundCall] = []
    for i, call in enumerate(calls):
        if any(_conflict(device, call, other) for other in pending):
            made.append(device.join)
            pending = []
        follows = calls[i + 1] if i + 1 < len(calls) else call
        if call.kernel.name in ASIDE and not _conflict(device, follows, call):
            run = partial(kernels(device.second)[call.kernel.name], *call.inputs, out=call.out)
            made.append(partial(device.fork, run))
            pending.append(call)
        else:
            made.append(call)
    if pending:
        made.append(device.join)
    return made


def _conflict(device: Device, call: BoundCall, other: BoundCall) -> bool:
    """Whether one of two calls writes what the other reads or writes."""
    theirs = [*_ranges(device, other.inputs), *_ranges(device, other.outputs)]
    return _meet(_ranges(device, call.outputs), theirs) or _meet(
        _ranges(device, call.inputs), list(_ranges(device, other.outputs))
    )


def touches(device: Device, written: Iterable[object], array: object) -> bool:
    """Whether any of the written arrays overlaps `array` in memory."""
    return _meet(_ranges(device, written), list(_ranges(device, [array])))


def _ranges(device: Device, values: Iterable[object]) -> Iterable[tuple[int, int]]:
    """(begin, end) of the arrays in memory; they are contiguous."""
    for value in values:
        if is_array(value):
            start = device.address(value)
            yield start, start + value.nbytes


def is_array(value: object) -> TypeGuard[DeviceArray]:
    """One with dimensions."""
    return bool(getattr(value, "ndim", 0))


def _meet(some: Iterable[tuple[int, int]], others: Sequence[tuple[int, int]]) -> bool:
    return any(a < d and c < b for a, b in some for c, d in others)
