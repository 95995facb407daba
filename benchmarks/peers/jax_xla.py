"""JAX: the step under jax.jit with donated state, one call for each step ("jit") or a lax.scan over the epoch ("scan")."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from itertools import pairwise
from typing import Any

# otherwise each JAX process takes three quarters of the GPU's memory at its start, but several share the GPU
os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")

import jax
import jax.numpy as jnp
import numpy as np
from tasks import Data, Task

from .peer import Peer, Unavailable

BETA1, BETA2, EPSILON = 0.9, 0.999, 1e-8


def _logits(weights: Any, x: jax.Array) -> jax.Array:
    for W, b in weights[:-1]:
        x = jax.nn.relu(x @ W + b)
    W, b = weights[-1]
    return x @ W + b


def _loss(weights: Any, x: jax.Array, y: jax.Array) -> jax.Array:
    z = _logits(weights, x)
    return -(jax.nn.one_hot(y, z.shape[1]) * jax.nn.log_softmax(z)).sum(axis=1).mean()


class Contestant(Peer):
    def __init__(self, task: Task, data: Data, variant: str, device: str) -> None:
        super().__init__(task, data, variant, device)
        kind, _, number = device.partition(":")
        try:
            self._place = jax.devices(kind)[int(number or 0)]
        except (RuntimeError, IndexError) as error:
            raise Unavailable(f"JAX {jax.__version__} has no device {device}") from error
        self._on_device: tuple[jax.Array, jax.Array] | None = None
        self._random = np.random.default_rng(0)
        self._labels = jax.jit(lambda weights, x: _logits(weights, x).argmax(axis=1))

        rate, l2, batch, steps = task.learning_rate, task.l2, task.batch, task.steps

        def adam(state: Any, X: jax.Array, y: jax.Array, rows: jax.Array) -> tuple[Any, jax.Array]:
            weights, m, v, t = state
            inside = "promise_in_bounds"
            x, labels = X.at[rows].get(mode=inside), y.at[rows].get(mode=inside)
            loss, g = jax.value_and_grad(_loss)(weights, x, labels)
            if l2:
                g = jax.tree.map(lambda d, w: d + l2 * w if w.ndim == 2 else d, g, weights)
            t = t + 1
            m = jax.tree.map(lambda m, d: BETA1 * m + (1 - BETA1) * d, m, g)
            v = jax.tree.map(lambda v, d: BETA2 * v + (1 - BETA2) * d * d, v, g)
            c1, c2 = rate / (1 - BETA1**t), 1 / (1 - BETA2**t)
            weights = jax.tree.map(lambda w, m, v: w - c1 * m / (jnp.sqrt(c2 * v) + EPSILON), weights, m, v)
            return (weights, m, v, t), loss

        @partial(jax.jit, donate_argnums=0)
        def step(state: Any, X: jax.Array, y: jax.Array, order: jax.Array) -> tuple[Any, jax.Array]:
            """One step; the rows follow from the step counter, so that nothing is copied from the host."""
            first = (state[3].astype(jnp.int32) % steps) * batch
            return adam(state, X, y, jax.lax.dynamic_slice(order, (first,), (batch,)))

        @partial(jax.jit, donate_argnums=0)
        def epoch(state: Any, X: jax.Array, y: jax.Array, order: jax.Array) -> tuple[Any, jax.Array]:
            return jax.lax.scan(lambda s, rows: adam(s, X, y, rows), state, order.reshape(steps, batch))

        def by_steps(state: Any, X: jax.Array, y: jax.Array, order: jax.Array) -> tuple[Any, list[jax.Array]]:
            losses = []
            for _ in range(steps):
                state, loss = step(state, X, y, order)
                losses.append(loss)
            return state, losses

        self._epoch = epoch if variant == "scan" else by_steps

    def start(self, seed: int) -> None:
        self._random = np.random.default_rng(seed)
        weights = []
        for i, o in pairwise(self.task.widths):
            bound = (6 / (i + o)) ** 0.5
            W = self._random.uniform(-bound, bound, (i, o)).astype(np.float32)
            weights.append((W, np.zeros(o, np.float32)))
        slots = [jax.tree.map(np.zeros_like, weights) for _ in range(2)]
        self._state = jax.device_put((weights, *slots, np.float32(0)), self._place)

    def run(self, epochs: int, begin: Callable[[], None], after_epoch: Callable[[float], bool]) -> None:
        if self._on_device is None:
            y = self.data.y.astype(np.int32)
            self._on_device = jax.block_until_ready(jax.device_put((self.data.X, y), self._place))
        l2 = self.task.l2
        begin()
        for _ in range(epochs):
            order = jax.device_put(self._random.permutation(self.task.rows).astype(np.int32), self._place)
            self._state, losses = self._epoch(self._state, *self._on_device, order)
            penalty = l2 / 2 * sum(float((W**2).sum()) for W, _ in self._state[0]) if l2 else 0.0
            if after_epoch(float(jnp.mean(jnp.asarray(losses))) + penalty):
                return

    def accuracy(self, X: np.ndarray, y: np.ndarray) -> float:
        labels = self._labels(self._state[0], jax.device_put(X, self._place))
        return float(np.mean(np.asarray(labels) == y))

    def facts(self) -> dict[str, str]:
        return {"version": jax.__version__, "kernels": f"XLA, {self._place.device_kind}"}
