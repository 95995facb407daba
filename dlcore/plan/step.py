"""One training step, recorded: gather, forward, loss, backward; then l2, clipping and the optimizer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..errors import ConfigurationError
from ..kernels.table import Buffer, Call, Kernel, KernelTable
from ..layers.parameters import Group
from ..optimizers.optimizer import with_numbers
from .fusion import fuse
from .program import Program
from .recipe import Batch, Recipe
from .recorder import COUNTERS, TABLES, Buffers, Recorder

SCALED = "float16"  # the dtype whose smallest numbers are larger than many gradients
NORM_RUN = 4096  # entries of the flat gradient whose squares are summed in one go


def record_step(recipe: Recipe, batch: Batch, kernels: KernelTable) -> Program:
    """The step as four lists of calls.

    before    what happens to the parameters before the gradient is taken
    gradient  the batch is gathered; forward, loss, backward; added to the sum of gradients where several are accumulated
    reduce    the sum of gradients becomes their mean
    update    l2 and clipping, the optimizer, running statistics

    Raises ConfigurationError where the model has no trainable parameters.
    """
    if not recipe.parameters.trainable:
        raise ConfigurationError("the model has no trainable parameters")
    b = Buffers(recipe, batch.rows)
    lists = {name: Recorder(kernels) for name in ("before", "gradient", "reduce", "update")}
    loss = _gradient(lists["gradient"], b, batch)
    gradient = fuse(lists["gradient"].calls, kernels)
    whole, groups = _update_buffers(b)
    for group in groups:
        recipe.optimizer.before_gradient(lists["before"], group)
    if lists["before"].calls:
        _round(lists["before"], b, whole)
    if batch.accumulate:
        gradient += _accumulate(lists["reduce"], b, loss, kernels)
    _update(lists["update"], b, whole, groups)
    calls = {name: recorder.calls for name, recorder in lists.items()}
    calls |= {"gradient": gradient, "update": fuse(lists["update"].calls, kernels)}
    return Program(f"TrainingStep: {batch.rows} rows, {recipe.dtype}", kernels, calls)


def record_function(recipe: Recipe, f: Kernel, kernels: KernelTable) -> Program:
    """The same lists for a function f(theta) -> (grad, loss) of all that is trained, in place of a network on a batch."""
    b = Buffers(recipe, 0)
    lists = {name: Recorder(kernels) for name in ("before", "gradient", "reduce", "update")}
    whole, groups = _update_buffers(b)
    for group in groups:
        recipe.optimizer.before_gradient(lists["before"], group)
    _update(lists["update"], b, whole, groups)
    calls = {name: recorder.calls for name, recorder in lists.items()} | {
        "gradient": [Call(f, (whole.theta,), (whole.grad, whole.loss))]
    }
    return Program(f"{f.name}: {recipe.parameters.count} parameters, {recipe.dtype}", kernels, calls)


def _gradient(k: Recorder, b: Buffers, batch: Batch) -> Buffer:
    """Record the gradient of the batch's mean loss; the buffer of (mean, weight)."""
    model = b.recipe.model
    if b.scheduled:
        k.scheduled(b.counter("layer_schedule"), b.counter("place"), out=b.counter("layer_numbers"))
    (n, stored), outputs = batch.data, model.output_width
    kernel, tail, dtype = ("gather_labels", (), "int64") if batch.labels else ("gather", (outputs,), "wide")
    X, w = b.new("data", "X", (n, model.input_width), stored), b.new("data", "sample_weight", (n,), "wide")
    Y, y = b.new("data", "targets", (n, *tail), dtype), b.scratch("y", (batch.rows, *tail), dtype)
    x, v = b.scratch("x", (batch.rows, model.input_width)), b.scratch("w", (batch.rows,), "wide")
    step, index = b.step_views("0"), b.scratch("index", (batch.rows,), "int64")
    getattr(k, kernel)(
        X, Y, w, step.progress, index, step.key0, step.key1, batch.size, int(batch.shuffle),
        out=(x, y, v, step.progress, index),
    )  # fmt: skip
    values = b.forward(k, x, "forward")
    delta, loss = b.scratch("delta", values[-1].shape), b.counter("loss")
    b.recipe.loss.record(k, values[-1], y, v, loss, delta)
    if b.recipe.dtype == SCALED:
        k.scaled(delta, b.counter("scaling"), out=delta)
    b.backward(k, values, delta)
    return loss


