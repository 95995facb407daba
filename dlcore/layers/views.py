"""What a layer sees of the step that it is part of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from ..kernels.table import Operand


@dataclass(frozen=True)
class StepViews:
    """What the plan has for each layer.

    rows        number of rows
    progress    (epoch, batch, evaluations, updates), control  (rate, scale, norm, decay) of the present update
    key0, key1  the words of the seed;  layer  the number of the layer among all, so that no two draw the same numbers
    """

    rows: int
    progress: Operand
    control: Operand
    key0: int
    key1: int
    layer: int


class Views(Protocol):
    """A layer's own parameters, gradients (dW for W), state, constants, scheduled numbers and scratch by name; under `step`
    what the plan has."""

    @property
    def step(self) -> StepViews: ...

    def child(self, part: int, /) -> Views:
        """The views of a layer inside this one."""

    def __getattr__(self, name: str, /) -> Operand: ...
