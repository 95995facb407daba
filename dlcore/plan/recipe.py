"""What is trained, and what one step of it sees: the two descriptions that a step is recorded from."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from ..kernels.contract import wide
from ..layers import Sequential
from ..layers.parameters import Layout
from ..losses import Loss
from ..optimizers import Optimizer


@dataclass(frozen=True)
class Recipe:
    """A model, its loss and optimizer, the dtype that layers compute in, and the seed of everything random."""

    model: Sequential
    loss: Loss
    optimizer: Optimizer
    dtype: str
    seed: int

    @cached_property
    def parameters(self) -> Layout:
        """Where each parameter lies in the flat buffers."""
        return Layout(self.model.parameters().items())

    @cached_property
    def state(self) -> Layout:
        """Where each array lies that layers change without a gradient."""
        return Layout(self.model.state().items())

    @property
    def wide(self) -> str:
        """The dtype of parameters, slots and sums: `dtype`, or float32 where that has 16 bits."""
        return wide(self.dtype)


@dataclass(frozen=True)
class Batch:
    """The rows that a step works on.

    rows        in this batch
    size        of a full batch: batch b of an epoch begins at position b·size, also the smaller last one
    data        rows of the whole data set, and the dtype they are stored in
    labels      targets are class indices (n,), otherwise values (n, outputs)
    shuffle     rows come in the keyed order of the epoch, otherwise as they lie
    accumulate  gradients of several batches are summed before an update
    """

    rows: int
    size: int
    data: tuple[int, str]
    labels: bool
    shuffle: bool = True
    accumulate: bool = False
