"""The recorder: a kernel table that remembers calls instead of making them, and the views that layers see of their buffers.

Recording works on buffers, which are places, shapes and dtypes; arrays come when a program is bound.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from ..kernels.contract import Argument, Contract, wide
from ..kernels.rng import key
from ..kernels.table import Buffer, Call, Kernel, KernelTable, Operand, Space
from ..layers import Layer
from ..layers.views import StepViews
from .recipe import Recipe

TABLE = 8192  # updates in the tables of the schedule and of losses, and so the most between two returns to Python

# what exists once for a trainer: shape and dtype.  kernels/reference/updates.py and mixed.py say what each holds
COUNTERS: dict[str, tuple[tuple[int, ...], str]] = {
    "progress": ((4,), "int64"),
    "fault": ((1,), "int64"),
    "scaling": ((3,), "wide"),
}
# what passes between the kernels of an update, and between a chunk of updates and the host
TABLES: dict[str, tuple[tuple[int, ...], str]] = {
    "place": ((2,), "int64"),
    "control": ((4,), "wide"),
    "loss": ((2,), "wide"),
    "schedule": ((TABLE, 2), "wide"),
    "losses": ((TABLE,), "wide"),
}


def tables_of(recipe: Recipe) -> dict[str, tuple[tuple[int, ...], str]]:
    """TABLES; where layers have numbers that change from update to update, also `layer_schedule`, a row of them for each
    update, and `layer_numbers`, those of the present one."""
    count = len(recipe.model.schedules())
    more = {"layer_schedule": ((TABLE, count), "float64"), "layer_numbers": ((count,), "float64")}
    return TABLES | more if count else TABLES


class Recorder:
    """A kernel table that remembers calls; each is checked against its contract.

    `k.dense(x, W, b, out=z)` records a call by position, `k.named("adam", find)` one whose arguments are found by the names
    in the kernel's contract.
    """

    def __init__(self, kernels: KernelTable) -> None:
        self._kernels = kernels
        self.calls: list[Call] = []

    def __getattr__(self, name: str) -> Callable[..., None]:
        kernel = getattr(self._kernels, name)

        def record(*inputs: object, out: object) -> None:
            outputs = out if isinstance(out, tuple) else (out,)
            kernel.contract.check(name, inputs, outputs)
            self.calls.append(Call(kernel, inputs, outputs))

        return record

    def named(self, kernel: str, find: Callable[[str], object]) -> None:
        """Record a kernel with find(argument) for each argument of its contract."""
        contract = self._kernels[kernel].contract
        inputs, outputs = ([find(a.name) for a in side] for side in (contract.inputs, contract.outputs))
        getattr(self, kernel)(*inputs, out=tuple(outputs))

    def call(self, function: Callable[..., None], *inputs: object, out: object) -> None:
        """Record a function of the user's own.  Nothing is known of it but what it reads and writes."""
        outputs = out if isinstance(out, tuple) else (out,)
        if not all(isinstance(v, Buffer) for v in outputs):
            raise TypeError(f"{function}: out must be one array of the step, or a tuple of them, but is {out!r}")
        names = [f"a{i + 1}" for i in range(len(inputs))]
        reads = tuple(_argument(n, v) for n, v in zip(names, inputs, strict=True))
        written = [next((i for i, given in enumerate(inputs) if given is v), None) for v in outputs]
        writes = (
            _argument(f"out{j + 1}" if i is None else names[i], v)
            for j, (i, v) in enumerate(zip(written, outputs, strict=True))
        )
        # the brackets keep fusion, which knows kernels by their names, from taking it for one of them
        name = f"{getattr(function, '__name__', type(function).__name__)}()"
        self.calls.append(Call(Kernel(name, Contract(reads, tuple(writes)), function, "reference"), inputs, outputs))


def _argument(name: str, value: object) -> Argument:
    return Argument(name, tuple(map(str, value.shape)) if isinstance(value, Buffer) else None)


class LayerViews:
    """A layer's own parameters, gradients, state, constants, scheduled numbers and scratch by name, and under `step` what the
    plan has for it.

    find(layer, name) gives the former, step(layer) the latter, both by the path of the layer.
    """

    def __init__(self, find: Callable[[str, str], Operand], step: Callable[[str], StepViews], path: str) -> None:
        self._find, self._step, self._path = find, step, path

    def __getattr__(self, name: str) -> Operand:
        return self._find(self._path, name)

    @property
    def step(self) -> StepViews:
        return self._step(self._path)

    def child(self, part: int) -> LayerViews:
        """The views of a layer inside this one."""
        return LayerViews(self._find, self._step, f"{self._path}.{part}")


