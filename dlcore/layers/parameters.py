"""Everything trainable in one flat buffer, with named views into it.

Order: weight matrices (which l2 applies to), the other trainables (biases, gains, slopes), then frozen parameters.  So l2 is
a prefix, clipping one norm, an optimizer one kernel, a checkpoint a copy.  Every view starts on a multiple of 64 entries; the
padding between views is zero and stays zero, because its gradient is zero.

Parameters whose factors on the learning rate or on the weight decay differ are updated in groups, one kernel call each.
Matrices are in order of these factors, and so are the others, so that there are few groups.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

import numpy as np

from ..arrays import Array, Namespace
from ..checks import NOT_NEGATIVE, check
from ..kernels.rng import Stream

ALIGNMENT = 64


@dataclass(frozen=True)
class Parameter:
    """Shape and kind of an array that a layer declares; `initial(stream, shape)` draws its first values in float64.

    rate    factor >= 0 on the learning rate
    decay   factor >= 0 on the weight decay; None is 1 for a matrix and 0 for others

    Raises ConfigurationError for factors that are negative or not finite.
    """

    shape: tuple[int, ...]
    initial: Callable[[Stream, tuple[int, ...]], np.ndarray]
    matrix: bool = False
    trainable: bool = True
    rate: float = 1.0
    decay: float | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "shape", tuple(int(n) for n in self.shape))  # sizes may be NumPy integers
        check("Parameter", NOT_NEGATIVE, rate=self.rate, decay=self.decay_factor)

    @property
    def decay_factor(self) -> float:
        return float(self.matrix) if self.decay is None else self.decay

    @property
    def size(self) -> int:
        return math.prod(self.shape)


@dataclass(frozen=True)
class Group:
    """Entries start to stop of the flat buffers, which are updated together.

    rate      factor on the learning rate
    decay     factor on the weight decay of the first `decayed` entries; the others do not decay
    """

    start: int
    stop: int
    decayed: int
    rate: float
    decay: float

    @property
    def is_plain(self) -> bool:
        """Rate and decay are those of the optimizer."""
        return self.rate == 1 and (self.decayed == 0 or self.decay == 1)

    def _takes(self, p: Parameter) -> bool:
        """Whether the next parameter may belong to it."""
        alike = self.decayed == self.stop - self.start and self.decay == p.decay_factor
        return self.rate == p.rate and (p.decay_factor == 0 or alike)

    def with_next(self, p: Parameter, stop: int) -> Group | None:
        """This group and a parameter that follows, up to `stop`, as one; None where their factors differ."""
        if not self._takes(p):
            return None
        return replace(self, stop=stop, decayed=stop - self.start if p.decay_factor else self.decayed)


class Layout:
    """Where each named array lies in the flat buffer, and which of them are updated together.

    matrices    entries that belong to weight matrices, which come first; trainable  to all that is trained; size  to everything
    groups      parts of what is trained, without gaps
    """

    def __init__(self, entries: Iterable[tuple[str, Parameter]]) -> None:
        self.parameters = dict(entries)
        self.starts: dict[str, int] = {}
        self.groups: list[Group] = []
        stop, ends = 0, []
        for names in self._kinds():
            for name in names:
                parameter, self.starts[name] = self.parameters[name], stop
                stop += -(-parameter.size // ALIGNMENT) * ALIGNMENT
                if parameter.trainable:
                    self._add_to_groups(parameter, self.starts[name], stop)
            ends.append(stop)
        self.matrices, self.trainable, self.size = ends

    def _kinds(self) -> tuple[list[str], list[str], list[str]]:
        """Names of the matrices, of the others and of what is frozen, in the order of the buffer."""
        found = self.parameters
        matrices = [name for name, p in found.items() if p.trainable and p.matrix]
        others = [name for name, p in found.items() if p.trainable and not p.matrix]
        # what decays first: what follows and does not decay can then belong to the same group
        matrices.sort(key=lambda name: (found[name].rate, -found[name].decay_factor))
        last = found[matrices[-1]].rate if matrices else 1.0
        others.sort(key=lambda name: (found[name].rate != last, found[name].rate, -found[name].decay_factor))
        return matrices, others, [name for name, p in found.items() if not p.trainable]

    def _add_to_groups(self, p: Parameter, start: int, stop: int) -> None:
        joined = self.groups[-1].with_next(p, stop) if self.groups else None
        if joined:
            self.groups[-1] = joined
        else:
            self.groups.append(Group(start, stop, stop - start if p.decay_factor else 0, p.rate, p.decay_factor))

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
