"""Everything trainable in one flat buffer, with named views into it.

Order: weight matrices (which l2 and weight decay apply to), the other trainables (biases, gains, slopes), then frozen
parameters.  So l2 is a prefix, clipping one norm, an optimizer one kernel, a checkpoint a copy.  Every view starts on a
multiple of 64 entries; the padding between views is zero and stays zero, because its gradient is zero.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np

from ..arrays import Array, Namespace
from ..kernels.rng import Stream

ALIGNMENT = 64


@dataclass(frozen=True)
class Parameter:
    """Shape and kind of an array that a layer declares; `initial(stream, shape)` draws its first values in float64."""

    shape: tuple[int, ...]
    initial: Callable[[Stream, tuple[int, ...]], np.ndarray]
    matrix: bool = False
    trainable: bool = True

    def __post_init__(self) -> None:
        object.__setattr__(self, "shape", tuple(int(n) for n in self.shape))  # sizes may be NumPy integers

    @property
    def size(self) -> int:
        return math.prod(self.shape)


class Layout:
    """Where each named array lies in the flat buffer."""

    def __init__(self, entries: Iterable[tuple[str, Parameter]]) -> None:
        self.parameters = dict(entries)
        self.starts: dict[str, int] = {}
        stop, ends = 0, []
        for group in (self._matrices, self._others, self._frozen):
            for name, parameter in self.parameters.items():
                if group(parameter):
                    self.starts[name] = stop
                    stop += -(-parameter.size // ALIGNMENT) * ALIGNMENT
            ends.append(stop)
        self.matrices, self.trainable, self.size = ends

    @staticmethod
    def _matrices(p: Parameter) -> bool:
        return p.trainable and p.matrix

    @staticmethod
    def _others(p: Parameter) -> bool:
        return p.trainable and not p.matrix

    @staticmethod
    def _frozen(p: Parameter) -> bool:
        return not p.trainable

    @property
    def count(self) -> int:
        """Number of parameters, without the padding."""
        return sum(p.size for p in self.parameters.values())

    @property
    def trainable_names(self) -> list[str]:
        return [name for name, p in self.parameters.items() if p.trainable]

    def view(self, xp: Namespace, flat: Array, name: str) -> Array:
        parameter, start = self.parameters[name], self.starts[name]
        view: Array = xp.reshape(flat[start : start + parameter.size], parameter.shape, copy=False)
        return view

    def initial(self, stream: Callable[[int], Stream]) -> np.ndarray:
        """Initial values of the whole buffer in float64; `stream(i)` is the random stream of the i-th declared parameter."""
        flat = np.zeros(self.size)
        for i, (name, parameter) in enumerate(self.parameters.items()):
            self.view(np, flat, name)[...] = parameter.initial(stream(i), parameter.shape)
        return flat