class Buffers:
    """The buffers of one recipe on a number of rows; each is made when it is first asked for."""

    def __init__(self, recipe: Recipe, rows: int) -> None:
        self.recipe, self.rows = recipe, rows
        model = recipe.model
        self._scratch = {
            f"{i}.{name}": entry
            for i, (layer, width) in enumerate(zip(model, model.widths, strict=False))
            for name, entry in layer.scratch(rows, width).items()
        }
        self._constants = model.constants()
        self._numbers = {path: i for i, path in enumerate(_paths(model, ""))}
        self.scheduled = {path: i for i, path in enumerate(model.schedules())}
        self._tables = tables_of(recipe)
        self._made: dict[tuple[Space, str], Buffer] = {}

    def new(self, space: Space, path: str, shape: tuple[int, ...], dtype: str = "real") -> Buffer:
        """The buffer of this place.  "real" is the dtype of computation, "wide" the one of parameters and sums."""
        if (space, path) not in self._made:
            reals = {"real": self.recipe.dtype, "wide": wide(self.recipe.dtype)}
            self._made[space, path] = Buffer(space, path, shape, reals.get(dtype, dtype))
        return self._made[space, path]

    def scratch(self, name: str, shape: tuple[int, ...], dtype: str = "real") -> Buffer:
        return self.new("scratch", name, shape, dtype)

    def counter(self, name: str) -> Buffer:
        """One of COUNTERS or of the tables."""
        if name in COUNTERS:
            return self.new("counter", name, *COUNTERS[name])
        return self.scratch(name, *self._tables[name])

    def flat(self, space: Space, path: str = "") -> Buffer:
        """As long as all trainable parameters: theta, their gradient, an optimizer's slot."""
        return self.new(space, path, (self.recipe.parameters.trainable,), "wide")

    def parameter(self, path: str, space: Space = "theta") -> Buffer:
        """A parameter in the wide dtype, or its gradient."""
        return self.new(space, path, self.recipe.parameters.parameters[path].shape, "wide")

    def of_layer(self, layer: str, name: str) -> Buffer:
        """What a layer calls `name`.  Raises AttributeError where it has declared no such thing."""
        path, recipe = f"{layer}.{name}", self.recipe
        if path in recipe.parameters.parameters:
            copied = recipe.dtype != recipe.wide
            return self.new("rounded" if copied else "theta", path, recipe.parameters.parameters[path].shape)
        if path in recipe.state.parameters:
            return self.new("state", path, recipe.state.parameters[path].shape, "wide")
        if path in self._constants:
            return self.new("constant", path, self._constants[path].shape, str(self._constants[path].dtype))
        if path in self._scratch:
            return self.new("scratch", path, *self._scratch[path])
        if path in self.scheduled:
            if ("scratch", path) not in self._made:
                i = self.scheduled[path]
                self._made["scratch", path] = self.counter("layer_numbers").part(i, i + 1, path)
            return self._made["scratch", path]
        weight = f"{layer}.{name[1:]}"
        if name.startswith("d") and weight in recipe.parameters.parameters:
            return self.parameter(weight, "grad")
        raise AttributeError(f"layer {layer} has no parameter, gradient, state, scheduled number or scratch {name!r}")

    def step_views(self, layer: str) -> StepViews:
        key0, key1 = key(self.recipe.seed)
        return StepViews(self.rows, self.counter("progress"), self.counter("control"), key0, key1, self._numbers[layer])

    def views(self, i: int) -> LayerViews:
        return LayerViews(self.of_layer, self.step_views, str(i))

    def forward(self, k: Recorder, x: Buffer, how: str) -> list[Buffer]:
        """Record all layers by their method `how`, "forward" or "predict"; the values before the first and after each."""
        values = [x]
        for i, layer in enumerate(self.recipe.model):
            z = self._output(i, layer, values[-1])
            getattr(layer, how)(k, self.views(i), values[-1], z)
            values.append(z)
        return values

    def _output(self, i: int, layer: Layer, x: Buffer) -> Buffer:
        model = self.recipe.model
        below_reads_x = i > 0 and "z" in model[i - 1].reads
        if layer.in_place and "x" not in layer.reads and not below_reads_x:
            return x
        return self.scratch(f"a{i}", (self.rows, model.widths[i + 1]))

    def backward(self, k: Recorder, values: list[Buffer], delta: Buffer) -> None:
        """Record the gradients, down to the lowest layer with parameters."""
        model = self.recipe.model
        lowest = next((i for i, layer in enumerate(model) if layer.trainable_parameters), len(model))
        for i, layer in reversed(list(enumerate(model))):
            if i == lowest:
                layer.backward(k, self.views(i), values[i], values[i + 1], delta, None)
                return
            dx = delta if layer.in_place else self.scratch(f"delta{i}", (self.rows, model.widths[i]))
            layer.backward(k, self.views(i), values[i], values[i + 1], delta, dx)
            delta = dx


def _paths(layers: Iterable[Layer], prefix: str) -> Iterator[str]:
    """The path of every layer, also of those inside others, in order."""
    for i, layer in enumerate(layers):
        yield f"{prefix}{i}"
        yield from _paths(getattr(layer, "layers", ()), f"{prefix}{i}.")
