"""A session: a program bound to a state.  It alone runs training steps; batches.py adds a source of rows."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ..arrays import Array, to_host
from ..backends import Backend
from ..kernels.table import Buffer
from ..plan.program import Bound, Program
from ..plan.recipe import Recipe
from ..plan.recorder import tables_of
from ..plan.state import State


class Session:
    """A program bound to a state: runs its lists, and shows what they read and write.

    theta, grad, loss   what is trained, its gradient (both flat), and the loss that came with it
    """

    def __init__(
        self,
        recipe: Recipe,
        state: State,
        program: Program,
        array: Callable[[Buffer], Array],
        bound: Bound | None = None,
    ) -> None:
        self.recipe, self.state, self.program = recipe, state, program
        self.backend: Backend = state.backend
        self.array = array
        self._dtypes: dict[str, str] = {}
        self._tables = {name: self._table(name, *entry) for name, entry in tables_of(recipe).items()}
        self._bound = program.bind(array) if bound is None else bound
        self._rows_set = 0  # of the schedule, for as many updates to come

    def _table(self, name: str, shape: tuple[int, ...], dtype: str) -> Array:
        self._dtypes[name] = self.recipe.wide if dtype == "wide" else dtype
        return self.array(Buffer("scratch", name, shape, self._dtypes[name]))

    @property
    def theta(self) -> Array:
        return self.state.theta[: self.recipe.parameters.trainable]

    @property
    def grad(self) -> Array:
        return self.array(Buffer("grad", "", (self.recipe.parameters.trainable,), self.recipe.wide))

    @property
    def loss(self) -> float:
        return float(to_host(self._tables["loss"][:1])[0])

    def view(self, flat: Array, name: str) -> Array:
        """The part of theta or grad that belongs to a parameter, such as "0.W"."""
        return self.recipe.parameters.view(self.backend.xp, flat, name)

    def before(self) -> None:
        """What an update does before its gradient is taken: with Nesterov's rule, look ahead."""
        self._bound["before"](1)

    def gradient(self) -> float:
        """Take the gradient; the loss."""
        self._bound["gradient"](1)
        return self.loss

    def update(self) -> None:
        """Update the parameters by the gradient."""
        self._bound["reduce"](1)
        self._bound["update"](1)

    def set_schedule(self, rows: np.ndarray) -> None:
        """What changes from update to update, a row for each of the next updates, at most TABLE (schedule_table.py)."""
        self._set("schedule", rows[:, :2])
        if "layer_schedule" in self._tables:
            self._set("layer_schedule", rows[:, 2:])
        self._set("place", np.zeros(2))
        self._rows_set = len(rows)

    def _set(self, name: str, values: np.ndarray) -> None:
        self._tables[name][: len(values), ...] = self.backend.asarray(values.astype(self._dtypes[name]))
