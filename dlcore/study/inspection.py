"""What goes on inside a network: the gradient of every parameter, the output of every layer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..arrays import to_host
from ..backends.backend import from_namespace
from ..data import inputs
from ..kernels.table import Buffer
from ..plan.plan import Views, _Buffers
from ..training.trainer import Trainer

__all__ = ["gradients", "layer_outputs"]


def gradient_of(
    trainer: Trainer, X: Any, y: Any, sample_weight: Any
) -> tuple[Callable[[], float], dict[str, Any], dict[str, Any]]:
    """A function that takes the gradient over all rows and returns the loss; the views of parameters and of gradients."""
    memory = trainer.memory
    X, targets, weights = trainer._checked(X, y, sample_weight, "")
    trainer._check_rows(len(X))
    trainer._load(X, targets, weights)
    step, run = trainer._plan(len(X), len(X), shuffle=False, accumulate=False)
    shapes = {name: memory.parameters.parameters[name].shape for name in memory.trainable_names()}
    theta = {name: memory.array(step.buffers.new(name, shape)) for name, shape in shapes.items()}
    grads = {name: memory.array(step.buffers.new(f"grad {name}", shape)) for name, shape in shapes.items()}
    loss = memory.array(step.buffers.loss)

    def gradient() -> float:
        memory.set_counter("progress", np.zeros(4))  # the same batch and masks every time
        run["gradient"](1)
        return float(loss[0])

    return gradient, theta, grads


def gradients(trainer: Trainer, X: Any, y: Any, sample_weight: Any = None) -> dict[str, np.ndarray]:
    """∂J/∂θ at the present parameters over all rows at once, by name: "0.W" is the matrix of layer 0, "0.b" its bias.

    J is the mean loss, without l2.  The trainer stays as it is.  Raises as `fit` does for data that do not fit.
    """
    memory = trainer.memory
    with trainer.backend.context():
        progress, data, window = memory.counter("progress"), (memory.data, memory.data_stay), trainer._window
        trainer._window = None  # of a fit that is going on, whose callback asks
        try:
            gradient, _, grads = gradient_of(trainer, X, y, sample_weight)
            gradient()
            return {name: to_host(value) / trainer.loss_scale for name, value in grads.items()}
        finally:
            memory.set_counter("progress", progress)
            (memory.data, memory.data_stay), trainer._window = data, window


def layer_outputs(trainer: Trainer, X: Any) -> list[np.ndarray]:
    """The output (n, width) of each layer, as in prediction; the last one is z, before the loss's output activation.

    Layer by layer through the formulas themselves, on the trainer's device; for looking, not for speed.
    """
    backend, memory, model = trainer.backend, trainer.memory, trainer.model
    with backend.context():
        X = inputs.features(X, model.input_width, trainer.dtype)
        kernels = from_namespace(backend.xp, backend.name).kernels
        buffers = _Buffers(model, memory.parameters, memory.state, trainer.dtype, len(X), 0, "inspect ")

        def array(path: str) -> Any:
            found = buffers._find(path)
            return memory.array(found) if isinstance(found, Buffer) else found

        values = [memory.cast(to_host(X))]
        for i, (layer, width) in enumerate(zip(model, model.widths[1:], strict=True)):
            values.append(backend.zeros((len(X), width), trainer.dtype))
            layer.predict(kernels, Views(array, str(i)), values[-2], values[-1])
        return [to_host(value).copy() for value in values[1:]]
