"""Prediction, recorded: the outputs of a network for a block of rows, and with targets its loss on them."""

from __future__ import annotations

from ..kernels.table import KernelTable
from .fusion import fuse
from .program import Program
from .recipe import Recipe
from .recorder import Buffers, Recorder


def record_prediction(recipe: Recipe, rows: int, kernels: KernelTable, targets: str | None = None) -> Program:
    """One list, `predict`, on these buffers of the program:

    x      (rows, columns), to be filled
    a      (rows, outputs), the prediction
    y, w   targets of the kind "labels" or "values", and row weights, to be filled; only where `targets` names a kind
    loss   (mean, weight), or where the loss counts (mean, weight, weight of the rows predicted right); then `a` is not written
    """
    model, loss = recipe.model, recipe.loss
    b, k = Buffers(recipe, rows), Recorder(kernels)
    x = b.scratch("x", (rows, model.input_width))
    z = b.forward(k, x, "predict")[-1]
    named = {"x": x, "a": b.scratch("a", z.shape)}
    counts = targets is not None and loss.counts
    if not counts:
        getattr(k, loss.output)(z, out=named["a"])
    if targets is not None:
        shape, dtype = ((rows,), "int64") if targets == "labels" else (z.shape, "wide")
        named |= {"y": b.scratch("y", shape, dtype), "w": b.scratch("w", (rows,), "wide")}
        named["loss"] = b.scratch("loss", (3 if counts else 2,), "wide")
        # into the same list: fused alone, x W + b and the output activation would leave out the z that the loss reads
        delta = b.scratch("delta", z.shape)
        loss.evaluation().record(k, z, named["y"], named["w"], named["loss"], delta)
    lists = {"predict": fuse(k.calls, kernels)}
    return Program(f"Prediction: {rows} rows, {recipe.dtype}", kernels, lists, named)
