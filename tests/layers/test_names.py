"""A layer's own names never collide with each other, with its gradients, or with what the plan calls its own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import pytest

import dlcore as dl
from dlcore.layers.initializers import Constant
from dlcore.layers.parameters import Parameter

ONE = Parameter((1,), Constant(0.0))
FROZEN = Parameter((1,), Constant(0.0), trainable=False)
REAL = ((1,), "real")


@dataclass(frozen=True)
class Declares(dl.Layer):
    """A layer that is nothing but its names."""

    p: dict[str, Parameter] = field(default_factory=dict)
    s: dict[str, Parameter] = field(default_factory=dict)
    c: tuple[str, ...] = ()
    f: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()

    def parameters(self) -> dict[str, Parameter]:
        return self.p

    def state(self) -> dict[str, Parameter]:
        return self.s

    def constants(self, fan_in: int) -> dict[str, np.ndarray]:
        return dict.fromkeys(self.c, np.zeros(fan_in, np.int64))

    def schedules(self) -> dict[str, Callable[[int], float]]:
        return dict.fromkeys(self.f, float)

    def scratch(self, rows: int, fan_in: int) -> dict[str, tuple[tuple[int, ...], str]]:
        return dict.fromkeys(self.kept, REAL)


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        (Declares(p={"W": ONE}, s={"W": ONE}), "state 'W', which is one of its parameters too"),
        (Declares(p={"W": ONE}, c=("W",)), "constants 'W', which is one of its parameters too"),
        (Declares(c=("keep",), f=("keep",)), "schedules 'keep', which is one of its constants too"),
        (Declares(s={"mean": ONE}, kept=("mean",)), "scratch 'mean', which is one of its state too"),
        (Declares(p={"W": ONE}, kept=("dW",)), "scratch 'dW', and the gradient of 'W' is called that"),
        (Declares(p={"W": ONE, "dW": ONE}), "parameters 'dW', and the gradient of 'W' is called that"),
        (Declares(kept=("step",)), r"scratch 'step', and layers find something of the plan under v\.step"),
        (Declares(p={"child": ONE}), r"parameters 'child', and layers find something of the plan under v\.child"),
        (Declares(p={"0.W": ONE}), r"parameters '0\.W', expected a name"),
        (Declares(kept=("my mask",)), "scratch 'my mask', expected a name"),
        (Declares(s={"_find": ONE}), "state '_find', expected a name"),
    ],
)
def test_a_name_for_two_things_is_refused(layer: dl.Layer, message: str) -> None:
    """Alone, in a Residual, and in a Residual of a Residual; the error names the layer and the name."""
    for number, nested in (("1", layer), (r"1\.1", dl.Residual(dl.Tanh(), layer))):
        with pytest.raises(dl.ConfigurationError, match=f"layer {number}, Declares: {message}.*; choose another name"):
            dl.Sequential(dl.Dense(3, 3), nested)
    with pytest.raises(dl.ConfigurationError, match=rf"layer 0\.0\.0, Declares: {message}"):
        dl.Sequential(dl.Residual(dl.Residual(layer)), dl.Dense(3, 3))


@dataclass(frozen=True)
class Both(dl.Residual):
    """A container with an array that has the name of one inside."""

    def scratch(self, rows: int, fan_in: int) -> dict[str, tuple[tuple[int, ...], str]]:
        return super().scratch(rows, fan_in) | {"2.W": REAL}

    __init__ = dl.Residual.__init__


def test_a_container_names_the_arrays_of_its_layers_only() -> None:
    with pytest.raises(dl.ConfigurationError, match=r"layer 0, Both: scratch '2\.W', expected a name"):
        dl.Sequential(Both(dl.Dense(3, 3), dl.Tanh()))


@pytest.mark.parametrize(
    "layer",
    [
        Declares(p={"W": ONE, "b": ONE}, s={"mean": ONE}, c=("codes",), f=("keep",), kept=("mask", "delta", "d", "dx")),
        Declares(p={"W": FROZEN}, kept=("dW",)),  # what is frozen has no gradient
    ],
)
def test_other_names_are_free(layer: dl.Layer) -> None:
    assert len(dl.Sequential(dl.Dense(3, 3), dl.Residual(layer, layer), layer)) == 3
