"""Arrays that a program needs while it runs, and that may be thrown away between two runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ..arrays import Array
from ..backends import Backend
from ..kernels.table import Buffer
from .recipe import Recipe
from .state import State


class Workspace:
    """Gradients, activations, masks and tables of one recipe on a backend, shared by programs that run one after another."""

    def __init__(self, backend: Backend, recipe: Recipe) -> None:
        self.backend, self._parameters = backend, recipe.parameters
        self._constants = {name: backend.asarray(values) for name, values in recipe.model.constants().items()}
        self._made: dict[tuple[object, ...], Array] = {}
        self.generation = 0  # changes when arrays do

    def array(self, buffer: Buffer) -> Array:
        """The array of a buffer; made if there is none yet.  A program for fewer rows gets the leading rows of the same array."""
        if buffer.space == "constant":
            return self._constants[buffer.path]
        if buffer.space == "grad" and buffer.path:
            flat = self.array(Buffer("grad", "", (self._parameters.trainable,), buffer.dtype))
            return self._parameters.view(self.backend.xp, flat, buffer.path)
        place = buffer.space, buffer.path, buffer.dtype, len(buffer.shape), buffer.shape[1:]
        array, rows = self._made.get(place), buffer.shape[0]
        if array is None or array.shape[0] < rows:
            array = self.backend.zeros(buffer.shape, buffer.dtype)
            self.generation += 1  # first: an interrupt must not leave a new array under the old number
            self._made[place] = array
        return array[:rows, ...] if array.shape[0] > rows else array


def arrays(state: State, workspace: Workspace, data: Mapping[str, Array] | None = None) -> Callable[[Buffer], Array]:
    """The array of each buffer of a program, from the state, the rows to train on, and for the rest the workspace."""
    xp, parameters = state.backend.xp, state.parameters

    def of_flat(flat: Array, path: str) -> Array:
        return parameters.view(xp, flat, path) if path else flat[: parameters.trainable]

    def array(buffer: Buffer) -> Array:
        path = buffer.path
        if buffer.whole is not None:
            whole: Array = array(buffer.whole)
            part: Array = whole[buffer.start : buffer.start + buffer.shape[0]]
            return part
        if buffer.space == "theta":
            return of_flat(state.theta, path)
        if buffer.space == "rounded":
            return of_flat(state.computed, path)
        if buffer.space == "state":
            return state.layout.view(xp, state.untrained, path)
        if buffer.space == "slot":
            return state.slot(path)
        if buffer.space == "sum":
            return state.sum(path, buffer.shape)
        if buffer.space == "counter":
            return state.counters[path]
        if buffer.space == "data" and data is not None:
            return data[path]
        return workspace.array(buffer)

    return array
