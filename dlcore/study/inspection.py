"""What goes on inside a network: the gradient of every parameter, the output of every layer."""

from __future__ import annotations

import numpy as np

from ..arrays import ArrayLike, to_host
from ..backends.backend import from_namespace
from ..data import inputs
from ..plan.eager import eager_views
from ..plan.workspace import Workspace
from ..training import Trainer

__all__ = ["gradients", "layer_outputs"]


def gradients(
    trainer: Trainer, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None
) -> dict[str, np.ndarray]:
    """∂J/∂θ at the present parameters over all rows at once, by name: "0.W" is the matrix of layer 0, "0.b" its bias.

    J is the mean loss, without l2.  The trainer stays as it is, also inside its own fit.  Raises as `fit` does for data that
    do not fit.
    """
    with trainer.backend.context(), trainer.session(X, y, sample_weight) as session:
        session.gradient()
        return {
            name: to_host(session.view(session.grad, name)) / trainer.loss_scale
            for name in trainer.recipe.parameters.trainable_names
        }


def layer_outputs(trainer: Trainer, X: ArrayLike) -> list[np.ndarray]:
    """The output (n, width) of each layer, as in prediction; the last one is z, before the loss's output activation.

    Layer by layer through the formulas themselves, on the trainer's device; for looking, not for speed.
    """
    backend, recipe = trainer.backend, trainer.recipe
    with backend.context():
        rows = inputs.features(X, recipe.model.input_width, recipe.dtype)
        kernels = from_namespace(backend.xp, backend.name).kernels
        views = eager_views(recipe, rows.shape[0], trainer.state, Workspace(backend, recipe))
        values = [backend.zeros(rows.shape, recipe.dtype)]
        values[0][...] = backend.asarray(rows)
        for i, (layer, width) in enumerate(zip(recipe.model, recipe.model.widths[1:], strict=True)):
            values.append(backend.zeros((rows.shape[0], width), recipe.dtype))
            layer.predict(kernels, views(i), values[-2], values[-1])
        return [to_host(value).copy() for value in values[1:]]
