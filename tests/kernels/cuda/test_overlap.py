"""Two streams: which calls go aside, and when they are waited for.  The emulated stream puts off what is aside as long as it may."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from dlcore.kernels.cuda.overlap import overlapped

from .emulation import EmulatedDevice


class Call:
    """A bound call that does nothing."""

    def __init__(self, name: str, inputs: list[np.ndarray], *outputs: np.ndarray) -> None:
        self.kernel, self.inputs, self.outputs, self.out = SimpleNamespace(name=name), inputs, outputs, outputs[0]

    def __call__(self) -> None: ...


class Device(EmulatedDevice):
    """Writes down what happens on which stream."""

    def __init__(self) -> None:
        super().__init__()
        self.said: list[str] = []

    def fork(self, work: Any) -> None:
        self.said.append("aside")

    def join(self) -> None:
        self.said.append("join")


def said(*calls: Call) -> list[str]:
    device = Device()
    kernels = {"weight_grad": lambda *inputs, out: None, "dense_grad": lambda *inputs, out: None}
    for call in overlapped(device, calls, lambda _: kernels):
        if isinstance(call, Call):
            device.said.append(call.kernel.name)
        else:
            call()
    return device.said


A, B, C, D, E, G = (np.zeros(8) for _ in range(6))


def test_a_weight_gradient_runs_beside_the_input_gradient() -> None:
    """It is waited for before the update reads it, as a part of the flat gradient."""
    calls = Call("weight_grad", [A, B], G[:4]), Call("input_grad", [B, C], D), Call("prepare_update", [G], E)
    assert said(*calls) == ["aside", "input_grad", "join", "prepare_update"]


@pytest.mark.parametrize("conflict", [A, B, G])
def test_what_it_reads_and_writes_is_not_touched(conflict: np.ndarray) -> None:
    """A call that writes its inputs or its output waits for it."""
    calls = Call("weight_grad", [A, B], G), Call("input_grad", [B, C], D), Call("relu_grad", [D], conflict)
    assert said(*calls) == ["aside", "input_grad", "join", "relu_grad"]


def test_where_nothing_runs_beside_it_stays() -> None:
    """The next call needs it, or there is none."""
    assert said(Call("weight_grad", [A, B], G), Call("prepare_update", [G], E)) == ["weight_grad", "prepare_update"]
    assert said(Call("dense_grad", [A, B], G)) == ["dense_grad"]


def test_all_is_waited_for_at_the_end() -> None:
    """Of a list without an update, as when gradients are accumulated."""
    assert said(Call("weight_grad", [A, B], G), Call("input_grad", [B, C], D)) == ["aside", "input_grad", "join"]