def _accumulate(reduce: Recorder, b: Buffers, loss: Buffer, kernels: KernelTable) -> list[Call]:
    """The call that adds a batch's gradient to the sum; that the sum becomes the mean is recorded in `reduce`."""
    grad, total, sums = b.flat("grad"), b.flat("sum", "total"), b.new("sum", "sums", (2,), "wide")
    keep = Recorder(kernels)
    keep.accumulate(grad, loss, total, sums, out=(total, sums))
    reduce.average(total, sums, out=(total, sums, grad, loss))
    return keep.calls


class _UpdateBuffers:
    """What an update of a group of parameters reads and writes, by the names in the kernels' contracts."""

    def __init__(self, found: Mapping[str, Buffer], group: Group) -> None:
        self.group, self.decayed, self.rate = group, group.decayed, float(group.rate)
        self._found = found

    def __getattr__(self, name: str) -> Buffer:
        try:
            return self._found[name]
        except KeyError:
            raise AttributeError(f"an update has no {name!r}") from None


def _update_buffers(b: Buffers) -> tuple[_UpdateBuffers, list[_UpdateBuffers]]:
    """Those of all that is trained; those of each group, with a control of its own where its rate or decay is its own."""
    recipe, layout = b.recipe, b.recipe.parameters
    flat = {"theta": b.flat("theta"), "grad": b.flat("grad")}
    flat |= {name: b.flat("slot", name) for name in recipe.optimizer.slots}
    if _has_copy(recipe):
        flat["rounded"] = b.new("rounded", "", (layout.trainable,))
    runs = -(-layout.trainable // NORM_RUN)
    found = {name: b.counter(name) for name in (*COUNTERS, *TABLES)} | flat
    found["squares"] = b.scratch("squares", (runs,), "wide")
    groups = []
    for i, group in enumerate(layout.groups):
        own = dict(found)
        if len(layout.groups) > 1:
            own |= {name: buffer.part(group.start, group.stop) for name, buffer in flat.items()}
        if not group.is_plain:
            own["control"] = b.scratch(f"control{i}", *TABLES["control"])
        groups.append(_UpdateBuffers(own, group))
    return _UpdateBuffers(found, Group(0, layout.trainable, layout.matrices, 1.0, 1.0)), groups


def _update(k: Recorder, b: Buffers, s: _UpdateBuffers, groups: Sequence[_UpdateBuffers]) -> None:
    recipe, optimizer = b.recipe, b.recipe.optimizer
    clip = float("inf") if optimizer.clip_norm is None else float(optimizer.clip_norm)
    if recipe.dtype == SCALED:
        scaling = b.counter("scaling")
        k.unscaled(s.grad, s.loss, scaling, s.fault, out=(s.grad, s.loss, scaling))
    k.named("prepare_update", with_numbers(s, matrices=recipe.parameters.matrices, l2=float(optimizer.l2), clip=clip))
    for each in groups:
        if not each.group.is_plain:
            k.group_control(s.control, each.rate, float(each.group.decay), out=each.control)
    for each in groups:
        optimizer.update(k, each)
        if optimizer.max_norm is None:
            _round(k, b, each)
    if optimizer.max_norm is not None:
        for path, parameter in recipe.parameters.parameters.items():
            if parameter.matrix and parameter.trainable:
                W = b.parameter(path)
                k.max_norm(W, s.control, float(optimizer.max_norm), out=W)
        _round(k, b, s)
    for i, layer in enumerate(recipe.model):
        layer.update(k, b.views(i))


def _has_copy(recipe: Recipe) -> bool:
    """Where layers compute in 16 bits, they compute with a copy of theta."""
    return recipe.dtype != recipe.wide


def _round(k: Recorder, b: Buffers, s: _UpdateBuffers) -> None:
    """The copy follows theta."""
    if _has_copy(b.recipe):
        k.rounded(s.theta, out=s.rounded)
