"""Layers called with real kernels on real arrays, one after another, in place of a recorder: for looking and debugging."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from ..arrays import Array
from ..kernels.table import Buffer, Operand
from ..layers.views import StepViews
from .recipe import Recipe
from .recorder import Buffers, LayerViews
from .state import State
from .workspace import Workspace, arrays


def eager_views(recipe: Recipe, rows: int, state: State, workspace: Workspace) -> Callable[[int], LayerViews]:
    """views(i): what layer i sees on `rows` rows, as arrays."""
    buffers, array = Buffers(recipe, rows), arrays(state, workspace)

    def real(value: Operand) -> Array:
        assert isinstance(value, Buffer)
        return array(value)

    def step(layer: str) -> StepViews:
        s = buffers.step_views(layer)
        return replace(s, progress=real(s.progress), control=real(s.control))

    return lambda i: LayerViews(lambda layer, name: real(buffers.of_layer(layer, name)), step, str(i))
