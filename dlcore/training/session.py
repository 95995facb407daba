"""A session: a program bound to a state.  It alone runs training steps; batches.py adds a source of rows."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ..arrays import Array, to_host
from ..backends import Backend
from ..kernels.table import Buffer
from ..plan.program import Bound, Program
from ..plan.recipe import Recipe
from ..plan.recorder import TABLES
from ..plan.state import State


class Session:
    """A program bound to a state: runs its lists, and shows what they read and write.

    theta, grad, loss   what is trained, its gradient (both flat), and the loss that came with it
    rates     learning rates of the next updates, to be set before they are made, at most TABLE of them
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
        self._tables = {name: self._table(name) for name in TABLES}
        self._bound = program.bind(array) if bound is None else bound
        self._rates_set = 0  # for this many updates to come

    def _table(self, name: str) -> Array:
        return self.array(Buffer("scratch", name, TABLES[name][0], self._dtype_of(name)))

    def _dtype_of(self, table: str) -> str:
        _, dtype = TABLES[table]
        return self.recipe.wide if dtype == "wide" else dtype

    @property
    def theta(self) -> Array:
        theta: Array = self.state.theta[: self.recipe.parameters.trainable]
        return theta

    @property
    def grad(self) -> Array:
        return self.array(Buffer("grad", "", (self.recipe.parameters.trainable,), self.recipe.wide))

    @property
    def loss(self) -> float:
        return float(to_host(self._tables["loss"][:1])[0])

    def view(self, flat: Array, name: str) -> Array:
        """The part of theta or grad that belongs to a parameter, such as "0.W"."""
        view: Array = self.recipe.parameters.view(self.backend.xp, flat, name)
        return view

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

    @property
    def rates(self) -> np.ndarray:
        return to_host(self._tables["rates"]).copy()

    @rates.setter
    def rates(self, rates: np.ndarray) -> None:
        self._set("rates", rates)
        self._set("place", np.zeros(2))
        self._rates_set = len(rates)

    def _set(self, name: str, values: np.ndarray) -> None:
        self._tables[name][: len(values)] = self.backend.asarray(values.astype(self._dtype_of(name)))
