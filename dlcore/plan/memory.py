"""The arrays of one trainer, and which of them a plan's buffer is.

Flat buffers of parameters and untrained state exist from the start; the gradient, the slots and everything that a plan
needs besides come when a plan is bound, and are shared by all plans.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from ..arrays import is_on_gpu, to_host
from ..backends.backend import Backend
from ..data.inputs import check_finite
from ..errors import DataError, ShapeError
from ..kernels.contract import dtype_name, wide
from ..kernels.reference.mixed import FIRST_SCALE
from ..kernels.rng import Stream
from ..kernels.table import Buffer
from ..layers.parameters import Layout
from ..layers.sequential import Sequential

TABLE = 8192  # steps in the tables of rates and losses, and so the most between two returns to Python

# device arrays that outlive every plan: (shape, dtype); what they hold is said in kernels/reference/updates.py, mixed.py
COUNTERS = {
    "progress": ((4,), "int64"),
    "fault": ((1,), "int64"),
    "place": ((2,), "int64"),
    "control": ((3,), "wide"),
    "loss": ((2,), "wide"),
    "rates": ((TABLE,), "wide"),
    "losses": ((TABLE,), "wide"),
    "scaling": ((3,), "wide"),
}


class Memory:
    """Parameters, state, slots and counters of a model on a backend, and a workspace for plans.

    `dtype` is that of parameters and of all sums: float32 where layers compute in 16 bits, with a rounded copy of them.
    """

    def __init__(self, model: Sequential, backend: Backend, computation: str) -> None:
        self.model, self.backend = model, backend
        dtype = self.dtype = wide(computation)
        self.parameters, self.state = Layout(model.parameters().items()), Layout(model.state().items())
        self.theta = backend.zeros((self.parameters.size,), dtype)
        # what layers read: theta itself, or its copy in the dtype of computation
        self.rounded = self.theta if computation == dtype else backend.zeros((self.parameters.size,), computation)
        self.state_values = backend.zeros((self.state.size,), dtype)
        self.constants = {name: backend.asarray(values) for name, values in model.constants().items()}
        self.slots: dict[str, Any] = {}
        self.data: dict[str, Any] = {}  # the training rows, while fit runs
        self.data_stay = False  # they lie in arrays of the workspace
        self._counters = {
            name: backend.zeros(shape, dtype if kind == "wide" else kind) for name, (shape, kind) in COUNTERS.items()
        }
        self._workspace: dict[tuple[Any, ...], Any] = {}
        self.generation = 0  # changes when arrays of the workspace do

    def initialize(self, seed: int) -> None:
        """Initial parameters of the seed; slots and counters at 0."""
        count = len(self.parameters.parameters)
        self.theta[...] = self.cast(self.parameters.initial(lambda i: Stream(seed, i)))
        self.state_values[...] = self.cast(self.state.initial(lambda i: Stream(seed, count + i)))
        for array in (*self._counters.values(), *self.slots.values()):
            array[...] = 0
        self.set_counter("scaling", np.array([FIRST_SCALE]))
        self._round()

    def _round(self) -> None:
        """After parameters were set."""
        if self.rounded is not self.theta:
            self.backend.kernels.rounded(self.theta, out=self.rounded)

    # -- buffers of plans --------------------------------------------------------------------------------------------

    def array(self, buffer: Buffer) -> Any:
        """The array of a plan's buffer; made if there is none yet."""
        name = buffer.name
        if name in self.data:
            return self.data[name]
        if name in self._counters:
            return self._counters[name]
        if name in self.constants:
            return self.constants[name]
        if name == "theta":
            return self.theta[: self.parameters.trainable]
        if name == "rounded":
            return self.rounded[: self.parameters.trainable]
        if name in self.parameters.parameters:
            return self.parameters.view(self.backend.xp, self.rounded, name)
        if name.startswith("theta "):
            return self.parameters.view(self.backend.xp, self.theta, name.removeprefix("theta "))
        if name in self.state.parameters:
            return self.state.view(self.backend.xp, self.state_values, name)
        if name.startswith("slot "):
            return self.slot(name.removeprefix("slot "))
        if name.startswith("grad "):
            flat = self._leading_rows(Buffer("grad", (self.parameters.trainable,), self.dtype))
            return self.parameters.view(self.backend.xp, flat, name.removeprefix("grad "))
        return self._leading_rows(buffer)

    def _leading_rows(self, buffer: Buffer) -> Any:
        """A plan for fewer rows gets the leading rows of the same array."""
        place = buffer.name, buffer.dtype, len(buffer.shape), buffer.shape[1:]
        array, rows = self._workspace.get(place), buffer.shape[0]
        if array is None or array.shape[0] < rows:
            array = self.backend.zeros(buffer.shape, buffer.dtype)
            self.generation += 1  # first: an interrupt must not leave a new array under the old number
            self._workspace[place] = array
        return array[:rows, ...] if array.shape[0] > rows else array

    def load(self, rows: Mapping[str, Any], *, stay: bool) -> None:
        """Training rows to the device.  Those that `stay` are copied into arrays that the next rows of their shape also get."""
        arrays = {name: self.backend.asarray(values) for name, values in rows.items()}
        if stay:
            for name, values in arrays.items():
                arrays[name] = self._leading_rows(Buffer(name, values.shape, dtype_name(values)))
                arrays[name][...] = values
        self.data, self.data_stay = arrays, stay

    def unload(self) -> None:
        self.data, self.data_stay = {}, False

    def slot(self, name: str) -> Any:
        """An optimizer's flat buffer."""
        if name not in self.slots:
            self.slots[name] = self.backend.zeros((self.parameters.trainable,), self.dtype)
        return self.slots[name]

    # -- values from and to the host ---------------------------------------------------------------------------------

    def cast(self, values: np.ndarray) -> Any:
        """Host values on the device, in the dtype of the parameters."""
        return self.backend.asarray(np.asarray(values).astype(self.dtype))

    def fill(self, buffer: Buffer, values: Any) -> None:
        """Copy rows, of the host or the device, into a plan's buffer, casting."""
        values = values.astype(buffer.dtype, copy=False)
        self.array(buffer)[...] = values if is_on_gpu(values) else self.backend.asarray(values)

    def counter(self, name: str) -> np.ndarray:
        """A copy of a counter on the host."""
        return to_host(self._counters[name]).copy()

    def set_counter(self, name: str, values: np.ndarray) -> None:
        """Set the leading entries of a counter."""
        array = self._counters[name]
        array[: len(values)] = self.backend.asarray(values.astype(dtype_name(array)))

    def finite(self) -> bool:
        """Whether all parameters are."""
        xp = self.backend.xp
        return bool(xp.all(xp.isfinite(self.theta)))

    def weights(self) -> list[tuple[str, Any]]:
        """Names and views, layer by layer: parameters as declared, then state."""
        xp, views = self.backend.xp, []
        for i, layer in enumerate(self.model):
            views += [
                (f"{i}.{name}", self.parameters.view(xp, self.theta, f"{i}.{name}")) for name in layer.parameters()
            ]
            views += [(f"{i}.{name}", self.state.view(xp, self.state_values, f"{i}.{name}")) for name in layer.state()]
        return views

    def set_weights(self, weights: Any) -> None:
        """Set all of `weights()` from a list of arrays, or nothing where one does not fit."""
        views = self.weights()
        if not isinstance(weights, Sequence):
            raise DataError(f"set_weights: {type(weights).__name__}, expected a list of arrays, as get_weights gives")
        if len(weights) != len(views):
            names = ", ".join(name for name, _ in views)
            raise ShapeError(f"set_weights: {len(weights)} arrays, expected {len(views)}: {names}")
        arrays = []
        for (name, view), weight in zip(views, weights, strict=True):
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
            dtype = dtype_name(self.rounded) if name in self.parameters.parameters else self.dtype
            check_finite(array, dtype, f"set_weights: {name}")
        for (_, view), array in zip(views, arrays, strict=True):
            view[...] = self.cast(array)
        self._round()

    # -- everything that a checkpoint holds --------------------------------------------------------------------------

    def named_arrays(self) -> Iterator[tuple[str, Any]]:
        """Names and views of parameters, state and the slots in use."""
        xp = self.backend.xp
        for name in self.parameters.starts:
            yield f"parameter {name}", self.parameters.view(xp, self.theta, name)
        for name in self.state.starts:
            yield f"state {name}", self.state.view(xp, self.state_values, name)
        for slot, flat in self.slots.items():
            for name in self.trainable_names():
                yield f"slot {slot} {name}", self.parameters.view(xp, flat, name)

    def restore(self, arrays: Mapping[str, np.ndarray], slots: tuple[str, ...]) -> None:
        """Set what `named_arrays` gave.  Raises KeyError, ShapeError or DataError for what is missing or does not fit."""
        for slot in slots:
            if any(name.startswith(f"slot {slot} ") for name in arrays):
                self.slot(slot)
        for name, view in self.named_arrays():
            if arrays[name].shape != tuple(view.shape):
                raise ShapeError(f"{name} has shape {arrays[name].shape}, the model {tuple(view.shape)}")
            if arrays[name].dtype.name != self.dtype:
                raise DataError(f"{name} is {arrays[name].dtype}, the trainer has it in {self.dtype}")
            view[...] = self.cast(arrays[name])
        self._round()

    def trainable_names(self) -> list[str]:
        return [name for name, parameter in self.parameters.parameters.items() if parameter.trainable]
