"""The state of a network in training: exactly what a checkpoint copies, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from ..arrays import Array, ArrayLike, has_masks, to_host
from ..backends import Backend
from ..data.inputs import check_finite
from ..errors import DataError, ShapeError
from ..kernels.contract import dtype_name
from ..kernels.reference.mixed import FIRST_SCALE
from ..kernels.rng import Stream
from .recipe import Recipe
from .recorder import COUNTERS


class State:
    """Parameters, optimizer slots, untrained state, counters, and the gradients of an unfinished group of batches.

    theta, untrained   flat, in the wide dtype
    computed           what layers read: theta itself, or its copy in 16 bits
    slots, sums        flat buffers as long as what is trained, made when they are first asked for
    counters           on the device, by name: COUNTERS of recorder.py
    """

    def __init__(self, backend: Backend, recipe: Recipe) -> None:
        self.backend, self.model, self.dtype = backend, recipe.model, recipe.wide
        self.parameters, self.layout = recipe.parameters, recipe.state
        self.theta = backend.zeros((self.parameters.size,), self.dtype)
        copied = recipe.dtype != recipe.wide
        self.computed = backend.zeros((self.parameters.size,), recipe.dtype) if copied else self.theta
        self.untrained = backend.zeros((self.layout.size,), self.dtype)
        self.slots: dict[str, Array] = {}
        self.sums: dict[str, Array] = {}
        self.counters = self._new_counters()

    def _new_counters(self) -> dict[str, Array]:
        return {name: self.backend.zeros(shape, self._dtype_of(name)) for name, (shape, _) in COUNTERS.items()}

    def _dtype_of(self, counter: str) -> str:
        _, dtype = COUNTERS[counter]
        return self.dtype if dtype == "wide" else dtype

    def aside(self) -> State:
        """The same parameters, slots and untrained state, with counters of its own: for a look that counts nothing."""
        other = object.__new__(State)
        other.__dict__ |= self.__dict__ | {"counters": self._new_counters(), "sums": {}}
        other.set_counter("scaling", self.counter("scaling"))
        return other

    def initialize(self, seed: int) -> None:
        """Initial parameters of the seed; slots and counters at 0."""
        count = len(self.parameters.parameters)
        self.theta[...] = self._cast(self.parameters.initial(lambda i: Stream(seed, i)))
        self.untrained[...] = self._cast(self.layout.initial(lambda i: Stream(seed, count + i)))
        for array in (*self.counters.values(), *self.slots.values(), *self.sums.values()):
            array[...] = 0
        self.set_counter("scaling", np.array([FIRST_SCALE]))
        self._round()

    def _cast(self, values: np.ndarray) -> Array:
        """Host values on the device, in the wide dtype."""
        return self.backend.asarray(np.asarray(values).astype(self.dtype))

    def _round(self) -> None:
        """The 16-bit copy follows theta."""
        if self.computed is not self.theta:
            self.backend.kernels.rounded(self.theta, out=self.computed)

    def return_to(self, slot: str) -> None:
        """The trained parameters are again those that an optimizer kept in this slot."""
        self.theta[: self.parameters.trainable] = self.slot(slot)
        self._round()

    def slot(self, name: str) -> Array:
        """An optimizer's flat buffer."""
        return self._flat(self.slots, name, (self.parameters.trainable,))

    def sum(self, name: str, shape: tuple[int, ...]) -> Array:
        """The sums of an unfinished group: of its gradients, "total"; of its losses and weights, "sums"."""
        return self._flat(self.sums, name, shape)

    def divide_sums(self, scale: float) -> None:
        """The accumulated gradients by a number that losses were multiplied with."""
        total = self.sums["total"]
        total[...] = self.backend.xp.divide(total, scale)

    def _flat(self, arrays: dict[str, Array], name: str, shape: tuple[int, ...]) -> Array:
        if name not in arrays:
            arrays[name] = self.backend.zeros(shape, self.dtype)
        return arrays[name]

    def parameter(self, name: str) -> Array:
        """A view of theta."""
        return self.parameters.view(self.backend.xp, self.theta, name)

    # -- counters ------------------------------------------------------------------------------------------------------

    def counter(self, name: str) -> np.ndarray:
        """A copy of a counter on the host."""
        return to_host(self.counters[name]).copy()

    def set_counter(self, name: str, values: np.ndarray) -> None:
        """Set the leading entries of a counter."""
        self.counters[name][: len(values)] = self.backend.asarray(values.astype(self._dtype_of(name)))

    def finite(self) -> bool:
        """Whether all parameters are, and what layers keep besides, such as running means."""
        xp = self.backend.xp
        return all(bool(xp.all(xp.isfinite(array))) for array in (self.theta, self.untrained))

    # -- weights, as users get and set them ---------------------------------------------------------------------------

    def weights(self) -> list[tuple[str, Array]]:
        """Names and views, layer by layer: parameters as declared, then untrained state."""
        xp, views = self.backend.xp, []
        for i, layer in enumerate(self.model):
            views += [(f"{i}.{name}", self.parameter(f"{i}.{name}")) for name in layer.parameters()]
            views += [(f"{i}.{name}", self.layout.view(xp, self.untrained, f"{i}.{name}")) for name in layer.state()]
        return views

    def set_weights(self, weights: Sequence[ArrayLike]) -> None:
        """Set all of `weights()` from a list of arrays, or nothing where one does not fit."""
        views = self.weights()
        if not isinstance(weights, Sequence):
            raise DataError(f"set_weights: {type(weights).__name__}, expected a list of arrays, as get_weights gives")
        if len(weights) != len(views):
            names = ", ".join(name for name, _ in views)
            raise ShapeError(f"set_weights: {len(weights)} arrays, expected {len(views)}: {names}")
        arrays = []
        for (name, view), weight in zip(views, weights, strict=True):
            if has_masks(weight):
                raise DataError(f"set_weights: {name} is a masked array, or holds some; fill the missing entries first")
            try:
                array = to_host(weight)
            except (TypeError, ValueError) as error:
                raise DataError(f"set_weights: {name} cannot be read as an array: {error}") from None
            arrays.append(array)
            if array.shape != tuple(view.shape):
                raise ShapeError(f"set_weights: {name} has shape {array.shape}, expected {tuple(view.shape)}")
            if array.dtype.kind not in "biuf":
                raise DataError(f"set_weights: {name} is {array.dtype}, expected numbers")
            # layers read parameters in the dtype of computation, where float16 ends at 65504
            dtype = dtype_name(self.computed) if name in self.parameters.parameters else self.dtype
            check_finite(array, dtype, f"set_weights: {name}")
        for (_, view), array in zip(views, arrays, strict=True):
            view[...] = self._cast(array)
        self._round()

    # -- what a checkpoint holds --------------------------------------------------------------------------------------

    def arrays(self, slots: Sequence[str]) -> Iterator[tuple[str, Array]]:
        """Names and views of everything but the counters; these slots, and sums, as far as they are in use."""
        xp = self.backend.xp
        for name in self.parameters.starts:
            yield f"theta/{name}", self.parameter(name)
        for name in self.layout.starts:
            yield f"state/{name}", self.layout.view(xp, self.untrained, name)
        for slot in slots:
            for name in self.parameters.trainable_names if slot in self.slots else ():
                yield f"slot/{slot}/{name}", self.parameters.view(xp, self.slots[slot], name)
        if "sums" in self.sums and bool(xp.any(self.sums["sums"] != 0)):
            for name in self.parameters.trainable_names:
                yield f"sum/{name}", self.parameters.view(xp, self.sums["total"], name)
            yield "sums", self.sums["sums"]

    def restore(self, arrays: Mapping[str, np.ndarray], slots: Sequence[str]) -> None:
        """Set what `arrays` gave.  Raises KeyError, ShapeError or DataError for what is missing or does not fit."""
        first = next(iter(self.parameters.trainable_names), "")
        for slot in slots:
            if f"slot/{slot}/{first}" in arrays:
                self.slot(slot)
        if "sums" in arrays:
            self.sum("total", (self.parameters.trainable,))
            self.sum("sums", (2,))[...] = self._cast(np.ones(2))  # not 0: `arrays` gives their views
        for name, view in self.arrays(slots):
            if arrays[name].shape != tuple(view.shape):
                raise ShapeError(f"{name} has shape {arrays[name].shape}, the model {tuple(view.shape)}")
            if arrays[name].dtype.name != self.dtype:
                raise DataError(f"{name} is {arrays[name].dtype}, the trainer has it in {self.dtype}")
            view[...] = self._cast(arrays[name])
        self._round()
