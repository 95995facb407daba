"""The recorded plan: layers speak once to a recorder, and what it heard is the training step.

Recording works on buffers, which are names, shapes and dtypes; arrays come when a plan is bound.  No mathematics here, and
no epochs: a step knows the batch it works on only through the counters in `progress`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from types import SimpleNamespace
from typing import Any

from ..backends.backend import Backend
from ..errors import ConfigurationError
from ..kernels.contract import wide
from ..kernels.rng import key
from ..kernels.table import Buffer, Call, KernelTable
from ..layers import Layer
from ..layers.parameters import Layout
from ..layers.sequential import Sequential
from ..losses import Loss
from ..optimizers import Optimizer
from .fusion import fuse
from .memory import COUNTERS

SCALED = "float16"  # the dtype whose smallest numbers are larger than many gradients
NORM_RUN = 4096  # entries of the flat gradient whose squares are summed in one go


class Recorder:
    """A kernel table that remembers calls instead of making them; each is checked against its contract."""

    def __init__(self, kernels: KernelTable) -> None:
        self._kernels = kernels
        self.calls: list[Call] = []

    def __getattr__(self, name: str) -> Callable[..., None]:
        kernel = getattr(self._kernels, name)

        def record(*inputs: Any, out: Any) -> None:
            outputs = out if isinstance(out, tuple) else (out,)
            kernel.contract.check(name, inputs, outputs)
            self.calls.append(Call(kernel, inputs, outputs))

        return record


class Views:
    """What a layer sees of its parameters, gradients, state and scratch: attributes, by name."""

    def __init__(self, lookup: Callable[[str], Any], path: str) -> None:
        self._lookup, self._path = lookup, path

    def __getattr__(self, name: str) -> Any:
        return self._lookup(f"{self._path}.{name}")

    def child(self, part: int) -> Views:
        """The views of a layer inside this one."""
        return Views(self._lookup, f"{self._path}.{part}")


class _Buffers:
    """Names to buffers for one model and one number of rows; each buffer is made when it is first asked for."""

    def __init__(
        self, model: Sequential, parameters: Layout, state: Layout, dtype: str, rows: int, seed: int, prefix: str
    ) -> None:
        self.model, self.parameters, self.state = model, parameters, state
        self.dtype, self.rows, self.prefix = dtype, rows, prefix
        self.key0, self.key1 = key(seed)
        self.scratch = {
            f"{i}.{name}": entry
            for i, (layer, width) in enumerate(zip(model, model.widths, strict=False))
            for name, entry in layer.scratch(rows, width).items()
        }
        self.constants = model.constants()
        self.numbers = {path: i for i, path in enumerate(_paths(model, ""))}
        self.made: dict[str, Buffer] = {}

    def new(self, name: str, shape: tuple[int, ...], dtype: str = "real") -> Buffer:
        if name not in self.made:
            reals = {"real": self.dtype, "wide": wide(self.dtype)}
            self.made[name] = Buffer(name, shape, reals.get(dtype, dtype))
        return self.made[name]

    def __getattr__(self, name: str) -> Buffer:
        """The counters."""
        if name not in COUNTERS:
            raise AttributeError(name)
        return self.new(name, *COUNTERS[name])

    def views(self, i: int) -> Views:
        return Views(self._find, str(i))

    def _find(self, path: str) -> Any:
        owner, _, name = path.rpartition(".")
        if name in ("key0", "key1", "rows", "progress", "control"):
            return getattr(self, name)
        if name == "layer":  # its place among all layers, so that no two draw the same numbers
            return self.numbers[owner]
        if path in self.parameters.parameters:
            return self.new(path, self.parameters.parameters[path].shape)
        if path in self.state.parameters:
            return self.new(path, self.state.parameters[path].shape, "wide")
        if path in self.constants:
            return self.new(path, self.constants[path].shape, str(self.constants[path].dtype))
        if path in self.scratch:
            return self.new(f"{self.prefix}{path}", *self.scratch[path])
        weight = f"{owner}.{name.removeprefix('d')}"
        if name.startswith("d") and weight in self.parameters.parameters:
            return self.new(f"grad {weight}", self.parameters.parameters[weight].shape, "wide")
        raise AttributeError(f"layer {owner} has no parameter, gradient, state or scratch {name!r}")

    def forward(self, k: Recorder, x: Buffer, how: str) -> list[Buffer]:
        """Record all layers; the values before the first and after each."""
        values = [x]
        for i, layer in enumerate(self.model):
            z = self._output(i, layer, values[-1])
            getattr(layer, how)(k, self.views(i), values[-1], z)
            values.append(z)
        return values

    def _output(self, i: int, layer: Layer, x: Buffer) -> Buffer:
        below_reads_x = i > 0 and "z" in self.model[i - 1].reads
        if layer.in_place and "x" not in layer.reads and not below_reads_x:
            return x
        return self.new(f"{self.prefix}a{i}", (self.rows, self.model.widths[i + 1]))

    def backward(self, k: Recorder, values: list[Buffer], delta: Buffer) -> None:
        """Record the gradients, down to the lowest layer with parameters."""
        lowest = next((i for i, layer in enumerate(self.model) if layer.trainable_parameters), len(self.model))
        for i, layer in reversed(list(enumerate(self.model))):
            if i == lowest:
                layer.backward(k, self.views(i), values[i], values[i + 1], delta, None)
                return
            dx = delta if layer.in_place else self.new(f"delta{i}", (self.rows, self.model.widths[i]))
            layer.backward(k, self.views(i), values[i], values[i + 1], delta, dx)
            delta = dx


def _paths(layers: Iterable[Layer], prefix: str) -> Iterator[str]:
    """The path of every layer, also of those inside others, in order."""
    for i, layer in enumerate(layers):
        yield f"{prefix}{i}"
        yield from _paths(getattr(layer, "layers", ()), f"{prefix}{i}.")


class Plan:
    """Lists of calls under names, and the arrays they are bound to."""

    def __init__(self, title: str, backend: Backend, lists: Mapping[str, list[Call]]) -> None:
        self.title, self.backend, self.lists = title, backend, dict(lists)
        self.executor = backend.executor(self.calls)
        self.remarks: list[str] = []  # of whoever runs it, for those who print it
        # floating point operations of the matrix products
        self.operations = sum(call.operations for call in self.calls)

    @property
    def calls(self) -> list[Call]:
        return [call for calls in self.lists.values() for call in calls]

    def bind(self, array: Callable[[Buffer], Any]) -> dict[str, Callable[[int], None]]:
        """Each list, and all of them in order ("step"), as a function of how often to run."""
        bound = {name: [call.bind(array) for call in calls] for name, calls in self.lists.items()}
        bound["step"] = [call for calls in bound.values() for call in calls]
        return {name: self.executor.prepare(calls, self.operations) for name, calls in bound.items()}

    def __str__(self) -> str:
        backend = self.backend
        lines = [f"{self.title}, device {backend.name}, executor {self.executor.name}, {len(self.calls)} calls"]
        number = 0
        for name, calls in self.lists.items():
            lines += [f"{name}:"] if calls else []
            for call in calls:
                number += 1
                lines.append(f"{number:3d} {call.name:28s} {call.kernel.source:9s} {call}")
        lines.append("* updated in place")
        if any(call.kernel.source == "reference" for call in self.calls):
            lines.append(f"reference kernels: {backend.reason or 'they have no faster twin on this device'}")
        if self.executor.reason:
            lines.append(f"executor {self.executor.name}: {self.executor.reason}")
        return "\n".join([*lines, *self.remarks])


class TrainingStep(Plan):
    """One training step as two lists: `gradient` (gather, forward, loss, backward) and `update` (clip, optimizer)."""

    def __init__(
        self,
        model: Sequential,
        loss: Loss,
        optimizer: Optimizer,
        backend: Backend,
        parameters: Layout,
        state: Layout,
        *,
        dtype: str,
        seed: int,
        rows: int,
        batch: int,
        data: tuple[int, str],
        labels: bool,
        shuffle: bool = True,
        accumulate: bool = False,
    ) -> None:
        """`data` is the number of training rows and the dtype they are stored in; `labels` says that targets are class indices."""
        self.rows = rows
        buffers = self.buffers = _Buffers(model, parameters, state, dtype, rows, seed, "")
        s = self._optimizer_views(buffers, optimizer)
        k = Recorder(backend.kernels)
        x = self._gather(k, buffers, data, labels, batch, shuffle)
        values = buffers.forward(k, x, "forward")
        delta = buffers.new("delta", values[-1].shape)
        loss.record(k, values[-1], buffers.made["y"], buffers.made["w"], buffers.loss, delta)
        if dtype == SCALED:
            k.scaled(delta, buffers.scaling, out=delta)
        buffers.backward(k, values, delta)
        before, gradient, update = Recorder(backend.kernels), fuse(k.calls, backend.kernels), Recorder(backend.kernels)
        optimizer.before_gradient(before, s)
        if before.calls:
            self._round(before, buffers, s)
        if accumulate:
            sums, total = buffers.new("sums", (2,), "wide"), buffers.new("total", s.grad.shape, "wide")
            keep = Recorder(backend.kernels)
            keep.accumulate(s.grad, buffers.loss, total, sums, out=(total, sums))
            gradient += keep.calls
            update.average(total, sums, out=(total, sums, s.grad, buffers.loss))
        self._update(update, buffers, optimizer, s)
        title = f"TrainingStep: {rows} rows, {dtype}"
        lists = {"before": before.calls, "gradient": gradient, "update": fuse(update.calls, backend.kernels)}
        super().__init__(title, backend, lists)

    @staticmethod
    def _gather(k: Recorder, b: _Buffers, data: tuple[int, str], labels: bool, batch: int, shuffle: bool) -> Buffer:
        n, stored = data
        outputs = b.model.output_width
        tail, dtype = ((), "int64") if labels else ((outputs,), "wide")
        X, w = b.new("X", (n, b.model.input_width), stored), b.new("sample_weight", (n,), "wide")
        Y = b.new("targets", (n, *tail), dtype)
        x, y = b.new("x", (b.rows, b.model.input_width)), b.new("y", (b.rows, *tail), dtype)
        v = b.new("w", (b.rows,), "wide")
        index = b.new("index", (b.rows,), "int64")
        kernel = k.gather_labels if labels else k.gather
        kernel(X, Y, w, b.progress, index, b.key0, b.key1, batch, int(shuffle), out=(x, y, v, b.progress, index))
        return x

    @staticmethod
    def _optimizer_views(b: _Buffers, optimizer: Optimizer) -> SimpleNamespace:
        size = b.parameters.trainable
        if not size:
            raise ConfigurationError("the model has no trainable parameters")
        slots = {name: b.new(f"slot {name}", (size,), "wide") for name in optimizer.slots}
        return SimpleNamespace(
            theta=b.new("theta", (size,), "wide"), grad=b.new("grad", (size,), "wide"), control=b.control, progress=b.progress,
            rates=b.rates, place=b.place, matrices=b.parameters.matrices, **slots,
        )  # fmt: skip

    @staticmethod
    def _update(k: Recorder, b: _Buffers, optimizer: Optimizer, s: SimpleNamespace) -> None:
        clip = float("inf") if optimizer.clip_norm is None else float(optimizer.clip_norm)
        squares = b.new("squares", (-(-s.grad.shape[0] // NORM_RUN),), "wide")
        if b.dtype == SCALED:
            k.unscaled(s.grad, b.loss, b.scaling, b.fault, out=(s.grad, b.loss, b.scaling))
        k.prepare_update(
            s.theta, s.grad, squares, b.loss, b.rates, b.losses, b.place, b.progress, b.fault, s.matrices, float(optimizer.l2), clip,
            out=(s.grad, squares, b.control, b.losses, b.place, b.progress, b.fault),
        )  # fmt: skip
        optimizer.update(k, s)
        if optimizer.max_norm is not None:
            for name, parameter in b.parameters.parameters.items():
                if parameter.matrix and parameter.trainable:
                    W = b.new(f"theta {name}", parameter.shape, "wide")
                    k.max_norm(W, b.control, float(optimizer.max_norm), out=W)
        TrainingStep._round(k, b, s)
        for i, layer in enumerate(b.model):
            layer.update(k, b.views(i))

    @staticmethod
    def _round(k: Recorder, b: _Buffers, s: SimpleNamespace) -> None:
        """What layers compute with follows theta, where it is not theta itself."""
        if b.dtype != s.theta.dtype:
            k.rounded(s.theta, out=b.new("rounded", s.theta.shape))


class Prediction(Plan):
    """Outputs of the network for a block of rows; with a loss's targets, its value on them too.

    `x` is the input block, `a` the prediction, `loss` (mean, weight) where `targets` is "labels" or "values".  Of a loss that
    counts, it is (mean, weight, weight of the rows predicted right), and nothing is written to `a`.
    """

    def __init__(
        self,
        model: Sequential,
        loss: Loss,
        backend: Backend,
        parameters: Layout,
        state: Layout,
        *,
        dtype: str,
        rows: int,
        targets: str | None = None,
    ) -> None:
        self.rows = rows
        b = self.buffers = _Buffers(model, parameters, state, dtype, rows, 0, "predict ")
        k = Recorder(backend.kernels)
        self.x = b.new("predict x", (rows, model.input_width))
        z = b.forward(k, self.x, "predict")[-1]
        self.a = b.new("predict a", z.shape)
        counts = bool(targets) and loss.counts
        if not counts:
            getattr(k, loss.output)(z, out=self.a)
        lists = {"predict": k.calls}
        if targets:
            labels = targets == "labels"
            self.y = b.new("predict y", (rows,) if labels else z.shape, "int64" if labels else "wide")
            self.w = b.new("predict w", (rows,), "wide")
            self.loss = b.new("predict loss", (3 if counts else 2,), "wide")
            # into the same list: fused alone, x W + b and the output activation would leave out the z that the loss reads
            loss.evaluation().record(k, z, self.y, self.w, self.loss, b.new("predict delta", z.shape))
        super().__init__(
            f"Prediction: {rows} rows, {dtype}",
            backend,
            {name: fuse(calls, backend.kernels) for name, calls in lists.items()},
        )
